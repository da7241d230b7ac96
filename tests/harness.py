"""A small world for tests: a real module with its real memory, a real store, and all the parties around them.

Making a world takes a whole ceremony, so tests copy one that was made
before: everything that lasts lies in its folder.
"""

import pickle
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from indicium.cryptomodule import suites
from indicium.cryptomodule.group import package_message
from indicium.cryptomodule.people import People
from indicium.cryptomodule.state import shift_sum
from indicium.cryptomodule.vault import StaticPart
from indicium.domain.amounts import Mills
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.commands.psd import AuthorizePsd, InitializePsd
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.kinds import Postage, postage
from indicium.domain.messages import certificate_request, client_message, content
from indicium.domain.package import MovingPart, Package
from indicium.domain.record import line_hash
from indicium.domain.replies import PsdReply, parse_reply
from indicium.domain.switches import AS_THE_SEED, Switches
from indicium.infrastructure.devices import DeviceKeyFile, SystemEntropy
from indicium.infrastructure.store import Store
from indicium.parties import ceremony, certificates
from indicium.parties.authority import CertificateAuthority
from indicium.parties.ceremony import Born, CeremonyPlan, Configuration
from indicium.parties.customer import Customer, CustomerState
from indicium.parties.manufacturer import Manufacturer
from indicium.parties.metergen import MeterGen
from indicium.parties.operator import Execute, Operator
from indicium.parties.provider import Provider
from tests.place import Place

SERIAL = Serial("34576590")
BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINIMUM, MAXIMUM = 10, 100_000
DR_LIMIT, AR_LIMIT = 500_000, 10_000_000
LETTER: Postage = postage("94107", "04973", "first-class letter", 1)


Asked = TypeVar("Asked", bound=ClientCommand)


class Keys(NamedTuple):
    """What the parties keep, as bytes, so that a world can be taken up again."""

    authority: bytes
    certificate: bytes
    smartcard: bytes
    provider: bytes
    maker: bytes
    """The manufacturer's key."""
    manufacturer: bytes
    """The manufacturer's root: X.509 in DER."""


class Kept(NamedTuple):
    """All of a world that does not lie in files of the ledger."""

    time: datetime
    keys: Keys
    plan: CeremonyPlan
    born: Born | None
    customers: dict[str, CustomerState]
    meters: dict[str, str]
    suite: str = "modern"


