"""What an inhibited module is shown of store and audit copy, a batch at a time, before it is set to anything."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import Final, Protocol

from indicium.domain.flow import GENESIS, Head, SealedRecord
from indicium.domain.heads import Heads
from indicium.domain.identity import ChainId
from indicium.domain.package import FindStatic, Package
from indicium.domain.record import line_hash
from indicium.domain.registers import Totals
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.ports import RecordStore
from indicium.infrastructure.redoing import batches, demand_in_force

_SPANS: Final = (100, 10_000)
"""Records before the store's head that are read for one that says the module's totals; then all of them."""


class Examined(Protocol):
    """What a module makes of it."""

    discarded: set[int]
    """Records that say of no transaction that stands."""
    totals: Totals | None
    """What the newest record that says totals says; None as long as there was none."""
    continues: bool
    """Whether the chain holds the newest record that memory knows."""

    @property
    def head(self) -> Head:
        """The last record that was followed."""

    def follow(self, lines: Sequence[bytes]) -> None:
        """Go further along the chain."""

    def meet(self, packages: Sequence[Package], records: Collection[SealedRecord]) -> None:
        """Take packages of the store."""

    def take(self, lines: Sequence[bytes], find: FindStatic) -> None:
        """Take lines again that the store has not."""

    def recall(self, lines: Sequence[bytes], find: FindStatic) -> None:
        """Take lines again that the store has, for the meters that were given away in them."""


Begin = Callable[[Head], Examined | None]
"""Has a module begin to look at the chain behind a record; None if it has no memory to be set."""


def examine(store: RecordStore, copy: AuditCopy, chain: ChainId, begin: Begin, heads: Heads) -> Examined | None:
    """Show the module the end of its chain, and every meter.

    Raises `NotRecovered`, and `Strange` where the store holds as done what was taken back.
    """
    known, end = heads.memory, heads.store.sequence
    continues = known.sequence <= end and _record_at(store, chain, known.sequence) == known
    # Where memory only lags, everything behind its head is new to it.
    after = known.sequence if continues else end
    seen, before = _follow(store, copy, chain, begin, heads, after)
    if seen is None:
        return None
    seen.continues = seen.continues or continues
    demand_in_force(store, chain, end, seen.discarded)
    for packages in batches(store.packages()):
        asked = {
            (version, package.psd_id) for package in packages for version in (package.version, package.version + 1)
        }
        seen.meet(packages, store.transactions(asked))
    for lines in _lines(store, chain, before):
        seen.recall(lines, store.static_parts)
    if heads.copy.sequence > heads.store.sequence:
        for parts in batches(copy.static_parts()):  # sealed, and named by their digests: one too many does no harm
            store.keep_static(parts)
        for batch in _ahead(copy, heads):
            seen.take(batch, store.static_parts)
    return seen


def _follow(
    store: RecordStore, copy: AuditCopy, chain: ChainId, begin: Begin, heads: Heads, after: int
) -> tuple[Examined | None, int]:
    """Show the end of the chain: behind a record, and from before the newest that says the module's totals.

    Give what the module sees, and the number of the record that it began behind.
    """
    for span in (*_SPANS, heads.store.sequence):
        before = _record_at(store, chain, max(0, min(after, heads.store.sequence - span)))
        seen = begin(before)
        if seen is None:
            break
        for batch in _lines(store, chain, before.sequence):
            seen.follow(batch)
        for batch in _ahead(copy, heads):
            seen.follow(batch)
        if seen.totals is not None or before == GENESIS:
            return seen, before.sequence
    return None, 0


def _lines(store: RecordStore, chain: ChainId, after: int) -> Iterator[list[bytes]]:
    """Give the store's lines behind a record."""
    return batches(record.line for record in store.records(chain, after=after))


def _ahead(copy: AuditCopy, heads: Heads) -> Iterator[list[bytes]]:
    """Give the lines that the copy has and the store has not."""
    missing = max(0, heads.copy.sequence - heads.store.sequence)
    return batches(islice(copy.lines(after=heads.store.sequence), missing))


def _record_at(store: RecordStore, chain: ChainId, sequence: int) -> Head:
    found = next(store.records(chain, after=sequence - 1, upto=sequence), None) if sequence else None
    return GENESIS if found is None else Head(found.sequence, line_hash(found.line))
