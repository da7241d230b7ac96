"""How a simulated module comes to its keys: in a ceremony of its own, or from one that works already.

The steps of the second are those of `parties.joining`, without homes.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from indicium.cryptomodule.suites import Suite
from indicium.domain.commands.access import InitializeAccessControlDatabase, NewUser
from indicium.domain.commands.auditing import ExportAuditKey
from indicium.domain.commands.crypto_card import InitializeCryptoCard, KeyTokens, UpdateCryptoCard
from indicium.domain.commands.initialization import GenerateTransportKeyPair, StartInitialization
from indicium.domain.commands.master_keys import (
    CombineMksShares,
    CreateMksShares,
    ExportMksShare,
    ExportTransportPublicKey,
    ImportMksShare,
)
from indicium.domain.fig6 import Role
from indicium.domain.identity import Serial
from indicium.domain.messages import password
from indicium.parties import ceremony
from indicium.parties.ceremony import CeremonyPlan, Configuration, Person
from indicium.parties.operator import Execute, Operator
from indicium.simulator.outsiders import DR_LIMIT, Keys

INTERVAL: Final = 20
"""Every record whose number is a multiple of it is signed."""

PEOPLE: Final = CeremonyPlan(
    people=tuple(
        Person(name=f"person-{number}", role=role, passphrase=f"simulated passphrase {number}")
        for number, role in enumerate(
            (Role.SECURITY_OFFICER, Role.KEY_CUSTODIAN, Role.KEY_CUSTODIAN, Role.ADMINISTRATOR, Role.AUDITOR)
        )
    )
)
"""The people of every module: they hold all ceremonies."""

OFFICER: Final = PEOPLE.of(Role.SECURITY_OFFICER)
_CUSTODIANS: Final = [person for person in PEOPLE.people if person.role is Role.KEY_CUSTODIAN]
_MINIMUM: Final = 1
_MAXIMUM: Final = 100_000
_AR_LIMIT: Final = 10**10
_DEVICES: Final = 1000
"""So many numbers each module has for its meters."""


class Seat(NamedTuple):
    """A module at which people are: how it is reached, and what it is called."""

    execute: Execute
    suite: Suite
    serial: Serial


def hold(seat: Seat, keys: Keys, provider_key: bytes, number: int) -> ceremony.Born:
    """Hold the ceremony of the first module of a vault."""
    configuration = Configuration(card(keys, provider_key, number), INTERVAL)
    return ceremony.perform(seat.execute, seat.suite, seat.serial, PEOPLE, configuration, begun=False)


def join(seat: Seat, first: Seat, configuration: InitializeCryptoCard) -> bytes:
    """Bring an Uninitialized module to the keys of another (H-21 … H-28, E-102). Gives its audit key in PEM."""
    seat.execute(StartInitialization(signature_interval=INTERVAL))
    with Operator(seat.execute, seat.suite, seat.serial) as operator:
        operator.send(InitializeAccessControlDatabase(users=_users(seat.serial)), encrypted=True)
    with _logged_on(seat, OFFICER) as operator:
        operator.send(GenerateTransportKeyPair())
    with _logged_on(seat, _CUSTODIANS[0]) as operator:
        statement = str(operator.send(ExportTransportPublicKey())["statement"]).encode()
    with _logged_on(first, OFFICER) as operator:
        operator.send(CreateMksShares(share_count=len(_CUSTODIANS), threshold=len(_CUSTODIANS)))
    for custodian in _CUSTODIANS:
        with _logged_on(first, custodian) as operator:
            given = operator.send(ExportMksShare(transport_key=statement, retained=False))
        with _logged_on(seat, custodian) as operator:
            operator.send(ImportMksShare(share=str(given["share"]).encode()))
    with _logged_on(first, OFFICER) as operator:
        tokens = _tokens(operator.send(_UPDATE))
    with _logged_on(seat, OFFICER) as operator:
        operator.send(CombineMksShares())
        operator.send(configuration.model_copy(update={"tokens": tokens}))
    with _logged_on(seat, PEOPLE.of(Role.AUDITOR)) as operator:
        return str(operator.send(ExportAuditKey())["audit_key"]).encode()


def card(keys: Keys, provider_key: bytes, number: int) -> InitializeCryptoCard:
    """Give what the crypto-card of a world's so many-th module is made with: device numbers are its own."""
    first = 1_000_000_001 + _DEVICES * number
    return InitializeCryptoCard(
        minimum_value=_MINIMUM,
        maximum_value=_MAXIMUM,
        dr_limit=DR_LIMIT,
        ar_limit=_AR_LIMIT,
        ca_certificate=keys.certificate,
        provider_key=provider_key,
        first_device=first,
        last_device=first + _DEVICES - 1,
    )


_UPDATE: Final = UpdateCryptoCard(minimum_value=_MINIMUM, maximum_value=_MAXIMUM, dr_limit=DR_LIMIT, ar_limit=_AR_LIMIT)
"""Changes nothing, and gives the tokens of the keys that modules share."""


@contextmanager
def _logged_on(seat: Seat, person: Person) -> Iterator[Operator]:
    with Operator(*seat) as operator:
        operator.logon(person.name, person.passphrase)
        yield operator


def _users(serial: Serial) -> tuple[NewUser, ...]:
    return tuple(
        NewUser(name=person.name, role=person.role, password=password(serial, person.name, person.passphrase))
        for person in PEOPLE.people
    )


def _tokens(answer: dict[str, Any]) -> KeyTokens:
    given = {name: base64.b64decode(token) for name, token in answer["tokens"].items()}
    return KeyTokens(challenge_key=given["VDSK_ipost"], registration_key=given["VRSK_ipost"])
