"""The recorders pass the eventsourcing library's own conformance cases: SQLite on a file and in memory, PostgreSQL."""

import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase
from uuid import UUID, uuid4

import pytest
from eventsourcing import persistence
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.tests import persistence as conformance

from indicium.infrastructure.recorder import ChainRecorder, LedgerRecorder
from indicium.infrastructure.store import Store
from tests.postgres_server import Server


class Recording(TestCase):
    """On a file."""

    def create_recorder(self) -> LedgerRecorder:
        return self.store().recorder

    def store(self) -> Store:
        store = Store.create(self.new_url())
        self.addCleanup(store.close)
        self.addCleanup(_join_those_beside, set(threading.enumerate()))
        return store

    def new_url(self) -> str:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return f"sqlite:///{folder.name}/ledger.db"

    def new_originator_id(self) -> str:
        return uuid4().hex


def _join_those_beside(before: set[threading.Thread]) -> None:
    """Wait for a case's own threads: some of its readers are told to stop, and are still reading when it ends."""
    for thread in set(threading.enumerate()) - before:
        thread.join()


class InMemory(Recording):
    def new_url(self) -> str:
        return "sqlite://"


class OnPostgres(Recording):
    postgres: Server

    @pytest.fixture(autouse=True)
    def _take(self, postgres: Server) -> None:
        self.postgres = postgres

    def new_url(self) -> str:
        name = f"indicium_{uuid4().hex}"
        self.addCleanup(self.postgres.drop, name)
        return self.postgres.create(name)


class TestAggregateRecorderOnAFile(Recording, conformance.AggregateRecorderTestCase):
    def create_recorder(self) -> ChainRecorder:  # type: ignore[override]  # these cases want no positions
        return ChainRecorder(self.store().engine)


class TestAggregateRecorderInMemory(InMemory, TestAggregateRecorderOnAFile): ...


class TestAggregateRecorderOnPostgres(OnPostgres, TestAggregateRecorderOnAFile): ...


class TestApplicationRecorderOnAFile(Recording, conformance.ApplicationRecorderTestCase[LedgerRecorder]):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestApplicationRecorderInMemory(InMemory, TestApplicationRecorderOnAFile): ...


class TestApplicationRecorderOnPostgres(OnPostgres, TestApplicationRecorderOnAFile): ...


class TestTrackingRecorderOnAFile(Recording, conformance.TrackingRecorderTestCase): ...


class TestTrackingRecorderInMemory(InMemory, TestTrackingRecorderOnAFile): ...


class TestTrackingRecorderOnPostgres(OnPostgres, TestTrackingRecorderOnAFile): ...


class TestProcessRecorderOnAFile(Recording, conformance.ProcessRecorderTestCase): ...


class TestProcessRecorderInMemory(InMemory, TestProcessRecorderOnAFile): ...


class TestProcessRecorderOnPostgres(OnPostgres, TestProcessRecorderOnAFile): ...


# On PostgreSQL positions of two transactions may interleave: ADR 0011.
class TestPositionsDoNotInterleaveOnAFile(Recording, conformance.NonInterleavingNotificationIDsBaseCase): ...


class TestPositionsDoNotInterleaveInMemory(InMemory, TestPositionsDoNotInterleaveOnAFile): ...


def event(version: int, originator: UUID | str = "c" * 32) -> StoredEvent:
    return StoredEvent(originator_id=originator, originator_version=version, topic="made", state=b"{}")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create(store_url) as store:
        yield store


def test_events_and_tracking_are_stored_together_or_not_at_all(store: Store) -> None:
    store.recorder.insert_tracking(Tracking("follower", 7))

    with pytest.raises(persistence.IntegrityError):
        store.recorder.insert_events([event(1)], tracking=Tracking("follower", 7))

    assert store.recorder.select_events("c" * 32) == []


def test_a_uuid_names_the_same_chain_as_its_hex_digits(store: Store) -> None:
    chain = uuid4()
    store.recorder.insert_events([event(1, chain)])

    assert store.recorder.select_events(chain) == [event(1, chain.hex)]


def test_what_the_database_says_comes_in_the_librarys_words_without_sql(tmp_path: Path) -> None:
    with Store.create(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        reader = Store.open(store.url, read_only=True)

    with reader, pytest.raises(persistence.OperationalError) as caught:
        reader.recorder.insert_events([event(1)])

    assert str(caught.value) == "attempt to write a readonly database"
