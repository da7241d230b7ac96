"""Following streams: a view's position is one number for each chain, written in the same transaction as the view.

A stream has one writer and no gaps, so no lock and no horizon is needed. Wherever a follower is killed, the next one
goes on behind the last record that was committed: each record is folded in exactly once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, Table, select, update

from indicium.domain.errors import StoreNotUsable
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId
from indicium.projections.tables import TRACKING, create, insert_into, writing

BATCH: Final = 10_000
"""Records that are folded in memory (about 15 MB) and written in one transaction."""

Progress = Callable[[int, int], None]
"""Told after each transaction how many records of how many are folded in."""

Positions = Mapping[str, int]
"""The last sequence folded in, by `<view>:<chain>`."""

Row = Mapping[str, object]
"""What a fold changes in one row, by names that the view's own `write` knows."""


class Streams(Protocol):
    """Where records come from; the store is one."""

    def chains(self) -> Iterable[tuple[ChainId, int]]:
        """Give every chain with the sequence of its last record."""

    def records(
        self, chain: ChainId, *, after: int = 0, upto: int | None = None, batch: int = 1000
    ) -> Iterator[SealedRecord]:
        """Give a chain's records in order, from sequence `after` + 1 to `upto`; `batch` are read at once."""


@dataclass(frozen=True)
class Projection(ABC):
    """A view, and how it is folded."""

    name: str
    table: Table

    @abstractmethod
    def fold(self, records: Sequence[SealedRecord]) -> list[Row]:
        """Fold consecutive records of one chain, at least one, into the rows that they change. No I/O."""

    @abstractmethod
    def write(self, connection: Connection, rows: list[Row]) -> None:
        """Bring the rows into the view, inside the caller's transaction."""

    def tracked(self, chain: ChainId) -> str:
        """Give the name under which this view's position in a chain is kept."""
        return f"{self.name}:{chain}"


class Overtaken(Exception):
    """Another process moved the view while a batch was being folded; nothing of the batch was written.

    Nobody outside this room sees it.
    """


class Step(NamedTuple):
    """One transaction of a follower."""

    folded: int
    """Records that it folded in."""
    left: int
    """Records still to be folded in."""


class _Span(NamedTuple):
    """What a view still needs of a chain: the records after `at`, up to `end`."""

    projection: Projection
    at: int
    end: int


class Follower:
    """Brings views up to the ends of the streams."""

    def __init__(self, engine: Engine, projections: Sequence[Projection], batch: int = BATCH) -> None:
        """Follow with these views, `batch` records in one transaction. Their tables are made if they are not there."""
        self._engine = engine
        self._projections = projections
        self._batch = batch
        with engine.begin() as connection:
            create(connection, TRACKING, *(projection.table for projection in projections))

    def positions(self) -> dict[str, int]:
        """Say how far the views have come."""
        ours = tuple(f"{projection.name}:" for projection in self._projections)
        with self._engine.connect() as connection:
            kept = connection.execute(select(TRACKING.c.application_name, TRACKING.c.notification_id)).all()
        return {name: sequence for name, sequence in kept if name.startswith(ours)}

    def catch_up(self, streams: Streams, progress: Progress | None = None, upto: Positions | None = None) -> int:
        """Fold in what is new, to the streams' ends or to the positions `upto`; give the number of records.

        Any number of processes may do this at once: who is overtaken goes on behind the other. Raises `BadRecord` and
        `StoreNotUsable`.
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
        spans: dict[ChainId, list[_Span]] = {}
        for chain, last in streams.chains():
            for projection in self._projections:
                name = projection.tracked(chain)
                end = last if upto is None else min(last, upto.get(name, 0))
                if (at := positions.get(name, 0)) < end:
                    spans.setdefault(chain, []).append(_Span(projection, at, end))
        left = sum(_end(wanted) - _start(wanted) for wanted in spans.values())
        for chain, wanted in spans.items():
            for folded in self._follow(streams, chain, wanted):
                left -= folded
                yield Step(folded, left)

    def _follow(self, streams: Streams, chain: ChainId, spans: Sequence[_Span]) -> Iterator[int]:
        after, end = _start(spans), _end(spans)
        reader = streams.records(chain, after=after, upto=end, batch=min(self._batch, 1000))
        while records := list(islice(reader, self._batch)):
            _demand_no_gap(chain, after, records)
            self._fold_in(chain, spans, after, records)
            after += len(records)
            yield len(records)
        if after < end:
            raise _missing(chain, after + 1)

    def _fold_in(self, chain: ChainId, spans: Sequence[_Span], after: int, records: Sequence[SealedRecord]) -> None:
        """Fold the records that follow `after` into each view that still needs them: one transaction for all views."""
        changes = []
        for projection, at, end in spans:
            wanted = records[max(0, at - after) : max(0, end - after)]
            if wanted:
                changes.append((projection, wanted[0].sequence - 1, wanted[-1].sequence, projection.fold(wanted)))
        with writing(self._engine).begin() as connection:
            for projection, at, to, rows in changes:
                _advance(connection, projection.tracked(chain), at, to)
                projection.write(connection, rows)


def _start(spans: Sequence[_Span]) -> int:
    return min(span.at for span in spans)


def _end(spans: Sequence[_Span]) -> int:
    return max(span.end for span in spans)


def _advance(connection: Connection, name: str, at: int, to: int) -> None:
    """Move a position, which is where it was when the batch was read: else another follower was faster."""
    if at == 0:
        row = {"application_name": name, "notification_id": 0}
        connection.execute(insert_into(connection, TRACKING).on_conflict_do_nothing(), row)
    moved = connection.execute(
        update(TRACKING)
        .where(TRACKING.c.application_name == name, TRACKING.c.notification_id == at)
        .values(notification_id=to)
    )
    if moved.rowcount != 1:
        raise Overtaken


def _demand_no_gap(chain: ChainId, after: int, records: Sequence[SealedRecord]) -> None:
    if records[-1].sequence != after + len(records):
        wrong = next(number for number, record in enumerate(records, after + 1) if record.sequence != number)
        raise _missing(chain, wrong)


def _missing(chain: ChainId, sequence: int) -> StoreNotUsable:
    return StoreNotUsable(why=f"record {sequence} of chain {chain} is missing: verify it with 'indicium verify'")
