"""What can befall a database server, for real: nothing is lost, nothing is done twice, and each error is one sentence.

All of it on a server of our own, for somebody else's is not to be stopped.
"""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import orjson
import psycopg
import pytest
from sqlalchemy import make_url

from indicium.app import Ledger
from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import BeginAdmin, EndAdmin, GetStatus
from indicium.domain.commands.sessions import CloseSession
from indicium.domain.errors import NotSaved, StoreFailed
from indicium.domain.heads import Action
from indicium.domain.roles import Role
from indicium.infrastructure.devices import SystemEntropy
from indicium.parties.operator import Operator
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import LETTER, POSTGRESQL, assert_whole, issued, rows_of
from tests.postgres_server import OwnServer, until
from tests.postgres_wire import Wire

pytestmark = [
    pytest.mark.usefixtures("own_postgres"),
    pytest.mark.parametrize("home", [POSTGRESQL], indirect=True),
]

MODULE = "indicium module 34576590"
SENTENCE = r"The store did not confirm the save \(.+\): repeat the request with the same id\."


def database_of(home: Path) -> str:
    return str(make_url(Settings.read(home).store).database)


@contextmanager
def watching(home: Path) -> Iterator[psycopg.Connection]:
    """Be a person at the database's own prompt."""
    url = make_url(Settings.read(home).store).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def sessions(prompt: psycopg.Connection, name: str) -> list[int]:
    """Give the processes of the server that work for sessions of a name."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
    return [pid for (pid,) in prompt.execute(query, [name])]


HOLD = 4711
"""The advisory lock that held transactions wait for."""

HEARD_SECONDS = 5
"""After which a signal is sent again: one that comes in the moment before Python waits is heard with the next only."""


@contextmanager
def held(home: Path) -> Iterator[Callable[[], int]]:
    """Hold every transaction that stores an item in its middle; the function waits for one and gives its process."""
    with watching(home) as prompt:
        prompt.execute("SELECT pg_advisory_lock(%s)", [HOLD])
        prompt.execute(
            f"""CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.topic = 'indicium-created' AND NEW.psd_id IS NOT NULL THEN
                PERFORM pg_advisory_xact_lock_shared({HOLD});
            END IF; RETURN NEW; END $$"""
        )
        prompt.execute("CREATE TRIGGER hold BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION hold()")

        def one_that_waits() -> int:
            query = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND application_name = %s"
            name = [f"{MODULE} writer"]
            until(lambda: prompt.execute(query, name).fetchone())
            (pid,) = [pid for (pid,) in prompt.execute(query, name)]
            return int(pid)

        yield one_that_waits


def print_in_background(ledger: Ledger, pool: ThreadPoolExecutor) -> "Future[object]":
    return pool.submit(ledger.meter("Ada").print, "0.33", LETTER, "job-1")


def assert_settled(home: Path, ledger: Ledger) -> None:
    """Demand that a request that was not saved is done now, once, and that others go on."""
    ben = ledger.meter("Ben").print("0.44", LETTER, "job-1")
    item = ledger.meter("Ada").print("0.33", LETTER, "job-1")
    assert ledger.meter("Ada").print("0.33", LETTER, "job-1").line == item.line
    assert (item.reply.ar, ben.reply.ar) == (330, 440)
    ledger.close()
    assert len(issued(home)) == 2
    assert_whole(home, {"Ada": 330, "Ben": 440})


@pytest.fixture
def wire(home: Path, own_postgres: OwnServer) -> Iterator[Wire]:
    """A wire through which the home's ledger reaches its store until it is closed."""
    wire, settings = Wire(own_postgres.socket), home / "indicium.toml"
    direct = settings.read_text()
    store = Settings.read(home).store
    settings.write_text(direct.replace(store, wire.url(store)))
    yield wire
    wire.close()


@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored though it failed"])
def test_o_17_a_commit_that_was_cut_off_is_done_once(stored: bool, home: Path, wire: Wire) -> None:  # noqa: FBT001
    before = len(rows_of(home))
    ledger = Ledger.open(home)
    meter = ledger.meter("Ada")
    meter.ask()
    (wire.cut_after_commit if stored else wire.cut_before_commit)()
    with pytest.raises(StoreFailed, match=SENTENCE):
        meter.print("0.33", LETTER, "job-1")
    assert wire.cuts == 1
    assert len(rows_of(home)) - before == stored
    assert_settled(home, ledger)
    lost = [row for row in rows_of(home) if row.event == "checkpoint-recovered"]
    assert len(lost) == (not stored)


def test_a_commit_that_was_cut_off_before_a_kill_is_settled_by_the_next_start(home: Path, wire: Wire) -> None:
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        meter.ask()
        wire.cut_after_commit()
        with pytest.raises(NotSaved):
            meter.print("0.33", LETTER, "job-1")
    ledger = Ledger.open(home)
    assert ledger.recovered == (Action.COMPLETE_COPY,)
    assert_settled(home, ledger)


