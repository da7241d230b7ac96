"""Sheets through a whole ledger: the largest, what travels beside, and what a customer meets (G13)."""

from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import BadValue, InsufficientFunds, RequestIdReused, SheetItemOutOfLimits
from indicium.domain.kinds import LARGEST_SHEET, Voucher
from indicium.domain.sheets import ItemOfSheet, priced
from tests.app.homes import LETTER, REFILL, assert_whole, data_of, rows_of

COFFEE = Voucher(purpose="a coffee")


def test_a_sheet_of_65536_items_is_one_record_of_the_usual_size(home: Path) -> None:
    """Every item is worth the least there is, and each checks alone."""
    items = [SheetItem(value=1, elements=COFFEE)] * LARGEST_SHEET
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        sheet = meter.print_sheet(items, "all")
        assert meter.print_sheet(items, "all").line == sheet.line
        assert meter.ask().dr == REFILL - LARGEST_SHEET

    (record,) = (row for row in rows_of(home) if row.event == "sheet-created")
    assert data_of(record)["vbi"]["elements"]["items"] == LARGEST_SHEET
    assert len(record.line) < 2500
    assert len({item.leaf for item in sheet}) == LARGEST_SHEET
    for place in (0, 1, 1023, 1024, 32_767, 32_768, LARGEST_SHEET - 1):
        read = ItemOfSheet.read(sheet[place].line)
        assert len(read.path) == 16 * 32
        assert read.check()[0].value == 1
    assert_whole(home, {"Ada": LARGEST_SHEET})


def test_one_item_more_is_refused_before_anything_is_asked(home: Path) -> None:
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        for items in ([], [SheetItem(value=1, elements=COFFEE)] * (LARGEST_SHEET + 1)):
            with pytest.raises(BadValue, match="1 to 65,536"):
                meter.print_sheet(items, "a")
        assert meter.ask().ar == 0


def test_a_sheet_that_is_refused_leaves_nothing_and_its_id_is_free(home: Path) -> None:
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        with pytest.raises(SheetItemOutOfLimits, match=r"Item 2 of the sheet is worth 100\.001; the least is"):
            meter.print_sheet([priced("1.00", COFFEE), priced("100.001", COFFEE)], "a")
        with pytest.raises(InsufficientFunds):
            meter.print_sheet([priced("60.00", COFFEE), priced("60.00", COFFEE)], "a")
        assert len(meter.print_sheet([priced("60.00", COFFEE), priced("40.00", LETTER)], "a")) == 2
        with pytest.raises(RequestIdReused):
            meter.print_sheet([priced("60.00", COFFEE)], "a")
        with pytest.raises(BadValue, match="request_id"):
            meter.print_sheet([priced("60.00", COFFEE)], "no id")
    assert_whole(home, {"Ada": REFILL})


def test_a_customer_who_missed_a_reply_asks_and_gets_the_sheet(home: Path) -> None:
    """Two counters with copies of one customer's keys: whoever comes later has seen less, and asks."""
    with Ledger.open(home) as ledger:
        one, other = ledger.meter("Ada"), ledger.meter("Ada")
        one.print_sheet([priced("1.00", COFFEE)], "a")
        assert len(other.print_sheet([priced("1.00", COFFEE)] * 2, "b")) == 2
        assert one.ask().ar == 3000


def test_sheets_and_items_of_one_meter_follow_each_other(home: Path) -> None:
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        meter.print("0.33", LETTER, "item-1")
        meter.print_sheet([priced("0.10", COFFEE), priced("0.20", COFFEE)], "sheet-1")
        meter.print("0.33", LETTER, "item-2")
    assert_whole(home, {"Ada": 960})
