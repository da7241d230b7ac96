"""A purchase (P-05): paid once and loaded once, or the money goes back once, whatever fails on the way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.amounts import Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import DownloadPostageValue
from indicium.domain.errors import (
    AnswerLost,
    BadValue,
    CommandNotAllowed,
    ControlTotalMismatch,
    DescendingRegisterLimit,
    OrderAlreadySigned,
    OrderCancelled,
    OrderMissing,
    OrderReused,
    OrderTooLate,
    PaymentDeclined,
    PaymentUnanswered,
    ProviderBookDiffers,
    PsdStateForbids,
    StoreNotUsable,
    UnknownMeter,
)
from indicium.domain.orders import Order, OrderState
from indicium.infrastructure.devices import SystemClock
from indicium.infrastructure.order_book import OrderBook
from indicium.parties.payments import EmulatedCards, Trouble
from indicium.parties.purchasing import Purchasing, differences
from tests.app.homes import LETTER, REFILL, paid_by

FIFTY = 50_000


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with Ledger.open(home) as opened:
        yield opened


@pytest.fixture
def cards(ledger: Ledger, home: Path) -> Iterator[EmulatedCards]:
    """The card service of Ada, Ben and Cy, who have paid for what their meters hold."""
    assert ledger.chain
    with EmulatedCards(home / "cards" / "cards.db") as cards:
        yield cards


def order_for(ledger: Ledger, customer: str, value: int = FIFTY, order_id: str = "order-1") -> Order:
    return Order.of(order_id, ledger.meter(customer).device, customer, value)


def dr_of(ledger: Ledger, customer: str) -> int:
    return ledger.meter(customer).ask().dr


def state_of(ledger: Ledger, order_id: str) -> OrderState:
    with ledger.office.purchasing() as provider:
        return {entry.order.order_id: entry.state for entry in provider.unfinished()}[order_id]


@contextmanager
def counter(ledger: Ledger, execute: Callable[[Command], bytes]) -> Iterator[Purchasing]:
    """A counter of the same provider whose way to the module is another one."""
    office = ledger.office
    folder = office._home.books("provider")
    with OrderBook(folder / "orders.db") as book, EmulatedCards(office._home.books("cards") / "cards.db") as cards:
        yield Purchasing(office._provider(), book, cards, execute, SystemClock(), folder)


def test_p_05_an_order_that_is_repeated_is_paid_and_loaded_once(ledger: Ledger, home: Path) -> None:
    for _ in range(3):
        assert ledger.meter("Ada").refill("50.00", "order-1").dr == REFILL + FIFTY
    assert paid_by(home, "Ada") == REFILL + FIFTY
    assert ledger.meter("Ada").refill("50.00", "order-2").dr == REFILL + 2 * FIFTY


@pytest.mark.parametrize("trouble", [Trouble.UNREACHABLE, Trouble.TAKES_AND_IS_SILENT])
def test_p_05_a_payment_without_an_answer_is_made_once_by_the_repeat(
    ledger: Ledger, cards: EmulatedCards, trouble: Trouble
) -> None:
    cards.prepare("order-1", trouble)
    with pytest.raises(PaymentUnanswered, match="repeat the same order"):
        ledger.meter("Ada").refill("50.00", "order-1")
    assert dr_of(ledger, "Ada") == REFILL
    assert state_of(ledger, "order-1") is OrderState.PLACED
    assert ledger.meter("Ada").refill("50.00", "order-1").dr == REFILL + FIFTY
    assert cards.paid_by("Ada") == REFILL + FIFTY


def test_p_05_a_payment_that_is_declined_loads_nothing_however_often_it_is_repeated(
    ledger: Ledger, cards: EmulatedCards
) -> None:
    cards.prepare("order-1", Trouble.DECLINES)
    for _ in range(2):
        with pytest.raises(PaymentDeclined, match="nothing was charged"):
            ledger.meter("Ada").refill("50.00", "order-1")
    assert (dr_of(ledger, "Ada"), cards.paid_by("Ada")) == (REFILL, REFILL)
    assert ledger.meter("Ada").refill("50.00", "order-2").dr == REFILL + FIFTY


@pytest.mark.parametrize("trouble", [Trouble.RETURN_UNREACHABLE, Trouble.RETURNS_AND_IS_SILENT])
def test_p_05_what_the_module_refuses_is_given_back_once_also_if_the_card_service_is_silent(
    ledger: Ledger, cards: EmulatedCards, trouble: Trouble
) -> None:
    """E-1006: DR would be 550.00, and its limit is 500.00."""
    cards.prepare("order-1", trouble)
    with pytest.raises(PaymentUnanswered):
        ledger.meter("Ada").refill("450.00", "order-1")
    assert state_of(ledger, "order-1") is OrderState.REFUSED
    for _ in range(2):
        with pytest.raises(DescendingRegisterLimit, match=r"would hold 550\.00, its limit is 500\.00"):
            ledger.meter("Ada").refill("450.00", "order-1")
    assert (dr_of(ledger, "Ada"), cards.paid_by("Ada")) == (REFILL, REFILL)


def test_p_05_an_order_that_was_refused_is_not_loaded_later_when_there_is_room(ledger: Ledger) -> None:
    with pytest.raises(DescendingRegisterLimit):
        ledger.meter("Ada").refill("450.00", "order-1")
    ledger.meter("Ada").print("60.00", LETTER)
    with pytest.raises(DescendingRegisterLimit):
        ledger.meter("Ada").refill("450.00", "order-1")
    assert ledger.meter("Ada").refill("450.00", "order-2").dr == 490_000


def test_p_05_a_meter_that_is_not_leased_or_not_there_takes_no_money(ledger: Ledger, cards: EmulatedCards) -> None:
    with ledger.office.purchasing() as provider:
        ledger.office.stock(1, ledger.execute_all, lambda _done, _all: None)
        unleased = Order.of("early", "1000000004", "Dan", FIFTY)
        unknown = Order.of("nowhere", "1999999999", "Dan", FIFTY)
        for order, refusal in ((unleased, PsdStateForbids), (unknown, UnknownMeter)):
            for _ in range(2):
                with pytest.raises(refusal):
                    provider.buy(order)
        assert provider.unfinished() == []
    assert cards.paid_by("Dan") == 0


def test_p_05_one_id_is_one_order(ledger: Ledger, cards: EmulatedCards) -> None:
    ledger.meter("Ada").refill("50.00", "order-1")
    with pytest.raises(OrderReused):
        ledger.meter("Ada").refill("50.01", "order-1")
    with pytest.raises(OrderReused):
        ledger.meter("Ben").refill("50.00", "order-1")
    assert (cards.paid_by("Ada"), cards.paid_by("Ben")) == (REFILL + FIFTY, REFILL)


@pytest.mark.parametrize("order_id", ["", " ", "a" * 59, "a b", "\u00e4", "a\n"])
def test_p_05_an_order_id_is_plain(ledger: Ledger, order_id: str) -> None:
    if order_id:  # an empty one is drawn
        with pytest.raises(BadValue, match="an order id has 1 to 58"):
            ledger.meter("Ada").refill("50.00", order_id)
    with pytest.raises(BadValue, match="an order id has 1 to 58"):
        Order.of(order_id, "1000000001", "Ada", 1)


def test_e_1000_the_provider_signs_once_for_an_order(ledger: Ledger, home: Path) -> None:
    """What was signed is sent again; a second signature for the same order is refused by the book itself."""
    sent: list[DownloadPostageValue] = []

    def loses_answers(request: Command) -> bytes:
        reply = ledger.execute(request)
        if isinstance(request, DownloadPostageValue):
            sent.append(request)
            raise AnswerLost(why="the line is cut")
        return reply

    order = order_for(ledger, "Ada")
    with counter(ledger, loses_answers) as provider:
        for _ in range(2):
            with pytest.raises(AnswerLost):
                provider.buy(order)
    assert sent[0] == sent[1]
    assert dr_of(ledger, "Ada") == REFILL + FIFTY
    with OrderBook(home / "provider" / "orders.db") as book, pytest.raises(OrderAlreadySigned):
        book.sign(book.order("order-1"), b"another message")
    assert ledger.meter("Ada").refill("50.00", "order-1").dr == REFILL + FIFTY


def test_p_05_an_order_that_is_left_is_finished_by_the_next_one_of_that_meter(
    ledger: Ledger, cards: EmulatedCards
) -> None:
    """Two messages with one control total would exclude each other (E-1005)."""

    def never_arrives(request: Command) -> bytes:
        if isinstance(request, DownloadPostageValue):
            raise AnswerLost(why="the line is cut")
        return ledger.execute(request)

    with counter(ledger, never_arrives) as provider, pytest.raises(AnswerLost):
        provider.buy(order_for(ledger, "Ada"))
    assert state_of(ledger, "order-1") is OrderState.SIGNED
    assert ledger.meter("Ada").refill("1.00", "order-2").dr == REFILL + FIFTY + 1000
    assert cards.paid_by("Ada") == REFILL + FIFTY + 1000


def test_p_05_a_load_that_the_module_has_no_reply_of_any_more_is_known_by_its_control_total(
    ledger: Ledger, cards: EmulatedCards
) -> None:
    """After a redo from the audit copy the replies are gone; the repeat is refused, though DR holds the value."""

    def forgets(request: Command) -> bytes:
        reply = ledger.execute(request)
        if isinstance(request, DownloadPostageValue):
            held = request.control_total + request.value
            raise ControlTotalMismatch(psd_id=request.psd_id, named=request.control_total, held=held)
        return reply

    with counter(ledger, forgets) as provider:
        assert provider.buy(order_for(ledger, "Ada")).state is OrderState.LOADED
    assert (dr_of(ledger, "Ada"), cards.paid_by("Ada")) == (REFILL + FIFTY, REFILL + FIFTY)


def test_p_05_a_module_that_does_nothing_just_now_keeps_nobodys_money_undecided_for_ever(
    ledger: Ledger, cards: EmulatedCards
) -> None:
    """It may have loaded the value before it stopped: nothing is given back, and the repeat goes on."""

    def administrative(request: Command) -> bytes:
        if isinstance(request, DownloadPostageValue):
            ledger.execute(request)
            raise CommandNotAllowed(command="DownloadPostageValue", state="administrative", role="default")
        return ledger.execute(request)

    with counter(ledger, administrative) as provider, pytest.raises(CommandNotAllowed):
        provider.buy(order_for(ledger, "Ada"))
    assert state_of(ledger, "order-1") is OrderState.SIGNED
    assert ledger.meter("Ada").refill("50.00", "order-1").dr == REFILL + FIFTY
    assert cards.paid_by("Ada") == REFILL + FIFTY


def test_p_05_orders_at_once_from_many_threads_are_each_paid_and_loaded_once(
    ledger: Ledger, cards: EmulatedCards
) -> None:
    """Each order is placed twice, by two threads, and four orders are for one meter."""
    orders = [order_for(ledger, customer, 1000 + n, f"{customer}-{n}") for customer in ("Ada", "Ben") for n in range(4)]

    def buys(order: Order) -> OrderState:
        with ledger.office.purchasing() as provider:
            return provider.buy(order).state

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(buys, orders * 2)) == {OrderState.LOADED}
    for customer in ("Ada", "Ben"):
        assert dr_of(ledger, customer) == cards.paid_by(customer) == REFILL + 4006


def test_p_05_an_order_can_be_called_off_until_it_is_signed(ledger: Ledger, cards: EmulatedCards) -> None:
    cards.prepare("order-1", Trouble.TAKES_AND_IS_SILENT)
    with pytest.raises(PaymentUnanswered):
        ledger.meter("Ada").refill("50.00", "order-1")
    assert cards.paid_by("Ada") == REFILL + FIFTY
    with ledger.office.purchasing() as provider:
        for _ in range(2):
            assert provider.cancel("order-1").state is OrderState.RETURNED
        with pytest.raises(OrderMissing):
            provider.cancel("order-0")
        with pytest.raises(OrderCancelled):
            provider.finish("order-1")
    with pytest.raises(OrderCancelled, match="place a new one"):
        ledger.meter("Ada").refill("50.00", "order-1")
    assert (dr_of(ledger, "Ada"), cards.paid_by("Ada")) == (REFILL, REFILL)


def test_p_05_an_order_that_is_loaded_cannot_be_called_off(ledger: Ledger, cards: EmulatedCards) -> None:
    ledger.meter("Ada").refill("50.00", "order-1")
    said = "Too late: order order-1 is loaded already"
    with ledger.office.purchasing() as provider, pytest.raises(OrderTooLate, match=said):
        provider.cancel("order-1")
    assert cards.paid_by("Ada") == REFILL + FIFTY


def test_p_05_money_that_comes_after_the_order_was_called_off_is_not_taken(
    ledger: Ledger, cards: EmulatedCards
) -> None:
    """The card service was never reached, and is told to take nothing any more."""
    cards.prepare("order-1", Trouble.UNREACHABLE)
    with pytest.raises(PaymentUnanswered):
        ledger.meter("Ada").refill("50.00", "order-1")
    with ledger.office.purchasing() as provider:
        provider.cancel("order-1")
    with pytest.raises(OrderCancelled):
        cards.charge("order-1", "Ada", Mills(FIFTY))
    assert cards.paid_by("Ada") == REFILL


def test_the_books_of_provider_and_module_agree_through_refills_items_and_a_refund(ledger: Ledger) -> None:
    """Module totals are the provider's refills less its refunds (G-308 … G-310)."""
    ledger.meter("Ada").refill("50.00")
    ledger.meter("Ada").print("20.00", LETTER)
    assert ledger.meter("Ben").refund().line == ledger.meter("Ben").refund().line
    with ledger.office.purchasing() as provider:
        accounts = provider.accounts()
        held = {meter.device: meter.ar + meter.dr for meter in ledger.meters()}
        assert list(differences(provider.accounts(), held)) == []
    (module,) = ledger.modules()
    assert module.totals.downloaded == sum(account.loaded for account in accounts) == 3 * REFILL + FIFTY
    assert module.totals.refunded == sum(account.refunded for account in accounts) == REFILL
    assert all(account.found == 0 for account in accounts)


