"""Following streams: a view's position is one number for each chain, written in the same transaction as the view.

A stream has one writer and no gaps, so no lock and no horizon is needed. Wherever a follower is killed, the next one
goes on behind the last record that was committed: each record is folded in exactly once.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final, NamedTuple, Protocol, runtime_checkable

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import DBAPIError

from indicium.domain.errors import BadSetting, ProjectionIsAhead, StoreNotUsable
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId
from indicium.projections.projection import Position, Projection, Row, Streams
from indicium.projections.tables import LONGEST, NOT_FOR_PROJECTIONS, POSITIONS, RESERVED, insert_into, prepare, writing

BATCH: Final = 10_000
"""Records that are folded in memory (about 15 MB) and written in one transaction."""

PAUSE_SECONDS: Final = 1.0
"""How long a follower that found nothing new waits before it looks again."""

Progress = Callable[[int, int], None]
"""Told after each transaction how many records of how many are folded in."""

Place = tuple[str, ChainId]
"""A view, by name, and a chain."""

Positions = Mapping[Place, Position]
"""The last record folded in."""


@runtime_checkable
class _Housed(Protocol):
    """Streams that lie in a database where views may lie too, as those of a store do."""

    engine: Engine


class Overtaken(Exception):
    """Another process moved the view while a batch was being folded; nothing of the batch was written.

    Nobody outside this room sees it.
    """


class Step(NamedTuple):
    """One transaction of a follower."""

    folded: int
    """Records that it folded in."""
    left: int
    """Records still to be folded in, of those that were there when it looked."""


def follow(
    streams: Streams,
    projection: Projection,
    *,
    into: Engine | None = None,
    batch: int = BATCH,
    stop: threading.Event | None = None,
    pause_seconds: float = PAUSE_SECONDS,
) -> Generator[Step]:
    """Bring a projection up to the ends of the streams, a transaction of at most `batch` records at each step.

    The view and how far it has come lie in the database `into`, by default in that of the streams, and change in the
    same transaction: whoever is killed or closed between two steps, or in one, each record is folded in exactly once.
    Nothing is read ahead of the step that is asked for, and nothing is held in the database between two steps. Any
    number of processes may follow with the same projection.

    Without `stop` the steps end where the streams do. With it they go on: what is new is looked for every
    `pause_seconds`, and the steps end when the event is set.

    Raises `ProjectionIsAhead` if the view holds what the streams do not (`rebuild` it), `BadRecord`, `BadSetting` and
    `StoreNotUsable`.
    """
    follower = Follower(place_of(streams, projection, into), [projection], batch)
    return _on_and_on(follower, streams, projection.name, stop, pause_seconds)


def place_of(streams: Streams, projection: Projection, into: Engine | None) -> Engine:
    """Give the database of somebody's own projection. Raises `BadSetting` where it would be in the ledger's way."""
    table = projection.table.name
    if table.lower() in NOT_FOR_PROJECTIONS:  # to SQLite a table is the same however its name is capitalized
        raise BadSetting(name="projection", why=f"{table} is a table of the ledger's own")
    if table.lower().startswith(RESERVED):
        raise BadSetting(name="projection", why=f"{table} begins with {RESERVED}, as only the ledger's own tables do")
    if len(table.encode()) > LONGEST:
        raise BadSetting(name="projection", why=f"{table} is a name of more than {LONGEST} bytes")
    if f"view_{projection.name}" in NOT_FOR_PROJECTIONS:
        raise BadSetting(name="projection", why=f"{projection.name} is the name of a view of the ledger's own")
    if not projection.table.primary_key.columns:
        raise BadSetting(name="projection", why=f"{table} has no primary key")
    if into is not None:
        return into
    if isinstance(streams, _Housed):
        return streams.engine
    raise BadSetting(name="into", why="these streams lie in no database: say in which one the projection shall lie")


class _Span(NamedTuple):
    """What a view still needs of a chain: the records after `at`, up to `end`."""

    projection: Projection
    at: int
    end: int


class Follower:
    """Brings views up to the ends of the streams."""

    def __init__(self, engine: Engine, projections: Sequence[Projection], batch: int = BATCH) -> None:
        """Follow with these views, `batch` records in one transaction. Their tables are made if they are not there."""
        self.engine = engine
        self.projections = projections
        self._batch = batch
        with usable():
            prepare(engine, {projection.name: projection.table for projection in projections})

    def positions(self) -> dict[Place, Position]:
        """Say how far the views have come."""
        with self.engine.connect() as connection:
            return self.positions_in(connection)

    def positions_in(self, connection: Connection) -> dict[Place, Position]:
        """Say how far the views have come, as a transaction sees it."""
        ours = POSITIONS.c.view.in_([projection.name for projection in self.projections])
        kept = connection.execute(select(POSITIONS).where(ours)).all()
        return {(view, chain): Position(*position) for view, chain, *position in kept}

    def catch_up(self, streams: Streams, progress: Progress | None = None, upto: Positions | None = None) -> int:
        """Fold in what is new, to the streams' ends or to the positions `upto`; give the number of records.

        Any number of processes may do this at once: who is overtaken goes on behind the other. Raises `BadRecord`,
        `ProjectionIsAhead` and `StoreNotUsable`.
        """
        folded = 0
        while True:
            try:
                for step in self.steps(streams, upto):
                    folded += step.folded
                    if progress is not None:
                        progress(folded, folded + step.left)
            except Overtaken:
                continue
            return folded

    def steps(self, streams: Streams, upto: Positions | None = None) -> Generator[Step]:
        """Fold in what is new, and tell of each transaction after it. Raises `Overtaken` and as `catch_up`."""
        positions = self.positions()
        for ahead in _ahead(streams, positions):
            raise ahead
        spans: dict[ChainId, list[_Span]] = {}
        for chain, last in streams.chains():
            for projection in self.projections:
                place = projection.name, chain
                end = last if upto is None else min(last, _sequence(upto, place))
                if (at := _sequence(positions, place)) < end:
                    spans.setdefault(chain, []).append(_Span(projection, at, end))
        left = sum(_end(wanted) - _start(wanted) for wanted in spans.values())
        for chain, wanted in spans.items():
            for folded in self._follow(streams, chain, wanted):
                left -= folded
                yield Step(folded, left)

    def ahead(self, streams: Streams) -> list[str]:
        """Name the views that hold what these streams do not: they were folded from another history."""
        return sorted({each.projection for each in _ahead(streams, self.positions())})

    def _follow(self, streams: Streams, chain: ChainId, spans: Sequence[_Span]) -> Iterator[int]:
        after, end = _start(spans), _end(spans)
        reader = streams.records(chain, after=after, upto=end, batch=min(self._batch, 1000))
        while records := list(islice(reader, self._batch)):
            _demand_no_gap(chain, after, records)
            self._fold_in(chain, spans, after, records)
            after += len(records)
            yield len(records)
        if after < end:
            raise missing(chain, after + 1)

    def _fold_in(self, chain: ChainId, spans: Sequence[_Span], after: int, records: Sequence[SealedRecord]) -> None:
        """Fold the records that follow `after` into each view that still needs them: one transaction for all views."""
        changes: list[tuple[Projection, int, Position, list[Row]]] = []
        for projection, at, end in spans:
            wanted = records[max(0, at - after) : max(0, end - after)]
            if wanted:
                rows = list(projection.fold(wanted))
                changes.append((projection, wanted[0].sequence - 1, Position.of(wanted[-1]), rows))
        with writing(self.engine).begin() as connection:
            for projection, at, to, rows in changes:
                _advance(connection, (projection.name, chain), at, to)
                projection.write(connection, rows)


@contextmanager
def usable(what: str = "its views") -> Iterator[None]:
    """Say in the ledger's words that a database does not do its part. Raises `StoreNotUsable`."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).partition("\n")[0]
        raise StoreNotUsable(why=f"{what}: {said}") from None


