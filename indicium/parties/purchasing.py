"""Purchase (P-05): an order is paid, signed by the provider, loaded by the module; or the money goes back.

Wherever it is interrupted, the same order placed again goes on from there: it is paid once and loaded once. Nobody
needs to know what the last one still did: each step is durable in the book before the next, and can be repeated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import orjson

from indicium.cryptomodule.ports import Clock
from indicium.domain.amounts import Mills
from indicium.domain.commands.psd import DownloadPostageValue, RequestChallenge
from indicium.domain.errors import (
    CommandNotAllowed,
    IndiciumError,
    OrderCancelled,
    OrderReused,
    OrderTooLate,
    PaymentDeclined,
    ProviderBookDiffers,
    PsdStateForbids,
    Refusal,
    UnknownMeter,
    revive,
)
from indicium.domain.orders import Order, OrderState
from indicium.domain.replies import parse_reply
from indicium.domain.vbi import ItemBody
from indicium.infrastructure.files import locked
from indicium.infrastructure.order_book import Account, Entry, OrderBook
from indicium.parties.operator import Execute
from indicium.parties.payments import Payments
from indicium.parties.provider import Provider

_CHALLENGE = "0" * 32
"""The provider has no secret with a meter that a challenge could prove; it asks for the registers alone."""


class Difference(NamedTuple):
    """A meter whose control total is not what the provider's book says, in mills."""

    account: Account
    held: int
    """AR + DR of the meter."""


