"""A store's records as an application of the eventsourcing library, read by that library's own classes."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.application import AggregateNotFoundError, ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate
from eventsourcing.domain import event as mutates
from eventsourcing.persistence import IntegrityError, StoredEvent, Tracking
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.projection import (
    ApplicationSubscription,
    EventSourcedProjection,
    EventSourcedProjectionRunner,
    Projection,
    ProjectionRunner,
)
from eventsourcing.tests.persistence import TrackingRecorderTestCase
from eventsourcing.utils import EnvType
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, create_engine, func, insert, select

from indicium.domain.errors import BadRecord, OnlyModulesAppend
from indicium.domain.events import CheckpointRecovered, IndiciumCreated, parse_event
from indicium.domain.evolve import Discarded, ModuleAt, evolve, replay
from indicium.domain.flow import Changes, Gathered, SealedRecord
from indicium.domain.identity import ChainId
from indicium.infrastructure.recorder import TrackedView
from indicium.infrastructure.records import Records
from indicium.infrastructure.store import Store
from tests.harness import LETTER, World

PRINTED = Table(
    "printed", MetaData(), Column("position", Integer, primary_key=True), Column("value", Integer, nullable=False)
)


class Printed(TrackedView):
    """What was printed, in a table."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "printed", PRINTED)

    def total(self) -> int:
        with self.engine.connect() as connection:
            found: int = connection.execute(select(func.coalesce(func.sum(PRINTED.c.value), 0))).scalar_one()
        return found


class PrintedProjection(Projection[Printed]):
    @singledispatchmethod
    def process_event(self, domain_event: object, tracking: Tracking) -> None:  # noqa: ARG002 - the library's
        self.view.insert_tracking(tracking)

    @process_event.register
    def _(self, domain_event: IndiciumCreated, tracking: Tracking) -> None:
        with self.view.moving(tracking) as connection:
            row = {"position": tracking.notification_id, "value": domain_event.data.checkpoint.value}
            connection.execute(insert(PRINTED), row)


@pytest.fixture
def sealed(world: World) -> list[SealedRecord]:
    """A real chain: an item of 0.33, one of 0.55 that was rolled back, the recovery, and one of 0.78."""
    world.spend("ada", 330, "before")
    kept = world.records()
    world.dispatch([world.customers["ada"].create_indicium("lost", 550, LETTER)])
    world.reboot()
    recovered = world.module.resume(Gathered(kept[-1]))
    assert recovered is not None
    world.save(recovered)
    world.ask("ada")
    world.spend("ada", 780, "after")
    return world.records()


@pytest.fixture
def store(store_url: str, sealed: list[SealedRecord]) -> Iterator[Store]:
    with Store.create(store_url) as store:
        store.save(Changes(sealed))
        yield store


@pytest.fixture
def records(store: Store) -> Records:
    return Records(store)


def test_the_notification_log_gives_the_sealed_bytes_and_the_mapper_the_events(
    records: Records, sealed: list[SealedRecord]
) -> None:
    (first, *_) = notifications = records.notification_log.select(start=1, limit=10)
    assert (first.originator_id, first.originator_version, first.topic) == (sealed[0].chain, 1, sealed[0].event)
    assert [notification.state for notification in notifications] == [record.line for record in sealed[:10]]
    assert records.mapper.to_domain_event(first) == parse_event(sealed[0].line)


def test_the_repository_replays_a_modules_public_state(records: Records, sealed: list[SealedRecord]) -> None:
    chain = sealed[0].chain
    now = records.repository.get(chain, projector_func=replay)
    assert (now.id, now.version, now.state) == (chain, len(sealed), "operational")
    assert now.totals.printed == 1_110

    then = records.repository.get(chain, version=3, projector_func=replay)
    state = ModuleAt()
    for record in sealed[:3]:
        state = evolve(state, parse_event(record.line))
    assert then == state

    with pytest.raises(AggregateNotFoundError):
        records.repository.get("no such chain", projector_func=replay)


