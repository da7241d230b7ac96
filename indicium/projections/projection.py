"""What a projection is: a table, and how the records of a stream are folded into it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast

from sqlalchemy import Connection, Table

from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId
from indicium.domain.record import line_hash
from indicium.projections.tables import execute_many, insert_into

Row = Mapping[str, object]
"""What a fold changes in one row, by names that the projection's own `write` knows."""


class Streams(Protocol):
    """Where records come from; the store is one."""

    def chains(self) -> Iterable[tuple[ChainId, int]]:
        """Give every chain with the sequence of its last record."""

    def records(
        self, chain: ChainId, *, after: int = 0, upto: int | None = None, batch: int = 1000
    ) -> Iterator[SealedRecord]:
        """Give a chain's records in order, from sequence `after` + 1 to `upto`; none of a chain that there is not.

        `batch` are read at once.
        """


class Position(NamedTuple):
    """A record that a view has come to: its place, and what tells it from another record in that place."""

    sequence: int
    hash: str
    """SHA-256 of the record's line in hex."""
    psd_version: int | None
    """None for a discarded record: a restored store may hold the same line again as one that moves nothing."""

    @classmethod
    def of(cls, record: SealedRecord) -> "Position":
        """Give the position behind a record."""
        return cls(record.sequence, line_hash(record.line), record.psd_version)


@dataclass(frozen=True)
class Projection(ABC):
    """A view, and how it is folded.

    Its rows are what the records say and nothing else (no clock, no counter of the database's own), for only then can
    they be made again. Text columns of the key are compared byte by byte. What else a subclass holds are fields of a
    dataclass.
    """

    name: str
    """Under this name it is kept how far the view has come."""
    table: Table
    """Where the rows go. It has a primary key, and is made if it is not there."""

    @abstractmethod
    def fold(self, records: Sequence[SealedRecord]) -> Iterable[Row]:
        """Fold consecutive records of one chain, at least one, into the rows that they change. No I/O."""

    @abstractmethod
    def write(self, connection: Connection, rows: list[Row]) -> None:
        """Bring the rows into `self.table` (in a rebuild it is another one), inside the caller's transaction."""


class Sums(Projection):
    """A view that counts and adds up: the table's key says what of, and every other column is a sum.

    A fold yields what each record adds, under the columns' names, as integers.
    """

    def write(self, connection: Connection, rows: list[Row]) -> None:
        """Add the rows to those that are there, in order of their keys: two followers never wait crosswise."""
        keys = [column.name for column in self.table.primary_key.columns]
        sums = [column.name for column in self.table.columns if not column.primary_key]
        added: dict[tuple[object, ...], list[int]] = {}
        for row in rows:
            total = added.setdefault(tuple(row[key] for key in keys), [0] * len(sums))
            for place, name in enumerate(sums):
                total[place] += cast("int", row[name])
        if not added:
            return
        insert = insert_into(connection, self.table)
        more = {name: self.table.c[name] + insert.excluded[name] for name in sums}
        upsert = insert.on_conflict_do_update(index_elements=keys, set_=more)
        in_order = sorted(added.items(), key=lambda item: tuple(map(str, item[0])))
        execute_many(
            connection, upsert, [dict(zip(keys + sums, (*key, *total), strict=True)) for key, total in in_order]
        )