class Purchasing:
    """The provider's counter: its key, its book, its way to the card service and to the module."""

    def __init__(
        self, provider: Provider, book: OrderBook, payments: Payments, execute: Execute, clock: Clock, locks: Path
    ) -> None:
        """Take what the provider has; `locks` is the folder of the files that keep two processes off one meter."""
        self._provider, self._book, self._payments = provider, book, payments
        self._execute, self._clock, self._locks = execute, clock, locks

    def buy(self, order: Order) -> Entry:
        """Have an order paid and loaded, or go on with it where it stopped.

        Raises `PaymentDeclined`, or, once the money is back, what the module refused; the same again at every repeat.
        `NotSaved` and `Inhibited` leave it unfinished: place the same order again. Raises `OrderReused` for an id that
        stands for another order.
        """
        with self._turn(order.psd_id):
            entry = self._book.place(order, self._clock.now().isoformat())
            return _told(self._drive(entry))

    def finish(self, order_id: str) -> Entry:
        """Go on with an order that is in the book. Raises `OrderMissing` and what `buy` raises."""
        return self.buy(self._book.order(order_id).order)

    def cancel(self, order_id: str) -> Entry:
        """Call an order off for which nothing was signed yet, and give back what was paid; one that ended stays so.

        Raises `OrderMissing`, `OrderTooLate`, `PaymentUnanswered`.
        """
        with self._turn(self._book.order(order_id).order.psd_id):
            entry = self._book.order(order_id)
            if entry.state in (OrderState.PLACED, OrderState.PAID):
                entry = self._book.refused(entry, _facts(OrderCancelled(order=order_id)))
            if entry.state in (OrderState.SIGNED, OrderState.LOADED):
                raise OrderTooLate(order=order_id, psd_id=entry.order.psd_id, state=entry.state)
            return self._give_back(entry) if entry.state is OrderState.REFUSED else entry

    def refund(self, psd_id: str, control_total: int, request_id: str) -> bytes:
        """Withdraw a meter and pay back what it holds (E9): the module's reply as it came; the same at every repeat.

        What is signed for the meter is loaded first. `control_total` is what the customer was shown: it counts for a
        meter that is withdrawn already and in no book. Raises what the module refuses, and `ProviderBookDiffers`.
        """
        with self._turn(psd_id):
            self._finish_signed(psd_id)
            try:
                account = self._account(psd_id)
            except PsdStateForbids:  # it is withdrawn, perhaps by this request, which gets its reply again
                account = self._book.account(psd_id, control_total)
            line = self._execute(self._provider.withdraw(psd_id, account.control_total, request_id))
            # A crash in here: the meter is withdrawn, and the repeat writes it down.
            item = (parse_reply(line).item or "").partition("\t")[0]
            self._book.refunded(psd_id, ItemBody.model_validate_json(item).value)
            return line

    def accounts(self) -> Sequence[Account]:
        """Give what each meter was loaded with and refunded: their sums are the modules' totals."""
        return self._book.accounts()

    def unfinished(self) -> Sequence[Entry]:
        """Give all orders that have a step to go, the oldest first."""
        return self._book.unfinished()

    def _turn(self, psd_id: str) -> AbstractContextManager[None]:
        """Let one process, and one thread of it, deal with a meter at a time.

        Else one would give the money back while another sends the same message once more. A hundred files serve all.
        """
        return locked(self._locks / f"{psd_id[-2:]}.lock")

    def _drive(self, entry: Entry) -> Entry:
        """Take an order as far as it goes. A crash between two of these lines is mended by doing them again."""
        if entry.state is OrderState.PLACED:
            # A crash in here: the card service may have taken the money; asked again, it takes nothing more.
            entry = self._charge(entry)
        if entry.state is OrderState.PAID:
            # A crash in here: a signature that is in no book was never sent.
            entry = self._sign(entry)
        if entry.state is OrderState.SIGNED:
            # A crash in here: the module may have loaded it; the same message again gets the same reply.
            entry = self._load(entry)
        if entry.state is OrderState.REFUSED:
            # A crash in here: the money may be back already; asked again, the card service gives nothing more.
            entry = self._give_back(entry)
        return entry

    def _charge(self, entry: Entry) -> Entry:
        order = entry.order
        try:
            self._finish_signed(order.psd_id)
            self._account(order.psd_id)  # no money is taken for a meter that could not be loaded
        except (ProviderBookDiffers, PsdStateForbids, UnknownMeter) as refusal:
            return self._book.refused(entry, _facts(refusal))
        try:
            self._payments.charge(order.order_id, order.payer, Mills(order.value))
        except OrderCancelled as cancelled:
            return self._book.refused(entry, _facts(cancelled))
        except (OrderReused, PaymentDeclined):
            return self._book.declined(entry)  # what the card service holds under that id is not this order's money
        return self._book.paid(entry)

    def _sign(self, entry: Entry) -> Entry:
        order = entry.order
        try:
            self._finish_signed(order.psd_id)
            account = self._account(order.psd_id)
        except (ProviderBookDiffers, PsdStateForbids, UnknownMeter) as refusal:
            return self._book.refused(entry, _facts(refusal))
        message = self._provider.load(order.psd_id, account.control_total, order.request_id, Mills(order.value))
        return self._book.sign(entry, message.model_dump_json().encode())

    def _load(self, entry: Entry) -> Entry:
        message = DownloadPostageValue.model_validate_json(entry.message or b"")
        try:
            self._execute(message)
        except CommandNotAllowed:
            raise  # the module does nothing just now; it may have loaded the value before
        except Refusal as refusal:
            if not self._was_loaded(message):
                return self._book.refused(entry, _facts(refusal))
        return self._book.loaded(entry)

    def _was_loaded(self, message: DownloadPostageValue) -> bool:
        """Ask the meter whether a message that is refused now was loaded before: its control total tells (E-1005).

        That happens where the store was made again from the audit copy, which holds no replies. One message at a time
        is open for a meter, so no other can have moved the control total.
        """
        try:
            held = self._held(message.psd_id)
        except (PsdStateForbids, UnknownMeter):
            return False
        if held not in (message.control_total, message.control_total + message.value):
            raise ProviderBookDiffers(psd_id=message.psd_id, booked=message.control_total, held=held)
        return held != message.control_total

    def _give_back(self, entry: Entry) -> Entry:
        self._payments.give_back(entry.order.order_id)
        return self._book.returned(entry)

    def _finish_signed(self, psd_id: str) -> None:
        """Finish the order that is signed for a meter, whoever left it; its own payer hears of it when he asks."""
        if (signed := self._book.signed(psd_id)) is not None:
            self._drive(signed)

    def _account(self, psd_id: str) -> Account:
        """Give a meter's account, having seen that the meter agrees. Raises `ProviderBookDiffers`."""
        held = self._held(psd_id)
        account = self._book.account(psd_id, held)
        if account.control_total != held:
            raise ProviderBookDiffers(psd_id=psd_id, booked=account.control_total, held=held)
        return account

    def _held(self, psd_id: str) -> int:
        """Ask for a meter's control total: AR + DR."""
        meter = parse_reply(self._execute(RequestChallenge(psd_id=psd_id, client_challenge=_CHALLENGE)))
        return meter.ar + meter.dr


def differences(accounts: Iterable[Account], control_totals: Mapping[str, int]) -> Iterator[Difference]:
    """Compare the book with what meters hold (AR + DR by device ID); meters it never dealt with are passed over.

    An order that is signed may have been loaded already: `finish` all that is unfinished first.
    """
    for account in accounts:
        held = control_totals.get(account.psd_id, 0)
        if held != account.control_total:
            yield Difference(account, held)


def _told(entry: Entry) -> Entry:
    """Tell the payer how an order ended: raise what it was refused for."""
    if entry.state is OrderState.DECLINED:
        raise PaymentDeclined(order=entry.order.order_id)
    if entry.state is OrderState.RETURNED and entry.refusal is not None:
        kept = orjson.loads(entry.refusal)
        raise revive(kept["code"], kept["facts"])
    return entry


def _facts(refusal: IndiciumError) -> bytes:
    return orjson.dumps({"code": refusal.code, "facts": vars(refusal)})