def test_a_meter_that_was_withdrawn_takes_no_more_money(ledger: Ledger, cards: EmulatedCards) -> None:
    order = order_for(ledger, "Ben")
    ledger.meter("Ben").refund()
    with ledger.office.purchasing() as provider, pytest.raises(PsdStateForbids):
        provider.buy(order)
    assert cards.paid_by("Ben") == REFILL


def test_a_meter_that_somebody_else_loaded_is_found_out_before_anybody_pays(
    ledger: Ledger, cards: EmulatedCards
) -> None:
    ada = ledger.meter("Ada")
    ledger.execute(ledger.office._provider().download(ada.ask(), "stolen", Mills(FIFTY)))
    with pytest.raises(ProviderBookDiffers, match=r"control total 150\.00, the provider's book says 100\.00"):
        ada.refill("50.00")
    assert cards.paid_by("Ada") == REFILL
    with ledger.office.purchasing() as provider:
        held = {meter.device: meter.ar + meter.dr for meter in ledger.meters()}
        assert [(found.account.psd_id, found.held) for found in differences(provider.accounts(), held)] == [
            (ada.device, 150_000)
        ]


def test_the_parties_books_are_readable_by_their_owner_only(ledger: Ledger, home: Path) -> None:
    ledger.meter("Ada").refill("50.00")
    for folder in (home / "provider", home / "cards", home / "metergen"):
        assert folder.stat().st_mode & 0o077 == 0
        files = list(folder.iterdir())
        assert files
        assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_a_file_that_is_no_book_is_left_as_it_is(tmp_path: Path) -> None:
    with EmulatedCards(tmp_path / "cards.db"):
        pass
    for path, content in ((tmp_path / "cards.db", None), (tmp_path / "letter.txt", b"Dear Sir or Madam, " * 100)):
        if content is not None:
            path.write_bytes(content)
        before = path.read_bytes()
        with pytest.raises(StoreNotUsable):
            OrderBook(path)
        assert path.read_bytes() == before
