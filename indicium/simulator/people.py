"""Those who use the ledger: customers with the real client software, and a provider with its real key.

A request whose fate is unknown is repeated with the same id until there is an answer, as every client is told to.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Final, NamedTuple

from indicium.cryptomodule.suites import Suite
from indicium.domain.amounts import Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreateRefundIndicium
from indicium.domain.commands.customer_users import AddUser, DeleteUser, ModifyUserPrivileges
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.commands.psd import DownloadPostageValue, RequestChallenge
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import (
    AlreadyDone,
    ChallengeMismatch,
    ClientHasSeenOther,
    IndiciumError,
    InsufficientFunds,
    MaximumTotalExceeded,
    MeterUserExists,
    ModuleNotAuthentic,
    PrivilegeMissing,
    PsdStateForbids,
    RequestIdReused,
    UnknownMeterUser,
)
from indicium.domain.kinds import Postage, postage
from indicium.domain.lifecycle import PsdState
from indicium.domain.privileges import Privilege
from indicium.domain.replies import PsdReply, parse_reply
from indicium.parties.customer import CardKeys, Customer, CustomerState
from indicium.parties.provider import Provider
from indicium.simulator.checkers import Street
from indicium.simulator.drawn import Dice
from indicium.simulator.outsiders import DR_LIMIT, FIRST_MAXIMUM
from indicium.simulator.violation import broken

LETTER: Final[Postage] = postage("94107", "04973", "first-class letter", 1)
REFUND: Final = "refund"
"""Request id of a refund: a meter has one."""
_CHALLENGE: Final = "0" * 32
_LARGEST: Final = 2_000
_ADMINISTRATION: Final = 6
"""A customer whose meter has users does something about them once in so many times."""

Carry = Callable[[Command], bytes]

_SHOWN_NOTHING: Final = {"version": 0, "ar": 0, "dr": 0, "record": "", "module_challenge": ""}
"""What a client knows of a meter that it never saw."""

_REFUSED: Final = (InsufficientFunds, PrivilegeMissing, MaximumTotalExceeded)
"""Refusals that whoever prints must expect: then it is thought of something else."""


class Standing(Enum):
    """What whoever prints is to the meter, as far as is known outside."""

    IN = "its customer, or one of its users"
    LEAVING = "a user whose removal was asked for"
    OUT = "a user who was removed"
    ENTERING = "a user whom it was asked to enter again"


def _nothing() -> None:
    """Nothing follows."""


class Pending(NamedTuple):
    """A request that was sent, or is to be sent, and has no answer yet."""

    request_id: str
    value: int
    """What the item is to be worth, in mills; 0 if it is none."""
    make: Callable[[], ClientCommand]
    then: Callable[[], None] = _nothing
    """What is known once it is done."""
    told_by: tuple[type[IndiciumError], ...] = (AlreadyDone,)
    """Refusals that say that it was done, and that its answer is gone."""


class Client:
    """A customer who prints, or one of the users of his meter."""

    def __init__(self, suite: Suite, card: CardKeys, state: CustomerState, carry: Carry, street: Street) -> None:
        """Take up where the state ends."""
        self._suite, self._card, self._wire, self._street = suite, card, carry, street
        self.standing = Standing.IN
        self.users: list[Client] = []
        """The users of the customer's meter."""
        self.customer_of_meter = self
        self.busy = False
        """Whether an answer is on its way to it."""
        self.customer = Customer(suite, card, state)
        self.kept = self._older = state
        """What is written down: a client that is killed begins there."""
        self.pending: Pending | None = None
        self._last_item = ""
        self.lost = False
        """Whether HMK is lost, and PW not used yet."""
        self.leaves = self.withdrawn = False
        """Whether the meter's rest is to be paid back, and whether it was: until then anything may be refused."""
        self._number = 0

    @property
    def device(self) -> str:
        """The device ID of the customer's meter."""
        return self.kept.device

    @property
    def idle(self) -> bool:
        """Whether it waits for nothing, and could print."""
        free = self.pending is None and not self.busy and not self.lost
        return free and self.standing is Standing.IN and not self.customer_of_meter.leaves

    def ask(self) -> None:
        """Exchange challenges: the meter as it is now."""
        self.customer.answered(self._carry(self.customer.ask()))
        self._keep()

    def think_of(self, dice: Dice) -> Pending:
        """Decide what to ask for next, if nothing waits for its answer."""
        if self.pending is None:
            self._number += 1
            request_id, value = f"{self.kept.user or self.kept.customer}-{self._number}", 1 + dice.below(_LARGEST)
            if self.users and dice.one_in(_ADMINISTRATION):
                self.pending = self._administration(dice.one_of(self.users), request_id, dice)
                return self.pending
            kind = dice.weighted((("item", 16), ("sheet", 1), ("correction", 2), ("too much", 1)))
            self.pending = self._thought(kind, request_id, value)
        return self.pending

    def go(self, dice: Dice) -> None:
        """Have one thing printed, or hear at last whether it was. Raises what stands in the way."""
        try:
            match self.standing:
                case Standing.OUT:
                    self._try_all_the_same()
                case Standing.ENTERING:
                    pass  # nobody has told the user yet
                case _:
                    self._go(dice)
        except UnknownMeterUser:
            if self.standing is Standing.IN:
                raise
            self.pending = None
        except PsdStateForbids:
            if not self.customer_of_meter.leaves:
                raise
            self.pending = None

    def _go(self, dice: Dice) -> None:
        if self.lost:
            self.come_back()
        pending = self.think_of(dice)
        try:
            line = self._brought(pending)
        except IndiciumError as error:
            if not self.refused(pending, error):
                raise
        else:
            self.take(line)

    def refused(self, pending: Pending, error: IndiciumError) -> bool:
        """Give up what was refused for a reason that is to be expected; say whether it was."""
        done = isinstance(error, pending.told_by)
        if not done and not isinstance(error, _REFUSED):
            return False
        self.pending = None
        if done:
            pending.then()
        return True

    def take(self, line: bytes) -> None:
        """Take the answer to what is pending."""
        pending = self.pending
        if pending is None:
            return
        reply = self.customer.accept(pending.request_id, line)
        self._keep()
        if pending.value:
            self._last_item = reply.item or ""
            self._street.take_item(self.device, pending.request_id, self._last_item, pending.value)
        else:
            self._street.take_change(self.device, pending.request_id)
        self.pending = None
        pending.then()

    def administer(self, user: "Client") -> None:
        """Have a user of one's meter."""
        self.users.append(user)
        user.customer_of_meter = self

    def take_refund(self, line: bytes) -> None:
        """Take what the meter held, and with it the end of the meter."""
        reply = self.customer.refunded(REFUND, line)
        self._street.take_item(self.device, REFUND, reply.item or "")
        self.withdrawn = True

    def take_meter(self, customer: Customer) -> None:
        """Go on with another meter; its users are entered there one day."""
        self.be_again(customer.state)
        self.lost = self.leaves = self.withdrawn = False
        for user in self.users:
            user.be_again(user.kept.model_copy(update={**_SHOWN_NOTHING, "device": customer.state.device}))
            user.stand(Standing.OUT)
            user.lost = False

    def be_killed(self) -> None:
        """Lose what is not written down."""
        self.customer = Customer(self._suite, self._card, self.kept)

    def lose_last_note(self) -> None:
        """Lose what was written down last, too."""
        self.kept = self._older

    def forget_what_was_shown(self) -> None:
        """Be in league with whoever put an old package back: believe any state."""
        self.customer = Customer(self._suite, self._card, self.kept.model_copy(update=_SHOWN_NOTHING))
        self.pending = None

    def be_again(self, state: CustomerState) -> None:
        """Be as before: honest, and with nothing under way."""
        self.customer, self.pending = Customer(self._suite, self._card, state), None
        self.kept = self._older = state

    def lose_key(self) -> None:
        """Lose HMK; PW is kept elsewhere."""
        self.lost = True
        kept = self.kept
        lost = Customer.lost(self._suite, self._card, kept.customer, kept.device, passphrase=None, user=kept.user)
        self.customer = Customer(
            self._suite, self._card, lost.state.model_copy(update={"passphrase_hash": kept.passphrase_hash})
        )
        self._keep()

    def come_back(self) -> None:
        """Have lost secrets replaced by proof of PW (E-1101, M-17), or go on with it: `LeasedMeter.reset_password`."""
        customer, began = self.customer, self.customer.state.pending
        shown = self._heard()
        if began is not None and customer.state.pending is None:
            self._come_back()
            return  # it was done, and only its answer was lost
        customer.renew(None)
        self._keep()
        self._number += 1
        asked, done = f"reset-{self._number}-asked", f"reset-{self._number}-done"
        if customer.state.user is None and shown != PsdState.PWRESET:
            customer.heard(self._carry(customer.ask_for_reset(asked, "passphrase")))
        customer.was_reset(done, self._carry(customer.complete_reset(done, "passphrase")))
        self._come_back()

    def _come_back(self) -> None:
        self.lost = False
        self._keep()

    def _heard(self) -> str:
        """Exchange challenges; whoever lost the key can only hear what the module says."""
        try:
            return self.customer.answered(self._carry(self.customer.ask())).state
        except ModuleNotAuthentic:
            return self.customer.heard(self._carry(self.customer.ask())).state

    def _carry(self, request: Command) -> bytes:
        self.busy = True
        try:
            return self._wire(request)
        finally:
            self.busy = False

    def _brought(self, pending: Pending) -> bytes:
        if self.customer.must_ask:
            self.ask()
        try:
            return self._carry(pending.make())
        except (ChallengeMismatch, ClientHasSeenOther):
            self.ask()
            return self._carry(pending.make())

    def _thought(self, kind: str, request_id: str, value: int) -> Pending:
        if kind == "sheet":
            items = [SheetItem(value=value, elements=LETTER), SheetItem(value=1 + value // 2, elements=LETTER)]
            draft = self.customer.draft_sheet(request_id, items)
            return Pending(request_id, draft.value, lambda: self.customer.create_sheet(request_id, draft))
        if kind == "correction" and self._last_item:
            sha256 = hashlib.sha256(self._last_item.encode()).hexdigest()
            return Pending(request_id, value, lambda: self.customer.correct(request_id, value, LETTER, sha256))
        if kind == "too much":
            value = max(1, self.customer.state.dr + 1)
        value = min(value, 100_000)
        return Pending(request_id, value, lambda: self.customer.create_indicium(request_id, value, LETTER))

    def _administration(self, user: "Client", request_id: str, dice: Dice) -> Pending:
        """Think of something to be done about a user: remove him, enter him again, or change what he may do."""
        name = user.kept.user

        def command(kind: type[ClientCommand], **said: object) -> ClientCommand:
            """Ask as the customer that one is when it is sent: a client that was killed meanwhile is another."""
            return self.customer.command(kind, request_id, **said)

        if user.standing in (Standing.OUT, Standing.ENTERING):
            user.begin_anew()

            def enter() -> ClientCommand:
                secrets = user.customer.enrol(self.customer.state.module_challenge)
                return command(AddUser, name=name, secrets=secrets, maximum_total=FIRST_MAXIMUM)

            # His secrets are sealed anew for each challenge: a repeat of what was done is another request.
            told = (AlreadyDone, RequestIdReused, MeterUserExists)
            return Pending(request_id, 0, enter, partial(user.stand, Standing.IN), told)
        if user.standing is Standing.LEAVING or dice.one_in(3):
            user.stand(Standing.LEAVING)
            leave = partial(command, DeleteUser, name=name)
            gone = partial(user.stand, Standing.OUT)
            return Pending(request_id, 0, leave, gone, (AlreadyDone, UnknownMeterUser))
        changes: tuple[dict[str, object], ...] = (
            {"grant": (Privilege.CREATE_INDICIA,), "maximum_unlimited": True},
            {"revoke": (Privilege.CREATE_INDICIA,)},
            {"grant": (Privilege.CREATE_INDICIA,), "maximum_total": dice.below(FIRST_MAXIMUM), "unlock": True},
        )
        change = dice.one_of(changes)
        return Pending(request_id, 0, partial(command, ModifyUserPrivileges, name=name, **change))

    def stand(self, standing: Standing) -> None:
        """Be told of one's standing."""
        self.standing = standing
        if standing is Standing.OUT:
            self.pending = None

    def begin_anew(self) -> None:
        """Draw the secrets of a user who is entered again."""
        state = self.kept
        self.customer = Customer.new(self._suite, self._card, state.customer, state.device, user=state.user)
        self.be_again(self.customer.state)
        self.standing, self.lost = Standing.ENTERING, False

    def _try_all_the_same(self) -> None:
        """Ask for an item as if nobody had removed one, with all that the customer was shown last."""
        shown = self.customer_of_meter.customer.state
        if not (shown.module_challenge and shown.record):
            return
        seen = shown.model_copy(update={name: getattr(self.kept, name) for name in ("user", "hmk", "passphrase_hash")})
        self._number += 1
        request = Customer(self._suite, self._card, seen).create_indicium(f"out-{self._number}", 1, LETTER)
        try:
            self._carry(request)
        except (ChallengeMismatch, UnknownMeterUser):
            return
        broken(f"{seen.user} printed from meter {seen.device} after he was removed")

    def _keep(self) -> None:
        self._older, self.kept = self.kept, self.customer.state


class Bank:
    """The provider with its books: what it signed is written down first, and sent until it is answered."""

    def __init__(self, provider: Provider, carry: Carry, inquire: Carry, street: Street) -> None:
        """Begin with an empty book. Messages go over the wire; `inquire` is a line that nobody else is on."""
        self._provider, self._carry, self._inquire, self._street = provider, carry, inquire, street
        self.signed: dict[str, DownloadPostageValue] = {}
        """One message for each meter whose answer has not come."""
        self.refunds: dict[str, CreateRefundIndicium] = {}
        """One for each meter that is to be withdrawn, or was."""
        self._number = 0

    def load(self, device: str, dice: Dice) -> None:
        """Load value into a meter, or go on with what was begun."""
        if device in self.refunds:
            return
        if device not in self.signed:
            meter = self._held(device)
            if meter.dr > DR_LIMIT // 2:
                return
            self._number += 1
            value = Mills(10_000 + dice.below(100_000))
            self.signed[device] = self._provider.download(meter, f"load-{self._number}", value)
        self.send(device)

    def send(self, device: str) -> None:
        """Send what is signed for a meter."""
        message = self.signed[device]
        with suppress(AlreadyDone):  # the store was made again from the copy, which holds no replies
            self._carry(message)
        self._street.take_load(device, message.request_id, message.value)
        del self.signed[device]

    def refund(self, client: Client) -> None:
        """Withdraw a customer's meter and pay back what it holds (E9), or go on with what was begun."""
        device = client.device
        if device in self.signed or client.lost or client.withdrawn:
            return
        if device not in self.refunds:
            self.refunds[device] = self._provider.refund(self._held(device), REFUND)
            client.leaves = True
        try:
            line = self._carry(self.refunds[device])
        except AlreadyDone:
            client.withdrawn = True
        else:
            client.take_refund(line)

    def _held(self, device: str) -> PsdReply:
        return parse_reply(self._inquire(RequestChallenge(psd_id=device, client_challenge=_CHALLENGE)))
