"""The store: one round trip out, one transaction in, all of it or nothing."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import func, select

from indicium.domain.errors import RecordConflict, StoreFailed
from indicium.domain.flow import Changes, Gathered, KeptReply, RequestKey, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.package import Package
from indicium.domain.redating import Redating
from indicium.infrastructure.schema import metadata
from indicium.infrastructure.store import Store
from tests.infrastructure import children

CHAIN, OTHER = ChainId("c" * 32), ChainId("0" * 32)
METER, SECOND = DeviceId("1000000001"), DeviceId("1000000002")


def record(
    sequence: int, version: int | None = None, *, meter: DeviceId = METER, chain: ChainId = CHAIN
) -> SealedRecord:
    psd_id = meter if version else None
    return SealedRecord(chain, sequence, "indicium-created", b"record %d\tsigned" % sequence, psd_id, version)


def package(version: int, *, meter: DeviceId = METER, static: bytes = b"static") -> Package:
    return Package(meter, version, static, b"moving %d" % version, bytes(31) + b"\x01", bytes(31) + b"\x02")


def reply(request_id: str, version: int, *, meter: DeviceId = METER) -> KeptReply:
    return KeptReply(meter, request_id, version, bytes(32), b"token %d" % version)


def rows(store: Store, table: str) -> int:
    with store.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar_one()


def everything(store: Store) -> list[int]:
    return [rows(store, table) for table in ("records", "packages", "static_parts", "replies")]


@pytest.fixture(params=["file", "memory", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = {"file": f"sqlite:///{tmp_path / 'ledger.db'}", "memory": "sqlite://"}.get(request.param)
    with Store.create(url or request.getfixturevalue("postgres_url")) as store:
        yield store


def test_an_empty_store_gathers_nothing(store: Store) -> None:
    assert store.gather(CHAIN, {METER}, {RequestKey(METER, "1")}) == Gathered(None)
    assert (store.head(CHAIN), list(store.records(CHAIN)), store.chains()) == (None, [], [])
    assert (store.package(METER), list(store.packages())) == (None, [])


def test_what_was_saved_is_gathered_byte_for_byte(store: Store) -> None:
    store.save(Changes([record(1), record(2, 1)], [package(1)], [reply("a", 1)]))

    found = store.gather(CHAIN, [METER], [RequestKey(METER, "a")])

    assert found == Gathered(record(2, 1), {METER: package(1)}, {RequestKey(METER, "a"): reply("a", 1)})


def test_only_what_was_asked_for_is_gathered(store: Store) -> None:
    both = [package(1), package(1, meter=SECOND)]
    kept = [reply("a", 1), reply("b", 1), reply("a", 1, meter=SECOND), reply("b", 1, meter=SECOND)]
    store.save(Changes([record(1)], both, kept))

    found = store.gather(CHAIN, [SECOND], [RequestKey(METER, "b"), RequestKey(SECOND, "a"), RequestKey(SECOND, "c")])

    assert found.packages == {SECOND: package(1, meter=SECOND)}
    assert found.replies == {RequestKey(METER, "b"): kept[1], RequestKey(SECOND, "a"): kept[2]}


def test_the_head_is_the_newest_of_its_own_chain(store: Store) -> None:
    store.save(Changes([record(1), record(2)]))
    store.save(Changes([record(1, chain=OTHER), record(2, chain=OTHER), record(3, chain=OTHER)]))

    assert store.gather(CHAIN, [], []).head == store.head(CHAIN) == record(2)
    assert store.gather(OTHER, [], []).head == store.head(OTHER) == record(3, chain=OTHER)


@pytest.mark.parametrize("request_id", ["", '"', "'", "\\", "]", "ä\U0001f4ee", "1' OR '1'='1", "a\nb"])
def test_any_request_id_finds_its_own_reply(store: Store, request_id: str) -> None:
    store.save(Changes([record(1)], [], [reply(request_id, 1), reply("another", 1)]))

    key = RequestKey(METER, request_id)
    assert store.gather(CHAIN, [], [key]).replies == {key: reply(request_id, 1)}


def test_a_thousand_meters_are_gathered_and_saved_at_once(store: Store) -> None:
    meters = [DeviceId(f"{number:010}") for number in range(1000)]
    for version in (1, 2):
        records = [record((version - 1) * 1000 + n, version, meter=meter) for n, meter in enumerate(meters, start=1)]
        packages = [package(version, meter=meter) for meter in meters]
        store.save(Changes(records, packages, [reply(str(version), version, meter=meter) for meter in meters]))

        found = store.gather(CHAIN, meters, [RequestKey(meter, str(version)) for meter in meters])
        assert found.head == records[-1]
        assert found.packages == dict(zip(meters, packages, strict=True))
        assert len(found.replies) == 1000


@contextmanager
def overheard(store: Store) -> Iterator[list[str]]:
    """Give the beginnings of the statements that the database ran; the pool holds the one connection it has used."""
    said: list[str] = []
    with store.engine.connect() as connection:
        driver = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    driver.set_trace_callback(lambda statement: said.append(" ".join(statement.split()[:3])))
    yield said
    driver.set_trace_callback(None)


sqlite_alone = pytest.mark.parametrize("store", ["file", "memory"], indirect=True)


@sqlite_alone
def test_gathering_is_one_statement(store: Store) -> None:
    with overheard(store) as said:
        store.gather(CHAIN, [METER, SECOND], [RequestKey(METER, "a")])

    assert [each for each in said if not each.startswith("--")] == ["SELECT 0, records.psd_id,"]


@sqlite_alone
def test_saving_is_one_transaction_of_the_one_writer_and_leaves_known_static_parts_alone(store: Store) -> None:
    store.save(Changes([record(1, 1)], [package(1)]))
    store.gather(CHAIN, [METER], [])

    with overheard(store) as said:
        store.save(Changes([record(2, 2)], [package(2)], [reply("a", 2)]))

    written = ["INSERT INTO records", "INSERT INTO packages", "INSERT INTO replies"]
    assert said == ["BEGIN IMMEDIATE", *written, "COMMIT"]


def test_a_transaction_rewrites_the_moving_part_only(store: Store) -> None:
    store.save(Changes([record(1, 1)], [package(1)]))
    store.gather(CHAIN, [METER], [])
    store.save(Changes([record(2, 2)], [package(2)]))
    store.save(Changes([record(3, 3)], [package(3)]))

    assert store.package(METER) == package(3)
    assert everything(store) == [3, 1, 1, 0]


def test_a_new_static_part_is_kept_beside_the_old_one(store: Store) -> None:
    store.save(Changes([record(1, 1)], [package(1)]))
    store.gather(CHAIN, [METER], [])
    store.save(Changes([record(2, 2)], [package(2, static=b"new key")]))

    assert store.package(METER) == package(2, static=b"new key")
    assert everything(store) == [2, 1, 2, 0]


def test_two_meters_with_the_same_static_part_have_their_own(store: Store) -> None:
    store.save(Changes([record(1)], [package(1), package(1, meter=SECOND)]))

    assert everything(store)[2] == 2


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        (Changes([record(3), record(2)]), "uq_records_chain_sequence"),
        (Changes([record(3, 2), record(4, 1)], [package(2)]), "uq_records_psd_version_psd_id"),
        (Changes([record(3, 2)], [package(2)], [reply("b", 2), reply("a", 2)]), "pk_replies"),
        (Changes([record(3, 2), record(3, 3)]), "uq_records_chain_sequence"),
    ],
)
def test_a_conflict_names_its_constraint_and_leaves_nothing(store: Store, changes: Changes, constraint: str) -> None:
    store.save(Changes([record(1), record(2, 1)], [package(1)], [reply("a", 1)]))

    with pytest.raises(RecordConflict) as caught:
        store.save(changes)

    assert caught.value.constraint == constraint
    assert everything(store) == [2, 1, 1, 1]
    assert store.package(METER) == package(1)
    store.save(Changes([record(3, 2)], [package(2)], [reply("b", 2)]))


def test_a_discarded_records_version_is_free_again(store: Store) -> None:
    store.save(Changes([record(1, 1)], [package(1)]))
    store.save(Changes([record(2), record(3)]))

    store.save(Changes([record(4, 2)], [package(2)]))


def test_a_failure_half_way_leaves_nothing_and_says_neither_sql_nor_values(store: Store) -> None:
    broken = package(1)._replace(mac=None)  # type: ignore[arg-type]

    with pytest.raises(StoreFailed) as caught:
        store.save(Changes([record(1, 1)], [broken], [reply("a", 1)]))

    why = {
        "sqlite": "NOT NULL constraint failed: packages.mac",
        "postgresql": 'null value in column "mac" of relation "packages" violates not-null constraint',
    }[store.engine.dialect.name]
    assert str(caught.value) == str(StoreFailed(place="store", why=why))
    assert everything(store) == [0, 0, 0, 0]


@sqlite_alone
def test_a_transaction_that_the_database_dropped_is_not_taken_for_saved(store: Store) -> None:
    with pytest.raises(Exception, match="dropped the transaction"), store.engine.begin() as connection:  # noqa: PT012
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.rollback()


def test_records_come_in_order_whatever_the_batch(store: Store) -> None:
    store.save(Changes([record(n) for n in range(1, 8)] + [record(n, chain=OTHER) for n in range(1, 4)]))

    for batch in (1, 2, 3, 7, 8, 1000):
        assert [each.sequence for each in store.records(CHAIN, batch=batch)] == [1, 2, 3, 4, 5, 6, 7]
        assert [each.sequence for each in store.records(CHAIN, after=2, upto=5, batch=batch)] == [3, 4, 5]
    assert list(store.records(CHAIN, after=7)) == []
    assert next(store.records(CHAIN, after=4)) == record(5)


def test_a_reader_half_way_through_hinders_no_writer_and_sees_what_comes(store: Store) -> None:
    store.save(Changes([record(1), record(2)]))
    reading = store.records(CHAIN, batch=1)
    assert next(reading) == record(1)

    store.save(Changes([record(3)]))

    assert list(reading) == [record(2), record(3)]


def test_chains_are_named_oldest_first_with_their_last_record(store: Store) -> None:
    store.save(Changes([record(1), record(2)]))
    store.save(Changes([record(1, chain=OTHER)]))
    store.save(Changes([record(3)]))

    assert store.chains() == [(CHAIN, 3), (OTHER, 1)]


def test_all_packages_come_by_their_number_also_when_there_are_many(store: Store) -> None:
    meters = [DeviceId(f"{number:010}") for number in range(2001)]
    store.save(Changes([record(1)], [package(1, meter=meter) for meter in reversed(meters)]))

    assert [each.psd_id for each in store.packages()] == meters


def test_static_parts_are_kept_under_their_sha256(store: Store) -> None:
    store.save(Changes([record(1)], [package(1)]))

    with store.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT static_digest FROM packages").scalar_one()
    assert found == hashlib.sha256(b"static").hexdigest()


WRITER = """
import sys
from indicium.domain.flow import Changes, SealedRecord
from indicium.infrastructure.store import Store

