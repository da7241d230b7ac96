"""Where every simulated world begins: a module after its ceremony, and customers with a leased meter each.

It is made once in a process, always from the same seed; each world takes a copy.
"""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from indicium.app import Ledger
from indicium.cryptomodule.suites import SigningKey
from indicium.domain.amounts import Mills
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.customer_users import AddUser
from indicium.domain.fig6 import Role
from indicium.domain.identity import ChainId
from indicium.parties import ceremony, certificates
from indicium.parties.authority import CertificateAuthority
from indicium.parties.ceremony import CeremonyPlan, Configuration, Person
from indicium.parties.customer import CardKeys, Customer, CustomerState
from indicium.parties.manufacturer import Manufacturer
from indicium.parties.metergen import MeterGen
from indicium.parties.provider import Provider
from indicium.settings import Settings
from indicium.simulator.disks import Disks
from indicium.simulator.drawn import SimulatedClock, Stream
from indicium.simulator.machine import SERIAL, SimulatedMachine
from indicium.simulator.process import Hazards, Process
from indicium.simulator.replayed import Replayed

NAMES: Final = ("Ada", "Ben", "Cleo", "Dora")
USERS: Final = {"Ada": ("bob", "eve")}
"""Who else prints from a customer's meter."""
FIRST_MAXIMUM: Final = 60_000
"""Most that such a user may spend at first, in mills."""
DR_LIMIT: Final = 500_000
_FIRST_LOAD: Final = 300_000

_PEOPLE: Final = CeremonyPlan(
    people=tuple(
        Person(name=f"person-{number}", role=role, passphrase=f"simulated passphrase {number}")
        for number, role in enumerate(
            (Role.SECURITY_OFFICER, Role.KEY_CUSTODIAN, Role.KEY_CUSTODIAN, Role.ADMINISTRATOR, Role.AUDITOR)
        )
    )
)
OFFICER: Final = _PEOPLE.of(Role.SECURITY_OFFICER)


class Born(NamedTuple):
    """All of a young world."""

    disks: Disks
    chain: ChainId
    audit_key: bytes
    """The audit verification key in PEM, as the Auditor exported it."""
    card: CardKeys
    customers: tuple[CustomerState, ...]
    """The customers, and behind them the users of their meters."""
    provider: SigningKey
    time: datetime


def settings() -> Settings:
    """Give the settings of a simulated ledger. Its home is nowhere: nothing of it lies in a real file."""
    return Settings.of(Path("/nowhere"), serial=SERIAL, dr_limit=DR_LIMIT, signature_interval=20)


@cache
def born() -> Born:
    """Hold the ceremony, make the meters, lease them."""
    stream, clock, disks = Stream("born"), SimulatedClock(), Disks()
    suite = Replayed(stream)
    parties = _Parties(suite, stream, clock)
    disks.device = parties.manufacturer.make(SERIAL, clock.now())
    with Ledger(settings(), SimulatedMachine(disks, Process(Hazards()), clock, suite)) as ledger:
        made = ceremony.perform(ledger.execute, suite, SERIAL, _PEOPLE, parties.configuration, begun=False)
        customers = [parties.lease(ledger, name, made.card) for name in NAMES]
        users = [
            parties.enter(ledger, customer, made.card, name)
            for customer in customers
            for name in USERS.get(customer.state.customer, ())
        ]
        chain = ledger.chain
    states = tuple(customer.state for customer in (*customers, *users))
    return Born(disks, chain, made.audit_key, made.card, states, parties.key, clock.now())


class _Parties:
    """Those outside of the module, with keys from the stream."""

    def __init__(self, suite: Replayed, stream: Stream, clock: SimulatedClock) -> None:
        self._suite, self._clock = suite, clock

        def numbers() -> int:
            return int.from_bytes(stream.random(16), "big")

        maker, smartcard, self.key = (suite.generate_signing_key() for _ in range(3))
        root = certificates.root(
            certificates.load_private_key(maker.der, "maker"), "Simulated manufacturer", clock.now(), numbers
        )
        self.manufacturer = Manufacturer(maker.der, certificates.in_der(root), suite, numbers)
        key = certificates.load_private_key(suite.generate_indicia_key().der, "authority")
        authority = CertificateAuthority(
            key, CertificateAuthority.establish(key, "Simulated CA", clock.now(), numbers), smartcard.public(), numbers
        )
        self._metergen = MeterGen(smartcard, authority, suite)
        self._provider = Provider(self.key)
        command = InitializeCryptoCard(
            minimum_value=1,
            maximum_value=100_000,
            dr_limit=DR_LIMIT,
            ar_limit=10**10,
            ca_certificate=authority.certificate,
            provider_key=self._provider.public_key,
            first_device=1_000_000_001,
            last_device=1_000_000_999,
        )
        self.configuration = Configuration(command, settings().signature_interval)

    def lease(self, ledger: Ledger, name: str, card: CardKeys) -> Customer:
        """Take one meter from nothing to a customer who has value in it."""
        execute, provider = ledger.execute, self._provider
        device = self._metergen.new_meter(execute, self._clock.now()).psd
        customer = Customer.new(self._suite, card, name, device)
        customer.answered(execute(customer.ask()))
        customer.accept("configure", execute(customer.configure("configure")))
        execute(provider.authorize_customer(device, "lease", "94107", Mills(DR_LIMIT)))
        shown = customer.answered(execute(customer.ask()))
        execute(provider.download(shown, "first", Mills(_FIRST_LOAD)))
        customer.answered(execute(customer.ask()))
        return customer

    def enter(self, ledger: Ledger, customer: Customer, card: CardKeys, name: str) -> Customer:
        """Have a customer enter a user of his meter."""
        execute, state = ledger.execute, customer.state
        user = Customer.new(self._suite, card, state.customer, state.device, user=name)
        secrets = user.enrol(state.module_challenge)
        asked = customer.command(AddUser, f"enter-{name}", name=name, maximum_total=FIRST_MAXIMUM, secrets=secrets)
        customer.accept(asked.request_id, execute(asked))
        user.answered(execute(user.ask()))
        return user
