"""Following streams: resumed anywhere, folded in exactly once, whoever is killed and whoever else follows."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from indicium.domain.errors import StoreNotUsable
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId
from indicium.projections.follow import Follower, Overtaken
from indicium.projections.projection import Position
from indicium.projections.registers import REGISTERS
from indicium.projections.tables import METERS
from indicium.projections.views import Views
from tests.projections.counting import COUNTING, counted
from tests.projections.follower_process import BATCH, RECORDS, history
from tests.projections.history import InMemory, Module, meter

ROOT = Path(__file__).resolve().parents[2]


def follower(engine: Engine, batch: int = BATCH) -> Follower:
    return Follower(engine, [REGISTERS, COUNTING], batch)


def noting(count: int, serial: str = "34576590") -> Module:
    module = Module(serial)
    for _ in range(count):
        module.note("user-logged-on")
    return module


def child(database: str, seam: str) -> list[str]:
    return [sys.executable, "-m", "tests.projections.follower_process", database, seam]


def test_only_what_is_new_is_folded_in(engine: Engine) -> None:
    module = noting(25)
    assert follower(engine).catch_up(InMemory(module)) == 25
    assert follower(engine).catch_up(InMemory(module)) == 0
    module.note("user-logged-off")
    assert follower(engine).catch_up(InMemory(module)) == 1
    assert counted(engine) == {"user-logged-on": 25, "user-logged-off": 1}
    last = Position.of(module.records[-1])
    assert follower(engine).positions() == {("meters", module.chain): last, ("counts", module.chain): last}


def test_progress_is_told_after_each_transaction(engine: Engine) -> None:
    told: list[tuple[int, int]] = []
    follower(engine).catch_up(InMemory(noting(25), noting(5, "34582152")), lambda *step: told.append(step))
    assert told == [(10, 30), (20, 30), (25, 30), (30, 30)]


def test_a_view_that_came_later_takes_what_it_missed_and_the_others_nothing_twice(engine: Engine) -> None:
    module = noting(25)
    streams = InMemory(module)
    Follower(engine, [COUNTING], BATCH).catch_up(streams)
    module.transact("indicium-created", meter(version=6, ar=330), 330)
    assert follower(engine).catch_up(streams) == 26
    assert counted(engine) == {"user-logged-on": 25, "indicium-created": 1}
    assert [row.ar for row in Views(engine).meters()] == [330]


def test_views_may_stop_at_positions_of_their_own(engine: Engine) -> None:
    module = noting(25)
    chain = module.chain
    upto = {("meters", chain): Position.of(module.records[21]), ("counts", chain): Position.of(module.records[12])}
    assert follower(engine).catch_up(InMemory(module), upto=upto) == 22
    assert follower(engine).positions() == upto
    assert counted(engine) == {"user-logged-on": 13}
    follower(engine).catch_up(InMemory(module))
    assert counted(engine) == {"user-logged-on": 25}


@pytest.mark.parametrize("seam", ["in-view", "after-commit"])
def test_a_follower_that_was_killed_has_folded_whole_batches_and_the_next_goes_on_behind_them(
    engine: Engine, database: str, seam: str
) -> None:
    killed = subprocess.run(child(database, seam), cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    whole = {"in-view": 2, "after-commit": 3}[seam] * BATCH
    assert sum(counted(engine).values()) == whole
    assert follower(engine).catch_up(history()) == RECORDS - whole
    assert_as_if_never_killed(engine)


@pytest.mark.parametrize("lines", [1, 3, 6])
def test_a_follower_killed_at_any_moment_loses_nothing_and_doubles_nothing(
    engine: Engine, database: str, lines: int
) -> None:
    with subprocess.Popen(child(database, "told"), cwd=ROOT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        for _ in range(lines):
            assert running.stdout.readline()
        running.kill()
    folded = sum(counted(engine).values())
    assert lines * BATCH <= folded
    assert sum(position.sequence for position in follower(engine).positions().values()) == 2 * folded
    follower(engine).catch_up(history())
    assert_as_if_never_killed(engine)


def assert_as_if_never_killed(engine: Engine) -> None:
    beside = create_engine("sqlite://")
    follower(beside).catch_up(history())
    assert counted(engine) == counted(beside) == {"indicium-created": 240, "psd-configured": 60}
    assert Views(engine).meters() == Views(beside).meters()
    assert follower(engine).positions() == follower(beside).positions()
    beside.dispose()


def test_who_is_overtaken_writes_nothing_and_goes_on_behind_the_other(engine: Engine) -> None:
    streams = InMemory(noting(25))
    slow = follower(engine).steps(streams)
    next(slow)
    follower(engine).catch_up(streams)
    with pytest.raises(Overtaken):
        next(slow)
    assert counted(engine) == {"user-logged-on": 25}


def test_who_is_overtaken_at_the_beginning_writes_nothing(engine: Engine) -> None:
    module = noting(25)
    streams = InMemory(module)

    class Slow(InMemory):
        """Gives the records when another follower has them already."""

        def records(
            self, chain: ChainId, *, after: int = 0, upto: int | None = None, batch: int = 1000
        ) -> Iterator[SealedRecord]:
            follower(engine).catch_up(streams)
            return super().records(chain, after=after, upto=upto, batch=batch)

    told: list[int] = []
    assert follower(engine).catch_up(Slow(module), lambda done, _all: told.append(done)) == 0
    assert told == []
    assert counted(engine) == {"user-logged-on": 25}


@pytest.mark.parametrize("batch", [2, 10, 100])
def test_a_stream_with_a_gap_is_not_followed_over_it(engine: Engine, batch: int) -> None:
    module = noting(25)
    del module.records[11]
    with pytest.raises(StoreNotUsable, match=f"record 12 of chain {module.chain} is missing"):
        follower(engine, batch).catch_up(InMemory(module))
    assert sum(counted(engine).values()) <= 11


def test_a_stream_that_ends_before_its_last_record_is_not_followed(engine: Engine) -> None:
    class Short(InMemory):
        """Lost its last record."""

        def chains(self) -> list[tuple[ChainId, int]]:
            return [(chain, last + 1) for chain, last in super().chains()]

    with pytest.raises(StoreNotUsable, match="record 26"):
        follower(engine).catch_up(Short(noting(25)))


def test_what_was_thrown_away_is_made_again(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=6, ar=330), 330)
    Views(engine).catch_up(InMemory(module))
    with engine.begin() as connection:
        METERS.drop(connection)
    views = Views(engine)
    views.catch_up(InMemory(module))
    assert [row.ar for row in views.meters()] == [330]


def test_a_database_that_does_not_do_its_part_is_said_to_be_unusable(tmp_path: Path) -> None:
    place = tmp_path / "not-a-database"
    place.write_bytes(b"a letter to grandmother" * 50)
    engine = create_engine(f"sqlite:///{place}")
    with pytest.raises(StoreNotUsable, match="its views: file is not a database"):
        Views(engine)
    engine.dispose()