def test_what_was_rolled_back_comes_as_discarded(records: Records) -> None:
    events = [event for event, _ in take(records, after=0)]
    (at,) = [place for place, event in enumerate(events) if isinstance(event, Discarded)]
    lost, recovery, second = events[at : at + 3]
    assert isinstance(lost, Discarded)
    assert isinstance(recovery, CheckpointRecovered)
    assert isinstance(second, IndiciumCreated)
    assert [one.sequence for one in recovery.data.discarded] == [lost.originator_version]
    assert lost.originator_id == recovery.originator_id


def take(records: Records, after: int) -> list[tuple[Any, Tracking]]:
    taken = []
    newest = records.recorder.max_notification_id()
    with ApplicationSubscription(records, gt=after) as subscription:
        for event, tracking in subscription:
            taken.append((event, tracking))
            if tracking.notification_id == newest:
                break
    return taken


def test_nothing_can_be_appended_through_it(records: Records, store: Store, sealed: list[SealedRecord]) -> None:
    before = store.chains()
    sentence = "Nothing but its modules appends to a ledger: send them a command."
    with pytest.raises(OnlyModulesAppend, match=sentence):
        records.save(parse_event(sealed[-1].line))
    with pytest.raises(OnlyModulesAppend, match=sentence):
        records.recorder.insert_events([StoredEvent("c" * 32, 1, "indicium-created", b"{}")])
    assert store.chains() == before


def test_a_topic_selects_nothing_and_must_be_what_the_bytes_say(store: Store, sealed: list[SealedRecord]) -> None:
    row = sealed[-1]._replace(chain=ChainId("c" * 32), event="os:system", psd_id=None, psd_version=None)
    store.save(Changes([row]))
    records = Records(store)
    (stored,) = records.recorder.select_events(row.chain)
    with pytest.raises(BadRecord, match="stands in a row that is not its own"):
        records.mapper.to_domain_event(stored)


def test_an_event_without_the_stores_columns_is_not_taken_for_one_that_happened(
    records: Records, sealed: list[SealedRecord]
) -> None:
    last = sealed[-1]
    with pytest.raises(BadRecord, match="whether it was discarded"):
        records.mapper.to_domain_event(StoredEvent(last.chain, last.sequence, last.event, last.line))


