"""A view that is ahead of a restored store, or was folded from another history, is noticed and never trusted."""

import logging
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from indicium.domain.errors import ProjectionIsAhead
from indicium.domain.flow import Changes
from indicium.domain.identity import ChainId
from indicium.infrastructure.store import Store
from indicium.projections import Views, follow, rebuild
from tests.projections.counting import COUNTING, counted
from tests.projections.follower_process import BATCH
from tests.projections.history import InMemory, Module, meter


def printing(*values: int) -> Module:
    """Give a module that printed these values on one meter."""
    module = Module("34576590")
    for version, value in enumerate(values, 1):
        module.transact("indicium-created", meter(version=version, ar=sum(values[:version])), value)
    return module


def discarding(module: Module) -> Module:
    """Give the module whose last record is the same line again, and moved nothing."""
    module.discard_last(1, module.totals)
    module.records.pop()
    return module


NEW = printing(10, 20, 30)
OTHER_HISTORIES = pytest.mark.parametrize(
    "restored",
    [
        pytest.param(InMemory(printing(10, 20)), id="restored to an older copy"),
        pytest.param(InMemory(printing(10, 20, 50)), id="and grown again to the same length"),
        pytest.param(InMemory(printing(10, 20, 50, 60)), id="and grown again further"),
        pytest.param(InMemory(discarding(printing(10, 20, 30))), id="with its last record discarded"),
        pytest.param(InMemory(), id="to before the chain began"),
        pytest.param(InMemory(Module("34582152")), id="another ledger's"),
    ],
)


@OTHER_HISTORIES
def test_the_views_are_made_again(engine: Engine, restored: InMemory, caplog: pytest.LogCaptureFixture) -> None:
    views = Views(engine, BATCH)
    views.catch_up(InMemory(NEW))
    assert [row.ar for row in views.meters()] == [60]
    views.catch_up(restored)
    assert views.check(restored) == []
    beside = create_engine("sqlite://")
    never = Views(beside)
    never.catch_up(restored)
    assert (views.meters(), views.modules()) == (never.meters(), never.modules())
    assert views.movement() == never.movement()
    beside.dispose()
    assert [record.levelno for record in caplog.records if record.name == "indicium.projections.views"] == [
        logging.WARNING
    ]


@OTHER_HISTORIES
def test_a_projection_of_ones_own_says_so_and_waits_to_be_made_again(engine: Engine, restored: InMemory) -> None:
    list(follow(InMemory(NEW), COUNTING, into=engine))
    with pytest.raises(ProjectionIsAhead) as ahead:
        list(follow(restored, COUNTING, into=engine))
    assert (ahead.value.projection, ahead.value.chain, ahead.value.sequence) == ("counts", NEW.chain, 3)
    assert str(ahead.value).endswith("make it again with rebuild().")
    assert counted(engine) == {"indicium-created": 3}
    rebuild(restored, COUNTING, into=engine)
    assert sum(counted(engine).values()) == sum(last for _, last in restored.chains())
    assert list(follow(restored, COUNTING, into=engine)) == []


def test_a_follower_that_waits_notices_it_too(engine: Engine) -> None:
    streams = [InMemory(NEW)]

    class Replaced(InMemory):
        """Another history as soon as the first was followed."""

        def chains(self) -> list[tuple[ChainId, int]]:
            found = streams[-1].chains()
            self._modules = streams[-1]._modules
            streams.append(InMemory(printing(10, 20)))
            return found

    with pytest.raises(ProjectionIsAhead):
        list(follow(Replaced(), COUNTING, into=engine, stop=threading.Event(), pause_seconds=0))


def test_a_store_that_got_the_same_lines_back_is_followed_on(engine: Engine) -> None:
    list(follow(InMemory(NEW), COUNTING, into=engine))
    assert [step.folded for step in follow(InMemory(printing(10, 20, 30, 40)), COUNTING, into=engine)] == [1]


def test_only_the_views_that_are_ahead_are_made_again(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    views = Views(engine)
    views.catch_up(InMemory(NEW))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE indicium_positions SET sequence = 900 WHERE view = 'modules'")
        connection.exec_driver_sql("UPDATE view_meters SET ar = 7")
    views.catch_up(InMemory(NEW))
    assert [row.ar for row in views.meters()] == [7]
    assert views.modules()[0].head.sequence == 3
    assert "view modules is ahead" in caplog.text


def test_y_32_a_real_store_that_was_restored_to_a_copy_of_its_file(tmp_path: Path) -> None:
    place, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with Store.create(f"sqlite:///{place}") as store:
        store.save(Changes(NEW.records[:2]))
        Views(store.engine).catch_up(store)
    copy.write_bytes(place.read_bytes())
    mine = f"sqlite:///{tmp_path / 'mine.db'}"
    with Store.open(f"sqlite:///{place}") as store, Store.create(mine) as beside:
        store.save(Changes(NEW.records[2:]))
        list(follow(store, COUNTING, into=beside.engine))
    place.write_bytes(copy.read_bytes())
    with Store.open(f"sqlite:///{place}") as store, Store.open(mine) as beside:
        assert Views(store.engine).catch_up(store) == 0
        with pytest.raises(ProjectionIsAhead):
            list(follow(store, COUNTING, into=beside.engine))
        rebuild(store, COUNTING, into=beside.engine)
        assert counted(beside.engine) == {"indicium-created": 2}
