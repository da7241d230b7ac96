"""What the host does for people who hold a module's ceremony, one function a step (H-20 … H-29).

Each person logs on with a passphrase of one's own; this file never keeps one. A step is given the session of whoever is
logged on, so that the module decides whose step it is.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import orjson

from indicium.domain import names
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase, NewUser
from indicium.domain.commands.auditing import ExportAuditKey
from indicium.domain.commands.base import Command
from indicium.domain.commands.crypto_card import KeyTokens, UpdateCryptoCard
from indicium.domain.commands.initialization import StartInitialization
from indicium.domain.errors import (
    CeremonyFailed,
    CeremonyUnfinished,
    CommandNotAllowed,
    LedgerMissing,
    PassphraseUnfit,
)
from indicium.domain.events import AccessControlDatabaseInitialized, parse_event
from indicium.domain.fig6 import ModuleState
from indicium.domain.identity import ChainId, Serial
from indicium.domain.messages import password
from indicium.domain.record import parse
from indicium.domain.roles import Role
from indicium.infrastructure import membership
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties.ceremony import PLAN_FILE, card_keys
from indicium.parties.office import Office
from indicium.parties.operator import Operator
from indicium.settings import Settings

LEAST_CHARACTERS: Final = 12
"""Characters that a new passphrase has at least."""


class Attended(Protocol):
    """A module that people attend to: opened in this process, or run by another one."""

    office: Office

    @property
    def settings(self) -> Settings:
        """The settings of its home."""

    def execute(self, request: Command) -> bytes:
        """Carry one request to it and its reply back."""


class Person(NamedTuple):
    """A user of the module."""

    name: str
    role: Role


class Progress(NamedTuple):
    """How far a module is, as it says itself."""

    state: ModuleState
    chain: ChainId = ChainId("")
    users: bool = False
    """Whether its first users were entered."""
    mks: str | None = None
    """Its active Master Key Set."""
    configured: bool = False
    """Whether its crypto-card is initialized."""


def progress(module: Attended) -> Progress:
    """Ask a module how far it is. Only an Uninitialized one gives no status (B-31)."""
    try:
        status = orjson.loads(module.execute(GetStatus()))
    except CommandNotAllowed as refusal:
        return Progress(ModuleState(refusal.state))
    return Progress(
        ModuleState(status["state"]),
        ChainId(status["chain"]),
        status["users"],
        status["master_key_set"],
        status["configured"],
    )


def start(module: Attended) -> None:
    """Start Initialization: a new chain begins (C-02). Raises `SerialTaken` where it is another module's."""
    settings, serial = module.settings, Serial(module.settings.serial)
    with Store.open(settings.store_url) as store, store.one_ceremony():
        own = Home(settings.home).chains(serial)
        membership.demand_serial(membership.members(store), serial, own)
        module.execute(StartInitialization(signature_interval=settings.signature_interval))


def people(module: Attended) -> list[Person]:
    """Give the first users as the chain names them; nobody before they were entered."""
    chain = progress(module).chain
    with Store.open(module.settings.store_url) as store:
        for record in store.records(chain, batch=16) if chain else ():
            if record.event == "access-control-database-initialized":
                event = parse_event(record.line)
                if isinstance(event, AccessControlDatabaseInitialized):
                    return [Person(user.name, Role(user.role)) for user in event.data.users]
    return []


def demand_name(name: str) -> None:
    """Refuse what can be nobody's user name (G-201). Raises `BadValue`."""
    names.demand_name("name", name)


def new_password(module: Attended, name: str, passphrase: str, others: Sequence[NewUser] = ()) -> bytes:
    """Make of a new passphrase what the module is told: only a hash of it leaves this function (J-11).

    Raises `BadValue` for the name, `PassphraseUnfit` for a passphrase that is too short, not printable, or that of one
    of `others`.
    """
    demand_name(name)
    if len(passphrase) < LEAST_CHARACTERS:
        raise PassphraseUnfit(why=f"it has fewer than {LEAST_CHARACTERS} characters")
    if not passphrase.isprintable():
        raise PassphraseUnfit(why="it holds a character that cannot be printed")
    serial = module.settings.serial
    if any(module.office.suite.equal(password(serial, other.name, passphrase), other.password) for other in others):
        raise PassphraseUnfit(why="another person of this ceremony has the same")
    return password(serial, name, passphrase)