class World(Place):
    """A place with all the parties around it."""

    def __init__(
        self, folder: Path, kept: Kept, *, ring: int = 3, serial: Serial = SERIAL, switches: Switches = AS_THE_SEED
    ) -> None:
        suite = suites.make(kept.suite, SystemEntropy())
        super().__init__(folder, kept.time, suite, ring=ring, serial=serial, switches=switches)
        self.keys, self.plan = kept.keys, kept.plan
        key = certificates.load_private_key(kept.keys.authority, "authority")
        smartcard = self.suite.load_signing_key(kept.keys.smartcard)
        self.authority = CertificateAuthority(
            key, x509.load_der_x509_certificate(kept.keys.certificate), smartcard.public()
        )
        self.smartcard = smartcard
        self.metergen = MeterGen(smartcard, self.authority, self.suite)
        self.manufacturer = Manufacturer(kept.keys.maker, kept.keys.manufacturer, self.suite)
        self.provider = Provider(self.suite.load_signing_key(kept.keys.provider))
        self.born = kept.born
        self.meters = dict(kept.meters)
        """Device IDs by the names that the tests use."""
        self.customers = {name: self._customer(state) for name, state in kept.customers.items()}

    @classmethod
    def make(cls, folder: Path, *, ring: int = 3, suite_name: str = "modern") -> Self:
        """Make a world whose module was never initialized."""
        keys, suite = make_parties(suite_name), suites.make(suite_name, SystemEntropy())
        identity = Manufacturer(keys.maker, keys.manufacturer, suite).make(SERIAL, BEGINNING)
        DeviceKeyFile(folder / f"{SERIAL}.device").install(identity)
        Store.create(f"sqlite:///{folder / 'ledger.db'}").close()
        return cls(folder, Kept(BEGINNING, keys, CeremonyPlan.generate(), None, {}, {}, suite_name), ring=ring)

    def leave(self) -> None:
        """Write down what the parties keep, and close."""
        customers = {name: customer.state for name, customer in self.customers.items()}
        kept = Kept(self.clock.time, self.keys, self.plan, self.born, customers, self.meters, self.suite.name)
        (self.folder / "kept").write_bytes(pickle.dumps(kept))
        self.close()

    @classmethod
    def take_up(cls, folder: Path, *, ring: int = 3) -> Self:
        """Take up a world that was left."""
        return cls(folder, pickle.loads((folder / "kept").read_bytes()), ring=ring)  # noqa: S301  # we wrote it

    @classmethod
    def copy_of(cls, folder: Path, to: Path, *, ring: int = 3) -> Self:
        """Take up a copy of a world that was left."""
        shutil.copytree(folder, to, dirs_exist_ok=True)
        return cls.take_up(to, ring=ring)

    def operator(self) -> Operator:
        """Open a session."""
        return Operator(self.execute, self.suite, self.serial)

    def hold_ceremony(
        self, *, signature_interval: int = 100, begun: bool = False, execute: Execute | None = None
    ) -> None:
        """Bring the module to Operational, with its crypto-card."""
        command = InitializeCryptoCard(
            minimum_value=MINIMUM,
            maximum_value=MAXIMUM,
            dr_limit=DR_LIMIT,
            ar_limit=AR_LIMIT,
            ca_certificate=self.authority.certificate,
            provider_key=self.provider.public_key,
            first_device=1_000_000_001,
            last_device=1_000_000_009,
        )
        configuration = Configuration(command, signature_interval)
        self.born = ceremony.perform(
            execute or self.execute, self.suite, self.serial, self.plan, configuration, begun=begun
        )

    def new_meter(self, name: str) -> Customer:
        """Have a meter made and certified: Unleased. Its customer has not registered yet."""
        device = self.metergen.new_meter(self.execute, self.clock.now()).psd
        self.meters[name] = device
        assert self.born is not None
        self.customers[name] = Customer.new(self.suite, self.born.card, name, device)
        return self.customers[name]

    def register(self, name: str) -> None:
        """Take a meter from Unleased to Assigned."""
        customer = self.customers[name]
        customer.answered(self.execute(customer.ask()))
        customer.accept("configure", self.execute(customer.configure("configure")))

    def lease(self, name: str, dr_limit: int = DR_LIMIT) -> None:
        """Take a meter from Assigned to Leased."""
        self.execute(self.provider.authorize_customer(self.meters[name], "lease", "94107", Mills(dr_limit)))
        self.ask(name)

    def ask(self, name: str) -> PsdReply:
        """Exchange challenges: the meter as it is now."""
        customer = self.customers[name]
        return customer.answered(self.execute(customer.ask()))

    def download(self, name: str, value: int, request_id: str) -> PsdReply:
        """Load value into a meter."""
        reply = self.execute(self.provider.download(self.ask(name), request_id, Mills(value)))
        self.ask(name)
        return parse_reply(reply)

    def spend(self, name: str, value: int, request_id: str) -> PsdReply:
        """Have an item made."""
        customer = self.customers[name]
        return customer.accept(request_id, self.execute(customer.create_indicium(request_id, value, LETTER)))

    def authorize(self, name: str, certificate: bytes, request_id: str = "authorize") -> PsdReply:
        """Load a certificate into a meter."""
        return parse_reply(self.execute(self.authorization(name, certificate, request_id)))

    def authorization(self, name: str, certificate: bytes, request_id: str = "authorize") -> AuthorizePsd:
        """Ask for a certificate to be loaded into a meter."""
        return AuthorizePsd(psd_id=self.meters[name], request_id=request_id, certificate=certificate)

    def public_key(self, name: str) -> bytes:
        """Give a meter's public key, as its package holds it."""
        return StaticPart.model_validate_json(self.package(name).static).public_key

    def certify(
        self, device: str, public_key: bytes, *, authority: CertificateAuthority | None = None, at: datetime = BEGINNING
    ) -> bytes:
        """Have a certificate issued for any device and key; by another authority if one is given."""
        signature = self.smartcard.sign(certificate_request(device, public_key))
        return (authority or self.authority).issue(device, public_key, signature, at)

    def other_authority(self) -> CertificateAuthority:
        """Make an authority of the same name that the module does not know."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = CertificateAuthority.establish(key, "CA", BEGINNING)
        return CertificateAuthority(key, certificate, self.smartcard.public())

    def package(self, name: str) -> Package:
        """Give a meter's package as the store holds it."""
        package = self.store.package(DeviceId(self.meters[name]))
        assert package is not None
        return package

    def moving(self, name: str) -> MovingPart:
        """Give the moving part of a meter's package."""
        return moving_part(self.package(name))

    def forge(self, name: str, people: People | None = None, **changes: object) -> Package:
        """Make a package as only the module could: with its own key, and what the test wants in it."""
        package = self.package(name)
        if people is not None:
            assert self.inner.desk is not None
            vault = self.inner.desk.vault
            package = package._replace(static=vault.with_people(vault.load(package.static), people).encode())
            changes = {"static": vault.load(package.static).digest, **changes}
        moving = MovingPart(**{**moving_part(package)._asdict(), **changes})
        encoded = orjson.dumps(moving._asdict())
        assert self.inner.desk is not None
        keys = self.inner.desk.vault.load(package.static)
        mac = keys.mk_psd.mac(package_message(package.made_by, encoded))
        return package._replace(version=moving.version, moving=encoded, mac=mac)

    def acknowledge(self, package: Package) -> None:
        """Have the module believe that this is the newest package of its meter."""
        inner, before = self.inner, self.inner.meters[package.psd_id]
        meter = inner.codec.home_meter(package.psd_id, package.version, package.mac, before.mks)
        inner.hot.meters_sum = shift_sum(inner.hot.meters_sum, add=meter.weight, take=before.weight)
        inner.meters[package.psd_id] = meter

    def _customer(self, state: CustomerState) -> Customer:
        assert self.born is not None
        return Customer(self.suite, self.born.card, state)


