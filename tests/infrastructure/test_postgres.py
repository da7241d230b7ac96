"""PostgreSQL: which servers are refused, what a session makes sure of by itself, and who may write."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from indicium.domain.errors import (
    LedgerInUse,
    Misconfigured,
    RecordConflict,
    StoreFailed,
    StoreNotUsable,
    StoreSpoilt,
    UnsafeStore,
)
from indicium.domain.flow import Changes, KeptReply, RequestKey, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.package import Package
from indicium.infrastructure import postgres as module
from indicium.infrastructure.store import Store
from tests.postgres_server import OwnServer, Server, own_server, until

CHAIN, OTHER = ChainId("c" * 32), ChainId("0" * 32)
METER = DeviceId("1000000001")


def record(sequence: int, chain: ChainId = CHAIN, version: int | None = None, line: bytes = b"record") -> SealedRecord:
    return SealedRecord(chain, sequence, "made", line, METER if version else None, version)


def saved(url: str, *records: SealedRecord) -> None:
    with Store.open(url) as store:
        store.save(Changes(records))


@contextmanager
def prompt(url: str) -> Iterator[psycopg.Connection]:
    """Be a person at the database's own prompt."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


def tell(url: str, **settings: str) -> None:
    """Set what sessions of a database begin with."""
    with prompt(url) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER DATABASE \"{make_url(url).database}\" SET {name} = '{value}'")


@pytest.fixture
def made(postgres_url: str) -> str:
    """An empty store."""
    Store.create(postgres_url).close()
    return postgres_url


def refused(url: str, kind: type[Misconfigured] = StoreNotUsable) -> str:
    with pytest.raises(kind) as caught:
        Store.open(url)
    return str(caught.value)


def sessions_of(store: Store) -> dict[str, Any]:
    database = store._database
    assert isinstance(database, module.Postgres)
    return {"claim": database._claim, "writer": database._writer}