def enter_users(module: Attended, users: Sequence[NewUser]) -> None:
    """Initialize Access Control Database with the first users (B-02, M-56); nobody is logged on."""
    with module.office.operator(module.settings.serial) as operator:
        operator.send(InitializeAccessControlDatabase(users=tuple(users)), encrypted=True)


def configure(module: Attended, operator: Operator, chain: ChainId, tokens: KeyTokens | None = None) -> KeyTokens:
    """Initialize crypto-card (E1) with the limits of the settings, and device numbers of the module's own.

    `tokens`: the keys of a module that holds the same Master Key Set (E-102); without them new ones are generated
    (E-101). Gives the tokens for other modules.
    """
    settings = module.settings
    with Store.open(settings.store_url) as store, store.one_ceremony():
        devices = membership.devices_of(membership.members(store), chain, settings.devices)
        command = module.office.establish(settings, devices)
        return _tokens(operator.send(command.model_copy(update={"tokens": tokens})))


def update(module: Attended, operator: Operator) -> KeyTokens:
    """Give the crypto-card the limits of the settings anew (B-42), and the tokens for other modules."""
    settings = module.settings
    command = UpdateCryptoCard(
        minimum_value=settings.minimum_value,
        maximum_value=settings.maximum_value,
        dr_limit=settings.dr_limit,
        ar_limit=settings.ar_limit,
    )
    return _tokens(operator.send(command))


def _tokens(answer: dict[str, Any]) -> KeyTokens:
    given = {name: base64.b64decode(token) for name, token in answer["tokens"].items()}
    return KeyTokens(challenge_key=given["VDSK_ipost"], registration_key=given["VRSK_ipost"])


def export_audit_key(module: Attended, operator: Operator) -> Path:
    """Have the Auditor export the audit key (I-14), and publish it: the first time the ceremony is finished with it."""
    audit_key = str(operator.send(ExportAuditKey())["audit_key"]).encode()
    status = operator.send(GetStatus())
    if status["configured"]:
        module.office.keep_card_keys(card_keys(status))
    return Home(module.settings.home).publish_audit_key(Serial(module.settings.serial), audit_key)


def demand_finished(settings: Settings) -> None:
    """See that the module of a home is ready for meters.

    Raises `LedgerMissing` where there is no ledger, `CeremonyUnfinished` where its ceremony can go on, `CeremonyFailed`
    where it cannot.
    """
    home = Home(settings.home)
    if not home.holds_ledger:
        raise LedgerMissing(home=str(settings.home))
    if not home.audit_key(Serial(settings.serial)).exists():
        raise CeremonyFailed(home=str(settings.home)) if _has_failed(settings, home) else unfinished(home)


def _has_failed(settings: Settings, home: Home) -> bool:
    """Say whether people's ceremony ended in the Error state for good (C-21, C-22); `indicium init` begins anew."""
    if home.secret(PLAN_FILE) is not None:
        return False
    serial = Serial(settings.serial)
    with Store.open(settings.store_url) as store:
        own = [member.chain for member in membership.members(store) if member.serial == serial]
        newest = store.head(own[-1]) if own else None
    return newest is not None and parse(newest.line).persistent == ModuleState.ERROR


def unfinished(home: Home) -> CeremonyUnfinished:
    """Say that the ceremony of a home is to be gone on with, and how."""
    by_people = home.secret(PLAN_FILE) is None
    remedy = "indicium module ceremony" if by_people else "indicium init"
    return CeremonyUnfinished(home=str(home.folder), remedy=remedy)
