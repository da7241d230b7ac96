"""Comparing what the three places hold of one chain: their heads first, and where they part only if it must be said."""

from functools import partial
from typing import Protocol

from indicium.domain.errors import HeadsDisagree
from indicium.domain.flow import GENESIS, Head, LastGroup
from indicium.domain.heads import Heads
from indicium.domain.identity import ChainId
from indicium.domain.record import line_hash
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.mending import stored_hash
from indicium.infrastructure.ports import RecordStore
from indicium.infrastructure.redoing import BATCH


class Headed(Protocol):
    """What a module says of its own chain."""

    @property
    def chain(self) -> ChainId:
        """The chain."""

    @property
    def head(self) -> Head:
        """The newest record that its memory knows."""

    @property
    def older(self) -> tuple[Head, ...]:
        """The heads that it can go back to."""

    @property
    def last_groups(self) -> tuple[LastGroup, ...]:
        """The groups that began at these."""


def compared(store: RecordStore, copy: AuditCopy, module: Headed) -> Heads:
    """Give the heads of the three places, and what store and copy hold at each other's."""
    newest = store.head(module.chain)
    stored = GENESIS if newest is None else Head(newest.sequence, line_hash(newest.line))
    kept = copy.head() or GENESIS
    return Heads(
        module.head,
        module.older,
        stored,
        kept,
        GENESIS.hash if kept == GENESIS else stored_hash(store, module.chain, kept.sequence),
        _copied_hash(copy, stored.sequence) if kept.sequence > stored.sequence else None,
    )


def parted(store: RecordStore, copy: AuditCopy, chain: ChainId, heads: Heads) -> int:
    """Find the first record that two places hold differently, 0 if there is none; nothing is issued meanwhile."""
    if not heads.one_story:
        return first_difference(store, copy, chain, heads)
    if heads.copy.sequence > heads.store.sequence:
        last, hash_at = heads.copy.sequence, partial(_copied_hash, copy)
    else:
        last, hash_at = heads.store.sequence, partial(stored_hash, store, chain)
    known = sorted(head for head in heads.known if 0 < head.sequence <= last)
    return next((head.sequence for head in known if hash_at(head.sequence) != head.hash), 0)


def first_difference(store: RecordStore, copy: AuditCopy, chain: ChainId, heads: Heads) -> int:
    """Find where store and copy part, looking ever further back: where they agree, the links vouch for the rest."""
    upto, span = min(heads.store.sequence, heads.copy.sequence), BATCH
    while True:
        after = max(0, upto - span)
        try:
            lines = zip(copy.lines(after=after), store.records(chain, after=after), strict=False)
            first = next((number for number, (line, row) in enumerate(lines, after + 1) if line != row.line), upto)
        except HeadsDisagree:  # what is further back was moved elsewhere
            return 0
        if first > after + 1 or after == 0:
            return first
        span *= 10


def _copied_hash(copy: AuditCopy, sequence: int) -> str | None:
    """Find the copy's record at a sequence, from its beginning: only asked when the copy is ahead of the store."""
    if sequence == 0:
        return GENESIS.hash
    line = next(copy.lines(after=sequence - 1), None)
    return None if line is None else line_hash(line)
