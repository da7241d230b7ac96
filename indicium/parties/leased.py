"""A customer at the counter: what a customer does with a leased meter, in the customer's own words."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pydantic import ValidationError

from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import ResetPassword, ResetUserPassword
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import (
    BadValue,
    ChallengeMismatch,
    ClientHasSeenOther,
    ClientNotAuthentic,
    MeterWithdrawn,
    ModuleNotAuthentic,
    PassphraseWrong,
    PsdStateForbids,
    RequestIdReused,
    SecretsNotReadable,
)
from indicium.domain.kinds import Elements, Postage
from indicium.domain.lifecycle import PsdState
from indicium.domain.orders import Order
from indicium.domain.redating import Redating
from indicium.domain.replies import PsdReply
from indicium.domain.sheets import SignedSheet
from indicium.parties.customer import Customer, CustomerState, Proof


class Counter(Protocol):
    """Where customers go: it carries their requests, takes their money, and keeps their files."""

    def bring(self, request: Command) -> bytes:
        """Bring a request to the module and give its reply as it came."""

    def buy(self, order: Order) -> None:
        """Pay for value and have the provider load it; the same order id is paid and loaded once."""

    def refund(self, psd_id: str, control_total: int, request_id: str) -> bytes:
        """Have the provider withdraw a meter and pay back what it holds; give the reply as it came."""

    def redate(self, psd_id: str, item: str, day: date, request_id: str) -> Redating:
        """Note that an item of a meter is mailed on another day."""

    def demand_correctable(self, item: str) -> None:
        """Refuse an item that no correction is paid for."""

    def keep(self, state: CustomerState) -> None:
        """Write what a customer, or a user, keeps."""

    def user_of(self, customer: str, user: str) -> "LeasedMeter":
        """Give a customer's meter as one of its users has it. Raises `UnknownMeterUser`."""

    def enter_user(self, state: CustomerState, user: str, passphrase: str | None) -> "LeasedMeter":
        """Keep a new user's keys, before anything is sent; one who was entered under that name stays."""

    def forget_user(self, state: CustomerState, user: str) -> None:
        """Throw a user's keys away."""

    def vouch(self, request: ResetPassword) -> ResetPassword:
        """Have the provider sign a request for a reset in the customer's place."""

    def today(self) -> str:
        """Give the day, YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Item:
    """A value-bearing item, as its buyer gets it."""

    line: str
    """The item itself: data elements, TAB, signature. Whoever has it has the value."""
    reply: PsdReply
    """The meter after it."""

    @property
    def digest(self) -> str:
        """SHA-256 of the line, in hex: how the records name the item."""
        return hashlib.sha256(self.line.encode()).hexdigest()


class LeasedMeter:
    """One customer with one meter, or one of its users: refills and prints."""

    def __init__(self, counter: Counter, customer: Customer) -> None:
        """Take the customer's client software."""
        self._counter, self._client = counter, customer

    @property
    def device(self) -> str:
        """The meter's device ID."""
        return self._client.state.device

    @property
    def client(self) -> Customer:
        """The customer's client software, for callers who carry requests themselves."""
        return self._client

    def ask(self) -> PsdReply:
        """Exchange challenges with the module (FIG. 5): the registers as they are now."""
        return self._told(self._client.ask())

    def status(self) -> PsdReply:
        """Ask for all that the meter's package says, licence, limits and dates too: its member `package` (B-52)."""
        return self._told(self._client.ask_status())

    def public_key(self) -> bytes:
        """Ask for UDSKpsd, which verifies what the meter signs (B-53): SubjectPublicKeyInfo in DER."""
        return base64.b64decode(self._told(self._client.ask_public_key()).public_key or "")

    def certificate(self) -> bytes:
        """Ask for the certificate of that key: X.509 in DER."""
        return base64.b64decode(self._told(self._client.ask_public_key()).certificate or "")

    def register(self) -> None:
        """Send the customer's secrets, if the meter has none yet (P-03)."""
        if self.ask().state == PsdState.UNLEASED:
            try:
                self._configure()
            except SecretsNotReadable:  # the meter was translated meanwhile: its challenge is another one
                self.ask()
                self._configure()
            self.keep()

    def refill(self, dollars: str, order_id: str | None = None) -> PsdReply:
        """Pay for value, given in decimal dollars, and have it loaded into DR; the same order id counts once.

        Raises `PaymentDeclined` and what the module refuses, with the money back; `NotSaved` if the fate is unknown:
        repeat it with the same id then.
        """
        value = amounts.parse_within(dollars, Mills(1), LARGEST)
        self.ask()  # nobody pays a ledger that went back
        customer = self._client.state.customer
        self._counter.buy(Order.of(_named(order_id), self.device, customer, value))
        return self.ask()

    def print(self, dollars: str, elements: Elements, request_id: str | None = None) -> Item:
        """Make an item of a value in decimal dollars. The same request id gives the same item and costs once.

        Raises what the module refuses, `NotSaved` if the fate is unknown: repeat it with the same id then.
        """
        request_id = _named(request_id, "print-")
        value = amounts.parse_within(dollars, Mills(-LARGEST), LARGEST)  # the limits proper are the module's
        return self._issued(request_id, lambda: self._client.create_indicium(request_id, value, elements))

    def correct(self, dollars: str, elements: Postage, corrects: str, request_id: str | None = None) -> Item:
        """Make a correction indicium for a piece of mail that bears an item already, of what it is short of (E7).

        `elements`: the piece of mail as it is; `corrects`: the item that it bears, of which the ledger must not know
        that it is none. As `print` otherwise.
        """
        self._counter.demand_correctable(corrects)
        sha256 = hashlib.sha256(corrects.encode()).hexdigest()
        request_id = _named(request_id, "correct-")
        value = amounts.parse_within(dollars, Mills(-LARGEST), LARGEST)
        return self._issued(request_id, lambda: self._client.correct(request_id, value, elements, sha256))

    def redate(self, item: str, day: date, request_id: str | None = None) -> Redating:
        """Have the server note that an item of this meter is mailed on another day (E8, M-79).

        It is the server's own business: no register moves, nothing is signed. The item stays as it is.
        """
        return self._counter.redate(self.device, item, day, _named(request_id, "redate-"))

    def refund(self, request_id: str = "refund") -> Item:
        """Have the provider withdraw the meter and pay back all that it holds (E9): the refund indicium.

        A meter is refunded once in its life, so the request has one id: whoever never got the answer asks again, and
        gets the same.
        """
        control_total = self._client.state.ar + self._client.state.dr
        with suppress(MeterWithdrawn):  # by a refund whose answer was lost, or by another's, which the provider names
            shown = self.ask()
            control_total = shown.ar + shown.dr
        with _in_service():
            line = self._counter.refund(self.device, control_total, request_id)
        reply = self._client.refunded(request_id, line)
        self.keep()
        return Item(reply.item or "", reply)

    def print_sheet(self, items: Sequence[SheetItem], request_id: str | None = None) -> SignedSheet:
        """Make many items, 1 to 65,536, in one transaction and under one signature: all of them, or none.

        The same request id with the same items gives the same sheet and costs once. Raises what `print` does, and
        `SheetItemOutOfLimits` with the number of the first item that is.
        """
        request_id = _named(request_id, "sheet-")
        draft = self._client.draft_sheet(request_id, items)
        line = self._brought(lambda: self._client.create_sheet(request_id, draft))
        sheet = self._client.accept_sheet(request_id, line, draft)
        self.keep()
        return sheet

    def user(self, name: str) -> "LeasedMeter":
        """Give the meter as one of its users has it, under the user's own key (K-17). Raises `UnknownMeterUser`."""
        return self._counter.user_of(self._client.state.customer, name)

    def reset_password(self, passphrase: str | None = None, proof: Proof = "hmk") -> PsdReply:
        """Replace HMK and PW by new ones, PW made of `passphrase` if one is given (E-1101, M-17).

        The customer's takes two steps, between which the meter prints nothing; whoever is killed there calls it again.
        A user's is done at once. `proof`: the key, or, where that is lost, the passphrase before, or the provider's
        word. Raises `PassphraseUsedBefore`, `PassphraseWrong` and what the module refuses.
        """
        with self._told_of_a_wrong_passphrase(proof):
            return self._reset(passphrase, proof)

    def _reset(self, passphrase: str | None, proof: Proof) -> PsdReply:
        client, began = self._client, self._client.state.pending
        shown = self._heard(proof)
        if began is not None and client.state.pending is None:
            return shown  # it was done, and only its answer was lost
        client.renew(passphrase)
        self.keep()
        if client.state.user is None and shown.state != PsdState.PWRESET:
            request_id = f"reset-{secrets.token_hex(8)}"
            line = self._bring(self._vouched(client.ask_for_reset(request_id, proof)))
            _ = client.accept(request_id, line) if proof == "hmk" else client.heard(line)
        request_id = f"reset-{secrets.token_hex(8)}"
        line = self._bring(self._vouched(client.complete_reset(request_id, proof)))
        reply = client.was_reset(request_id, line)
        self.keep()
        return reply

    @contextmanager
    def _told_of_a_wrong_passphrase(self, proof: Proof) -> Iterator[None]:
        """Say of a proof that failed what it was, where somebody typed it. Raises `PassphraseWrong`."""
        try:
            yield
        except ClientNotAuthentic as refusal:
            if proof != "passphrase":
                raise
            state = self._client.state
            other = "the provider" if state.user is None else "the customer"
            raise PassphraseWrong(psd_id=refusal.psd_id, who=state.user or state.customer, other=other) from None

    def keep(self) -> None:
        """Write what the customer keeps."""
        self._counter.keep(self._client.state)

    def _told(self, question: Command) -> PsdReply:
        """Bring a question that holds a new challenge to the module, and believe the answer."""
        answer = self._client.answered(self._bring(question))
        self.keep()
        return answer

    def _heard(self, proof: Proof) -> PsdReply:
        """Exchange challenges; without a key, the module's can only be heard, and what it proves comes in the end."""
        try:
            return self.ask()
        except ModuleNotAuthentic:
            if proof == "hmk":
                raise
            return self._client.heard(self._bring(self._client.ask()))

    def _vouched(self, request: ResetPassword | ResetUserPassword) -> ResetPassword | ResetUserPassword:
        """Have the provider sign where it is to be the proof; it knows customers, not the users of their meters."""
        if isinstance(request, ResetPassword) and request.proof == "provider":
            return self._counter.vouch(request)
        return request

    def _configure(self) -> None:
        request = self._client.configure("configure")
        try:
            self._client.accept("configure", self._bring(request))
        except (ChallengeMismatch, PsdStateForbids, RequestIdReused):
            self.ask()  # the customer stands at two counters, and was registered at the other one

    def _issued(self, request_id: str, asked: Callable[[], ClientCommand]) -> Item:
        """Bring a request for an item to the module, and take the item."""
        reply = self._client.accept(request_id, self._brought(asked))
        self.keep()
        return Item(reply.item or "", reply)

    def _brought(self, asked: Callable[[], ClientCommand]) -> bytes:
        """Bring a client's request to the module, made anew where the client has missed something."""
        if self._client.must_ask:
            self.ask()
        self._client.demand_password(self._counter.today())
        try:
            return self._bring(_made(asked))
        except (ChallengeMismatch, ClientHasSeenOther):
            # The client was killed before it kept the last reply, or prints elsewhere too: it asks what it has missed.
            self.ask()
            return self._bring(_made(asked))

    def _bring(self, request: Command) -> bytes:
        with _in_service():
            return self._counter.bring(request)


def _named(given: str | None, prefix: str = "") -> str:
    """Name what was given no name; an empty one is somebody's mistake, and no wish to pay at every repeat."""
    return f"{prefix}{secrets.token_hex(8)}" if given is None else given


def _made(asked: Callable[[], ClientCommand]) -> ClientCommand:
    try:
        return asked()
    except ValidationError:
        raise BadValue(field="request_id", why="it has 1 to 64 letters, digits and . _ : @ / + = -") from None


@contextmanager
def _in_service() -> Iterator[None]:
    """Say of a withdrawn meter what it means to a customer (D-10, D-16). Raises `MeterWithdrawn`."""
    try:
        yield
    except PsdStateForbids as refusal:
        if refusal.state == PsdState.WITHDRAWN:
            raise MeterWithdrawn(psd_id=refusal.psd_id) from None
        raise
