"""Hostile strings as a customer's name and as a voucher's purpose, through everything that keeps and shows them."""

import csv
from pathlib import Path

import duckdb
import orjson
import pytest
from pydantic import ValidationError

from indicium.app import Ledger
from indicium.domain.errors import IndiciumError, UnknownCustomer
from indicium.domain.kinds import Voucher
from indicium.domain.vbi import parse_item
from tests.app.homes import copy_of, data_of, make_leased, rows_of, shared
from tests.entrypoints.command import HEADER, Terminal
from tests.hostile.strings import NAUGHTY

TAKEN = {
    "fullwidth digits", "Arabic digits", "superscript", "dotless i", "composed", "emoji", "64 emoji", "64 characters",
    "SQL", "SQL wildcard", "format of C", "format of Python", "template", "path upwards", "absolute path",
    "path of Windows", "dot", "two dots", "an option", "markup of a terminal library", "markup that closes nothing",
    "link in markup", "JSON", "JSON escape", "quotes", "separators of CSV", "formula of a spreadsheet", "HTML",
    "null in words", "not a number", "infinite", "minus nothing", "hexadecimal", "underscored",
}  # fmt: skip
"""Names that a customer may have; every other string of the list is refused, before a meter is taken."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which whoever may has leased a meter, and printed a voucher that says the same as the name."""
    home = copy_of(shared(tmp_path_factory, "leased", make_leased), tmp_path_factory.mktemp("names") / "home")
    with Ledger.open(home) as ledger:
        for what, name in NAUGHTY.items():
            meters = len(ledger.meters())
            try:
                meter = ledger.lease(name, "40505")
            except IndiciumError:
                assert what not in TAKEN, what
                assert len(ledger.meters()) == meters, what
                with pytest.raises(UnknownCustomer):
                    ledger.meter(name)
                continue
            assert what in TAKEN, what
            meter.refill("1.00")
            parse_item(meter.print("0.33", Voucher(purpose=name)).line.encode())
    return home


@pytest.fixture
def names() -> set[str]:
    return {NAUGHTY[what] for what in TAKEN}


def test_a_record_says_the_name_and_the_purpose_to_the_byte(home: Path, names: set[str]) -> None:
    items = [data_of(row) for row in rows_of(home) if row.event == "indicium-created"]
    assert {item["package"]["customer"] for item in items} == names
    assert {item["vbi"]["elements"]["purpose"] for item in items} == names
    assert all(item["package"]["customer"] == item["vbi"]["elements"]["purpose"] for item in items)


def test_the_view_the_table_and_json_show_every_name(terminal: Terminal, home: Path, names: set[str]) -> None:
    with Ledger.open(home) as ledger:
        assert {meter.customer for meter in ledger.meters()} >= names
        assert set(ledger.office.customers) >= names
    shown = terminal.json("meters", "--home", home)
    assert {meter["customer"] for meter in shown["meters"]} >= names
    status, out, _ = terminal.run("meters", "--home", home)
    assert status == 0
    assert all(name in out for name in names)
    assert all(character.isprintable() for character in out.replace("\n", ""))


def test_every_name_and_purpose_is_exported(terminal: Terminal, home: Path, names: set[str], tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    assert terminal.run("export", "--home", home, "--parquet", folder)[0] == 0
    found = duckdb.read_parquet(str(folder / "transactions.parquet")).filter("purpose IS NOT NULL")
    assert set(found.select("customer", "purpose").fetchall()) == {(name, name) for name in names}


def test_a_mailing_gives_every_job_its_name_again(terminal: Terminal, home: Path, tmp_path: Path) -> None:
    """CSV in, CSV out: what a job is called comes back to the byte, and refuses nothing but what is no line of CSV."""
    jobs = [text for text in NAUGHTY.values() if text.strip() and text.isprintable() and len(text) < 1000]
    mailing, results = tmp_path / "mailing.csv", tmp_path / "items.csv"
    with mailing.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        writer.writerows([job, "Ada", "40505", "95567", "first-class letter", "1", "0.33"] for job in jobs)
    terminal.run("post", mailing, "--home", home, "--out", results)
    with results.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["job"] for row in rows] == jobs
    assert all(row["code"] in {"ok", "bad-value"} for row in rows)


@pytest.mark.parametrize("what", sorted(TAKEN))
def test_a_customer_of_any_name_is_found_again(terminal: Terminal, home: Path, what: str) -> None:
    status, out, _ = terminal.run("meter", "status", "--json", "--home", home, "--", NAUGHTY[what])
    shown = orjson.loads(out)
    assert (status, out.count("\n")) == (0, 1)
    assert shown["customer"] == NAUGHTY[what]
    assert shown["ar"] == 330


@pytest.mark.parametrize("what", NAUGHTY)
def test_a_voucher_says_what_it_was_given_or_is_none(what: str) -> None:
    text = NAUGHTY[what]
    try:
        voucher = Voucher(purpose=text)
    except ValidationError:
        assert what not in TAKEN or "\u202e" in text
        return
    assert text.isprintable() or what == "not a character"
    assert orjson.loads(voucher.model_dump_json())["purpose"] == text
