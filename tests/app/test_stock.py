"""MeterGen's stock (A-53): enough meters ready, made together, taken up after a kill, each given out once."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import DeviceNumbersExhausted
from indicium.infrastructure.stock_book import StockBook
from indicium.parties import stock
from indicium.parties.customer import Customer
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import LETTER, assert_whole
from tests.app.seams import killed


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with Ledger.open(home) as opened:
        yield opened


def silent(_done: int, _all: int) -> None:
    """Whoever waits is not told."""


def fill(ledger: Ledger, target: int) -> stock.Stocked:
    return ledger.office.stock(target, ledger.execute_all, silent)


def states(ledger: Ledger) -> dict[str, str]:
    return {meter.device: meter.state for meter in ledger.meters()}


def test_a_53_the_stock_is_filled_up_to_what_is_asked_for(ledger: Ledger) -> None:
    heard: list[tuple[int, int]] = []
    made = ledger.office.stock(7, ledger.execute_all, lambda done, all_: heard.append((done, all_)))
    assert (made.made, made.taken_up, ledger.office.meters_ready) == (7, 0, 7)
    assert made.meters_a_second == pytest.approx(7 / made.seconds)
    assert heard == [(0, 7), (7, 7)]
    assert fill(ledger, 7)[:2] == (0, 0)
    assert fill(ledger, 5)[:2] == (0, 0)
    assert fill(ledger, 9)[:2] == (2, 0)
    assert list(states(ledger).values()) == ["leased"] * 3 + ["unleased"] * 9


def test_a_53_many_are_made_in_groups(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "GROUP", 4)
    heard: list[int] = []
    ledger.office.stock(10, ledger.execute_all, lambda done, _all: heard.append(done))
    assert heard == [0, 4, 8, 10]


def test_a_53_a_lease_takes_from_the_stock_and_makes_a_meter_only_when_there_is_none(ledger: Ledger) -> None:
    fill(ledger, 2)
    assert [ledger.lease(name, "40505").device for name in ("Dan", "Eve", "Fay")] == [
        "1000000004",
        "1000000005",
        "1000000006",
    ]
    assert ledger.office.meters_ready == 0
    dan = ledger.lease("Dan", "40505")
    dan.refill("1.00")
    assert dan.print("0.33", LETTER).reply.dr == 670


def test_a_53_below_the_mark_the_stock_is_filled_when_that_is_asked_for(ledger: Ledger) -> None:
    office = ledger.office
    fill(ledger, 3)
    assert office.restock(3, 5, ledger.execute_all, silent) is None
    ledger.lease("Dan", "40505")
    assert office.meters_ready == 2
    filled = office.restock(3, 5, ledger.execute_all, silent)
    assert filled is not None
    assert (filled.made, office.meters_ready) == (3, 5)


STOCK_OF_FOUR = 4


def fill_stock(folder: Path) -> None:
    with Ledger.open(folder) as ledger:
        fill(ledger, STOCK_OF_FOUR)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize(
    "seam", [seams.BEFORE_MEMORY, seams.AFTER_MEMORY, seams.AFTER_STORE, seams.IN_COPY, seams.AFTER_RELEASE]
)
def test_a_53_a_stock_whose_filling_was_killed_is_completed_and_no_meter_is_left_lying(
    seam: seams.Seam, nth: int, home: Path
) -> None:
    """The first group of records are meters that are Raw, the second those that are authorized."""
    assert killed(fill_stock, home, seam, nth)
    with Ledger.open(home) as ledger:
        left = [state for state in states(ledger).values() if state != "leased"]
        filled = fill(ledger, STOCK_OF_FOUR)
        assert filled.taken_up == len(left)
        assert filled.made == STOCK_OF_FOUR - len(left)
        assert list(states(ledger).values()) == ["leased"] * 3 + ["unleased"] * STOCK_OF_FOUR
        assert fill(ledger, STOCK_OF_FOUR)[:2] == (0, 0)
        for customer in ("Dan", "Eve", "Fay", "Gus"):
            ledger.lease(customer, "40505").refill("1.00")
            assert ledger.meter(customer).print("0.40", LETTER).reply.dr == 600
    assert_whole(home)


def test_a_53_meters_that_are_raw_are_certified_for_the_key_that_the_module_signs(ledger: Ledger) -> None:
    """Not for the one that a package in the store shows: that is readable, and can be changed."""
    ledger.execute_all([InitializePsd()] * 2)
    assert fill(ledger, 2)[:2] == (0, 2)
    ledger.lease("Dan", "40505").refill("1.00")
    assert ledger.meter("Dan").print("0.33", LETTER).reply.ar == 330


def test_a_53_a_meter_that_a_customer_of_this_home_holds_is_nobody_elses(ledger: Ledger, home: Path) -> None:
    """Its lease was interrupted before the customer was registered: Unleased, as one in stock is."""
    fill(ledger, 1)
    office = ledger.office
    with StockBook(home / "metergen" / "stock.db") as book:
        device = book.take("Dan")
    assert device == "1000000004"
    office.keep(Customer.new(office.suite, office._card_keys(), "Dan", device).state)
    (home / "metergen" / "stock.db").unlink()
    assert fill(ledger, 1)[:2] == (1, 0)
    assert ledger.lease("Eve", "40505").device == "1000000005"
    assert ledger.lease("Dan", "40505").device == device


def test_c_15_a_module_that_is_reset_leaves_no_meters_in_stock(ledger: Ledger, home: Path) -> None:
    """Nobody opens their packages any more; the next module makes its own."""
    fill(ledger, 2)
    ledger.reset()
    assert ledger.office.meters_ready == 0
    ledger.close()
    with Ledger.create(home) as again:
        assert fill(again, 1)[:2] == (1, 0)
        again.lease("Dan", "40505").refill("1.00")
        assert again.meter("Dan").print("0.40", LETTER).reply.dr == 600


def test_m_60_where_the_device_numbers_are_used_up_what_was_made_is_ready(tmp_path: Path) -> None:
    settings = Settings.of(tmp_path / "home", first_device=1, last_device=3)
    with Ledger.create(settings) as ledger:
        with pytest.raises(DeviceNumbersExhausted):
            fill(ledger, 5)
        assert set(states(ledger).values()) <= {"raw", "unleased"}
        assert fill(ledger, 3)[:2] == (0, 3)
        assert ledger.lease("Dan", "40505").device == "0000000001"


def test_a_meter_is_given_to_one_customer_and_to_that_customer_again_until_entered(tmp_path: Path) -> None:
    with StockBook(tmp_path / "stock.db") as book:
        book.add(["1", "2", "1"])
        assert book.ready() == 2
        assert [book.take("Ada"), book.take("Ada"), book.take("Ben"), book.take("Cy")] == ["1", "1", "2", None]
        book.add(["1"])
        assert book.ready() == 0
        book.entered("1")
        book.put_back("1")  # it is entered: it stays
        book.put_back("2")
        assert [book.take("Ada"), book.take("Ben")] == ["2", None]
        assert book.known(["1", "2", "3"]) == {"1", "2"}


def takes(folder: Path, name: str, count: int) -> list[str | None]:
    with StockBook(folder / "stock.db") as book:
        return [book.take(f"{name}-{n}") for n in range(count)]


def test_two_processes_never_give_out_one_meter(tmp_path: Path) -> None:
    with StockBook(tmp_path / "stock.db") as book:
        book.add(f"{number:010}" for number in range(100))
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        taken = pool.starmap(takes, [(tmp_path, "left", 60), (tmp_path, "right", 60)])
    given = [psd_id for process in taken for psd_id in process if psd_id is not None]
    assert len(given) == len(set(given)) == 100


def test_threads_that_lease_at_once_get_a_meter_each(ledger: Ledger) -> None:
    fill(ledger, 3)
    with ThreadPoolExecutor(4) as pool:
        leased = list(pool.map(lambda name: ledger.lease(name, "40505").device, ["Dan", "Eve", "Fay", "Gus", "Dan"]))
    assert len(set(leased)) == 4
    assert leased[0] == leased[4]