@pytest.mark.parametrize("least", ["notice", "error"])
def test_a_commit_that_waits_for_a_replica_in_vain_is_no_receipt(
    least: str, home: Path, own_postgres: OwnServer
) -> None:
    """Whatever is told to be said to clients, this warning is heard: the commit is on one server alone."""
    with watching(home) as prompt:
        prompt.execute(f'ALTER DATABASE "{database_of(home)}" SET client_min_messages = {least}')
        ledger = Ledger.open(home)
        ledger.meter("Ada").ask()
        with ThreadPoolExecutor(1) as pool, own_postgres.told(synchronous_standby_names="ghost"):
            printing = print_in_background(ledger, pool)
            query = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            until(lambda: prompt.execute(query).fetchall() or printing.done())
            with pytest.raises(StoreFailed, match="canceling wait for synchronous replication"):
                printing.result()
    assert_settled(home, ledger)


@pytest.mark.parametrize("whose", [f"{MODULE} writer", MODULE, "indicium"], ids=["writer", "claim", "reader"])
def test_a_session_that_is_ended_between_two_groups_costs_at_most_a_repeat(whose: str, home: Path) -> None:
    ledger = Ledger.open(home)
    ledger.meter("Ada").ask()
    ledger.meters()
    with watching(home) as prompt:
        ended = sessions(prompt, whose)
        assert len(ended) == 1
        prompt.execute("SELECT pg_terminate_backend(%s, 60000)", ended)
        if whose != "indicium":
            with pytest.raises(StoreFailed, match=SENTENCE):
                ledger.meter("Ada").print("0.33", LETTER, "job-1")
        assert ledger.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 330
        for name in (f"{MODULE} writer", MODULE):
            assert len(sessions(prompt, name)) == 1
    assert_settled(home, ledger)


def test_a_store_that_does_not_answer_switches_no_module_off(home: Path) -> None:
    """What people began goes on: a boot would end the Administrative state, and lose the shares of an import (C-22)."""
    ledger = Ledger.open(home)
    officer = ledger.office.ceremony_plan().of(Role.SECURITY_OFFICER)
    operator = Operator(ledger.execute, Modern(SystemEntropy()), ledger.settings.serial)
    operator.logon(officer.name, officer.passphrase)
    operator.send(BeginAdmin())
    with watching(home) as prompt:
        prompt.execute("SELECT pg_terminate_backend(%s, 60000)", sessions(prompt, f"{MODULE} writer"))
    with pytest.raises(StoreFailed, match=SENTENCE):
        ledger.execute(GetStatus())
    assert orjson.loads(ledger.execute(GetStatus()))["state"] == "administrative"
    operator.send(EndAdmin())
    operator.logoff()
    operator.send(CloseSession())
    assert_settled(home, ledger)


def test_a_writer_that_is_ended_in_its_transaction_leaves_nothing(home: Path) -> None:
    before = len(rows_of(home))
    ledger = Ledger.open(home)
    with held(home) as one_that_waits, ThreadPoolExecutor(1) as pool, watching(home) as prompt:
        printing = print_in_background(ledger, pool)
        prompt.execute("SELECT pg_terminate_backend(%s)", [one_that_waits()])
        with pytest.raises(StoreFailed, match=SENTENCE):
            printing.result()
        assert len(rows_of(home)) == before
    assert_settled(home, ledger)


