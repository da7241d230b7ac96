"""Views made again from the streams: to put in the place of the live ones, or to compare with them (Y-32)."""

import heapq
import itertools
import operator
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, MetaData, Table, create_engine, delete, insert, select, update
from sqlalchemy.schema import DropTable
from sqlalchemy.types import String

from indicium.domain.errors import StoreNotUsable
from indicium.projections.follow import BATCH, Follower, Overtaken, Place, Positions, Progress, place_of, usable
from indicium.projections.projection import Position, Projection, Streams
from indicium.projections.tables import FRESH, POSITIONS, alone, prepare, snapshot

_FRESH: Final = "-fresh"
"""What a view's name ends with while it is made again."""


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


class Rebuilt(NamedTuple):
    """What a rebuild did."""

    records: int
    """Records that it folded in."""
    seconds: float
    differences: list[Difference]
    """What was wrong with the views whose place the new ones took."""


def rebuild(
    streams: Streams,
    projection: Projection,
    *,
    into: Engine | None = None,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make a projection of one's own again from all records; the old rows stand until the new ones take their place.

    `into` is the database that `follow` was given. Followers may go on meanwhile, and readers see the old view or the
    new one. Raises `BadRecord`, `BadSetting`, and `StoreNotUsable` if another process rebuilds it too.
    """
    with usable(f"projection {projection.name}"):
        return rebuild_all(place_of(streams, projection, into), [projection], streams, progress, batch)


def rebuild_all(
    engine: Engine,
    projections: Sequence[Projection],
    streams: Streams,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> Rebuilt:
    """Fold all records into fresh tables, compare, and put what they say in the place of the live rows.

    A crash before the swap leaves the live views as they were, and the next rebuild begins anew. Raises
    `StoreNotUsable` if another process rebuilds too.
    """
    began = time.perf_counter()
    live, again = Follower(engine, projections, batch), _beside(engine, projections, batch)
    folded = 0
    try:
        while True:
            for step in again.steps(streams):
                folded += step.folded
                if progress is not None:
                    progress(folded, folded + step.left)
            reached = again.positions()
            if sum(at.sequence for at in reached.values()) != folded * len(projections):
                raise _rebuilt_elsewhere()
            positions = _abreast(live, streams, reached)
            if positions is None:
                continue
            with snapshot(engine) as connection:
                found = list(_differences(connection, connection, live, again))
            if _swap(live, again, positions, reached):
                return Rebuilt(folded, time.perf_counter() - began, found)
    except Overtaken:
        raise _rebuilt_elsewhere() from None


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
    with _scratch() as scratch:
        again = _beside(scratch, projections, batch)
        while True:
            positions = live.positions()
            wanted = {(_fresh_name(view), chain): position for (view, chain), position in positions.items()}
            for place, reached in again.positions().items():
                if place not in wanted or wanted[place].sequence < reached.sequence:
                    raise _rebuilt_elsewhere()
            again.catch_up(streams, progress, wanted)
            with snapshot(engine) as one, scratch.connect() as other:
                if live.positions_in(one) == positions:
                    return list(_differences(one, other, live, again))


def _fresh_name(name: str) -> str:
    return name + _FRESH


def _fresh(projection: Projection) -> Projection:
    """Give the same projection on a table of its own: without what has a name of its own, such as an index."""
    table = projection.table.to_metadata(MetaData(), name=f"{FRESH}{projection.table.name}")
    table.indexes.clear()
    for constraint in table.constraints:
        constraint.name = None
    return replace(projection, name=_fresh_name(projection.name), table=table)


def _beside(engine: Engine, projections: Sequence[Projection], batch: int) -> Follower:
    """Give a follower with the same projections that begins at the beginning, whatever an earlier one left behind."""
    fresh = [_fresh(projection) for projection in projections]
    prepare(engine, {projection.name: projection.table for projection in fresh}, afresh=True)
    return Follower(engine, fresh, batch)


def _abreast(live: Follower, streams: Streams, reached: Positions) -> dict[Place, Position] | None:
    """Fold into the live views what the fresh ones have; give their positions, None if they have moved further.

    A view that was folded from another history stays as it is: all of it is wrong.
    """
    strange = live.ahead(streams)
    own = [projection for projection in live.projections if projection.name not in strange]
    wanted = {(view.removesuffix(_FRESH), chain): position for (view, chain), position in reached.items()}
    Follower(live.engine, own).catch_up(streams, upto=wanted)
    positions = live.positions()
    moved = any(position != wanted.get(place) for place, position in positions.items() if place[0] not in strange)
    return None if moved else positions


def _swap(live: Follower, again: Follower, positions: dict[Place, Position], reached: dict[Place, Position]) -> bool:
    """Put the fresh rows and positions in the place of the live ones; nothing is done if these have moved meanwhile.

    Rows are replaced, not the table: readers are never in the way, a snapshot of theirs stays whole, and what somebody
    built on the table (an index, a grant, a query with a name) stands.
    """
    with alone(live.engine) as connection:
        if live.positions_in(connection) != positions:
            return False
        if again.positions_in(connection) != reached:
            raise _rebuilt_elsewhere()
        for old, new in zip(live.projections, again.projections, strict=True):
            connection.execute(delete(POSITIONS).where(POSITIONS.c.view == old.name))
            connection.execute(update(POSITIONS).where(POSITIONS.c.view == new.name).values(view=old.name))
            connection.execute(delete(old.table))
            names = [column.name for column in new.table.columns]
            connection.execute(insert(old.table).from_select(names, select(new.table), include_defaults=False))
            connection.execute(DropTable(new.table))
    return True


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


class _Keyed(NamedTuple):
    """A row, and where it stands among the others."""

    order: tuple[tuple[int, Any], ...]
    key: str
    row: str


def _differences(one: Connection, other: Connection, live: Follower, again: Follower) -> Iterator[Difference]:
    sides = _reached(live.positions_in(one)), _reached(again.positions_in(other))
    yield from _compare("positions", *sides)
    for old, new in zip(live.projections, again.projections, strict=True):
        yield from _compare(old.name, _rows(one, old.table), _rows(other, new.table))


def _reached(positions: Positions) -> Iterator[_Keyed]:
    named = {f"{view.removesuffix(_FRESH)}:{chain}": at for (view, chain), at in positions.items()}
    return (_Keyed(((0, name),), name, _as_json(at._asdict())) for name, at in sorted(named.items()))


def _rows(connection: Connection, table: Table) -> Iterator[_Keyed]:
    """Give a table's rows in order of their keys, which is the same on every database."""
    names = [str(column.name) for column in table.columns]
    keys = [names.index(column.name) for column in table.primary_key.columns]
    order = [_bytewise(connection, column) for column in table.primary_key.columns]
    for row in connection.execute(select(table).order_by(*order).execution_options(yield_per=1000)):
        key = [row[place] for place in keys]
        yield _Keyed(tuple(map(_rank, key)), "/".join(map(str, key)), _as_json(dict(zip(names, row, strict=True))))


def _as_json(row: Mapping[str, object]) -> str:
    # A tampered row may hold what its columns should not; a default writes it all the same.
    return orjson.dumps(row, default=repr).decode()


def _bytewise(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, String):
        return column.collate("C" if connection.dialect.name == "postgresql" else "BINARY")
    return column


def _rank(value: object) -> tuple[int, Any]:
    """Give the order of SQLite, where somebody may have written anything into any column."""
    kinds: tuple[tuple[type, ...], ...] = ((int, float), (str,), (bytes,))
    return next(((rank, value) for rank, kind in enumerate(kinds, 1) if isinstance(value, kind)), (0, str(value)))


def _compare(view: str, live: Iterator[_Keyed], rebuilt: Iterator[_Keyed]) -> Iterator[Difference]:
    """Walk along both and tell where they part."""
    sides = heapq.merge(((row.order, 0, row) for row in live), ((row.order, 1, row) for row in rebuilt))
    for _, rows in itertools.groupby(sides, key=operator.itemgetter(0)):
        said = {side: row for _, side, row in rows}
        was, now = (said[side].row if side in said else None for side in (0, 1))
        if was != now:
            yield Difference(view, next(iter(said.values())).key, was, now)