def test_the_hosts_environment_changes_nothing(
    store: Store, sealed: list[SealedRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PERSISTENCE_MODULE": "no.such.module",
        "INDICIUM_PERSISTENCE_MODULE": "no.such.module",
        "MAPPER_TOPIC": "no.such:mapper",
        "COMPRESSOR_TOPIC": "zlib",
        "CIPHER_KEY": "no key",
        "IS_SNAPSHOTTING_ENABLED": "y",
        "AGGREGATE_CACHE_MAXSIZE": "10",
    }.items():
        monkeypatch.setenv(name, value)
    records = Records(store)
    assert records.repository.get(sealed[0].chain, projector_func=replay).version == len(sealed)
    assert records.repository.cache is None


def test_a_projection_of_the_library_follows_and_goes_on_where_it_was(
    records: Records, sealed: list[SealedRecord]
) -> None:
    view = Printed(records.engine)
    for _ in range(2):
        with records.follow(PrintedProjection(view)) as runner:
            runner.wait(records.recorder.max_notification_id(), timeout=60)
    assert view.total() == 1_110  # and neither 1660 with the discarded one, nor anything twice
    assert Printed(records.engine).max_tracking_id("indicium") == len(sealed)


class Failing(PrintedProjection):
    """Cannot do with the last sale."""

    @singledispatchmethod
    def process_event(self, domain_event: object, tracking: Tracking) -> None:  # noqa: ARG002 - the library's
        self.view.insert_tracking(tracking)

    @process_event.register
    def _(self, domain_event: IndiciumCreated, tracking: Tracking) -> None:
        with self.view.moving(tracking) as connection:
            row = {"position": tracking.notification_id, "value": domain_event.data.checkpoint.value}
            connection.execute(insert(PRINTED), row)
            if domain_event.data.checkpoint.value == 780:
                raise LookupError


def test_a_projection_that_fails_is_told_of_and_loses_nothing(records: Records) -> None:
    view = Printed(records.engine)
    with pytest.raises(LookupError), records.follow(Failing(view)) as runner:
        runner.run_forever()
    assert view.total() == 330

    with records.follow(PrintedProjection(view)) as runner:
        runner.wait(records.recorder.max_notification_id(), timeout=60)
    assert view.total() == 1_110


def test_a_view_may_lie_in_another_database(records: Records, tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('elsewhere') / 'views.db'}")
    view = Printed(engine)
    with records.follow(PrintedProjection(view)) as runner:
        runner.wait(records.recorder.max_notification_id(), timeout=60)
    assert view.total() == 1_110
    engine.dispose()


def test_a_view_and_its_position_hold_together_or_not_at_all(records: Records) -> None:
    view = Printed(records.engine)
    row = {"position": 7, "value": 330}
    with view.moving(Tracking("indicium", 7)) as connection:
        connection.execute(insert(PRINTED), row)
    with pytest.raises(IntegrityError), view.moving(Tracking("indicium", 8)) as connection:
        connection.execute(insert(PRINTED), row)
    assert view.max_tracking_id("indicium") == 7
    with pytest.raises(IntegrityError, match="has come to 7 already"), view.moving(Tracking("indicium", 7)):
        pytest.fail("what was folded in already is not to be folded in again")


class Counting(POPOTrackingRecorder):
    """A view of the library's own kind, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[int] = []


class CountingProjection(Projection[Counting]):
    topics = ("indicium-created",)

    @singledispatchmethod
    def process_event(self, domain_event: object, tracking: Tracking) -> None:  # noqa: ARG002 - the library's
        self.view.insert_tracking(tracking)

    @process_event.register
    def _(self, domain_event: IndiciumCreated, tracking: Tracking) -> None:
        self.view.values.append(domain_event.data.checkpoint.value)
        self.view.insert_tracking(tracking)


def test_the_librarys_own_runner_takes_the_class_of_this_store(records: Records, sealed: list[SealedRecord]) -> None:
    with ProjectionRunner(
        application_class=records.application_class, projection_class=CountingProjection, view_class=Counting
    ) as runner:
        runner.wait(len(sealed), timeout=60)
        assert runner.projection.view.values[-2:] == [330, 780]


class Till(Aggregate):
    """What one meter printed, as an aggregate of the library's."""

    def __init__(self, meter: str) -> None:
        self.meter = meter
        self.printed = 0

    @mutates("Printed")
    def print(self, value: int) -> None:
        self.printed += value


class Tills(EventSourcedProjection[UUID]):
    def __init__(self, env: EnvType | None = None) -> None:
        super().__init__(env)
        self.tills: dict[str, UUID] = {}

    @singledispatchmethod
    def policy(self, domain_event: object, processing_event: ProcessingEvent[UUID]) -> None: ...

    @policy.register
    def _(self, domain_event: IndiciumCreated, processing_event: ProcessingEvent[UUID]) -> None:
        meter = domain_event.data.package.psd
        till: Till = self.repository.get(self.tills[meter]) if meter in self.tills else Till(meter)
        till.print(domain_event.data.checkpoint.value)
        self.tills[meter] = till.id
        processing_event.collect_events(till)


def test_an_event_sourced_projection_of_the_library_follows_too(records: Records, sealed: list[SealedRecord]) -> None:
    with EventSourcedProjectionRunner(
        application_class=records.application_class, projection_class=Tills, env={}
    ) as runner:
        runner.wait(len(sealed), timeout=60)
        (till,) = runner.projection.tills.values()
        assert runner.projection.repository.get(till).printed == 1_110


class TestTrackedView(TrackingRecorderTestCase):
    """A view passes the library's conformance cases for what tracks."""

    def create_recorder(self) -> TrackedView:
        engine = create_engine("sqlite://")
        self.addCleanup(engine.dispose)
        return TrackedView(engine, "sales", Table("sales", MetaData(), Column("day", Text, primary_key=True)))
