"""A reader of all chains skips no record that commits late, on PostgreSQL with transactions that are really open."""

import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, event, insert, text

from indicium.domain.errors import StoreNotUsable
from indicium.domain.flow import Changes, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.package import Package
from indicium.infrastructure.horizon import announce, settled
from indicium.infrastructure.schema import records
from indicium.infrastructure.store import Store
from tests.postgres_server import Server, own_server


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    with Store.create(postgres_url) as store:
        yield store


def draw(connection: Connection, chain: str) -> int:
    """Insert a record as a writer does, and give the position that it drew."""
    announce(connection)
    row = {"chain": chain, "sequence": 1, "topic": "made", "record": b"{}"}
    position: int = connection.execute(insert(records).returning(records.c.position), row).scalar_one()
    return position


def commit_one(store: Store, chain: str) -> int:
    with store.engine.begin() as connection:
        return draw(connection, chain)


def read(store: Store) -> list[int]:
    return [notification.id for notification in store.recorder.select_notifications(start=None, limit=100)]


def test_a_reader_waits_for_a_record_that_commits_late(store: Store) -> None:
    with store.engine.connect() as late:
        late.begin()
        assert draw(late, "late") == 1
        assert commit_one(store, "early") == 2
        assert read(store) == []
        assert store.recorder.max_notification_id() is None
        late.commit()

    assert read(store) == [1, 2]
    assert store.recorder.max_notification_id() == 2


def test_a_reader_reads_what_was_stored_before_the_oldest_transaction_began(store: Store) -> None:
    commit_one(store, "before")
    with store.engine.connect() as late:
        late.begin()
        announce(late)  # it has drawn nothing yet
        commit_one(store, "after")
        assert read(store) == [1]
        assert store.recorder.max_notification_id() == 1


def test_a_transaction_that_is_rolled_back_leaves_a_gap_and_holds_nobody(store: Store) -> None:
    with store.engine.connect() as given_up:
        given_up.begin()
        draw(given_up, "given up")
        commit_one(store, "kept")
        given_up.rollback()

    assert read(store) == [2]


@pytest.mark.parametrize("asked", ["last_value", "pg_locks"])
def test_writers_that_come_between_a_readers_questions_are_not_passed_over(store: Store, asked: str) -> None:
    """One draws 1 and stays open, one draws 2 and commits, after the reader asked for `asked`."""
    awaited = [asked]

    def come_between(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if awaited and awaited[0] in statement:
            awaited.clear()
            late.begin()
            assert draw(late, "late") == 1
            assert commit_one(store, "early") == 2

    with store.engine.connect() as late:
        event.listen(store.engine, "after_cursor_execute", come_between)
        assert read(store) == []
        assert not awaited
        late.commit()

    assert read(store) == [1, 2]


@pytest.mark.parametrize(
    "lock",
    [
        "pg_advisory_lock(1)",
        f"pg_advisory_lock({0x1D1C0000}, 0)",  # two keys, whose bits are those of one of ours
        "pg_advisory_lock(1::bigint << 62)",
    ],
)
def test_other_advisory_locks_hold_no_reader(store: Store, lock: str) -> None:
    commit_one(store, "stored")
    with store.engine.connect() as other:
        other.execute(text(f"SELECT {lock}"))
        assert read(store) == [1]


def test_a_writer_of_another_database_holds_no_reader(store: Store, postgres: Server) -> None:
    commit_one(store, "stored")
    name = f"indicium_{uuid4().hex}"
    with Store.create(postgres.create(name)) as neighbour, neighbour.engine.connect() as open_there:
        open_there.begin()
        draw(open_there, "elsewhere")
        assert read(store) == [1]
    postgres.drop(name)


def test_before_anything_is_drawn_nothing_is_settled(store: Store) -> None:
    with store.engine.connect() as connection:
        assert settled(connection) == 0
    commit_one(store, "first")
    with store.engine.connect() as connection:
        assert settled(connection) == 1


def test_a_standby_which_shows_no_locks_of_its_primary_is_refused() -> None:
    with own_server() as server:
        url = server.create("ledger")
        with Store.create(url) as primary:
            commit_one(primary, "stored")
        server.stop()
        (server._data / "standby.signal").touch()
        server.start()
        with Store.open(url, read_only=True) as standby:
            assert len(standby.recorder.select_events("stored")) == 1
            with pytest.raises(StoreNotUsable, match="a standby does not show which transactions run"):
                read(standby)


def test_positions_are_not_drawn_in_advance(store: Store) -> None:
    """A cache of the sequence would give out positions below what a writer has announced."""
    with store.engine.connect() as connection:
        cache = "SELECT seqcache FROM pg_sequence WHERE seqrelid = 'records_position_seq'::regclass"
        assert connection.execute(text(cache)).scalar() == 1


def test_one_subscriber_sees_each_record_of_many_writers_once_and_in_order(store: Store) -> None:
    writers, groups = 6, 60
    stored: dict[object, list[int]] = {}

    def write(number: int) -> None:
        dice = random.Random(number)
        sequence = 0
        for _ in range(groups):
            group = range(sequence + 1, sequence + 1 + dice.randint(1, 40))
            store.recorder.insert_events([StoredEvent(f"chain {number}", one, "made", b"{}") for one in group])
            sequence = group[-1]
        stored[f"chain {number}"] = list(range(1, sequence + 1))

    def write_all() -> None:
        threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.recorder.insert_events([StoredEvent("the end", 1, "ended", b"{}")])

    writing = threading.Thread(target=write_all)
    seen: defaultdict[object, list[int]] = defaultdict(list)
    positions: list[int] = []
    with store.recorder.subscribe() as subscription:
        writing.start()
        for notification in subscription:
            if notification.topic == "ended":
                break
            positions.append(notification.id)
            seen[notification.originator_id].append(notification.originator_version)
    writing.join()

    assert positions == sorted(set(positions))
    assert seen == stored


HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(1, 1); RETURN NULL; END $$;
CREATE TRIGGER hold AFTER INSERT ON packages EXECUTE FUNCTION hold();
"""
"""Holds a group that has drawn its positions, and is not committed, for as long as somebody has the lock (1, 1)."""

HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND NOT granted"


def test_a_reader_waits_for_a_group_of_a_module_too(store: Store) -> None:
    group = Changes(
        [SealedRecord(ChainId("late"), 1, "made", b"{}", DeviceId("1"), 1)],
        [Package(DeviceId("1"), 1, b"static", b"moving", b"made by", b"mac")],
    )
    with ThreadPoolExecutor() as pool, store.engine.connect() as holder:
        holder.execute(text(HOLD))
        holder.commit()
        holder.execute(text("SELECT pg_advisory_xact_lock(1, 1)"))
        saving = pool.submit(store.save, group)
        while holder.execute(text(HELD)).scalar_one() == 0:
            assert not saving.done()
        commit_one(store, "early")

        assert read(store) == []
        holder.rollback()
        saving.result()

    assert read(store) == [1, 2]