def interrupt_and_go_on(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ledger = Ledger.open(folder)
    heard = threading.Event()
    with held(folder) as one_that_waits, ThreadPoolExecutor(1) as pool:

        def interrupt() -> None:
            one_that_waits()
            os.kill(os.getpid(), signal.SIGINT)
            while not heard.wait(HEARD_SECONDS):
                os.kill(os.getpid(), signal.SIGINT)

        def print_until_interrupted() -> None:
            try:
                ledger.meter("Ada").print("0.33", LETTER, "job-1")
            finally:
                heard.set()

        interrupted = pool.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            print_until_interrupted()
        interrupted.result()
    assert_settled(folder, ledger)


def test_a_person_who_interrupts_a_transaction_may_go_on_in_the_same_process(home: Path) -> None:
    seams.apart(interrupt_and_go_on, home)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_restarts_in_a_transaction_leaves_all_or_nothing(
    mode: str, home: Path, own_postgres: OwnServer
) -> None:
    before = len(rows_of(home))
    ledger = Ledger.open(home)
    with ThreadPoolExecutor(1) as pool:
        try:
            with held(home) as one_that_waits:
                printing = print_in_background(ledger, pool)
                one_that_waits()
                own_postgres.stop(mode)
        finally:
            own_postgres.start()
        failed = printing.exception()
    # The server ends the sessions in what order it likes: once in a while the one that waits commits, and hears of it.
    assert failed is None or (isinstance(failed, StoreFailed) and re.search(SENTENCE, str(failed)))
    assert len(rows_of(home)) - before in ((1,) if failed is None else (0, 1))
    assert_settled(home, ledger)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_gone_saves_nothing_until_it_is_back(mode: str, home: Path, own_postgres: OwnServer) -> None:
    ledger = Ledger.open(home)
    ledger.meter("Ada").ask()
    with own_postgres.down(mode):
        for _ in range(3):
            with pytest.raises(StoreFailed, match=SENTENCE):
                ledger.meter("Ada").print("0.33", LETTER, "job-1")
    assert_settled(home, ledger)


@pytest.mark.parametrize("state", ["40P01", "40001", "53100", "53200", "57014", "25006", "XX000"])
def test_whatever_a_server_says_no_with_is_one_sentence_and_nothing_is_lost(state: str, home: Path) -> None:
    """Deadlock, serialization, full disk, no memory, cancelled, read-only, internal."""
    ledger = Ledger.open(home)
    ledger.meter("Ada").ask()
    with watching(home) as prompt:
        prompt.execute(
            f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION SQLSTATE '{state}' USING MESSAGE = E'not now\nand more', DETAIL = 'secret'; END $$"""
        )
        prompt.execute("CREATE TRIGGER refuse BEFORE INSERT ON replies FOR EACH ROW EXECUTE FUNCTION refuse()")
        for _ in range(2):
            with pytest.raises(NotSaved) as said:
                ledger.meter("Ada").print("0.33", LETTER, "job-1")
            assert str(said.value) == (
                "The store did not confirm the save (not now): repeat the request with the same id."
            )
        prompt.execute("DROP TRIGGER refuse ON replies")
    assert_settled(home, ledger)


def test_a_lock_that_somebody_holds_too_long_is_one_sentence(home: Path) -> None:
    with watching(home) as prompt, watching(home) as other:
        prompt.execute(f'ALTER DATABASE "{database_of(home)}" SET lock_timeout = 50')
        ledger = Ledger.open(home)
        ledger.meter("Ada").ask()
        with other.transaction():
            other.execute("LOCK TABLE records IN SHARE MODE")
            with pytest.raises(StoreFailed, match="canceling statement due to lock timeout"):
                ledger.meter("Ada").print("0.33", LETTER, "job-1")
    assert_settled(home, ledger)


def print_one(folder: Path) -> None:
    with Ledger.open(folder) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")


def test_a_late_writer_is_ended_before_the_places_are_compared(home: Path) -> None:
    """Its client was killed when all of the transaction was on its way: the server goes on with it by itself."""
    with held(home) as one_that_waits, watching(home) as prompt:
        process = multiprocessing.get_context("forkserver").Process(target=print_one, args=(home,))
        process.start()
        late = one_that_waits()
        process.kill()
        process.join()
        assert sessions(prompt, f"{MODULE} writer") == [late]

        ledger = Ledger.open(home)
        assert ledger.recovered == (Action.RESUME,)
        (writer,) = sessions(prompt, f"{MODULE} writer")
        assert writer != late
    assert_settled(home, ledger)


def test_a_table_that_changes_under_an_open_ledger_costs_a_repeat(home: Path) -> None:
    """Statements are prepared: the server refuses one whose columns are of another type by now."""
    ledger = Ledger.open(home)
    ledger.meter("Ada").ask()
    with watching(home) as prompt:
        prompt.execute("ALTER TABLE packages ALTER psd_version TYPE numeric")
        with pytest.raises(StoreFailed, match="cached plan must not change result type"):
            ledger.meter("Ada").print("0.33", LETTER, "job-1")
        prompt.execute("ALTER TABLE packages ALTER psd_version TYPE bigint")
    assert_settled(home, ledger)


def test_syncing_that_is_turned_off_under_an_open_ledger_is_no_receipt(home: Path, own_postgres: OwnServer) -> None:
    ledger = Ledger.open(home)
    ledger.meter("Ada").ask()
    (writer,) = (ledger._places._store._database._writer,)  # type: ignore[attr-defined]  # the session that is asked
    with own_postgres.told(fsync="off"):
        until(lambda: writer.execute("SHOW fsync").fetchone() == ("off",))
        with pytest.raises(StoreFailed, match="fsync or full_page_writes was turned off"):
            ledger.meter("Ada").print("0.33", LETTER, "job-1")
        with pytest.raises(StoreFailed, match="fsync is off, it must be on"):
            ledger.meter("Ada").print("0.33", LETTER, "job-1")
    assert_settled(home, ledger)


def test_an_older_database_put_in_the_place_of_an_open_one_gets_what_it_lost(
    home: Path, own_postgres: OwnServer
) -> None:
    """Who restores a backup under a running ledger ends its sessions; what the next ones find is compared first."""
    own_postgres.create("older", database_of(home))
    try:
        with Ledger.open(home) as ledger:
            meter = ledger.meter("Ada")
            meter.print("0.33", LETTER, "job-1")
            meter.print("0.33", LETTER, "job-2")
            own_postgres.replace(database_of(home), "older")
            with pytest.raises(StoreFailed, match=SENTENCE):
                meter.print("0.33", LETTER, "job-3")
            assert meter.print("0.33", LETTER, "job-3").reply.ar == 990
        assert_whole(home, {"Ada": 990})
    finally:
        own_postgres.drop("older")
