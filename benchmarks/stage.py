"""A module with its parties in memory alone: what the figures in memory run on."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.cryptomodule.ports import Hardware, MemoryContent, MemoryUpdate, MeterRow
from indicium.cryptomodule.suites import Modern
from indicium.cryptomodule.vault import StaticPart
from indicium.domain.amounts import Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.flow import Gathered, KeptReply, Receipt, RequestKey, SealedRecord
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.kinds import postage
from indicium.domain.package import Package
from indicium.parties import ceremony
from indicium.parties.authority import CertificateAuthority
from indicium.parties.ceremony import CeremonyPlan, Configuration
from indicium.parties.certificates import load_private_key
from indicium.parties.customer import CardKeys, Customer
from indicium.parties.metergen import MeterGen
from indicium.parties.provider import Provider

SERIAL = Serial("34576590")
LETTER = postage("40505", "95567", "first-class letter", 1)
VALUE = Mills(330)
FULL = Mills(500_000)


class _VolatileMemory:
    """Module memory that forgets: it takes the time of syncing out of a figure."""

    def __init__(self) -> None:
        self._parts: dict[str, bytes] = {}
        self._tails: dict[int, bytes] = {}
        self._meters: dict[str, MeterRow] = {}

    def load(self) -> MemoryContent | None:
        if not self._parts:
            return None
        return MemoryContent(self._parts["hot"], self._parts["cold"], self._tails, self._meters.values())

    def write(self, update: MemoryUpdate) -> None:
        for name, part in (("hot", update.hot), ("cold", update.cold)):
            if part is not None:
                self._parts[name] = part
        if update.tail is not None:
            self._tails[update.slot] = update.tail
        self._meters.update((row.psd_id, row) for row in update.meters)
        for psd_id in update.forget:
            del self._meters[psd_id]

    def erase(self) -> None:
        self._parts.clear()
        self._tails.clear()
        self._meters.clear()


class _VolatileKey:
    def __init__(self) -> None:
        self._key = b""

    def load(self) -> bytes:
        return self._key

    def renew(self, key: bytes) -> None:
        self._key = key

    def destroy(self) -> None:
        self._key = b""


class Surroundings:
    """Clock and entropy of the machine."""

    def now(self) -> datetime:
        """Give the time."""
        return datetime.now(UTC)

    def random(self, size: int) -> bytes:
        """Give random bytes."""
        return os.urandom(size)


class _NoDeviceKey:
    """No figure asks for the module's own signature."""

    def load(self) -> None:
        """Give none."""

    def destroy(self) -> None:
        """Have nothing to destroy."""


class _NoSensor:
    """Sensors that are never triggered."""

    def triggered(self) -> str | None:
        """Name none."""

    def arm(self) -> None:
        """Have nothing to arm."""


class Stage:
    """A module, and customers with full meters."""

    def __init__(self, meters: int) -> None:
        """Hold a ceremony and lease `meters` meters."""
        self._world = Surroundings()
        self._suite = Modern(self._world)
        hardware = Hardware(_VolatileMemory(), _VolatileKey(), _NoDeviceKey(), self._world, _NoSensor())
        self.module = CryptoModule(SERIAL, hardware, self._suite)
        self.records: list[SealedRecord] = []
        self._packages: dict[DeviceId, Package] = {}
        self._replies: dict[RequestKey, KeptReply] = {}
        self._asked = 0
        provider = Provider(self._suite.generate_signing_key())
        authority, metergen = self._certifiers()
        command = InitializeCryptoCard(
            minimum_value=1,
            maximum_value=100_000,
            dr_limit=FULL,
            ar_limit=10_000_000_000,
            ca_certificate=authority.certificate,
            provider_key=provider.public_key,
            first_device=1_000_000_001,
            last_device=1_999_999_999,
        )
        plan = CeremonyPlan.generate()
        born = ceremony.perform(self.execute, self._suite, SERIAL, plan, Configuration(command, 100), begun=False)
        self.audit_key = born.audit_key
        self.ca = authority.certificate
        """The authority's certificate, X.509 in DER."""
        self.customers = [self._lease(metergen, provider, born.card, number) for number in range(meters)]

    def execute(self, request: Command) -> bytes:
        """Do one request, its way cut short to the module."""
        (reply,) = self.run([request])
        return reply

    def run(self, requests: Sequence[Command]) -> list[bytes]:
        """Do a group and take over what it made."""
        gathered = Gathered(self.records[-1] if self.records else None, self._packages, self._replies)
        dispatched = self.module.dispatch(requests, gathered)
        for refusal in dispatched.refusals:
            if refusal is not None:
                raise refusal
        self.records.extend(dispatched.changes.records)
        self._packages.update((package.psd_id, package) for package in dispatched.changes.packages)
        replies = self.module.release(Receipt(self.module.chain, self.module.head))
        return [reply for reply in replies if reply is not None]

    def requests(self) -> list[CreateIndicium]:
        """Make one print request for each customer."""
        self._asked += 1
        return [customer.create_indicium(str(self._asked), VALUE, LETTER) for customer in self.customers]

    def accept(self, replies: Sequence[bytes]) -> None:
        """Let the customers take their replies, so that they can ask again."""
        for customer, reply in zip(self.customers, replies, strict=True):
            customer.accept(str(self._asked), reply)

    @property
    def packages(self) -> tuple[Package, ...]:
        """The newest package of each meter."""
        return tuple(self._packages.values())

    def public_key(self, device: str) -> bytes:
        """Give a meter's public key in DER."""
        return StaticPart.model_validate_json(self._packages[DeviceId(device)].static).public_key

    def forget_keys(self) -> None:
        """Empty the module's key cache, so that every meter's keys are loaded anew."""
        inner = self.module._core.inner  # noqa: SLF001  # there is no command for it, and must not be
        assert inner is not None
        assert inner.desk is not None
        inner.desk.vault.clear()

    def _certifiers(self) -> tuple[CertificateAuthority, MeterGen]:
        smartcard = self._suite.generate_signing_key()
        key = load_private_key(self._suite.generate_indicia_key().der, "authority")
        certificate = CertificateAuthority.establish(key, "Benchmark CA", self._world.now())
        authority = CertificateAuthority(key, certificate, smartcard.public())
        return authority, MeterGen(smartcard, authority, self._suite)

    def _lease(self, metergen: MeterGen, provider: Provider, card: CardKeys, number: int) -> Customer:
        device = metergen.new_meter(self.execute, self._world.now()).psd
        customer = Customer.new(self._suite, card, f"customer-{number}", device)
        customer.answered(self.execute(customer.ask()))
        customer.accept("configure", self.execute(customer.configure("configure")))
        self.execute(provider.authorize_customer(device, "lease", "40505", FULL))
        meter = customer.answered(self.execute(customer.ask()))
        self.execute(provider.download(meter, "refill", FULL))
        customer.answered(self.execute(customer.ask()))
        return customer
