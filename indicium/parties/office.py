"""All the parties of one home under one roof: authority, MeterGen, provider, customers, and where their keys lie.

It is what `init`, `demo`, `post` and an embedding host use; a real installation keeps these parties apart.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from indicium.cryptomodule.ports import Clock
from indicium.cryptomodule.suites import SigningKey, Suite
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.customer_users import ResetPassword
from indicium.domain.device_numbers import DeviceRange
from indicium.domain.errors import (
    BadFile,
    BadValue,
    NotAZipCode,
    UnknownCustomer,
    UnknownMeterUser,
)
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.lifecycle import PsdState
from indicium.domain.names import LONGEST_NAME, demand_name
from indicium.domain.orders import Order
from indicium.domain.redating import Redating
from indicium.domain.replies import PsdReply, parse_reply
from indicium.domain.status import ModuleStatus
from indicium.infrastructure.devices import DeviceKeyFile
from indicium.infrastructure.files import remove_durably
from indicium.infrastructure.home import Home
from indicium.infrastructure.order_book import OrderBook
from indicium.infrastructure.stock_book import StockBook
from indicium.infrastructure.store import Store
from indicium.parties import correcting, redating, status
from indicium.parties.authority import CertificateAuthority
from indicium.parties.ceremony import PLAN_FILE, CeremonyPlan
from indicium.parties.certificates import AuthorityKey, load_private_key
from indicium.parties.customer import CardKeys, Customer, CustomerState
from indicium.parties.leased import LeasedMeter
from indicium.parties.manufacturer import Manufacturer
from indicium.parties.meter_users import MeterUsers
from indicium.parties.metergen import MeterGen
from indicium.parties.operator import Execute, ExecuteAll, Operator
from indicium.parties.payments import EmulatedCards, Payments
from indicium.parties.provider import Provider
from indicium.parties.purchasing import Purchasing
from indicium.parties.stock import LeftOver, Progress, Stock, Stocked, left_over
from indicium.settings import Settings

_ZIP_CODE = re.compile(r"[0-9]{5}")
_CARD_KEYS = "card.json"
_STOCK = "stock.db"
_MANUFACTURER = "manufacturer.key"

MANUFACTURER_ROOT = "manufacturer.pem"
"""Name of the manufacturer's root certificate among a home's public files."""


class Office:
    """The parties of one home."""

    def __init__(self, home: Home, suite: Suite, clock: Clock, execute: Execute) -> None:
        """Take up the keys that lie in the home; `establish` makes those that are not there yet."""
        self._home, self._suite, self._clock, self._execute = home, suite, clock, execute
        self.payments: Payments | None = None
        """The card service that customers pay through; without one it is emulated, and everybody has credit."""

    def reached_by(self, execute: Execute) -> "Office":
        """Give the same parties with another way to modules."""
        office = Office(self._home, self._suite, self._clock, execute)
        office.payments = self.payments
        return office

    @property
    def suite(self) -> Suite:
        """The algorithms that the parties and their module speak in."""
        return self._suite

    def operator(self, serial: str) -> Operator:
        """Open a session at the module's management port, for whoever logs on (J-01)."""
        return Operator(self._execute, self._suite, serial)

    def establish(self, settings: Settings, devices: DeviceRange) -> InitializeCryptoCard:
        """Make what is missing of CA, provider and MeterGen; give the configuration for the crypto-card.

        `devices`: the device numbers that the module gives out.
        """
        for name, generate in (
            ("ca.key", self._suite.generate_indicia_key),
            ("provider.key", self._suite.generate_signing_key),
            ("metergen.key", self._suite.generate_signing_key),
        ):
            if self._home.secret(name) is None:
                self._home.keep_secret(name, generate().der)
        if not (self._home.keys / "ca.pem").exists():
            certificate = CertificateAuthority.establish(self._ca_key(), "Indicium emulated CA", self._clock.now())
            self._home.publish("ca.pem", certificate.public_bytes(serialization.Encoding.PEM))
        return InitializeCryptoCard(
            minimum_value=settings.minimum_value,
            maximum_value=settings.maximum_value,
            dr_limit=settings.dr_limit,
            ar_limit=settings.ar_limit,
            ca_certificate=self._authority().certificate,
            provider_key=self._provider().public_key,
            first_device=devices.first,
            last_device=devices.last,
        )

    def manufacture(self, serial: Serial, maker: Home | None = None) -> None:
        """Give a new module its device key and certificate, as its manufacturer does; one that has them keeps them.

        `maker`: the home whose manufacturer makes this module too. Only modules of one manufacturer believe each other.
        Raises `BadFile` where that home has none.
        """
        device = DeviceKeyFile(self._home.device(serial))
        if device.load() is not None:
            return
        now = self._clock.now()
        if maker is None:
            maker = self._home
            self._establish_manufacturer(now)
        key = maker.secret(_MANUFACTURER)
        if key is None:
            raise BadFile(path=str(maker.secrets / _MANUFACTURER), why="it is missing")
        pem = maker.public(MANUFACTURER_ROOT)
        self._home.publish(MANUFACTURER_ROOT, pem)
        root = x509.load_pem_x509_certificate(pem)
        manufacturer = Manufacturer(key, root.public_bytes(serialization.Encoding.DER), self._suite)
        device.install(manufacturer.make(serial, now))

    def _establish_manufacturer(self, now: datetime) -> None:
        if self._home.secret(_MANUFACTURER) is None:
            self._home.keep_secret(_MANUFACTURER, self._suite.generate_signing_key().der)
        if not (self._home.keys / MANUFACTURER_ROOT).exists():
            root = x509.load_der_x509_certificate(Manufacturer.establish(self._secret(_MANUFACTURER), now))
            self._home.publish(MANUFACTURER_ROOT, root.public_bytes(serialization.Encoding.PEM))

    def start_over(self, serial: Serial) -> None:
        """Forget what was of a module that was reset: its meters in stock, and the first audit key of its chain."""
        with StockBook(self._home.books("metergen") / _STOCK) as book:
            book.clear()  # no other module opens their packages
        remove_durably(self._home.audit_key(serial))  # it was that of the chain; the next has none yet

    def status(self, serial: Serial) -> ModuleStatus:
        """Ask the module how it is, and believe what its device key signed (C-38). Raises `StatusNotAuthentic`."""
        return status.ask(self.bring, self._suite, serial, self._root(), self._clock.now())

    def believed(self, reply: bytes, serial: Serial, challenge: str) -> ModuleStatus:
        """Give what a status proves that somebody asked for with a challenge. Raises `StatusNotAuthentic`."""
        return status.believed(reply, self._suite, serial, challenge, self._root(), self._clock.now())

    def _root(self) -> bytes:
        root = x509.load_pem_x509_certificate(self._home.public(MANUFACTURER_ROOT))
        return root.public_bytes(serialization.Encoding.DER)

    def ceremony_plan(self) -> CeremonyPlan:
        """Give the people of this home's unattended ceremony; drawn once, before it begins."""
        kept = self._home.secret(PLAN_FILE)
        if kept is None:
            plan = CeremonyPlan.generate()
            self._home.keep_secret(PLAN_FILE, plan.model_dump_json(indent=1).encode())
            return plan
        return CeremonyPlan.model_validate_json(kept)

    def keep_card_keys(self, card: CardKeys) -> None:
        """Publish what client software embeds."""
        self._home.publish(_CARD_KEYS, card.model_dump_json().encode())

    @property
    def customers(self) -> Iterator[str]:
        """Names of all customers whose keys the home holds, sorted."""
        return self._home.customer_names()

    def lease(self, customer: str, license_zip: str, dr_limit: Mills = LARGEST) -> LeasedMeter:
        """Take a new meter, register it for a customer and have the provider authorize the customer (P-02 … P-04).

        For a customer who has one it goes on where an interrupted lease stopped; who got a refund gets another meter.
        `dr_limit`: most that the customer's DR may hold, in mills; the module's own limit holds as well. Raises
        `BadValue` and whatever the module refuses.
        """
        demand_name("customer", customer)
        if not _ZIP_CODE.fullmatch(license_zip):
            raise NotAZipCode
        self._put_aside_what_was_withdrawn(customer)
        try:
            meter = self.meter(customer)
        except UnknownCustomer:
            with self._stock() as stock:
                device = stock.take(customer, self._execute)
                meter = self._enter(Customer.new(self._suite, self._card_keys(), customer, device))
                stock.entered(device, meter.device)
        meter.register()
        if meter.ask().state == PsdState.ASSIGNED:
            self.carry(self._provider().authorize_customer(meter.device, "lease", license_zip, dr_limit))
            meter.ask()
        return meter

    def _put_aside_what_was_withdrawn(self, customer: str) -> None:
        """Let a customer whose meter was paid back, as he saw, have another one (D-16: that one has no way back)."""
        state = kept(self._home, customer)
        if state is not None and state.withdrawn:
            with self._home.keeping_customers():
                if kept(self._home, customer) == state:  # nobody else has just done so
                    self._home.set_aside(customer, state.device)

    def meter(self, customer: str) -> LeasedMeter:
        """Give the meter of a customer. Raises `UnknownCustomer`."""
        state = kept(self._home, customer) if len(customer) <= LONGEST_NAME else None
        if state is None:
            raise _unknown(customer)
        return LeasedMeter(self, Customer(self._suite, self._card_keys(), state))

    def users(self, meter: LeasedMeter) -> MeterUsers:
        """Administer the users of a meter, as whoever has it: its customer, or a user who was granted that."""
        return MeterUsers(self, meter)

    def come_back(
        self,
        customer: str,
        device: str,
        passphrase: str | None,
        new_passphrase: str | None = None,
        *,
        user: str | None = None,
    ) -> LeasedMeter:
        """Let a customer, or a user, who has lost his key begin again with his passphrase (E-1101).

        A customer who has forgotten that too has the provider's word (M-17); whoever asks the provider for it has to
        know him. `device`: the meter's number. Whatever keys are here stay until the module has the new ones.
        """
        lost = Customer.lost(self._suite, self._card_keys(), customer, device, passphrase=passphrase, user=user)
        known = kept(self._home, customer, user)
        if known is not None and known.device != device and not known.withdrawn:
            why = f"the home has the keys of another meter of {customer}, {known.device}: they would be lost"
            raise BadValue(field="device", why=why)
        if known is not None and known.device == device:
            state = known.model_copy(update={"passphrase_hash": lost.state.passphrase_hash})
            lost = Customer(self._suite, self._card_keys(), state)
        meter = LeasedMeter(self, lost)
        meter.reset_password(new_passphrase, "provider" if passphrase is None else "passphrase")
        return meter

    def user_of(self, customer: str, user: str) -> LeasedMeter:
        """Give a customer's meter as one of its users has it. Raises `UnknownMeterUser`, `UnknownCustomer`."""
        state = kept(self._home, customer, user) if len(user) <= LONGEST_NAME else None
        device = self.meter(customer).device
        if state is None or state.device != device:
            raise UnknownMeterUser(psd_id=device, user=user)
        return LeasedMeter(self, Customer(self._suite, self._card_keys(), state))

    def enter_user(self, state: CustomerState, user: str, passphrase: str | None) -> LeasedMeter:
        """Keep a new user's keys, before anything is sent; one who was entered under that name stays."""
        demand_name("user", user)
        new = Customer.new(
            self._suite, self._card_keys(), state.customer, state.device, user=user, passphrase=passphrase
        )
        with self._home.keeping_customers():
            known = kept(self._home, state.customer, user)
            if known is None or known.device != state.device:
                self._write(new.state)
                return LeasedMeter(self, new)
        return self.user_of(state.customer, user)

    def forget_user(self, state: CustomerState, user: str) -> None:
        """Throw a user's keys away."""
        with self._home.keeping_customers():
            self._home.forget_user(state.customer, user)

    def vouch(self, request: ResetPassword) -> ResetPassword:
        """Have the provider sign a request for a reset in the customer's place."""
        return self._provider().vouch(request)

    def today(self) -> str:
        """Give the day, YYYY-MM-DD."""
        return self._clock.now().date().isoformat()

    def carry(self, request: Command) -> PsdReply:
        """Bring a request to the module and its reply back."""
        return parse_reply(self.bring(request))

    def bring(self, request: Command) -> bytes:
        """Bring a request to the module and give its reply as it came."""
        return self._execute(request)

    def buy(self, order: Order) -> None:
        """Pay for value and have the provider load it; see `Purchasing.buy`."""
        with self.purchasing() as provider:
            provider.buy(order)

    @contextmanager
    def purchasing(self) -> Iterator[Purchasing]:
        """Open the provider's counter: its key, its book, and the card service that it is paid through."""
        folder = self._home.books("provider")
        with order_book(self._home) as book, ExitStack() as emulated:
            payments = self.payments or emulated.enter_context(EmulatedCards(self._home.books("cards") / "cards.db"))
            yield Purchasing(self._provider(), book, payments, self._execute, self._clock, folder)

    def refund(self, psd_id: str, control_total: int, request_id: str) -> bytes:
        """Have the provider withdraw a meter and pay back what it holds (E9); give the reply as it came."""
        with self.purchasing() as provider:
            return provider.refund(psd_id, control_total, request_id)

    @property
    def meters_ready(self) -> int:
        """How many meters are in stock, ready for customers."""
        with self._stock() as stock:
            return stock.ready

    def stock(self, target: int, execute_all: ExecuteAll, progress: Progress) -> Stocked:
        """Have MeterGen make meters until `target` are ready (A-53), and finish those that were begun and left.

        Raises what the module refuses, as where its device numbers are used up; what was ready by then stays so.
        """
        with self._stock() as stock:
            return stock.fill(target, execute_all, self._left_over, self._public_key, progress)

    def restock(self, mark: int, target: int, execute_all: ExecuteAll, progress: Progress) -> Stocked | None:
        """Fill the stock up to `target` if fewer than `mark` meters are ready; None where enough are.

        Nothing does so by itself: whoever leases asks for it when there is time.
        """
        return self.stock(target, execute_all, progress) if self.meters_ready < mark else None

    @contextmanager
    def _stock(self) -> Iterator[Stock]:
        folder = self._home.books("metergen")
        with StockBook(folder / _STOCK) as book:
            yield Stock(self._metergen(), book, self._clock, folder / "making.lock")

    def _left_over(self) -> LeftOver:
        """Find this module's meters that were begun and are nobody's yet."""
        settings = Settings.read(self._home.folder)
        with Store.open(settings.store_url) as store:
            found = left_over(store.packages(), Serial(settings.serial))
        held = {state.device for name in self.customers if (state := kept(self._home, name)) is not None}
        return found._replace(unleased=[psd_id for psd_id in found.unleased if psd_id not in held])

    def _public_key(self, psd_id: str) -> bytes:
        """Ask the module for the key of a Raw meter, and believe it as it is signed with VDSK_ipost (B-53, E-406).

        Not the package in the store: who changes that would have a key of his own certified.
        """
        client = Customer.new(self._suite, self._card_keys(), "MeterGen", psd_id)
        return base64.b64decode(client.answered(self.bring(client.ask_public_key())).public_key or "")

    def redate(self, psd_id: str, item: str, day: date, request_id: str) -> Redating:
        """Note that an item of a meter is mailed on another day (E8, M-79). No module is asked, and none is told.

        Raises what `redating.redate` raises.
        """
        settings = Settings.read(self._home.folder)
        with Store.open(settings.store_url) as store:
            return redating.redate(store, psd_id, item, day, request_id, self._clock.now(), settings.redating_days)

    def demand_correctable(self, item: str) -> None:
        """Refuse an item that no correction is paid for: this ledger can tell that it is none (E7)."""
        with Store.open(Settings.read(self._home.folder).store_url, read_only=True) as store:
            correcting.demand_correctable(store, self._authority().certificate, item, self._clock.now())

    def keep(self, state: CustomerState) -> None:
        """Write what a customer keeps, unless another process of this home has been shown a newer state and kept it.

        Of two meters of a customer, one after the other, the file is that of the one that is in use.
        """
        with self._home.keeping_customers():
            with suppress(BadFile):  # what cannot be read is no newer state
                known = kept(self._home, state.customer, state.user)
                if known is not None and known.device != state.device and not known.withdrawn:
                    return
                if known is not None and known.device == state.device:
                    if known.version > state.version:
                        return
                    if state.pending is None and self._suite.equal(known.hmk, state.hmk) and known.pending is not None:
                        state = state.model_copy(update={"pending": known.pending})  # another process's reset goes on
            self._write(state)

    def _enter(self, client: Customer) -> LeasedMeter:
        """Keep a new customer's keys; whoever was entered under that name meanwhile stays, and the new meter unleased.

        A key that is overwritten takes the value with it that is loaded into its meter.
        """
        with self._home.keeping_customers():
            if self._home.customer(client.state.customer) is None:
                self._write(client.state)
                return LeasedMeter(self, client)
        return self.meter(client.state.customer)

    def _write(self, state: CustomerState) -> None:
        self._home.keep_customer(state.customer, state.model_dump_json().encode(), state.user)

    def _ca_key(self) -> AuthorityKey:
        return load_private_key(self._secret("ca.key"), "key of the authority")

    def _secret(self, name: str) -> bytes:
        content = self._home.secret(name)
        if content is None:
            raise BadFile(path=str(self._home.secrets / name), why="it is missing")
        return content

    def _signing_key(self, name: str) -> SigningKey:
        return self._suite.load_signing_key(self._secret(name))

    def _provider(self) -> Provider:
        return Provider(self._signing_key("provider.key"))

    def _authority(self) -> CertificateAuthority:
        certificate = x509.load_pem_x509_certificate(self._home.public("ca.pem"))
        vendor = self._signing_key("metergen.key").public()
        return CertificateAuthority(self._ca_key(), certificate, vendor)

    def _metergen(self) -> MeterGen:
        return MeterGen(self._signing_key("metergen.key"), self._authority(), self._suite)

    def _card_keys(self) -> CardKeys:
        return CardKeys.model_validate_json(self._home.public(_CARD_KEYS))


def kept(home: Home, customer: str, user: str | None = None) -> CustomerState | None:
    """Give what a customer of a home, or a user of his meter, keeps; None for one without keys. Raises `BadFile`."""
    content = home.customer(customer, user)
    try:
        return None if content is None else CustomerState.model_validate_json(content)
    except ValueError:
        raise BadFile(path=f"the file of customer {customer}", why="it is not one of a customer") from None


def order_book(home: Home) -> OrderBook:
    """Open the provider's book of a home, without asking its module. Raises `StoreNotUsable`, `StoreFailed`."""
    return OrderBook(home.books("provider") / "orders.db")


def device_of(home: Home, customer: str) -> DeviceId:
    """Name the meter of a customer of a home, without asking its module. Raises `UnknownCustomer`."""
    state = kept(home, customer) if len(customer) <= LONGEST_NAME else None
    if state is None:
        raise _unknown(customer)
    return DeviceId(state.device)


def _unknown(customer: str) -> UnknownCustomer:
    """Say who is not here; of what is no name its beginning is enough."""
    return UnknownCustomer(customer=customer if len(customer) <= LONGEST_NAME else f"{customer[:LONGEST_NAME]}…")
