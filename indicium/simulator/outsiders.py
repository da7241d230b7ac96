"""Those outside of the module who bring meters to customers: MeterGen, the authority, and the provider (P-02, P-03)."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, Self

from indicium.cryptomodule.suites import Suite
from indicium.domain.amounts import Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import AddUser
from indicium.parties import certificates
from indicium.parties.authority import CertificateAuthority
from indicium.parties.customer import CardKeys, Customer
from indicium.parties.metergen import MeterGen
from indicium.parties.provider import Provider

DR_LIMIT: Final = 500_000
FIRST_MAXIMUM: Final = 60_000
"""Most that a user of a meter may spend at first, in mills."""
_FIRST_LOAD: Final = 300_000

Execute = Callable[[Command], bytes]
Numbers = Callable[[], int]
"""Draws serial numbers of certificates."""


class Keys(NamedTuple):
    """What they keep: private keys in DER, and the authority's certificate."""

    smartcard: bytes
    authority: bytes
    provider: bytes
    certificate: bytes

    @classmethod
    def draw(cls, suite: Suite, now: datetime, numbers: Numbers) -> Self:
        """Draw all of them."""
        smartcard, provider, authority = (suite.generate_signing_key().der for _ in range(3))
        key = certificates.load_private_key(authority, "authority")
        certificate = CertificateAuthority.establish(key, "Simulated CA", now, numbers)
        return cls(smartcard, authority, provider, certificates.in_der(certificate))


class Outsiders:
    """All of them, with one card's customers."""

    def __init__(self, keys: Keys, suite: Suite, numbers: Numbers) -> None:
        """Load their keys."""
        self._suite = suite
        smartcard = suite.load_signing_key(keys.smartcard)
        authority = CertificateAuthority(
            certificates.load_private_key(keys.authority, "authority"),
            certificates.from_der(keys.certificate),
            smartcard.public(),
            numbers,
        )
        self._metergen = MeterGen(smartcard, authority, suite)
        self.provider = Provider(suite.load_signing_key(keys.provider))

    def lease(self, execute: Execute, card: CardKeys, name: str, now: datetime) -> Customer:
        """Take one meter from nothing to a customer who has value in it."""
        device = self._metergen.new_meter(execute, now).psd
        customer = Customer.new(self._suite, card, name, device)
        customer.answered(execute(customer.ask()))
        customer.accept("configure", execute(customer.configure("configure")))
        execute(self.provider.authorize_customer(device, "lease", "94107", Mills(DR_LIMIT)))
        shown = customer.answered(execute(customer.ask()))
        execute(self.provider.download(shown, "first", Mills(_FIRST_LOAD)))
        customer.answered(execute(customer.ask()))
        return customer

    def enter(self, execute: Execute, card: CardKeys, customer: Customer, name: str) -> Customer:
        """Have a customer enter a user of his meter."""
        state = customer.state
        user = Customer.new(self._suite, card, state.customer, state.device, user=name)
        secrets = user.enrol(state.module_challenge)
        asked = customer.command(AddUser, f"enter-{name}", name=name, maximum_total=FIRST_MAXIMUM, secrets=secrets)
        customer.accept(asked.request_id, execute(asked))
        user.answered(execute(user.ask()))
        return user