def _on_and_on(
    follower: Follower, streams: Streams, name: str, stop: threading.Event | None, pause_seconds: float
) -> Generator[Step]:
    with usable(f"projection {name}"):
        while stop is None or not stop.is_set():
            try:
                for step in follower.steps(streams):
                    yield step
                    if stop is not None and stop.is_set():
                        return
            except Overtaken:
                continue
            if stop is None or stop.wait(pause_seconds):
                return


def _ahead(streams: Streams, positions: Positions) -> Iterator[ProjectionIsAhead]:
    """Tell of each view that stands behind a record which the streams do not hold, or hold another in its place."""
    stands: dict[tuple[ChainId, int], Position | None] = {}
    for (view, chain), position in positions.items():
        at = position.sequence
        if (chain, at) not in stands:
            there = streams.records(chain, after=at - 1, upto=at, batch=1)
            stands[chain, at] = next(map(Position.of, there), None)
        if stands[chain, at] != position:
            yield ProjectionIsAhead(projection=view, chain=chain, sequence=at)


def _start(spans: Sequence[_Span]) -> int:
    return min(span.at for span in spans)


def _end(spans: Sequence[_Span]) -> int:
    return max(span.end for span in spans)


def _sequence(positions: Positions, place: Place) -> int:
    return positions[place].sequence if place in positions else 0


def _advance(connection: Connection, place: Place, at: int, to: Position) -> None:
    """Move a position, which is where it was when the batch was read: else another follower was faster."""
    view, chain = place
    if at == 0:
        first = insert_into(connection, POSITIONS).values(view=view, chain=chain, **to._asdict())
        moved = connection.execute(first.on_conflict_do_nothing().execution_options(preserve_rowcount=True))
    else:
        here = POSITIONS.c.view == view, POSITIONS.c.chain == chain, POSITIONS.c.sequence == at
        moved = connection.execute(update(POSITIONS).where(*here).values(to._asdict()))
    if moved.rowcount != 1:
        raise Overtaken


def _demand_no_gap(chain: ChainId, after: int, records: Sequence[SealedRecord]) -> None:
    if records[-1].sequence != after + len(records):
        wrong = next(number for number, record in enumerate(records, after + 1) if record.sequence != number)
        raise missing(chain, wrong)


def missing(chain: ChainId, sequence: int) -> StoreNotUsable:
    """Give what is raised where a stream has a gap."""
    return StoreNotUsable(why=f"record {sequence} of chain {chain} is missing: verify it with 'indicium verify'")
