"""The verbs of a customer's meter: leased, filled, spent from, looked at (D, E5, E6, E10)."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.app.homes import assert_whole, paid_by
from tests.entrypoints.command import Terminal

LETTER = ("origin_zip=40505", "destination_zip=95567", "mail_class=first-class letter", "weight_ounces=1")
COUPON = ("kind=coupon", "issuer=Acme", "product=Soap", "offer=1.00 off", "valid_until=2099-12-31")


def test_a_stranger_leases_a_meter_fills_it_and_prints(terminal: Terminal, home: Path) -> None:
    leased = terminal.json("meter", "lease", "Dora", "--zip", "40505", "--home", home)
    assert (leased["customer"], leased["state"], leased["ar"], leased["dr"]) == ("Dora", "leased", 0, 0)
    assert terminal.json("meter", "refill", "Dora", "50", "--home", home)["dr"] == 50_000
    printed = terminal.json("meter", "print", "Dora", "0.33", *LETTER, "--request", "r1", "--home", home)
    assert (printed["ar"], printed["dr"], printed["request"]) == (330, 49_670, "r1")
    assert hashlib.sha256(printed["item"].encode()).hexdigest() == printed["item_sha256"]
    shown = terminal.json("meter", "status", "Dora", "--home", home)
    assert (shown["ar"], shown["dr"], shown["device"]) == (330, 49_670, leased["device"])
    history = terminal.json("meter", "history", "Dora", "--home", home)
    assert history == terminal.json("history", leased["device"], "--home", home)
    assert history["history"][-1]["request"] == "r1"
    assert_whole(home)


def test_an_item_of_any_kind_goes_to_the_screen_byte_for_byte_or_into_a_file(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    asked = ("meter", "print", "Ada", "1.00", *COUPON, "--request", "r1", "--home", home)
    status, out, err = terminal.run(*asked)
    assert (status, err) == (0, "")
    elements = json.loads(out.partition("\t")[0])["elements"]
    assert elements == dict(word.split("=") for word in COUPON)
    assert terminal.run(*asked, "--out", tmp_path / "item")[0] == 0
    assert (tmp_path / "item").read_text() == out


def test_nothing_is_paid_where_the_item_would_have_no_file(terminal: Terminal, home: Path, tmp_path: Path) -> None:
    """And nothing is written over another item, or over anything else that somebody has."""
    letter, full = tmp_path / "letter", Path("/dev/full")
    terminal.run("meter", "print", "Ada", "0.33", *LETTER, "--out", letter, "--home", home)
    before = letter.read_bytes()
    asked = ("0.33", *LETTER, "--home", home)
    for verb in (("print", "Ada"), ("correct", "Ada", "0.10", letter), ("refund", "Ada", "--yes")):
        words = (*verb, *asked) if verb[0] == "print" else (*verb, *LETTER, "--home", home)
        words = (*verb, "--home", home) if verb[0] == "refund" else words
        for out, error in ((tmp_path / "nowhere" / "item", "bad-file"), (tmp_path, "bad-file"), (full, "file-taken")):
            assert terminal.json("meter", *words, "--out", out, status=3)["error"] == error
    for words in (("print", "Ada", *asked), ("correct", "Ada", "0.10", letter, *LETTER, "--home", home)):
        assert terminal.json("meter", *words, "--out", letter, status=3)["error"] == "file-taken"
    shown = terminal.json("meter", "status", "Ada", "--home", home)
    assert (shown["ar"], shown["state"], letter.read_bytes()) == (330, "leased", before)


def test_an_item_whose_file_holds_something_else_by_then_is_had_again(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    asked = ("meter", "print", "Ada", "1.00", *COUPON, "--request", "r1", "--home", home)
    first = terminal.json(*asked, "--out", tmp_path / "item")
    assert terminal.json(*asked, "--out", tmp_path / "item") == first  # the same, and it costs once
    (tmp_path / "other").write_bytes(b"a letter to a friend")
    said = terminal.refused(*asked, "--out", tmp_path / "other", status=3)
    assert said.endswith("left as it is; the item is had again with --request r1 and another --out.")
    assert (tmp_path / "other").read_bytes() == b"a letter to a friend"
    assert terminal.json(*asked)["ar"] == 1_000
    refunded = terminal.refused(
        "meter", "refund", "Ada", "--yes", "--out", tmp_path / "other", "--home", home, status=3
    )
    assert refunded.endswith("the item is had again with the same verb and another --out.")
    assert terminal.json("meter", "refund", "Ada", "--yes", "--home", home)["state"] == "withdrawn"


def test_e7_nothing_is_paid_for_the_correction_of_an_item_that_was_altered(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter"
    terminal.run("meter", "print", "Ada", "0.33", *LETTER, "--out", letter, "--home", home)
    (tmp_path / "altered").write_text(letter.read_text().replace('"value":330', '"value":300'))
    asked = ("meter", "correct", "Ada", "0.10", tmp_path / "altered", *LETTER, "--home", home)
    assert terminal.json(*asked, status=1)["error"] == "item-not-genuine"
    assert terminal.json("meter", "status", "Ada", "--home", home)["ar"] == 330


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("0.33",), "bad-value", 3),
        (("0.33", *LETTER, "weight_ounces=2"), "bad-value", 3),
        (("0.33", *LETTER, "colour=red"), "bad-value", 3),
        (("0.33", "weight_ounces"), "bad-value", 3),
        (("0.33", "kind=token"), "unknown-kind", 3),
        (("0,33", *LETTER), "not-an-amount", 3),
        (("NaN", *LETTER), "not-an-amount", 3),
        (("0.0001", *LETTER), "finer-than-a-mill", 3),
        (("500.01", *LETTER), "value-above-maximum", 1),
        (("0.33", *LETTER, "--request", "a b"), "bad-value", 3),
    ],
)
def test_what_cannot_be_asked_for_costs_nothing(
    terminal: Terminal, home: Path, words: tuple[str, ...], code: str, status: int
) -> None:
    before = terminal.json("meter", "status", "Ada", "--home", home)
    assert terminal.json("meter", "print", "Ada", *words, "--home", home, status=status)["error"] == code
    assert terminal.json("meter", "status", "Ada", "--home", home) == before


@pytest.mark.parametrize("verb", [("refill", "Ada"), ("print", "Ada"), ("correct", "Ada")])
def test_an_amount_below_zero_is_not_taken_for_an_option(terminal: Terminal, home: Path, verb: tuple[str, ...]) -> None:
    said = terminal.refused("meter", *verb, "-1.50", "letter.item", "--home", home, status=3)
    assert said == "-1.50: nothing here is below zero: write it without the minus."
    said = terminal.refused("meter", *verb, "--minus", "--home", home, status=3)
    assert said.startswith("No such option: --minus")


def test_a_customer_who_has_no_meter_is_told_so_by_every_verb(terminal: Terminal, home: Path) -> None:
    for words in (("status", "Adam"), ("refill", "Adam", "1"), ("print", "Adam", "0.33", *LETTER), ("history", "Adam")):
        refused = terminal.json("meter", *words, "--home", home, status=1)
        assert (refused["error"], refused["facts"]) == ("unknown-customer", {"customer": "Adam"})
        assert "no customer Adam here: 'indicium meters' lists" in refused["sentence"]


def test_a_customer_whose_name_is_a_page_long_is_told_its_beginning(terminal: Terminal, home: Path) -> None:
    said = terminal.refused("meter", "status", "x" * 100_000, "--home", home, status=1)
    assert said.startswith(f"There is no customer {'x' * 64}… here: ")


def test_a_lease_with_a_limit_of_its_own_holds_no_more_than_that(terminal: Terminal, home: Path) -> None:
    terminal.json("meter", "lease", "Dora", "--zip", "40505", "--dr-limit", "20", "--home", home)
    refused = terminal.json("meter", "refill", "Dora", "20.001", "--home", home, status=1)
    assert refused["error"] == "descending-register-limit"
    assert refused["sentence"].endswith("would hold 20.001, its limit is 20.00.")
    assert (refused["facts"]["would_be"], refused["facts"]["limit"]) == (20_001, 20_000)
    assert terminal.json("meter", "refill", "Dora", "20", "--home", home)["dr"] == 20_000


def test_e7_a_correction_names_the_item_that_it_corrects(terminal: Terminal, home: Path, tmp_path: Path) -> None:
    letter, asked = tmp_path / "letter", ("--request", "c1", "--home", home)
    terminal.run("meter", "print", "Ada", "0.33", *LETTER, "--out", letter, "--home", home)
    corrected = terminal.json("meter", "correct", "Ada", "0.10", letter, *LETTER, *asked)
    assert corrected["ar"] == 430
    elements = json.loads(corrected["item"].partition("\t")[0])["elements"]
    assert elements["kind"] == "postage-correction"
    assert elements["corrects"] == hashlib.sha256(letter.read_bytes().removesuffix(b"\n")).hexdigest()
    assert terminal.json("meter", "correct", "Ada", "0.10", letter, *LETTER, *asked) == corrected


def test_e7_only_postage_is_corrected_and_only_by_an_item_that_can_be_read(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    for name, content in (("empty", b""), ("picture", b"\x89PNG\xff"), ("letter", b"{}\tAA==\n")):
        (tmp_path / name).write_bytes(content)
    for words, code in (
        ((tmp_path / "nothing", *LETTER), "bad-file"),
        ((tmp_path / "empty", *LETTER), "bad-file"),
        ((tmp_path / "picture", *LETTER), "bad-file"),
        ((tmp_path / "letter", *COUPON), "bad-value"),
    ):
        refused = terminal.json("meter", "correct", "Ada", "0.10", *words, "--home", home, status=3)
        assert refused["error"] == code
    assert terminal.json("meter", "status", "Ada", "--home", home)["ar"] == 0


def test_e7_nothing_is_paid_for_the_correction_of_what_is_no_postage(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    coffee, cut = tmp_path / "coffee", tmp_path / "cut"
    terminal.run("meter", "print", "Ada", "0.33", "kind=voucher", "purpose=x", "--out", coffee, "--home", home)
    cut.write_bytes(coffee.read_bytes()[:100])
    asked = ("meter", "correct", "Ada", "0.10")
    assert terminal.json(*asked, cut, *LETTER, "--home", home, status=1)["error"] == "not-an-item"
    assert terminal.json(*asked, coffee, *LETTER, "--home", home, status=3)["error"] == "bad-value"
    assert terminal.json("meter", "status", "Ada", "--home", home)["ar"] == 330


def test_an_empty_name_of_a_request_is_refused_and_not_replaced_by_a_new_one(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    """`--request "$ID"` of a script whose ID is not set would be paid for at every repeat."""
    (tmp_path / "list.csv").write_text("value_usd,kind,purpose\n0.33,voucher,x\n")
    terminal.run("meter", "print", "Ada", "0.33", *LETTER, "--out", tmp_path / "letter", "--home", home)
    for words in (
        ("refill", "Ada", "1", "--order", ""),
        ("print", "Ada", "0.33", *LETTER, "--request", ""),
        ("correct", "Ada", "0.10", tmp_path / "letter", *LETTER, "--request", ""),
        ("print-sheet", "Ada", tmp_path / "list.csv", "--out", tmp_path / "items", "--request", ""),
        ("redate", "Ada", tmp_path / "letter", "--to", "2099-12-31", "--request", ""),
    ):
        assert terminal.json("meter", *words, "--home", home, status=3)["error"] == "bad-value"
    status = terminal.json("meter", "status", "Ada", "--home", home)
    assert (status["ar"], status["dr"]) == (330, 99_670)


def test_e9_a_refund_is_asked_about_done_once_and_ends_the_meter(terminal: Terminal, home: Path) -> None:
    assert "say --yes" in terminal.refused("meter", "refund", "Ada", "--home", home, status=3)
    assert terminal.json("meter", "status", "Ada", "--home", home)["state"] == "leased"
    refunded = terminal.json("meter", "refund", "Ada", "--yes", "--home", home)
    assert (refunded["state"], refunded["ar"], refunded["dr"]) == ("withdrawn", 100_000, 0)
    assert terminal.json("meter", "refund", "Ada", "--yes", "--home", home) == refunded
    for words in (("print", "Ada", "0.33", *LETTER), ("refill", "Ada", "1"), ("status", "Ada")):
        assert terminal.json("meter", *words, "--home", home, status=1)["error"] == "meter-withdrawn"
    assert terminal.json("meters", refunded["device"], "--home", home)["meters"][0]["state"] == "withdrawn"
    assert_whole(home)


def test_a_53_meters_are_made_ahead_and_the_next_customer_gets_one(terminal: Terminal, home: Path) -> None:
    made = terminal.json("meter", "create", "3", "--home", home)
    assert (made["made"], made["taken_up"], made["ready"]) == (3, 0, 3)
    assert made["meters_a_second"] == pytest.approx(3 / made["seconds"], rel=0.1, abs=0.06)
    ahead = {row["device"] for row in terminal.json("meters", "--home", home)["meters"] if row["state"] == "unleased"}
    assert terminal.json("meter", "lease", "Dora", "--zip", "40505", "--home", home)["device"] in ahead
    assert terminal.json("meter", "create", "--home", home)["ready"] == 3
    said = terminal.run("meter", "create", "--until", "4", "--home", home)[1]
    assert re.fullmatch(r"1 meter made, \d+ a second; 4 wait for customers\.\n", said)


def test_a_53_the_stock_is_filled_up_only_where_it_is_low(terminal: Terminal, home: Path) -> None:
    nothing = terminal.json("meter", "create", "--until", "2", "--if-below", "1", "--home", home)
    assert (nothing["made"], nothing["ready"]) == (2, 2)
    for words in (("--until", "2"), ("--until", "5", "--if-below", "2")):
        assert terminal.json("meter", "create", *words, "--home", home)["made"] == 0
    assert terminal.json("meter", "create", "--until", "3", "--if-below", "3", "--home", home)["made"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "many"), "Invalid value for 'count': it is no whole number"),
        (("history", "Ada", "--limit", "0"), "Invalid value for '--limit': it is below 1"),
        (("history", "Ada", "--limit", "10001"), "Invalid value for '--limit': it is above 10000"),
    ],
)
def test_what_is_no_number_is_refused_in_words_and_not_in_a_librarys(
    terminal: Terminal, home: Path, words: tuple[str, ...], said: str
) -> None:
    assert terminal.refused("meter", *words, "--home", home, status=3) == said


@pytest.mark.parametrize("words", [("3", "--until", "3"), ("--if-below", "3"), ("0",), ("many",), ("--until", "-1")])
def test_a_stock_that_is_asked_for_in_two_ways_or_none_is_not_made(
    terminal: Terminal, home: Path, words: tuple[str, ...]
) -> None:
    terminal.refused("meter", "create", *words, "--home", home, status=3)
    assert len(terminal.json("meters", "--home", home)["meters"]) == 3


def test_p_05_an_order_that_is_repeated_is_paid_and_loaded_once(terminal: Terminal, home: Path) -> None:
    asked = ("meter", "refill", "Ada", "50", "--order", "2026-48", "--home", home)
    assert terminal.json(*asked)["dr"] == 150_000
    assert terminal.json(*asked)["dr"] == 150_000
    assert paid_by(home, "Ada") == 150_000
    other = ("meter", "refill", "Ada", "51", "--order", "2026-48", "--home", home)
    assert terminal.json(*other, status=1)["error"] == "order-reused"
    assert (
        terminal.json("meter", "refill", "Ada", "1", "--order", "a b", "--home", home, status=3)["error"] == "bad-value"
    )


def test_e8_a_letter_that_is_mailed_later_is_noted_and_nothing_moves(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    """E8, M-79: the registers, the history and the item stay as they are."""
    letter, today = tmp_path / "letter", datetime.now(UTC).date()
    printed = terminal.json("meter", "print", "Ada", "0.33", *LETTER, "--out", letter, "--home", home)
    before = terminal.json("meter", "history", "Ada", "--home", home)
    asked = ("meter", "redate", "Ada", letter, "--to", (today + timedelta(1)).isoformat(), "--request", "d1")
    noted = terminal.json(*asked, "--home", home)
    assert (noted["date"], noted["request"]) == ((today + timedelta(1)).isoformat(), "d1")
    assert noted["item_sha256"] == printed["item_sha256"]
    assert terminal.json(*asked, "--home", home) == noted
    assert terminal.json("meter", "history", "Ada", "--home", home) == before
    late = ("meter", "redate", "Ada", letter, "--to", "2099-01-01", "--home", home)
    assert terminal.json(*late, status=1)["error"] == "redating-day-unfit"
    of_another = ("meter", "redate", "Ben", letter, "--to", today.isoformat(), "--home", home)
    assert terminal.json(*of_another, status=1)["error"] == "item-not-recorded"
    terminal.refused("meter", "redate", "Ada", letter, "--to", "tomorrow", "--home", home, status=3)
    terminal.refused(
        "meter", "redate", "Ada", tmp_path / "nothing", "--to", today.isoformat(), "--home", home, status=3
    )
