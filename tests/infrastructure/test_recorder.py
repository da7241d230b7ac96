"""The recorders pass the eventsourcing library's own conformance cases, on a file and in memory."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from unittest import TestCase
from uuid import UUID, uuid4

import pytest
from eventsourcing import persistence
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.tests import persistence as conformance

from indicium.infrastructure.recorder import ChainRecorder, LedgerRecorder
from indicium.infrastructure.store import Store


class Recording(TestCase):
    in_memory: ClassVar = False

    def store(self) -> Store:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        store = Store.create("sqlite://" if self.in_memory else f"sqlite:///{folder.name}/ledger.db")
        self.addCleanup(store.close)
        return store

    def create_recorder(self) -> LedgerRecorder:
        return self.store().recorder

    def new_originator_id(self) -> str:
        return uuid4().hex


class TestAggregateRecorderOnAFile(Recording, conformance.AggregateRecorderTestCase):
    def create_recorder(self) -> ChainRecorder:  # type: ignore[override]  # these cases want no positions
        return ChainRecorder(self.store().engine)


class TestAggregateRecorderInMemory(TestAggregateRecorderOnAFile):
    in_memory = True


class TestApplicationRecorderOnAFile(Recording, conformance.ApplicationRecorderTestCase[LedgerRecorder]): ...


class TestApplicationRecorderInMemory(TestApplicationRecorderOnAFile):
    in_memory = True


class TestTrackingRecorderOnAFile(Recording, conformance.TrackingRecorderTestCase): ...


class TestTrackingRecorderInMemory(TestTrackingRecorderOnAFile):
    in_memory = True


class TestProcessRecorderOnAFile(Recording, conformance.ProcessRecorderTestCase): ...


class TestProcessRecorderInMemory(TestProcessRecorderOnAFile):
    in_memory = True


class TestPositionsDoNotInterleaveOnAFile(Recording, conformance.NonInterleavingNotificationIDsBaseCase): ...


class TestPositionsDoNotInterleaveInMemory(TestPositionsDoNotInterleaveOnAFile):
    in_memory = True


def event(version: int, originator: UUID | str = "c" * 32) -> StoredEvent:
    return StoredEvent(originator_id=originator, originator_version=version, topic="made", state=b"{}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
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


def test_there_is_no_subscription_on_sqlite_and_the_error_says_what_to_do(store: Store) -> None:
    with pytest.raises(NotImplementedError, match=r"poll select_notifications\(\)"):
        store.recorder.subscribe()


def test_what_the_database_says_comes_in_the_librarys_words_without_sql(store: Store) -> None:
    reader = Store.open(store.url, read_only=True)

    with reader, pytest.raises(persistence.OperationalError) as caught:
        reader.recorder.insert_events([event(1)])

    assert str(caught.value) == "attempt to write a readonly database"
