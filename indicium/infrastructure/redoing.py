"""Redo: what the store lost comes back from the audit copy, a batch of records in a transaction."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from indicium.domain.errors import RecordConflict
from indicium.domain.flow import Changes, Head
from indicium.domain.identity import DeviceId
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.ports import RecordStore

BATCH = 1000
"""Records, or static parts, that are in memory at once."""

Progress = Callable[[int, int], None]
"""Told how many lines of how many were gone along."""

_T = TypeVar("_T")
_StaticKey = tuple[DeviceId, str]


class Redo(Protocol):
    """What a module does for it."""

    def follow(self, lines: Sequence[bytes]) -> Collection[tuple[int, str]]:
        """Go the first way, a batch further; give version and meter of each transaction that is met."""

    def arrive(self) -> None:
        """End the first way."""

    def make(
        self, lines: Sequence[bytes], find: Callable[[Sequence[_StaticKey]], Mapping[_StaticKey, bytes]]
    ) -> Changes:
        """Go the second way, a batch further, and give what the store saves."""


def unseen(_done: int, _all: int) -> None:
    """Have nobody to tell."""


def redo(store: RecordStore, copy: AuditCopy, way: Redo, after: Head, until: Head, progress: Progress) -> None:
    """Append to the store the copy's lines behind one head, up to another, with their packages.

    Each batch is a transaction: a crash behind one finds a store that lacks less. `progress` counts each line twice,
    for both ways go along it. Raises `RecordConflict`, before anything is written, where the store holds a transaction
    that it would get.
    """
    done, both_ways = 0, 2 * (until.sequence - after.sequence)
    for batch in _lines(copy, after, until):
        if strange := store.transactions(way.follow(batch)):
            raise RecordConflict(constraint=f"meter {strange[0].psd_id}, version {strange[0].psd_version}")
        progress(done := done + len(batch), both_ways)
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
