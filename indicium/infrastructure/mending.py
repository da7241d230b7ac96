"""The end of an audit copy that does not hold together: what a power loss may leave, and what it cannot.

An append is synced before its reply is released, so behind what was synced nothing was released, and the store had it
first. Blocks that never came to the disk, before others that did, read as zeros, and no record holds a zero byte. An
end that differs from the store in nothing but zeros is cut, and completed from the store; any other is refused.
"""

from typing import Final, NamedTuple

import orjson

from indicium.domain.flow import GENESIS, Head
from indicium.domain.identity import ChainId
from indicium.domain.record import line_hash, split
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.ports import RecordStore

WINDOW_BYTES: Final = 256 * 1024
"""How much of a copy's end is followed: a few hundred records; more where the last group was longer."""


class Hole(NamedTuple):
    """Where the end of a copy does not hold together."""

    before: Head
    """The last record in front of it."""
    rest: bytes
    """All that stands behind that."""
    is_next: bool = False
    """Whether what stands behind it is the next record by its number, and not by its link."""


def find_hole(copy: AuditCopy, chain: ChainId, settled: int) -> Hole | None:
    """Follow the copy's last records by their hashes, those behind record `settled` among them.

    None if they hold together. What the last one is, is for whoever compares the heads.
    """
    lines, is_whole = _end(copy, chain, settled)
    at: Head | None = None
    if is_whole and _place(lines.partition(b"\n")[0], chain) is None:
        at = GENESIS
    followed = 0
    for line in lines.split(b"\n")[:-1]:
        place = _place(line, chain)
        if place is None or (at is not None and place != (at.sequence + 1, at.hash)):
            is_next = place is not None and at is not None and place[0] == at.sequence + 1
            return Hole(at or GENESIS, lines[followed:], is_next)
        at, followed = Head(place[0], line_hash(line)), followed + len(line) + 1
    return None


def is_lost_block(hole: Hole, store: RecordStore, chain: ChainId) -> bool:
    """Say whether the copy is as the store up to a hole, and behind it too, but for bytes that are zero."""
    rest, stored = hole.rest.rstrip(b"\0"), bytearray()
    for record in store.records(chain, after=max(0, hole.before.sequence - 1)):
        if record.sequence > hole.before.sequence:
            stored += record.line + b"\n"
        elif line_hash(record.line) != hole.before.hash:
            return False
        if len(stored) >= len(rest):
            break
    if len(stored) < len(rest):
        return False
    return all(found in (0, wanted) for found, wanted in zip(rest, stored, strict=False))


def _end(copy: AuditCopy, chain: ChainId, settled: int) -> tuple[bytes, bool]:
    """Give the copy's end from the beginning of a line on, and whether that is all that is in its open file."""
    window = WINDOW_BYTES
    while True:
        end = copy.end(window)
        if len(end) < window:
            return end, True
        lines = end.partition(b"\n")[2]
        first = _place(lines.partition(b"\n")[0], chain)
        if first is not None and first[0] <= settled + 1:
            return lines, False
        window *= 2


def _place(line: bytes, chain: ChainId) -> tuple[int, str] | None:
    """Give the sequence of a record, and the hash that it names; None if it is no record of the chain."""
    try:
        record = orjson.loads(split(line)[0])
        place = record["sequence"], record["previous"]
    except (ValueError, TypeError, KeyError):
        return None
    return place if record["chain"] == chain and type(place[0]) is int else None
