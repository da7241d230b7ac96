"""Writes that fail: nothing is released, and the ledger goes on where the cause is gone."""

import os
import re
import resource
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict, overall
from indicium.domain.errors import NotSaved, StoreFailed
from indicium.entrypoints import audit
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.segments import segments_in
from indicium.infrastructure.store import Store
from indicium.parties.leased import Item, LeasedMeter
from indicium.settings import Settings
from tests.app.homes import (
    LETTER,
    POSTGRESQL,
    REFILL,
    SQLITE,
    STORE,
    assert_whole,
    audit_file,
    issued,
    on_both,
    rows_of,
)
from tests.app.seams import apart

PLACES = [(MemoryFile, "write"), (Store, "save"), (AppendOnlyFile, "append")]


FULL_DISK = {
    SQLITE: ["CREATE TRIGGER full_disk BEFORE INSERT ON {} BEGIN SELECT RAISE(ABORT, 'disk is full'); END"],
    POSTGRESQL: [
        """CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION SQLSTATE '53100' USING MESSAGE = 'disk is full'; END $$""",
        "CREATE TRIGGER full_disk BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ],
}


@contextmanager
def refusing(home: Path, table: str) -> Iterator[None]:
    """Let a table refuse every insert, as the database would say it on a full disk."""
    engine = create_engine(Settings.read(home).store_url)
    with engine.begin() as connection:
        for statement in FULL_DISK[engine.name]:
            connection.exec_driver_sql(statement.format(table))
    yield
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER full_disk{f' ON {table}' if engine.name == POSTGRESQL else ''}")
    engine.dispose()


@on_both
@pytest.mark.parametrize("table", ["records", "packages", "replies"])
def test_o_17_what_the_store_refuses_is_not_released_and_is_done_once_later(table: str, home: Path) -> None:
    """Y-17."""
    before = len(rows_of(home))
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        meter.ask()
        with refusing(home, table):
            for _ in range(3):
                with pytest.raises(NotSaved, match=r"store .*disk is full.*: repeat the request with the same id"):
                    meter.print("0.33", LETTER, "job-1")
        item = meter.print("0.33", LETTER, "job-1")
        assert meter.print("0.33", LETTER, "job-1").line == item.line
        assert ledger.meter("Ben").print("0.44", LETTER, "job-1").reply.ar == 440
    lost, recovery, *_ = rows_of(home)[before:]
    assert (lost.event, lost.psd_id, recovery.event) == ("indicium-created", None, "checkpoint-recovered")
    assert_whole(home, {"Ada": 330, "Ben": 440})


def refilled(meter: LeasedMeter) -> tuple[int, int]:
    reply = meter.refill("50.00", "order-1")
    return reply.ar, reply.dr


def refunded(meter: LeasedMeter) -> tuple[int, int]:
    reply = meter.refund().reply
    return reply.ar, reply.dr


@pytest.mark.parametrize(
    ("does", "event", "registers"),
    [
        (refilled, "postage-value-downloaded", (0, REFILL + 50_000)),  # E-1010
        (refunded, "refund-indicium-created", (REFILL, 0)),  # E-909
    ],
)
def test_a_refill_or_a_refund_that_the_store_refuses_is_an_error_and_is_done_once_later(
    does: Callable[[LeasedMeter], tuple[int, int]], event: str, registers: tuple[int, int], home: Path
) -> None:
    """O-18, Y-17."""
    before = len(rows_of(home))
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        with refusing(home, "packages"):
            for _ in range(2):
                with pytest.raises(NotSaved, match=r"store .*disk is full"):
                    does(meter)
            assert (meter.ask().ar, meter.ask().dr) == (0, REFILL)
        assert does(meter) == does(meter) == registers
    moved = [row.event for row in rows_of(home)[before:] if row.psd_id is not None]
    assert moved == [event]
    assert_whole(home)


def fail_once(
    monkeypatch: pytest.MonkeyPatch, owner: type[Any], name: str, *, stored: bool, skip: int = 0
) -> Callable[[], bool]:
    """Let one write fail, done or not, and all others pass; the function tells whether it did."""
    real, left = getattr(owner, name), [skip]

    def write(*arguments: Any, **named: Any) -> None:  # noqa: ANN401  # whatever the real one takes
        left[0] -= 1
        if left[0] != -1:
            real(*arguments, **named)
            return
        if stored:
            real(*arguments, **named)
        raise StoreFailed(place=owner.__name__, why="no answer")

    monkeypatch.setattr(owner, name, write)
    return lambda: left[0] < 0


@on_both
@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored though it failed"])
@pytest.mark.parametrize(("owner", "name"), PLACES, ids=["memory", "store", "copy"])
def test_each_write_may_be_lost_or_stored_though_it_failed(
    owner: type[Any], name: str, *, stored: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(home) as ledger:
        ada, ben = ledger.meter("Ada"), ledger.meter("Ben")
        ada.print("0.11", LETTER, "job-0")
        failed = fail_once(monkeypatch, owner, name, stored=stored)
        with pytest.raises(NotSaved):
            ada.print("0.33", LETTER, "job-1")
        assert failed()
        # Another customer comes first: what is in doubt is settled before.
        assert ben.print("0.44", LETTER, "job-1").reply.ar == 440
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
        meter = ledger.meter("Ada")
        item = meter.print("0.33", LETTER, "job-1")
        assert item.reply.ar == 440
        assert meter.print("0.33", LETTER, "job-1") == item
    assert_whole(home, {"Ada": 440, "Ben": 440})


@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored though it failed"])
@pytest.mark.parametrize(("owner", "name"), PLACES, ids=["memory", "store", "copy"])
def test_a_close_whose_seal_fails_lets_go_of_everything(
    owner: type[Any], name: str, *, stored: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(home)
    ledger.meter("Ada").print("0.33", LETTER, "job-1")
    ledger.meter("Ada").print("0.33", LETTER, "job-2")
    failed = fail_once(monkeypatch, owner, name, stored=stored)
    with pytest.raises(NotSaved):
        ledger.close()
    assert failed()
    Ledger.open(home).close()
    assert_whole(home, {"Ada": 660})


@on_both
def test_a_copy_that_is_deleted_under_us_is_made_anew_from_the_store(home: Path) -> None:
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        meter.print("0.33", LETTER, "job-1")
        shutil.rmtree(home / "audit")
        (home / "audit").mkdir()
        with pytest.raises(NotSaved, match="audit copy"):
            meter.print("0.44", LETTER, "job-2")
        assert meter.print("0.44", LETTER, "job-2").reply.ar == 770
    assert_whole(home, {"Ada": 770})


def test_a_store_that_is_taken_away_under_us_saves_nothing_until_it_is_back(home: Path, tmp_path: Path) -> None:
    files = [STORE, f"{STORE}-wal", f"{STORE}-shm"]
    away = tmp_path / "away"
    away.mkdir()
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        meter.print("0.33", LETTER, "job-1")
        for name in files:
            (home / name).rename(away / name)
        for _ in range(2):
            with pytest.raises(NotSaved, match="store"):
                meter.print("0.44", LETTER, "job-2")
        assert b'"request":"job-2"' not in audit_file(home).read_bytes()
        for name in files:
            (away / name).rename(home / name)
        assert meter.print("0.44", LETTER, "job-2").reply.ar == 770
    assert_whole(home, {"Ada": 770})


@on_both
def test_a_customer_whose_own_file_cannot_be_written_gets_the_item_later(home: Path) -> None:
    customers = home / "secrets" / "customers"
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        customers.rename(home / "elsewhere")
        with pytest.raises(NotSaved):
            meter.print("0.33", LETTER, "job-1")
        (home / "elsewhere").rename(customers)
        assert ledger.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 330
    assert_whole(home, {"Ada": 330})


def limit_file_size(size: int) -> None:
    """Let no file of this process grow beyond a size in bytes: a full disk, as far as it can tell."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size < 0 else size, hard))


def print_on_a_full_disk(folder: Path) -> None:
    with Ledger.open(folder) as ledger:
        meter = ledger.meter("Ada")
        meter.print("0.33", LETTER, "job-1")
        limit_file_size(0)
        for _ in range(2):
            with pytest.raises(NotSaved, match=r"disk I/O error.*: repeat the request with the same id"):
                meter.print("0.44", LETTER, "job-2")
        limit_file_size(-1)
        assert meter.print("0.44", LETTER, "job-2").reply.ar == 770


def test_on_a_full_disk_nothing_happens_until_there_is_room(home: Path) -> None:
    apart(print_on_a_full_disk, home)
    assert_whole(home, {"Ada": 770})
    assert len(issued(home)) == 2


def print_where_only_the_copy_is_full(folder: Path) -> None:
    with Ledger.open(folder) as ledger:
        meter = ledger.meter("Ada")
        for number in range(150):
            meter.print("0.01", LETTER, f"{number}")
    with Ledger.open(folder) as ledger:
        meter = ledger.meter("Ada")
        meter.ask()
        size = audit_file(folder).stat().st_size
        limit_file_size(size + 100)
        for _ in range(2):
            with pytest.raises(NotSaved, match="audit copy"):
                meter.print("0.44", LETTER, "job-2")
        assert audit_file(folder).stat().st_size == size
        limit_file_size(-1)
        assert meter.print("0.44", LETTER, "job-2").reply.ar == 1940


def test_g_505_a_copy_without_room_is_put_back_and_completed_later(home: Path) -> None:
    apart(print_where_only_the_copy_is_full, home)
    assert_whole(home, {"Ada": 1940})
    assert not any(row.event == "checkpoint-recovered" for row in rows_of(home))


def test_o_19_a_copy_that_hangs_stops_the_issuing_in_time_and_goes_on_when_the_disk_answers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = home / "indicium.toml"
    settings.write_text(settings.read_text().replace("copy_patience_seconds = 30", "copy_patience_seconds = 1"))
    fsync, answers, hung = os.fsync, threading.Event(), threading.Event()

    def hang(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".audit":
            hung.set()
            answers.wait()
        fsync(descriptor)

    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        meter.print("0.33", LETTER, "job-1")
        monkeypatch.setattr(os, "fsync", hang)
        with pytest.raises(NotSaved, match=r"audit copy .*did not answer within 1 seconds.*: repeat the request"):
            meter.print("0.44", LETTER, "job-2")
        assert hung.is_set()
        monkeypatch.setattr(os, "fsync", fsync)
        for customer in ("Ada", "Ben"):
            with pytest.raises(NotSaved, match="an earlier write has not returned"):
                ledger.meter(customer).print("0.55", LETTER, "job-3")
        answers.set()
        assert repeated(ledger.meter("Ada"), "0.44", "job-2").reply.ar == 770
    assert_whole(home, {"Ada": 770})
    assert len(issued(home)) == 2


def repeated(meter: LeasedMeter, value: str, request: str) -> Item:
    """Repeat a request until the places are there."""
    while True:
        with suppress(NotSaved):
            return meter.print(value, LETTER, request)


def test_p_14_a_copy_in_many_files_is_one_chain_and_takes_part_in_recovery(home: Path) -> None:
    settings = home / "indicium.toml"
    settings.write_text(re.sub("copy_file_bytes = [0-9]+", "copy_file_bytes = 4096", settings.read_text()))
    for session in range(3):  # its first record is signed, and so is the last
        with Ledger.open(home) as ledger:
            for number in range(5):
                ledger.meter("Ada").print("0.01", LETTER, f"{session}-{number}")
            assert ledger.audit().verdict is Verdict.PASS
            assert ledger.audit().records == len(rows_of(home))
    names = [file.path.name.partition(".")[2] for file in segments_in(home / "audit")]
    assert names[-1] == "audit"
    assert len(names) > 2
    Ledger.open(home).close()
    assert overall(audit.verify(str(home), [], None, lambda _done, _all: None)) is Verdict.PASS
    open_file = next(file for file in segments_in(home / "audit") if file.is_open)
    open_file.path.unlink()
    with Ledger.open(home) as ledger:
        assert ledger.audit().records == len(rows_of(home))
        assert ledger.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 480
    assert overall(audit.verify(str(home), [], None, lambda _done, _all: None)) is Verdict.PASS
