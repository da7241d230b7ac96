"""`indicium meter print-sheet`: a list of items, one transaction, one signature (G13)."""

import base64
import csv
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indicium.domain import compact_sheets
from indicium.domain.kinds import LARGEST_SHEET
from indicium.domain.sheets import ItemOfSheet
from tests.app.homes import assert_whole
from tests.entrypoints.command import Terminal

HEADER = "value_usd,kind,purpose,issuer,product,offer,valid_until,note"
ROWS = (
    "0.33,voucher,a coffee,,,,,for Monday",
    "1.00,coupon,,Acme,Soap,1.00 off,2099-12-31,",
    "0.334,voucher,a tea,,,,,",
)
LETTERS = "value_usd,origin_zip,destination_zip,mail_class,weight_ounces\n0.33,40505,95567,first-class letter,1\n"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of three items of two kinds."""
    path = tmp_path / "list.csv"
    path.write_text("\n".join((HEADER, *ROWS, "")))
    return path


def test_a_list_becomes_a_sheet_in_one_transaction_and_each_item_belongs_to_it(
    terminal: Terminal, home: Path, listed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "items"
    printed = terminal.json("meter", "print-sheet", "Ada", listed, "--out", out, "--request", "s1", "--home", home)
    assert (printed["items"], printed["value"], printed["ar"], printed["dr"]) == (3, 1_664, 1_664, 98_336)
    leaves = [ItemOfSheet.read(line).check()[0] for line in out.read_bytes().splitlines()]
    assert [leaf.value for leaf in leaves] == [330, 1_000, 334]
    assert [leaf.elements.model_dump(mode="json")["kind"] for leaf in leaves] == ["voucher", "coupon", "voucher"]
    last = terminal.json("meter", "history", "Ada", "--home", home)["history"][-1]
    assert (last["event"], last["value"], last["items"], last["request"]) == ("sheet-created", 1_664, 3, "s1")
    assert_whole(home)


def test_the_same_request_gives_the_same_sheet_and_costs_once(
    terminal: Terminal, home: Path, listed: Path, tmp_path: Path
) -> None:
    asked = ("meter", "print-sheet", "Ada", listed, "--request", "s1", "--home", home)
    first = terminal.json(*asked, "--out", tmp_path / "first")
    again = terminal.json(*asked, "--out", tmp_path / "again")
    assert again == first | {"file": str(tmp_path / "again")}
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    listed.write_text("\n".join((HEADER, *ROWS[:2], "")))
    assert terminal.json(*asked, "--out", tmp_path / "other", status=1)["error"] == "request-id-reused"
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("certificate", [(), ("--certificate",)], ids=["bare", "with certificate"])
def test_the_compact_forms_are_the_same_items_in_bytes(
    terminal: Terminal, home: Path, listed: Path, tmp_path: Path, certificate: tuple[str, ...]
) -> None:
    asked = ("meter", "print-sheet", "Ada", listed, "--request", "s1", "--home", home)
    assert terminal.run(*asked, "--out", tmp_path / "line")[0] == 0
    for form in ("hex", "base64", "csv"):
        assert terminal.run(*asked, "--form", form, *certificate, "--out", tmp_path / form)[0] == 0
    lines = (tmp_path / "line").read_bytes().splitlines()
    in_bytes = [bytes.fromhex(line) for line in (tmp_path / "hex").read_text().splitlines()]
    read = [compact_sheets.decode(content) for content in in_bytes]
    assert [item.line for item, _ in read] == lines
    assert {bool(held) for _, held in read} == {bool(certificate)}
    assert [base64.b64decode(line) for line in (tmp_path / "base64").read_text().splitlines()] == in_bytes
    with (tmp_path / "csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["value_usd"], row["kind"]) for row in rows] == [
        ("1", "0.33", "voucher"),
        ("2", "1.00", "coupon"),
        ("3", "0.334", "voucher"),
    ]
    assert [base64.b64decode(row["item"]) for row in rows] == in_bytes
    assert [row["key"] for row in rows] == [ItemOfSheet.read(line).key for line in lines]


def test_a_list_of_letters_needs_no_kind(terminal: Terminal, home: Path, tmp_path: Path) -> None:
    (tmp_path / "letters.csv").write_text(LETTERS)
    asked = ("meter", "print-sheet", "Ada", tmp_path / "letters.csv", "--out", tmp_path / "items", "--home", home)
    said = terminal.run(*asked)[1]
    assert "of Ada: 1 item, 0.33 in all" in said
    leaf, _ = ItemOfSheet.read((tmp_path / "items").read_bytes().rstrip()).check()
    assert leaf.elements.kind == "postage"


def test_every_bad_row_is_named_with_its_column_before_anything_is_asked(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    bad = (
        "0.33,voucher,fine,,,,,",
        "0.3x,voucher,,,,,,",
        "1.00,token,,,,,,",
        "200.00,coupon,,Acme,Soap,a lot off,2099-12-31,",
        "1.00,coupon,,Acme,Soap,1.00 off,31.12.2099,",
        "1.00,voucher,tea,Acme,,,,",
        "1.00,,,,,,,",
    )
    path.write_text("\n".join((HEADER, *bad, "")))
    said = terminal.refused("meter", "print-sheet", "Ada", path, "--out", tmp_path / "items", "--home", home, status=3)
    faults = said.partition("nothing was asked for: ")[2].rstrip(".").split("; ")
    assert faults == [
        "row 2, purpose: it is empty",
        "row 2, value_usd: Not an amount: write digits and, if need be, a point, as in 0.33",
        "row 3, kind: Unknown kind of item: it is one of postage, voucher, coupon, ticket, gift-certificate",
        "row 4, value_usd: A coupon is worth from 0.01 to 100.00: choose another value",
        "row 5, valid_until: a day, as in 2026-11-30",
        "row 6, issuer: the kind voucher has no such data element, only purpose",
        "row 7, origin_zip: it is missing",
    ]
    assert terminal.json("meter", "status", "Ada", "--home", home)["ar"] == 0


def test_of_very_many_bad_rows_a_hundred_are_named_and_the_rest_counted(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("value_usd,kind,purpose\n" + "0.33,voucher,\n" * 103)
    said = terminal.refused("meter", "print-sheet", "Ada", path, "--out", tmp_path / "items", "--home", home, status=3)
    assert said.endswith("row 100, purpose: it is empty; and 3 more.")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"value_usd,kind,purpose\n", "it has no row below its header"),
        (b"", "it is empty: its first row names the columns"),
        (b"kind,purpose\nvoucher,tea\n", "it has no column value_usd"),
        (b"value_usd,kind,purpose,purpose\n1,voucher,tea,tea\n", "it has column purpose twice"),
        (b"value_usd,kind,purpose\n1,voucher,\xff\n", "it is no CSV in UTF-8"),
        (b"value_usd,kind,purpose\n" + b"1,voucher,tea\n" * (LARGEST_SHEET + 1), "a sheet has at most 65,536 items"),
    ],
    ids=["no rows", "empty", "no value", "twice", "no text", "too many"],
)
def test_what_is_no_list_of_a_sheet_is_refused(
    terminal: Terminal, home: Path, tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    words = ("print-sheet", "Ada", tmp_path / "list.csv", "--out", tmp_path / "items")
    assert why in terminal.refused("meter", *words, "--home", home, status=3)


def test_a_place_where_nothing_can_be_written_is_refused_before_anything_is_spent(
    terminal: Terminal, home: Path, listed: Path, tmp_path: Path
) -> None:
    for out in (tmp_path, tmp_path / "nowhere" / "items", listed):
        terminal.refused("meter", "print-sheet", "Ada", listed, "--out", out, "--home", home, status=3)
    asked = ("meter", "print-sheet", "Ada", listed, "--out", tmp_path / "items", "--certificate", "--home", home)
    assert "--form" in terminal.refused(*asked, status=3)
    assert terminal.json("meter", "status", "Ada", "--home", home)["ar"] == 0


def test_a_sheet_that_costs_more_than_there_is_is_not_made_at_all(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text("value_usd,kind,purpose\n" + "60.00,voucher,a feast\n" * 2)
    words = ("print-sheet", "Ada", tmp_path / "list.csv", "--out", tmp_path / "items")
    assert terminal.json("meter", *words, "--home", home, status=1)["error"] == "insufficient-funds"
    assert not (tmp_path / "items").exists()


def test_where_the_fate_of_a_sheet_is_unknown_the_request_to_repeat_is_named(
    terminal: Terminal, home: Path, listed: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as store, store:
        store.execute("CREATE TRIGGER full BEFORE INSERT ON replies BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    status, _, err = terminal.run("meter", "print-sheet", "Ada", listed, "--out", tmp_path / "items", "--home", home)
    assert status == 2
    (request,) = re.findall(r"--request (sheet-[0-9a-f]{16})\.\n", err)
    with closing(sqlite3.connect(home / "ledger.db")) as store, store:
        store.execute("DROP TRIGGER full")
    asked = ("meter", "print-sheet", "Ada", listed, "--out", tmp_path / "items", "--request", request, "--home", home)
    assert terminal.json(*asked)["ar"] == 1_664
