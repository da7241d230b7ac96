"""Two processes on one home, forks, and an orderly close."""

import os
import sys
import threading
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.errors import (
    BadSetting,
    CeremonyUnfinished,
    LedgerClosed,
    LedgerExists,
    LedgerInUse,
    LedgerMissing,
)
from tests.app import seams
from tests.app.homes import LETTER, assert_whole, audit_file, rows_of


def open_in_vain(home: Path) -> None:
    with pytest.raises(LedgerInUse) as refused:
        Ledger.open(home)
    assert str(refused.value) == (
        "Module 34576590 is in use by another process: end that one first, with 'indicium module stop' if it is "
        "'indicium module run'."
    )


def test_a_second_process_gets_one_sentence_and_the_first_goes_on(home: Path) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
        before = audit_file(home).read_bytes()
        seams.apart(open_in_vain, home)
        assert audit_file(home).read_bytes() == before
        ledger.meter("Ada").print("0.44", LETTER, "job-2")
    assert_whole(home, {"Ada": 770})


def test_a_second_opening_in_the_same_process_is_refused_too(home: Path) -> None:
    with Ledger.open(home) as ledger:
        open_in_vain(home)
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    Ledger.open(home).close()


def test_a_home_is_free_again_once_its_process_was_killed(home: Path) -> None:
    assert seams.killed(seams.print_twice, home, seams.BEFORE_CLOSE)
    Ledger.open(home).close()
    assert_whole(home, {"Ada": 880})


def fork_with_an_open_ledger(home: Path) -> None:
    """The child of a fork may not touch the ledger; its parent goes on."""
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        meter.print("0.33", LETTER, "job-1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the committer is a thread; that is the point here
            child = os.fork()
        if child == 0:
            os._exit(use_after_fork(ledger))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert meter.print("0.44", LETTER, "job-2").reply.ar == 770


def use_after_fork(ledger: Ledger) -> int:
    try:
        ledger.submit([CreateAuditEntry(text="from a fork", signed=False)])
    except LedgerClosed as error:
        ledger.close()
        return 0 if "forked" in str(error) else 1
    return 2


def test_use_after_a_fork_is_refused_and_the_parent_goes_on(home: Path) -> None:
    seams.apart(fork_with_an_open_ledger, home)
    assert_whole(home, {"Ada": 770})


def test_use_after_close_is_refused(home: Path) -> None:
    ledger = Ledger.open(home)
    meter = ledger.meter("Ada")
    ledger.close()
    asking = (meter.ask, lambda: meter.print("0.33", LETTER), lambda: ledger.lease("Dan", "40505"))
    for use in (*asking, ledger.meters, ledger.modules, lambda: ledger.at(1), lambda: ledger.records):
        with pytest.raises(LedgerClosed, match=r"^This ledger is closed: open it again here\.$"):
            use()
    assert_whole(home, {})


def test_closing_twice_and_from_several_threads_is_one_close(home: Path) -> None:
    ledger = Ledger.open(home)
    ledger.meter("Ada").print("0.33", LETTER, "job-1")
    ledger.meter("Ada").print("0.33", LETTER, "job-2")
    with ThreadPoolExecutor(8) as pool:
        for closed in [pool.submit(ledger.close) for _ in range(8)]:
            closed.result()
    ledger.close()
    assert [row.event for row in rows_of(home)][-2:] == ["indicium-created", "audit-entry-created"]
    assert_whole(home, {"Ada": 660})


def test_i_07_close_seals_an_unsigned_tail_and_adds_nothing_to_a_signed_one(home: Path) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    lines = audit_file(home).read_bytes().splitlines()
    assert b'"event":"indicium-created"' in lines[-1]  # the first after a boot is signed
    assert b"\t" in lines[-1]
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-2")
        ledger.meter("Ada").print("0.33", LETTER, "job-3")
        assert b"\t" not in audit_file(home).read_bytes().splitlines()[-1]
    *_, unsigned, sealed = audit_file(home).read_bytes().splitlines()
    assert (b"\t" in unsigned, b"\t" in sealed) == (False, True)
    assert b'"text":"closed"' in sealed
    with Ledger.open(home) as ledger:
        assert ledger.audit().unsigned_tail == 0


def test_opening_and_closing_without_a_request_writes_no_record(home: Path) -> None:
    before = rows_of(home)
    for _ in range(3):
        Ledger.open(home).close()
    assert rows_of(home) == before


def test_close_finishes_what_is_queued_and_leaves_no_thread(home: Path) -> None:
    before = len(rows_of(home))
    ledger = Ledger.open(home)
    futures = ledger.submit([CreateAuditEntry(text=f"{number}", signed=False) for number in range(20)])
    ledger.close()
    assert all(future.done() and not future.exception() for future in futures)
    assert not committer_runs()
    assert len(rows_of(home)) == before + 20 + 1


def test_the_committer_begins_with_the_first_request_that_is_queued(home: Path) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
        assert not committer_runs()
        ledger.submit([GetStatus()])[0].result(seams.PATIENCE_SECONDS)
        assert committer_runs()
    assert not committer_runs()


def committer_runs() -> bool:
    return any(thread.name == "indicium-committer" for thread in threading.enumerate())


def test_whoever_comes_while_the_ledger_closes_is_served_or_told(home: Path) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(3):
            ledger = Ledger.open(home)
            with ThreadPoolExecutor(4) as pool:
                asking = [pool.submit(ask_until_closed, ledger) for _ in range(4)]
                ledger.close()
            for asked in asking:
                for future in asked.result():
                    assert future.result(seams.PATIENCE_SECONDS)
    finally:
        sys.setswitchinterval(interval)


def ask_until_closed(ledger: Ledger) -> "list[Future[bytes]]":
    futures: list[Future[bytes]] = []
    try:
        while True:
            futures += ledger.submit([GetStatus()])
    except LedgerClosed:
        return futures


def test_an_error_in_the_callers_block_still_closes_in_good_order(home: Path) -> None:
    def stumble() -> None:
        with Ledger.open(home) as ledger:
            ledger.meter("Ada").print("0.33", LETTER, "job-1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    Ledger.open(home).close()
    assert_whole(home, {"Ada": 330})


def test_a_home_without_a_ledger_a_finished_one_and_an_unfinished_one_are_told_apart(
    home: Path, tmp_path: Path
) -> None:
    with pytest.raises(LedgerMissing):
        Ledger.open(tmp_path / "nowhere")
    with pytest.raises(LedgerExists):
        Ledger.create(home)
    assert seams.killed(seams.ceremony, tmp_path / "begun", seams.AFTER_MEMORY)
    with pytest.raises(CeremonyUnfinished):
        Ledger.open(tmp_path / "begun")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(BadSetting, match="holds other files, and no ledger"):
        Ledger.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_what_is_secret_is_readable_by_its_owner_only(home: Path) -> None:
    assert (home / "secrets").stat().st_mode & 0o777 == 0o700
    files = [path for path in (home / "secrets").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"ca.key", "provider.key", "34576590.ppd", "ceremony.json", "Ada.json"}
    for path in [*files, home / "modules" / "34576590.memory"]:
        assert path.stat().st_mode & 0o077 == 0
