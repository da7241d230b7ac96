"""The verbs for histories, movement and rebuilds: what they show, what they write, what they refuse."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indicium.app import Ledger
from tests.app.homes import LETTER, STORE, rows_of
from tests.entrypoints.command import Terminal

ADA = "1000000001"


def print_two(home: Path) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
        ledger.meter("Ada").print("0.20", LETTER, "job-2")


def change(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / STORE)) as store:
        store.execute(statement)
        store.commit()


def test_a_history_is_read_page_by_page(home: Path, terminal: Terminal) -> None:
    print_two(home)
    first = terminal.json("history", ADA, "--limit", "5", "--home", home)
    assert (first["device"], first["after"]) == (ADA, 5)
    assert [row["event"] for row in first["history"]] == [
        "psd-initialized",
        "psd-authorized",
        "psd-configured",
        "customer-authorized",
        "postage-value-downloaded",
    ]
    rest = terminal.json("history", ADA, "--after", "5", "--home", home)
    assert [(row["psd_version"], row["value"], row["ar"], row["dr"]) for row in rest["history"]] == [
        (6, 330, 330, 99_670),
        (7, 200, 530, 99_470),
    ]
    assert rest["after"] is None
    newest = rows_of(home)[-2]  # behind it stands the entry that seals the tail
    assert (rest["history"][-1]["sequence"], rest["history"][-1]["request"]) == (newest.sequence, "job-2")
    assert terminal.json("history", ADA, "--after", "7", "--home", home)["history"] == []


def test_a_person_reads_a_history_and_how_to_go_on(home: Path, terminal: Terminal) -> None:
    print_two(home)
    status, out, _ = terminal.run("history", ADA, "--limit", "6", "--home", home)
    assert (status, out.splitlines()[-1]) == (0, "More with --after 6")
    assert all(word in out for word in ("version", "indicium-created", "0.33", "99.67", "job-1"))


@pytest.mark.parametrize("device", ["1000000009", "Ada", ""])
def test_the_history_of_no_meter_is_refused(home: Path, terminal: Terminal, device: str) -> None:
    assert terminal.json("history", device, "--home", home, status=1)["error"] == "unknown-meter"


def test_a_58_movement_is_told_by_day_and_in_all(home: Path, terminal: Terminal) -> None:
    print_two(home)
    told = terminal.json("movement", "--home", home)
    moved: dict[str, tuple[int, int]] = {}
    for row in told["movement"]:
        number, value = moved.get(row["event"], (0, 0))
        moved[row["event"]] = number + row["transactions"], value + row["value"]
        assert row["module"] == "34576590"
    assert moved["indicium-created"] == (2, 530)
    assert moved["postage-value-downloaded"] == (3, 300_000)
    assert {total["event"]: (total["transactions"], total["value"]) for total in told["totals"]} == moved
    assert terminal.json("movement", "--to", "1999-12-31", "--home", home) == {"movement": [], "totals": []}
    status, out, _ = terminal.run("movement", "--home", home)
    assert status == 0
    assert any(line.split() == ["in", "all", "indicium-created", "2", "0.53"] for line in out.splitlines())
    assert datetime.now(UTC).strftime("%Y-") in out


def test_a_day_that_is_none_is_a_wrong_call(home: Path, terminal: Terminal) -> None:
    status, out, err = terminal.run("movement", "--from", "yesterday", "--home", home)
    assert (status, out) == (3, "")
    assert err == "Invalid value for '--from': 'yesterday' is no day: write one as in 2026-11-30\n"


def test_a_dry_run_says_what_would_change_and_writes_nothing(home: Path, terminal: Terminal) -> None:
    terminal.json("status", "--home", home)
    assert terminal.json("rebuild", "--dry-run", "--home", home) == {"equal": True, "differences": []}
    change(home, "UPDATE view_meters SET dr = 1 WHERE device = '1000000001'")
    before = (home / STORE).read_bytes()
    told = terminal.json("rebuild", "--dry-run", "--home", home)
    assert told["equal"] is False
    assert told["differences"][0].startswith(f"meters {ADA}: is ")
    status, out, _ = terminal.run("rebuild", "--dry-run", "--home", home)
    assert (status, out.splitlines()[-1]) == (
        0, "1 row is not what a replay gives: 'indicium rebuild' makes them so."
    )  # fmt: skip
    assert (home / STORE).read_bytes() == before
    rebuilt = terminal.json("rebuild", "--home", home)
    assert (rebuilt["records"], rebuilt["equal"]) == (rows_of(home)[-1].sequence, False)
    assert terminal.json("rebuild", "--check", "--home", home)["equal"] is True


def test_one_view_is_rebuilt_alone(home: Path, terminal: Terminal) -> None:
    terminal.json("status", "--home", home)
    change(home, "UPDATE view_meters SET dr = 1")
    change(home, "UPDATE view_movement SET value = 1")
    assert len(terminal.json("rebuild", "meters", "--home", home)["differences"]) == 3
    assert terminal.json("rebuild", "meters", "modules", "--check", "--home", home)["equal"] is True
    assert terminal.json("rebuild", "--check", "--home", home, status=1)["equal"] is False


def test_a_view_that_there_is_not_is_refused_and_the_others_named(home: Path, terminal: Terminal) -> None:
    said = terminal.refused("rebuild", "meters", "colours", "--home", home, status=3)
    assert said == "There is no view colours: there are meters, modules, movement."


def test_a_view_that_is_ahead_is_found_by_a_check_and_mended_by_whoever_looks(home: Path, terminal: Terminal) -> None:
    terminal.json("status", "--home", home)
    change(home, "UPDATE indicium_positions SET sequence = 9000 WHERE view = 'meters'")
    found = terminal.json("rebuild", "--check", "--home", home, status=1)["differences"]
    assert [difference.split(":")[0] for difference in found] == ["positions meters"]
    assert len(terminal.json("meters", "--home", home)["meters"]) == 3
    assert terminal.json("rebuild", "--check", "--home", home)["equal"] is True
