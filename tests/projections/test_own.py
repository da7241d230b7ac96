"""A projection of somebody's own: followed step by step, exactly once, in whichever database it lies."""

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Queue

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    MetaData,
    Table,
    Text,
    create_engine,
    func,
    inspect,
    select,
    text,
)

from indicium.domain.errors import BadSetting, StoreNotUsable
from indicium.domain.flow import Changes, SealedRecord
from indicium.domain.identity import ChainId
from indicium.infrastructure.store import Store
from indicium.projections import Row, Step, Views, follow, rebuild
from indicium.projections.tables import METERS, NOT_FOR_PROJECTIONS, snapshot
from tests.projections.counting import COUNTING, COUNTS, Counting, counted
from tests.projections.follower_process import BATCH, RECORDS, history
from tests.projections.history import InMemory, Module
from tests.projections.test_follow import ROOT, child, noting

ALL = {"indicium-created": 240, "psd-configured": 60}
"""What `history` holds of each event."""


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create(store_url) as store:
        save(store, history())
        yield store


def save(store: Store, streams: InMemory) -> None:
    for chain, _ in streams.chains():
        store.save(Changes(list(streams.records(chain))))


def test_a_step_is_a_transaction_and_the_last_one_has_nothing_left(store: Store) -> None:
    steps = follow(store, COUNTING, batch=100)
    assert next(steps) == Step(100, 200)
    assert sum(counted(store.engine).values()) == 100
    assert list(steps) == [Step(53, 147), Step(100, 47), Step(47, 0)]
    assert counted(store.engine) == ALL
    assert list(follow(store, COUNTING)) == []


@pytest.mark.parametrize("batch", [1, 7, 1500])
def test_nothing_is_read_ahead_of_the_step_that_was_asked_for(engine: Engine, batch: int) -> None:
    class Counted(InMemory):
        """Counts what is read of it, and how much is asked for at once."""

        read = 0

        def records(
            self, chain: ChainId, *, after: int = 0, upto: int | None = None, batch: int = 1000
        ) -> Iterator[SealedRecord]:
            assert batch <= min(1000, size)
            for record in super().records(chain, after=after, upto=upto, batch=batch):
                self.read += 1
                yield record

    size, streams, folded = batch, Counted(noting(2000)), 0
    for step, _ in zip(follow(streams, COUNTING, into=engine, batch=batch), range(3), strict=False):
        assert step.folded <= batch
        folded += step.folded
        assert streams.read == folded


def test_a_projection_may_lie_in_a_database_of_ones_own(store: Store, tmp_path: Path) -> None:
    before = inspect(store.engine).get_table_names()
    mine = create_engine(f"sqlite:///{tmp_path / 'mine.db'}")
    assert sum(step.folded for step in follow(store, COUNTING, into=mine, batch=BATCH)) == RECORDS
    assert list(follow(store, COUNTING, into=mine)) == []
    assert counted(mine) == ALL
    assert sorted(inspect(mine).get_table_names()) == ["indicium_positions", "view_counts"]
    assert inspect(store.engine).get_table_names() == before
    mine.dispose()


@pytest.mark.parametrize("seam", ["own-in-view", "own-after-commit"])
def test_whoever_is_killed_has_done_whole_steps_and_the_next_goes_on_behind_them(
    engine: Engine, database: str, seam: str
) -> None:
    assert subprocess.run(child(database, seam), cwd=ROOT, check=False).returncode == -signal.SIGKILL
    whole = {"own-in-view": 2, "own-after-commit": 3}[seam] * BATCH
    assert sum(counted(engine).values()) == whole
    assert sum(step.folded for step in follow(history(), COUNTING, into=engine)) == RECORDS - whole
    assert counted(engine) == ALL


