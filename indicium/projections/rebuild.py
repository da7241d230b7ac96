"""Views made again from the streams: to put in the place of the live ones, or to compare with them (Y-32)."""

import heapq
import itertools
import operator
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    delete,
    func,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.schema import DropTable

from indicium.domain.errors import StoreNotUsable
from indicium.projections.follow import BATCH, Follower, Overtaken, Progress, Projection, Streams
from indicium.projections.tables import TRACKING, create, writing


@dataclass(frozen=True)
class Difference:
    """A row of a live view that is not what the records say."""

    view: str
    key: str
    live: str | None
    """The row as JSON; None if there is none."""
    rebuilt: str | None

    def __str__(self) -> str:
        """Write it as one line for people."""
        return f"{self.view} {self.key}: is {self.live or 'missing'}, the records say {self.rebuilt or 'nothing'}"


def rebuild(
    engine: Engine,
    projections: Sequence[Projection],
    streams: Streams,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> int:
    """Fold all records into fresh tables and put them in the place of the live ones; give the number of records.

    A crash before the swap leaves the live views as they were, and the next rebuild begins anew. Raises
    `StoreNotUsable` if another process rebuilds too.
    """
    pairs = [(projection, _fresh(projection)) for projection in projections]
    with engine.begin() as connection:
        create(connection, TRACKING)
    with writing(engine).begin() as connection:
        for _, fresh in pairs:
            connection.execute(delete(TRACKING).where(_tracks(fresh)))
            connection.execute(DropTable(fresh.table, if_exists=True))
    folded = 0
    try:
        for step in Follower(engine, [fresh for _, fresh in pairs], batch).steps(streams):
            folded += step.folded
            if progress is not None:
                progress(folded, folded + step.left)
    except Overtaken:
        raise _rebuilt_elsewhere() from None
    with writing(engine).begin() as connection:
        for live, fresh in pairs:
            _swap(connection, live, fresh)
    return folded


def check(
    engine: Engine,
    projections: Sequence[Projection],
    streams: Streams,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> list[Difference]:
    """Fold the records again, as far as the live views have come, and compare byte for byte. Writes no live row.

    A live view that is behind its streams is not wrong. One that moves meanwhile is followed. Raises `StoreNotUsable`
    if another process rebuilds the views meanwhile.
    """
    live = Follower(engine, projections, batch)
    with _scratch() as beside:
        again = Follower(beside, projections, batch)
        while True:
            positions = live.positions()
            if any(positions.get(name, 0) < sequence for name, sequence in again.positions().items()):
                raise _rebuilt_elsewhere()
            again.catch_up(streams, progress, positions)
            found = list(_compare("tracking", _reached(positions), _reached(again.positions())))
            with engine.connect() as one, beside.connect() as other:
                for projection in projections:
                    rows = (_rows(connection, projection.table) for connection in (one, other))
                    found += _compare(projection.name, *rows)
            if live.positions() == positions:
                return found


def _fresh(projection: Projection) -> Projection:
    table = projection.table.to_metadata(MetaData(), name=f"{projection.table.name}_fresh")
    return replace(projection, name=f"{projection.name}-fresh", table=table)


def _swap(connection: Connection, live: Projection, fresh: Projection) -> None:
    """Put the fresh view and its positions in the place of the live ones."""
    name = TRACKING.c.application_name
    renamed = literal(live.name).concat(func.substr(name, len(fresh.name) + 1))
    # Positions first: SQLite's driver may open a transaction only where rows change, not where tables do.
    connection.execute(delete(TRACKING).where(_tracks(live)))
    connection.execute(update(TRACKING).where(_tracks(fresh)).values(application_name=renamed))
    if not inspect(connection).has_table(fresh.table.name):
        raise _rebuilt_elsewhere()
    connection.execute(DropTable(live.table, if_exists=True))
    connection.execute(text(f"ALTER TABLE {fresh.table.name} RENAME TO {live.table.name}"))


def _tracks(projection: Projection) -> ColumnElement[bool]:
    return TRACKING.c.application_name.startswith(f"{projection.name}:", autoescape=True)


def _rebuilt_elsewhere() -> StoreNotUsable:
    return StoreNotUsable(why="another process rebuilds its views: repeat when it is done")


@contextmanager
def _scratch() -> Iterator[Engine]:
    """Give a database of our own that is gone afterwards: comparing takes no room in the store, and little memory."""
    with tempfile.TemporaryDirectory(prefix="indicium-") as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'views.db'}")
        try:
            yield engine
        finally:
            engine.dispose()


_Keyed = Iterator[tuple[str, bytes]]
"""Key and bytes of rows, in order of the keys."""


def _reached(positions: dict[str, int]) -> _Keyed:
    return ((name, b"%d" % sequence) for name, sequence in sorted(positions.items()))


def _rows(connection: Connection, table: Table) -> _Keyed:
    (key,) = table.primary_key.columns
    names = [str(column.name) for column in table.columns]
    at = names.index(str(key.name))
    chosen = select(table).order_by(key).execution_options(yield_per=1000)
    for row in connection.execute(chosen):
        # A tampered row may hold what its columns should not; a default writes it all the same.
        yield str(row[at]), orjson.dumps(dict(zip(names, row, strict=True)), default=repr)


def _compare(view: str, live: _Keyed, rebuilt: _Keyed) -> Iterator[Difference]:
    """Walk along both and tell where they part."""
    sides = heapq.merge(((key, 0, row.decode()) for key, row in live), ((key, 1, row.decode()) for key, row in rebuilt))
    for key, rows in itertools.groupby(sides, key=operator.itemgetter(0)):
        said = {side: row for _, side, row in rows}
        if said.get(0) != said.get(1):
            yield Difference(view, key, said.get(0), said.get(1))
