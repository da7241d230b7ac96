"""The views on a real store, of a real module's chain."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from indicium.domain.errors import StoreNotUsable
from indicium.domain.events import PsdEvent
from indicium.domain.flow import Changes, Gathered, SealedRecord
from indicium.infrastructure.store import Store
from indicium.projections import Views, moved_in_all
from indicium.projections.reading import _MOVED, movement
from tests.harness import LETTER, World
from tests.projections.follower_process import BATCH, RECORDS, history
from tests.projections.history import Module
from tests.projections.test_agreement import by_evolve, meter_row
from tests.projections.test_movement import counted

FULL = {
    "sqlite": "CREATE TRIGGER f BEFORE INSERT ON view_movement BEGIN SELECT RAISE(ABORT, 'full'); END",
    "postgresql": "ALTER TABLE view_movement ADD CONSTRAINT full_table CHECK (transactions < 0) NOT VALID",
}
"""Makes a table that takes no more rows."""


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create(store_url) as store:
        yield store


@pytest.fixture
def records(tmp_path_factory: pytest.TempPathFactory) -> list[SealedRecord]:
    """A ceremony, two meters, a refill and an item each, two items that the store never got, and one more."""
    world = World.make(tmp_path_factory.mktemp("world"))
    world.hold_ceremony()
    for name in ("anna", "bert"):
        world.new_meter(name)
        world.register(name)
        world.lease(name)
        world.download(name, 20_000, "refill")
        world.spend(name, 330, "first")
    kept = world.records()
    lost = [world.customers[name].create_indicium("lost", 550, LETTER) for name in ("anna", "bert")]
    world.dispatch(lost)
    world.reboot()
    recovered = world.module.resume(Gathered(kept[-1]))
    assert recovered is not None
    world.save(recovered)
    world.ask("bert")
    world.spend("bert", 780, "second")
    records = world.records()
    world.close()
    return records


def test_the_movement_is_found_in_real_records_without_reading_all_of_them(records: list[SealedRecord]) -> None:
    for record in records:
        if record.psd_id is not None:
            assert movement(record) == movement(record._replace(line=record.line.replace(b'"value":', b'"value": ')))
            assert re.match(_MOVED, record.line[record.line.rfind(b'"checkpoint"') :])


def history_in(store: Store) -> None:
    streams = history()
    for chain, _ in streams.chains():
        store.save(Changes(list(streams.records(chain))))


@pytest.mark.parametrize("batch", [3, 10_000])
def test_the_views_of_a_real_chain_say_what_its_typed_events_say(
    store: Store, records: list[SealedRecord], batch: int
) -> None:
    store.save(Changes(records))
    views = Views(store.engine, batch)
    assert views.catch_up(store) == len(records)
    assert [record.event for record in records if record.psd_id is None][-3:] == [
        "indicium-created",
        "indicium-created",
        "checkpoint-recovered",
    ]
    module = Module("34576590", chain=records[0].chain)
    module.records = records
    newest: dict[str, PsdEvent] = {}
    assert views.modules() == [by_evolve(module, len(records), newest)]
    assert views.meters() == [meter_row(newest[device]) for device in sorted(newest)]
    assert [(row.state, row.ar, row.dr) for row in views.meters()] == [
        ("leased", 330, 19_670),
        ("leased", 1_110, 18_890),
    ]
    assert views.modules()[0].totals == (40_000, 1_440, 0)
    assert views.movement() == counted([module])
    assert moved_in_all(views.movement())[-1] == ("psd-initialized", 2, 0)
    assert views.check(store) == []


def test_the_views_live_in_the_stores_database_and_are_found_there_again(store: Store, store_url: str) -> None:
    history_in(store)
    views = Views(store.engine, BATCH)
    assert views.catch_up(store) == RECORDS
    with Store.open(store_url) as again:
        assert Views(again.engine).catch_up(again) == 0
        assert Views(again.engine).meters() == views.meters()
        assert Views(again.engine).check(again) == []
        assert Views(again.engine, BATCH).rebuild(again).records == RECORDS
    assert views.check(store) == []


def test_a_view_is_read_where_nothing_can_be_written(store: Store, store_url: str) -> None:
    history_in(store)
    Views(store.engine).catch_up(store)
    with Store.open(store_url, read_only=True) as closed:
        views = Views(closed.engine)
        assert views.catch_up(closed) == 0
        assert len(views.meters()) == 3
        assert views.check(closed) == []


def test_a_store_in_memory_has_views_too() -> None:
    with Store.create("sqlite://") as store:
        history_in(store)
        views = Views(store.engine, BATCH)
        assert views.catch_up(store) == RECORDS
        assert views.rebuild(store).records == RECORDS
        assert views.check(store) == []


def test_a_rebuild_that_fails_at_its_swap_leaves_the_live_views(store: Store) -> None:
    history_in(store)
    views = Views(store.engine)
    views.catch_up(store)
    before = views.meters(), views.modules(), views.movement()
    with store.engine.begin() as connection:
        connection.exec_driver_sql(FULL[connection.dialect.name])
    with pytest.raises(StoreNotUsable, match="its views"):
        views.rebuild(store)
    assert (views.meters(), views.modules(), views.movement()) == before
    assert views.check(store) == []


def test_a_view_that_moves_between_being_compared_and_being_replaced_never_goes_back(
    store: Store, store_url: str
) -> None:
    history_in(store)
    views = Views(store.engine)
    views.catch_up(store)
    newcomer = Module("34593104")
    newcomer.note("user-logged-on")
    waiting = [Changes(newcomer.records)]

    def go_on(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM indicium_fresh_view_movement ORDER BY" in statement and waiting:
            with Store.open(store_url) as other:
                other.save(waiting.pop())
                Views(other.engine).catch_up(other)

    event.listen(store.engine, "before_cursor_execute", go_on)
    rebuilt = views.rebuild(store)
    assert (rebuilt.records, rebuilt.differences, waiting) == (RECORDS + 1, [], [])
    assert sum(module.head.sequence for module in views.modules()) == RECORDS + 1
