"""A key ceremony without people: the users and passphrases are generated, the steps are the real ones (P-01).

Every step asks the module first how far it is, so that a ceremony that was interrupted goes on where it stopped.
"""

import base64
import secrets
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field

from indicium.cryptomodule.suites import Suite
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase, NewUser
from indicium.domain.commands.auditing import ExportAuditKey
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.fig6 import Role
from indicium.domain.messages import password
from indicium.parties.customer import CardKeys
from indicium.parties.operator import Execute, Operator

PLAN_FILE = "ceremony.json"
"""Name of the plan among a home's secrets; where there is none, people hold the ceremony."""

PASSPHRASE_BYTES = 24
"""Random bytes in a generated passphrase."""


class Person(BaseModel):
    """A user of the module, with the passphrase that an unattended ceremony gave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    passphrase: Annotated[str, Field(repr=False)]


class CeremonyPlan(BaseModel):
    """Who takes part: at least the minimal user set (M-56), and an Auditor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: tuple[Person, ...]

    @classmethod
    def generate(cls) -> "CeremonyPlan":
        """Draw the passphrases of five people."""
        roles = (
            ("officer", Role.SECURITY_OFFICER),
            ("custodian-1", Role.KEY_CUSTODIAN),
            ("custodian-2", Role.KEY_CUSTODIAN),
            ("administrator", Role.ADMINISTRATOR),
            ("auditor", Role.AUDITOR),
        )
        return cls(
            people=tuple(
                Person(name=name, role=role, passphrase=secrets.token_urlsafe(PASSPHRASE_BYTES)) for name, role in roles
            )
        )

    def of(self, role: Role) -> Person:
        """Give the first person of a role."""
        return next(person for person in self.people if person.role is role)


class Configuration(NamedTuple):
    """What initialize crypto-card is given (E1)."""

    command: InitializeCryptoCard
    signature_interval: int


class Born(NamedTuple):
    """What a ceremony brings out of the module."""

    card: CardKeys
    """The public keys of the crypto-card, embedded in client software."""
    audit_key: bytes
    """The audit verification key in PEM, as the Auditor exported it."""


def perform(
    execute: Execute,
    suite: Suite,
    serial: str,
    plan: CeremonyPlan,
    configuration: Configuration,
    *,
    begun: bool,
) -> Born:
    """Take a module from Uninitialized, or from where it stopped, to Operational with its crypto-card."""
    if not begun:
        execute(StartInitialization(signature_interval=configuration.signature_interval))
    status = orjson.loads(execute(GetStatus()))
    with Operator(execute, suite, serial) as operator:
        if not status["users"]:
            operator.send(_first_users(plan, serial), encrypted=True)
        officer = plan.of(Role.SECURITY_OFFICER)
        operator.logon(officer.name, officer.passphrase)
        if status["master_key_set"] is None:
            operator.send(GenerateMasterKeySet())
        if not status["configured"]:
            operator.send(configuration.command)
        operator.logoff()
        auditor = plan.of(Role.AUDITOR)
        operator.logon(auditor.name, auditor.passphrase)
        audit_key = str(operator.send(ExportAuditKey())["audit_key"]).encode()
        return Born(card_keys(operator.send(GetStatus())), audit_key)


def _first_users(plan: CeremonyPlan, serial: str) -> InitializeAccessControlDatabase:
    users = (
        NewUser(name=person.name, role=person.role, password=password(serial, person.name, person.passphrase))
        for person in plan.people
    )
    return InitializeAccessControlDatabase(users=tuple(users))


def card_keys(status: dict[str, Any]) -> CardKeys:
    """Read the crypto-card's public keys from a module's status."""
    return CardKeys(
        challenge_key=base64.b64decode(status["challenge_key"]),
        registration_key=base64.b64decode(status["registration_key"]),
    )
