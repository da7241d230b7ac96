"""Where every simulated world begins: a module after its ceremony, and customers with a leased meter each.

It is made once in a process, always from the same seed; each world takes a copy.
"""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from indicium.app import Ledger
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.fig6 import Role
from indicium.domain.identity import ChainId, Serial
from indicium.parties import ceremony, certificates
from indicium.parties.ceremony import CeremonyPlan, Configuration, Person
from indicium.parties.customer import CardKeys, CustomerState
from indicium.parties.manufacturer import Manufacturer
from indicium.settings import Settings
from indicium.simulator.database import Database
from indicium.simulator.disks import Disks
from indicium.simulator.drawn import SimulatedClock, Stream
from indicium.simulator.machine import SimulatedMachine
from indicium.simulator.outsiders import DR_LIMIT, Keys, Numbers, Outsiders
from indicium.simulator.process import Hazards, Process
from indicium.simulator.replayed import Replayed

SERIALS: Final = (Serial("34576590"),)
INTERVAL: Final = 20
"""Every record whose number is a multiple of it is signed."""

NAMES: Final = ("Ada", "Ben", "Cleo", "Dora")
USERS: Final = {"Ada": ("bob", "eve")}
"""Who else prints from a customer's meter."""

PEOPLE: Final = CeremonyPlan(
    people=tuple(
        Person(name=f"person-{number}", role=role, passphrase=f"simulated passphrase {number}")
        for number, role in enumerate(
            (Role.SECURITY_OFFICER, Role.KEY_CUSTODIAN, Role.KEY_CUSTODIAN, Role.ADMINISTRATOR, Role.AUDITOR)
        )
    )
)
OFFICER: Final = PEOPLE.of(Role.SECURITY_OFFICER)


class Module(NamedTuple):
    """A module after its ceremony."""

    serial: Serial
    chain: ChainId
    audit_key: bytes
    """The audit verification key in PEM, as the Auditor exported it."""
    disks: Disks


class Born(NamedTuple):
    """All of a young world."""

    database: Database
    modules: tuple[Module, ...]
    card: CardKeys
    customers: tuple[CustomerState, ...]
    """The customers, and behind them the users of their meters."""
    keys: Keys
    """What those keep who bring meters to customers."""
    time: datetime


def settings(serial: Serial) -> Settings:
    """Give the settings of a simulated module. Its home is nowhere: nothing of it lies in a real file."""
    return Settings.of(Path("/nowhere"), serial=serial, dr_limit=DR_LIMIT, signature_interval=INTERVAL)


@cache
def born() -> Born:
    """Hold the ceremony, make the meters, lease them."""
    stream, clock, database = Stream("born"), SimulatedClock(), Database()
    suite, numbers = Replayed(stream), stream.number
    keys = Keys.draw(suite, clock.now(), numbers)
    outsiders = Outsiders(keys, suite, numbers)
    disks = Disks(SERIALS[0], database, device=_manufacturer(suite, clock, numbers).make(SERIALS[0], clock.now()))
    with Ledger(settings(SERIALS[0]), SimulatedMachine(disks, Process(Hazards()), clock, suite)) as ledger:
        execute, configuration = ledger.execute, _configuration(keys, outsiders)
        made = ceremony.perform(execute, suite, SERIALS[0], PEOPLE, configuration, begun=False)
        customers = [outsiders.lease(execute, made.card, name, clock.now()) for name in NAMES]
        users = [
            outsiders.enter(execute, made.card, customer, name)
            for customer in customers
            for name in USERS.get(customer.state.customer, ())
        ]
        module = Module(SERIALS[0], ledger.chain, made.audit_key, disks)
    states = tuple(customer.state for customer in (*customers, *users))
    return Born(database, (module,), made.card, states, keys, clock.now())


def _manufacturer(suite: Replayed, clock: SimulatedClock, numbers: Numbers) -> Manufacturer:
    maker = suite.generate_signing_key().der
    key = certificates.load_private_key(maker, "maker")
    root = certificates.root(key, "Simulated manufacturer", clock.now(), numbers)
    return Manufacturer(maker, certificates.in_der(root), suite, numbers)


def _configuration(keys: Keys, outsiders: Outsiders) -> Configuration:
    command = InitializeCryptoCard(
        minimum_value=1,
        maximum_value=100_000,
        dr_limit=DR_LIMIT,
        ar_limit=10**10,
        ca_certificate=keys.certificate,
        provider_key=outsiders.provider.public_key,
        first_device=1_000_000_001,
        last_device=1_000_000_999,
    )
    return Configuration(command, INTERVAL)
