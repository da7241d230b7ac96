"""Where every simulated world begins: two modules of one vault, and customers with a leased meter each.

It is made once in a process, always from the same seed; each world takes a copy.
"""

from contextlib import ExitStack
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from indicium.app import Ledger
from indicium.domain.identity import ChainId, Serial
from indicium.parties import certificates
from indicium.parties.customer import CardKeys, CustomerState
from indicium.parties.manufacturer import Manufacturer
from indicium.settings import Settings
from indicium.simulator import ceremonies
from indicium.simulator.ceremonies import INTERVAL, Seat
from indicium.simulator.database import Database
from indicium.simulator.disks import Disks
from indicium.simulator.drawn import SimulatedClock, Stream
from indicium.simulator.machine import SimulatedMachine
from indicium.simulator.outsiders import DR_LIMIT, Keys, Numbers, Outsiders
from indicium.simulator.process import Hazards, Process
from indicium.simulator.replayed import Replayed

SERIALS: Final = (Serial("34576590"), Serial("34576591"))

NAMES: Final = (("Ada", "Cleo"), ("Ben", "Dora"))
"""The customers who lease at each module."""

USERS: Final = {"Ada": ("bob", "eve")}
"""Who else prints from a customer's meter."""


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
    """Give the settings of a simulated module. Its home is nowhere: nothing of it lies in a real file.

    How many failed modules shut the whole vault down is more than there are: each of them is mended by itself.
    """
    return Settings.of(
        Path("/nowhere"), serial=serial, dr_limit=DR_LIMIT, signature_interval=INTERVAL, shutdown_threshold=3
    )


@cache
def born() -> Born:
    """Hold the ceremonies, make the meters, lease them."""
    stream, clock, database = Stream("born"), SimulatedClock(), Database()
    suite, numbers = Replayed(stream), stream.number
    keys = Keys.draw(suite, clock.now(), numbers)
    outsiders, maker = Outsiders(keys, suite, numbers), _manufacturer(suite, clock, numbers)
    disks = [Disks(serial, database, device=maker.make(serial, clock.now())) for serial in SERIALS]
    with ExitStack() as running:
        machines = [SimulatedMachine(each, Process(Hazards()), clock, suite) for each in disks]
        ledgers = [
            running.enter_context(Ledger(settings(serial), machine))
            for serial, machine in zip(SERIALS, machines, strict=True)
        ]
        first, second = (Seat(ledger.execute, suite, serial) for ledger, serial in zip(ledgers, SERIALS, strict=True))
        made = ceremonies.hold(first, keys, outsiders.provider.public_key, 0)
        joined = ceremonies.join(second, first, ceremonies.card(keys, outsiders.provider.public_key, 1))
        customers = [
            outsiders.lease(ledger.execute, made.card, name, clock.now())
            for ledger, names in zip(ledgers, NAMES, strict=True)
            for name in names
        ]
        users = [
            outsiders.enter(first.execute, made.card, customer, name)
            for customer in customers
            for name in USERS.get(customer.state.customer, ())
        ]
        chains = [ledger.chain for ledger in ledgers]
    modules = tuple(map(Module, SERIALS, chains, (made.audit_key, joined), disks))
    states = tuple(customer.state for customer in (*customers, *users))
    return Born(database, modules, made.card, states, keys, clock.now())


def _manufacturer(suite: Replayed, clock: SimulatedClock, numbers: Numbers) -> Manufacturer:
    maker = suite.generate_signing_key().der
    key = certificates.load_private_key(maker, "maker")
    root = certificates.root(key, "Simulated manufacturer", clock.now(), numbers)
    return Manufacturer(maker, certificates.in_der(root), suite, numbers)