@pytest.mark.parametrize(
    ("told", "holds"), [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")]
)
def test_a_transaction_waits_until_it_is_durable_and_sees_what_others_committed(
    told: str, holds: str, made: str
) -> None:
    tell(made, synchronous_commit=told, default_transaction_isolation="serializable")
    with prompt(made) as connection:
        connection.execute("CREATE TABLE seen (setting text, level text)")
        connection.execute(
            """CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES
            (current_setting('synchronous_commit'), current_setting('transaction_isolation')); RETURN NEW; END $$"""
        )
        connection.execute("CREATE TRIGGER see BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION see()")
        saved(made, record(1))
        assert connection.execute("SELECT * FROM seen").fetchall() == [(holds, "read committed")]


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_would_lose_a_commit_is_refused(setting: str, made: str, own_postgres: OwnServer) -> None:
    with own_postgres.told(**{setting: "off"}):
        said = refused(made, UnsafeStore)
    assert said == f"The store would not survive a power loss: {setting} is off, it must be on."
    Store.open(made).close()


def test_a_database_that_cannot_hold_every_name_is_refused(postgres: Server) -> None:
    postgres.execute("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", "latin")
    try:
        with pytest.raises(UnsafeStore, match="server_encoding is LATIN1, it must be UTF8"):
            Store.create(postgres.url("latin"))
    finally:
        postgres.drop("latin")


def test_a_database_that_takes_no_records_is_read_and_not_written(made: str) -> None:
    saved(made, record(1))
    tell(made, default_transaction_read_only="on")

    assert refused(made).endswith("takes no records: default_transaction_read_only is on there.")
    with Store.open(made, read_only=True) as store:
        assert store.chains() == [(CHAIN, 1)]


def test_a_standby_is_read_and_takes_records_once_it_is_the_primary(made: str, own_postgres: OwnServer) -> None:
    saved(made, record(1))
    with own_postgres.standby() as standby:
        url = standby.url(str(make_url(made).database))
        assert refused(url).endswith("is a standby, which takes no records: name the primary server.")
        with Store.open(url, read_only=True) as store:
            assert store.chains() == [(CHAIN, 1)]
            with pytest.raises(StoreFailed, match="read-only transaction"):
                store.save(Changes([record(2)]))
        standby.promote()
        saved(url, record(2))


def test_a_page_that_was_damaged_on_the_servers_disk_is_no_reason_to_repeat_the_request() -> None:
    """On a server of its own: whoever would follow it later could not."""
    with own_server() as server:
        url = server.create("spoilt")
        Store.create(url).close()
        saved(url, record(1))
        path = server.ask("SELECT pg_relation_filepath('records')", "spoilt")
        with server.down("fast"), (server.socket.parent / str(path)).open("r+b") as file:
            file.write(b"\xff" * 64)
        with Store.open(url) as store, pytest.raises(StoreSpoilt, match=r"invalid page .*'indicium recover'"):
            list(store.records(CHAIN))


def test_a_server_that_is_too_old_is_refused(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST", 990_000)
    assert refused(made).endswith("older than 99.")


def test_what_a_server_says_of_dates_bytes_and_letters_changes_nothing(
    made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(
        made, client_encoding="latin1", bytea_output="escape", DateStyle="German", TimeZone="Pacific/Apia",
        standard_conforming_strings="off", extra_float_digits="-15", array_nulls="off", IntervalStyle="sql_standard",
        backslash_quote="off",
    )  # fmt: skip
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    reply = KeptReply(METER, "Łódź \\ ' \U0001f4ee", 1, bytes(range(32)), bytes(range(256)))
    package = Package(METER, 1, bytes(range(256)), b"\\x00", bytes(32), bytes(32))
    line = record(1, version=1, line=bytes(range(256)))
    with Store.open(made) as store:
        store.save(Changes([line], [package], [reply]))
        key = RequestKey(METER, reply.request_id)
        found = store.gather(CHAIN, [METER], [key])
        assert (found.head, found.packages, found.replies) == (line, {METER: package}, {key: reply})
        assert list(store.records(CHAIN)) == [line]
        assert store.package(METER) == package


def test_a_url_may_name_a_schema_and_other_options_of_the_connection(postgres_url: str) -> None:
    with prompt(postgres_url) as connection:
        connection.execute("CREATE SCHEMA post")
    query = {**make_url(postgres_url).query, "options": "-csearch_path=post", "connect_timeout": "7"}
    url = make_url(postgres_url).set(query=query, drivername="postgresql").render_as_string(hide_password=False)
    with Store.create(url) as store:
        store.claim("1")
        store.save(Changes([record(1)]))
        assert store.chains() == [(CHAIN, 1)]
        for session in sessions_of(store).values():
            assert session.info.get_parameters()["connect_timeout"] == "7"
    with prompt(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM post.records").fetchone() == (1,)
    nowhere = make_url(url).update_query_dict({"options": "-csearch_path=nowhere"})
    with pytest.raises(StoreNotUsable, match="no schema has been selected"):
        Store.create(nowhere.render_as_string(hide_password=False))


def test_a_claim_stays_however_long_there_is_no_work(made: str) -> None:
    tell(made, idle_session_timeout="1000", statement_timeout="1000", client_min_messages="error")
    with Store.open(made) as store:
        store.claim("1")
        for session in sessions_of(store).values():
            said = [session.execute(f"SHOW {name}").fetchone()[0] for name in module._SESSION if "tcp" not in name]
            assert said == ["warning", "0", "0"]


def test_one_process_has_a_module_and_the_next_gets_it_when_the_first_lets_go(made: str) -> None:
    with Store.open(made) as second:
        with Store.open(made) as first:
            first.claim("1")
            first.save(Changes([record(1)]))
            with pytest.raises(LedgerInUse, match="Module 1 is in use by another process"):
                second.claim("1")
            second.claim("2")
            first.save(Changes([record(2)]))
        with Store.open(made) as third:
            third.claim("1")
            third.save(Changes([record(3)]))


def test_a_claim_that_was_lost_is_noticed_before_the_next_write_and_nobody_else_has_written(made: str) -> None:
    with Store.open(made) as first, Store.open(made) as second, prompt(made) as connection:
        first.claim("1")
        first.save(Changes([record(1)]))
        connection.execute("SELECT pg_terminate_backend(%s, 60000)", [sessions_of(first)["claim"].info.backend_pid])
        with pytest.raises(StoreFailed, match="terminating connection"):
            first.save(Changes([record(2)]))
        second.claim("1")
        with pytest.raises(StoreFailed):
            first.save(Changes([record(2)]))
        second.save(Changes([record(2)]))


def test_whoever_takes_a_lost_claim_ends_the_writer_that_had_it(made: str) -> None:
    """Between two looks at its claim a process may lose it: its session cannot write any more all the same."""
    with Store.open(made) as first, Store.open(made) as second, prompt(made) as connection:
        first.claim("1")
        connection.execute("SELECT pg_terminate_backend(%s, 60000)", [sessions_of(first)["claim"].info.backend_pid])
        second.claim("1")
        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            sessions_of(first)["writer"].execute("SELECT")


@pytest.mark.usefixtures("own_postgres")  # its processes are stopped
def test_an_earlier_writer_that_ends_by_itself_meanwhile_is_no_hindrance(made: str) -> None:
    """The server says "no" of a session that it was to end and that is gone: what counts is that it is gone."""
    name = "indicium module 1 writer"
    watches = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'BackendTermination'"
    lives = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
    with prompt(made) as one, prompt(made) as other, prompt(made) as watch, Store.open(made) as store:
        by_pid = {session.info.backend_pid: session for session in (one, other)}
        for session in by_pid.values():
            session.execute(f"SET application_name = '{name}'")
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
        stopped, gone = (pid for (pid,) in watch.execute(query, [name]))  # in the order in which they will be ended
        with ThreadPoolExecutor(1) as pool:
            os.kill(stopped, signal.SIGSTOP)
            try:
                claiming = pool.submit(store.claim, "1")
                until(lambda: watch.execute(watches).fetchone())
                by_pid[gone].close()
                until(lambda: watch.execute(lives, [gone]).fetchone() is None)
            finally:
                os.kill(stopped, signal.SIGCONT)
            claiming.result()
        store.save(Changes([record(1)]))


def test_a_role_that_only_owns_the_database_is_enough(postgres_url: str, own_postgres: OwnServer) -> None:
    own_postgres.execute("CREATE ROLE {} LOGIN NOSUPERUSER", "clerk")
    own_postgres.execute("ALTER DATABASE {} OWNER TO {}", str(make_url(postgres_url).database), "clerk")
    url = make_url(postgres_url).set(username="clerk").render_as_string(hide_password=False)
    try:
        with Store.create(url) as first, Store.open(url) as second:
            first.claim("1")
            first.save(Changes([record(1)]))
            sessions_of(first)["claim"].close()
            second.claim("1")
            second.save(Changes([record(2)]))
        assert Store.upgrade(url).found
    finally:
        own_postgres.drop(str(make_url(postgres_url).database))
        own_postgres.execute("DROP ROLE {}", "clerk")


def test_two_modules_do_not_wait_for_each_other(made: str) -> None:
    """N-17."""
    with Store.open(made) as one, Store.open(made) as two, prompt(made) as connection, ThreadPoolExecutor(1) as pool:
        connection.execute(
            f"""CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.chain = '{CHAIN}' THEN
            PERFORM pg_advisory_xact_lock_shared(4711); END IF; RETURN NEW; END $$"""
        )
        connection.execute("CREATE TRIGGER hold AFTER INSERT ON records FOR EACH ROW EXECUTE FUNCTION hold()")
        connection.execute("SELECT pg_advisory_lock(4711)")
        one.claim("1")
        two.claim("2")
        saving = pool.submit(one.save, Changes([record(1)]))
        until(lambda: connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'").fetchone())

        two.save(Changes([record(1, OTHER), record(2, OTHER)]))

        assert not saving.done()
        connection.execute("SELECT pg_advisory_unlock(4711)")
        saving.result()
        assert sorted(two.chains()) == [(OTHER, 2), (CHAIN, 1)]


@pytest.mark.parametrize(
    ("taken", "constraint"),
    [(record(1), "uq_records_chain_sequence"), (record(2, OTHER, 7), "uq_records_psd_version_psd_id")],
    ids=["a record's place", "a meter's version"],
)
def test_what_another_module_took_is_a_conflict_and_names_the_rule(
    taken: SealedRecord, constraint: str, made: str
) -> None:
    with Store.open(made) as one, Store.open(made) as two:
        one.claim("1")
        two.claim("2")
        one.save(Changes([record(1, version=7)]))
        with pytest.raises(RecordConflict) as conflict:
            two.save(Changes([taken]))
        assert conflict.value.constraint == constraint
        assert one.chains() == [(CHAIN, 1)]


def test_ten_thousand_requests_travel_in_one_transaction(made: str) -> None:
    meters = [DeviceId(f"{number:010}") for number in range(10_000)]
    with Store.open(made) as store:
        store.claim("1")
        store.save(
            Changes(
                [SealedRecord(CHAIN, n, "made", b"x" * 1300, meter, 1) for n, meter in enumerate(meters, 1)],
                [Package(meter, 1, meter.encode(), b"m" * 700, bytes(32), bytes(32)) for meter in meters],
                [KeptReply(meter, "1", 1, bytes(32), b"t" * 500) for meter in meters],
            )
        )
        found = store.gather(CHAIN, meters, [RequestKey(meter, "1") for meter in meters])
        assert found.head is not None
        assert (found.head.sequence, len(found.packages), len(found.replies)) == (10_000, 10_000, 10_000)


HURRIES = ("idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout")


def test_a_ceremony_takes_as_long_as_it_takes_whatever_the_role_says(postgres: Server, postgres_url: str) -> None:
    name = make_url(postgres_url).database
    assert name is not None
    for hurry in HURRIES:
        postgres.execute(f"ALTER DATABASE {{}} SET {hurry} = '1s'", name)

    with Store.create(postgres_url) as store, store.engine.begin() as connection:
        said = text("SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name = ANY(:hurries)")
        assert connection.execute(said, {"hurries": list(HURRIES)}).scalar_one() == "1000 1000 1000"
        module._lock(connection, "a ceremony")
        assert connection.execute(said, {"hurries": list(HURRIES)}).scalar_one() == "0 0 0"