def make_parties(suite_name: str = "modern") -> Keys:
    """Make the keys of the parties that depend on no module."""
    suite = suites.make(suite_name, SystemEntropy())
    authority = suite.generate_indicia_key().der
    key = certificates.load_private_key(authority, "authority")
    certificate = CertificateAuthority.establish(key, "CA", BEGINNING)
    der = certificate.public_bytes(serialization.Encoding.DER)
    smartcard, provider, maker = (suite.generate_signing_key().der for _ in range(3))
    return Keys(authority, der, smartcard, provider, maker, Manufacturer.establish(maker, BEGINNING))


def make_ready(folder: Path) -> None:
    """Leave a world with a meter of each state that a test begins from: raw, unleased, assigned; ada and ben lease."""
    world = World.make(folder)
    world.hold_ceremony()
    for name in ("ada", "ben"):
        world.new_meter(name)
        world.register(name)
        world.lease(name)
        world.download(name, 100_000, "first")
    world.new_meter("assigned")
    world.register("assigned")
    world.new_meter("unleased")
    world.ask("unleased")
    world.meters["raw"] = initialize_psd(world).psd
    world.leave()


def initialize_psd(world: World) -> PsdReply:
    """Have the module make a PSD; Raw."""
    return parse_reply(world.execute(InitializePsd()))


def head_of(record: SealedRecord) -> Head:
    """Give a record as a head."""
    return Head(record.sequence, line_hash(record.line))


def remac(customer: Customer, request: Asked) -> Asked:
    """MAC a changed request anew, as its customer would."""
    mac = customer._hmk.mac(client_message(request, content(request)))
    return request.model_copy(update={"mac": mac})


def flipped(data: bytes, place: int = -1) -> bytes:
    """Change one bit."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def moving_part(package: Package) -> MovingPart:
    """Read a package's moving part."""
    return MovingPart._make(orjson.loads(package.moving).values())


def envelope_of(record: SealedRecord) -> dict[str, Any]:
    """Read what a record says, all but its signature."""
    envelope: dict[str, Any] = orjson.loads(record.line.partition(b"\t")[0])
    return envelope


def data_of(record: SealedRecord) -> dict[str, Any]:
    """Read what a record's event says."""
    data: dict[str, Any] = envelope_of(record)["data"]
    return data


def load_private_key(der: bytes) -> ec.EllipticCurvePrivateKey:
    """Load a private key for the authority, which signs with the library itself."""
    key = serialization.load_der_private_key(der, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