def test_whoever_is_killed_anywhere_doubles_nothing(engine: Engine, database: str) -> None:
    with subprocess.Popen(child(database, "own-told"), cwd=ROOT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        for _ in range(4):
            assert running.stdout.readline()
        running.kill()
    list(follow(history(), COUNTING, into=engine))
    assert counted(engine) == ALL


def test_two_followers_at_once_fold_each_record_in_once(database: str, engine: Engine) -> None:
    list(follow(InMemory(), COUNTING, into=engine))  # else both make the table, and one waits
    folded: Queue[int] = Queue()

    def run() -> None:
        own = create_engine(database)
        for step in follow(history(), COUNTING, into=own, batch=3):
            folded.put(step.folded)
        own.dispose()

    both = [threading.Thread(target=run) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sum(folded.queue) == RECORDS
    assert counted(engine) == ALL


class Asked(threading.Event):
    """Notes how it is waited for; lets a record come meanwhile, and after the third time is set."""

    def __init__(self, module: Module) -> None:
        super().__init__()
        self.module = module
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        self.module.note("user-logged-off")
        if len(self.waited) == 3:
            self.set()
        return super().wait(0)


def test_whoever_goes_on_looks_again_after_a_pause_until_asked_to_stop(engine: Engine) -> None:
    module = noting(5)
    stop = Asked(module)
    steps = follow(InMemory(module), COUNTING, into=engine, stop=stop, pause_seconds=2.5)
    assert list(steps) == [Step(5, 0), Step(1, 0), Step(1, 0)]
    assert stop.waited == [2.5, 2.5, 2.5]


def test_whoever_waits_is_woken_by_being_asked_to_stop(store: Store) -> None:
    stop, told = threading.Event(), Queue[Step]()

    def run() -> None:
        for step in follow(store, COUNTING, stop=stop, pause_seconds=3600):
            told.put(step)

    following = threading.Thread(target=run)
    following.start()
    while told.get() != Step(147, 0):
        pass
    stop.set()
    following.join()
    assert counted(store.engine) == ALL


def test_whoever_was_asked_to_stop_does_no_further_step(engine: Engine) -> None:
    stop = threading.Event()
    steps = follow(history(), COUNTING, into=engine, batch=BATCH, stop=stop)
    next(steps)
    stop.set()
    assert list(steps) == []
    assert list(follow(history(), COUNTING, into=engine, stop=stop)) == []
    assert sum(counted(engine).values()) == BATCH


def test_a_fold_that_fails_leaves_the_view_where_it_was(engine: Engine) -> None:
    class Choosy(Counting):
        """Cannot bear the 25th record."""

        def fold(self, records: Sequence[SealedRecord]) -> Iterator[Row]:
            if any(record.sequence == 25 for record in records):
                raise ArithmeticError
            return super().fold(records)

    with pytest.raises(ArithmeticError):
        list(follow(InMemory(noting(30)), Choosy("counts", COUNTS), into=engine, batch=BATCH))
    assert counted(engine) == {"user-logged-on": 20}
    list(follow(InMemory(noting(30)), COUNTING, into=engine))
    assert counted(engine) == {"user-logged-on": 30}


def named(name: str, table: str = "mine", *, key: bool = True) -> Counting:
    columns = Column("event", Text, primary_key=key), Column("records", BigInteger)
    return Counting(name, Table(table, MetaData(), *columns))


@pytest.mark.parametrize(
    ("projection", "why"),
    [
        (named("counts", "records"), "records is a table of the ledger's own"),
        (named("counts", "tracking"), "tracking is a table of the ledger's own"),
        (named("counts", "view_meters"), "view_meters is a table of the ledger's own"),
        (named("counts", "Records"), "Records is a table of the ledger's own"),
        (named("counts", "indicium_fresh_x"), "indicium_fresh_x begins with indicium_, as only the ledger's own"),
        (named("counts", "Indicium_x"), "Indicium_x begins with indicium_, as only the ledger's own"),
        (named("counts", 49 * "x"), "x is a name of more than 48 bytes"),
        (named("meters"), "meters is the name of a view of the ledger's own"),
        (named("counts", key=False), "mine has no primary key"),
    ],
)
def test_a_projection_in_the_ledgers_way_is_refused(store: Store, projection: Counting, why: str) -> None:
    for refused in (follow, rebuild):
        with pytest.raises(BadSetting, match=why):
            refused(store, projection)
    assert sum(1 for chain, _ in store.chains() for _ in store.records(chain)) == RECORDS


def test_every_table_of_the_store_is_the_ledgers_own(store: Store) -> None:
    assert set(inspect(store.engine).get_table_names()) <= NOT_FOR_PROJECTIONS
    Views(store.engine)
    assert set(inspect(store.engine).get_table_names()) <= NOT_FOR_PROJECTIONS


def test_streams_without_a_database_want_to_be_told_one() -> None:
    with pytest.raises(BadSetting, match="say in which one"):
        follow(history(), COUNTING)


def test_another_kind_of_database_is_refused_before_it_is_asked() -> None:
    engine = create_engine("sqlite://")
    engine.dialect.name = "duckdb"
    with pytest.raises(StoreNotUsable, match=r"in SQLite or PostgreSQL, not in duckdb"):
        follow(history(), COUNTING, into=engine)


def test_what_a_database_refuses_names_the_projection(engine: Engine) -> None:
    steps = follow(history(), COUNTING, into=engine, batch=BATCH)
    next(steps)
    COUNTS.drop(engine)
    with pytest.raises(StoreNotUsable, match=r"projection counts: .*view_counts"):
        next(steps)


def test_a_table_that_was_thrown_away_is_made_and_filled_again(engine: Engine) -> None:
    list(follow(history(), COUNTING, into=engine))
    COUNTS.drop(engine)
    assert sum(step.folded for step in follow(history(), COUNTING, into=engine)) == RECORDS
    assert counted(engine) == ALL


INDEXED = Table(
    "mine",
    MetaData(),
    Column("event", Text, primary_key=True),
    Column("records", BigInteger),
    Index("by_number", "records"),
)


def test_a_rebuild_says_what_was_wrong_and_leaves_what_was_built_on_the_table(engine: Engine) -> None:
    mine = Counting("mine", INDEXED)
    list(follow(history(), mine, into=engine))
    with engine.begin() as connection:
        connection.execute(text("UPDATE mine SET records = 7 WHERE event = 'psd-configured'"))
        connection.execute(text("CREATE VIEW looks AS SELECT * FROM mine"))
    for wrong in (1, 0, 0):
        rebuilt = rebuild(history(), mine, into=engine, batch=BATCH)
        assert (rebuilt.records, len(rebuilt.differences)) == (RECORDS, wrong)
    assert [index["name"] for index in inspect(engine).get_indexes("mine")] == ["by_number"]
    with engine.connect() as connection:
        assert dict(connection.execute(text("SELECT event, records FROM looks")).all()) == ALL
    assert list(follow(history(), mine, into=engine)) == []


def test_a_rebuild_takes_no_table_that_somebody_else_has_named(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE view_counts_fresh (bread text)"))
        connection.execute(text("INSERT INTO view_counts_fresh VALUES ('rye')"))
    longest = named("mine", 48 * "x")
    for projection in (COUNTING, longest):
        list(follow(history(), projection, into=engine))
        assert rebuild(history(), projection, into=engine).records == RECORDS
    assert counted(engine) == ALL
    with engine.connect() as connection:
        assert connection.execute(text("SELECT bread FROM view_counts_fresh")).scalars().all() == ["rye"]
    assert set(inspect(engine).get_table_names()) == {
        "view_counts", longest.table.name, "view_counts_fresh", "indicium_positions"
    }  # fmt: skip


def test_a_rebuild_killed_when_its_rows_are_in_the_live_table_leaves_the_old_ones(
    engine: Engine, database: str
) -> None:
    list(follow(history(), COUNTING, into=engine))
    with engine.begin() as connection:
        connection.execute(text("UPDATE view_counts SET records = 7 WHERE event = 'psd-configured'"))
    assert subprocess.run(child(database, "own-in-swap"), cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert counted(engine) == ALL | {"psd-configured": 7}
    assert list(follow(history(), COUNTING, into=engine)) == []
    assert len(rebuild(history(), COUNTING, into=engine).differences) == 1
    assert counted(engine) == ALL


def test_readers_see_the_old_view_or_the_new_one_and_a_snapshot_stays_whole(store: Store) -> None:
    views = Views(store.engine, BATCH)
    views.catch_up(store)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE view_meters SET ar = ar + 1000000"))
    meters = select(func.count(), func.min(METERS.c.ar))
    seen: set[tuple[int, int]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with store.engine.connect() as connection:
                count, least = connection.execute(meters).one()
            seen.add((count, least // 1_000_000))

    reader = threading.Thread(target=read)
    with snapshot(store.engine) as old:
        before = old.execute(text("SELECT sum(sequence) FROM indicium_positions")).scalar_one()
        reader.start()
        views.rebuild(store)
        done.set()
        reader.join()
        count, least = old.execute(meters).one()
        assert (count, least // 1_000_000) == (3, 1)
        assert old.execute(text("SELECT sum(sequence) FROM indicium_positions")).scalar_one() == before
    assert seen <= {(3, 1), (3, 0)}
    assert views.check(store) == []
