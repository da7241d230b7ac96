"""Redo: what the store lost comes back from the audit copy, a batch of records in a transaction."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol, Self, TypeVar

from indicium.domain.flow import Changes, Head
from indicium.domain.identity import ChainId
from indicium.domain.package import FindStatic
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.ports import RecordStore

BATCH = 1000
"""Records, or static parts, that are in memory at once."""

Progress = Callable[[int, int], None]
"""Told how many lines of how many were gone along."""

_T = TypeVar("_T")


Met = Mapping[tuple[int, str], int]
"""Transactions by version and meter, each with the number of its record."""


class Redo(Protocol):
    """What a module does for it."""

    @property
    def discarded(self) -> Collection[int]:
        """Records that were met, and whose transactions do not stand."""

    def follow(self, lines: Sequence[bytes]) -> Met:
        """Go the first way, a batch further; give of each transaction that is met version, meter and record."""

    def arrive(self) -> None:
        """End the first way."""

    def make(self, lines: Sequence[bytes], find: FindStatic) -> Changes:
        """Go the second way, a batch further, and give what the store saves."""


def unseen(_done: int, _all: int) -> None:
    """Have nobody to tell."""


class Strange(Exception):
    """The store holds something that does not belong there; nothing was written into it."""

    def __init__(self, sequence: int, why: str, remedy: str) -> None:
        """Name the record of the chain that it is about."""
        super().__init__(why)
        self.sequence, self.why, self.remedy = sequence, why, remedy

    @classmethod
    def transaction(cls, after: int, which: str) -> Self:
        """Name a transaction that stands where one belongs that was lost behind a record."""
        remedy = "It is another ledger's: put the newest store of this one back."
        return cls(after + 1, f"it holds other records where the lost ones belong: {which}", remedy)


def found_among(store: RecordStore, met: Met) -> dict[int, str]:
    """Find which transactions of those that the store is to get it has already: by their records, and by names."""
    rows = store.transactions(met)
    return {
        met[row.psd_version or 0, row.psd_id or ""]: f"meter {row.psd_id}, version {row.psd_version}" for row in rows
    }


def demand_free(there: Mapping[int, str], discarded: Collection[int], after: int) -> None:
    """Demand that nothing stands where what was lost belongs. Raises `Strange`.

    What a module did and took back again, as a given up adoption does, another may have done since.
    """
    if strange := sorted(there.keys() - set(discarded)):
        raise Strange.transaction(after, there[strange[0]])


def demand_in_force(store: RecordStore, chain: ChainId, after: int, discarded: Iterable[int]) -> None:
    """Demand that the store holds nothing as done, up to a record, that a later record takes back. Raises `Strange`.

    It does if it is of another course of events: a server that had saved a group which the one that took over from it
    had not heard of, so that the module took it back; and that then was brought back itself.
    """
    for sequence in sorted(sequence for sequence in discarded if sequence <= after):
        row = next(store.records(chain, after=sequence - 1, upto=sequence), None)
        if row is not None and row.psd_id is not None:
            remedy = (
                "Leave the one that was in its place there; or put an empty one, which 'indicium store create' makes "
                "and 'indicium recover' fills from the audit copy."
            )
            raise Strange(sequence, "it holds a transaction that was taken back since, as if it stood", remedy)


def redo(
    store: RecordStore, copy: AuditCopy, chain: ChainId, way: Redo, after: Head, until: Head, progress: Progress
) -> None:
    """Append to the store the copy's lines behind one head, up to another, with their packages.

    Each batch is a transaction: a crash behind one finds a store that lacks less. `progress` counts each line twice,
    for both ways go along it. Raises `Strange`, before anything is written, where the store holds a transaction that it
    would get, or one that was taken back.
    """
    done, both_ways = 0, 2 * (until.sequence - after.sequence)
    there: dict[int, str] = {}
    for batch in _lines(copy, after, until):
        there |= found_among(store, way.follow(batch))
        progress(done := done + len(batch), both_ways)
    demand_in_force(store, chain, after.sequence, way.discarded)
    demand_free(there, way.discarded, after.sequence)
    way.arrive()
    for parts in batches(copy.static_parts()):
        store.keep_static(parts)
    for batch in _lines(copy, after, until):
        store.save(way.make(batch, store.static_parts))
        progress(done := done + len(batch), both_ways)


def batches(items: Iterable[_T], size: int | None = None) -> Iterator[list[_T]]:
    """Give the items in order, so many together; `BATCH` unless somebody says how many."""
    rest = iter(items)
    while batch := list(islice(rest, size or BATCH)):
        yield batch


def _lines(copy: AuditCopy, after: Head, until: Head) -> Iterator[list[bytes]]:
    return batches(islice(copy.lines(after=after.sequence), until.sequence - after.sequence))