url, chain = sys.argv[1:]
with Store.open(url) as store:
    for sequence in range(1, 200, 2):
        rows = [SealedRecord(chain, n, "made", chain.encode(), None, None) for n in (sequence, sequence + 1)]
        store.save(Changes(rows))
        assert store.gather(chain, [], []).head == rows[-1]
"""


def test_two_processes_write_side_by_side_and_nothing_is_lost(tmp_path: Path) -> None:
    with Store.create(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        writers = [children.start(WRITER, store.url, chain) for chain in (CHAIN, OTHER)]
        for writer in writers:
            _, err = writer.communicate(timeout=60)
            assert writer.returncode == 0, err

        assert sorted(store.chains()) == [(OTHER, 200), (CHAIN, 200)]
        assert [each.sequence for each in store.records(CHAIN)] == list(range(1, 201))
        positions = store.recorder.select_notifications(None, 1000)
        pairs = zip(positions[::2], positions[1::2], strict=True)
        assert all(first.originator_id == second.originator_id for first, second in pairs)


def test_two_writers_of_one_chain_cannot_both_append_a_record(tmp_path: Path) -> None:
    """N-22, O-19."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Store.create(url) as first, Store.open(url) as second:
        assert first.gather(CHAIN, [], []) == second.gather(CHAIN, [], [])
        first.save(Changes([record(1)]))

        with pytest.raises(RecordConflict):
            second.save(Changes([record(1)]))


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    said = children.run(
        """
        import resource, sys
        from indicium.domain.errors import StoreFailed
        from indicium.domain.flow import Changes, SealedRecord
        from indicium.infrastructure.store import Store

        with Store.create(sys.argv[1]) as store:
            store.save(Changes([SealedRecord("c", 1, "made", b"", None, None)]))
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
            rows = [SealedRecord("c", n, "made", bytes(1000), None, None) for n in range(2, 1000)]
            try:
                store.save(Changes(rows))
            except StoreFailed as error:
                print(error)
            print(store.head("c").sequence)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            store.save(Changes(rows))
        """,
        f"sqlite:///{tmp_path / 'ledger.db'}",
    )

    assert said == ["The store did not confirm the save (disk I/O error): repeat the request with the same id.", "1"]
    with Store.open(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        assert store.chains() == [("c", 999)]


def test_a_process_killed_in_the_middle_of_a_save_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    writer = children.start(
        """
        import sys
        from indicium.domain.flow import Changes, SealedRecord
        from indicium.infrastructure.store import Store

        store = Store.create(sys.argv[1])
        store.save(Changes([SealedRecord("c", 1, "made", b"", None, None)]))
        with store.engine.execution_options(begin_immediate=True).begin() as connection:
            say = store._statements.append.sql
            connection.exec_driver_sql(say, [("c", n, "made", bytes(5000), None, None) for n in range(2, 9000)])
            print("written", flush=True)
            sys.stdin.read()
        """,
        f"sqlite:///{tmp_path / 'ledger.db'}",
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    writer.kill()
    writer.communicate()

    with Store.open(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        assert store.chains() == [("c", 1)]
        store.save(Changes([SealedRecord(ChainId("c"), 2, "made", b"", None, None)]))


def test_a_writer_waits_for_another_transaction_and_then_saves(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Store.create(f"sqlite:///{path}") as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = children.start(WRITER, store.url, CHAIN)
        other.execute("UPDATE tracking SET notification_id = 1")
        assert store.chains() == []
        other.execute("COMMIT")

        _, err = writer.communicate(timeout=60)
        assert writer.returncode == 0, err
        assert store.chains() == [(CHAIN, 200)]


def test_the_records_of_many_items_are_found_by_version_and_meter(store: Store) -> None:
    """What `check-item` asks of a list of items, in one question (E-1104)."""
    made = [record(1, 1), record(2, 2), record(3, 1, meter=SECOND), record(4), record(5, 3)]
    store.save(Changes(made, [package(3), package(1, meter=SECOND)], ()))

    assert set(store.transactions([(2, METER), (1, SECOND), (3, METER)])) == {made[1], made[2], made[4]}
    assert store.transactions([(9, METER), (1, DeviceId("9")), (2, SECOND)]) == []
    assert store.transactions([]) == []


def test_of_many_items_those_that_were_redated_have_the_day_that_was_given_last(store: Store) -> None:
    """E8, M-79."""
    one, other, never = ("a" * 64, "b" * 64, "c" * 64)
    for request_id, item, day in (("1", one, "2026-03-03"), ("2", other, "2026-03-04"), ("3", one, "2026-03-05")):
        store.keep_redating(Redating(METER, request_id, item, day, f"2026-03-02T09:00:0{request_id}.000000Z"))

    assert store.days_given([one, other, never, one]) == {one: "2026-03-05", other: "2026-03-04"}
    assert store.days_given([never]) == store.days_given([]) == {}
