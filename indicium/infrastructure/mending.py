"""The end of an audit copy that does not hold together: what a power loss may leave, and what it cannot.

An append is synced before its reply is released, so behind what was synced nothing was released, and memory and store
had it first. Blocks that never came to the disk, before others that did, read as zeros, and no record holds a zero.
What differs from their lines in nothing but zeros is cut, and comes again from them; any other end is refused.
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

import orjson

from indicium.domain.errors import HeadsDisagree
from indicium.domain.flow import GENESIS, Head, LastGroup
from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import LAST_SEQUENCE, closing_begins, line_hash, split
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.ports import RecordStore

_log = logging.getLogger("indicium.mending")

WINDOW_BYTES: Final = 256 * 1024
"""How much of a copy's end is followed: a few hundred records; more where the last group was longer."""

_MODULE_BYTES: Final = 32
"""More than any serial number has."""


class Hole(NamedTuple):
    """Where the end of a copy does not hold together."""

    before: Head
    """The last record in front of it."""
    rest: bytes
    """All that stands behind that."""
    is_next: bool = False
    """Whether what stands behind it is the next record by its number, and not by its link."""


class _Headed(Protocol):
    """A module whose copy it is."""

    @property
    def chain(self) -> ChainId: ...
    @property
    def last_groups(self) -> tuple[LastGroup, ...]: ...


def mend_end(serial: Serial, copy: AuditCopy, store: RecordStore, module: _Headed, settled: int) -> None:
    """Cut from the end of a module's copy what a power loss left of an append. Raises `HeadsDisagree` for other ends.

    Records behind `settled` are looked at, at least. A crash behind a cut finds a copy that ends earlier, and holds
    together.
    """
    _mend_hole(serial, copy, store, module, settled)
    _mend_torn_line(serial, copy, store, module)
    _mend_begun_group(serial, copy, store, module)


def _mend_hole(serial: Serial, copy: AuditCopy, store: RecordStore, module: _Headed, settled: int) -> None:
    """Cut the copy before blocks that never came to the disk; report any other hole before its last lines."""
    hole = find_hole(copy, module.chain, settled)
    if hole is None:
        return
    if not is_lost_block(serial, hole, store, module) and not is_begun_mark(serial, hole, store, module):
        first = hole.before.sequence
        stored = stored_hash(store, module.chain, first)
        # Where the store has none there, and the next record is another's by its link alone, the earlier one is no
        # longer what its successor says.
        first += stored == hole.before.hash or (stored is None and not hole.is_next)
        raise HeadsDisagree(
            serial=serial,
            place="audit copy",
            sequence=first,
            why="its lines do not hold together there, though others stand behind",
            remedy=(
                "Verify store and copy with 'indicium verify' and put the good copy back; or move it away, and it is "
                "made again from the store."
            ),
        )
    _log.warning("module %s: blocks of its audit copy were lost behind record %s", serial, hole.before)
    copy.cut_end(len(hole.rest))


def _mend_torn_line(serial: Serial, copy: AuditCopy, store: RecordStore, module: _Headed) -> None:
    """Cut an unterminated end where the store, or memory, goes on with it, but for lost blocks; report any other."""
    torn = copy.torn()
    if not torn:
        return
    before = copy.head() or GENESIS
    # A power loss may leave the file longer than what came to the disk, and sectors of the line that did not.
    hole = Hole(before, torn)
    if not is_lost_block(serial, hole, store, module) and not is_begun_mark(serial, hole, store, module):
        raise HeadsDisagree(
            serial=serial,
            place="audit copy",
            sequence=before.sequence + 1,
            why="its last line is torn, and is not the beginning of a record that store or memory have",
            remedy="Verify both with 'indicium verify' and put the good one back.",
        )
    copy.cut_torn()


def _mend_begun_group(serial: Serial, copy: AuditCopy, store: RecordStore, module: _Headed) -> None:
    """Cut the beginning of a group whose append was cut off, and which the store has lost: memory gives all of it."""
    newest = store.head(module.chain)
    stored, kept = 0 if newest is None else newest.sequence, copy.head() or GENESIS
    if kept.sequence > stored and (begun := begun_group(copy, module.last_groups)):
        _log.warning("module %s: its audit copy began a group that the store has lost", serial)
        copy.cut_end(begun)


def find_hole(copy: AuditCopy, chain: ChainId, settled: int) -> Hole | None:
    """Follow the copy's last records by their hashes, those behind record `settled` among them.

    None if they hold together. What the last one is, is for whoever compares the heads.
    """
    end, is_whole = _end(copy, chain, settled)
    lines = end.split(b"\n")[:-1]
    if not lines or _are_linked(lines, chain):
        return None
    at: Head | None = None
    if is_whole and _place(lines[0], chain) is None:
        at = GENESIS
    followed = 0
    for line in lines:
        place = _place(line, chain)
        if place is None or (at is not None and place != (at.sequence + 1, at.hash)):
            is_next = place is not None and at is not None and place[0] == at.sequence + 1
            return Hole(at or GENESIS, end[followed:], is_next)
        at, followed = Head(place[0], line_hash(line)), followed + len(line) + 1
    return None


def is_lost_block(serial: Serial, hole: Hole, store: RecordStore, module: _Headed) -> bool:
    """Say whether the copy is as the chain should be up to a hole, and behind it too, but for bytes that are zero.

    That is as the store has it, and behind the store's end as memory would give it: a store may have failed over to a
    standby that lacks the very group that the power cut off in the copy. Behind all that they have, an adoption may
    have begun its mark.
    """
    rest, due, at = hole.rest.rstrip(b"\0"), bytearray(), hole.before
    for line in _lines_behind(hole.before, store, module):
        due += line + b"\n"
        at = Head(at.sequence + 1, line_hash(line))
        if len(due) >= len(rest):
            return _is_but_for_zeros(rest, due)
    behind = Hole(at, rest[len(due) :])
    return not rest or (_is_but_for_zeros(rest, due) and is_begun_mark(serial, behind, store, module))


def is_begun_mark(serial: Serial, hole: Hole, store: RecordStore, module: _Headed) -> bool:
    """Say whether a hole is what a power loss left of a closing mark: an adoption ended in it, and came to nothing.

    Nobody but the adopter knows the whole mark; but it begins with its place, behind the last record of the store. If
    the module was only slow, and goes on, its own record stands there: then all of that beginning must be there.
    """
    before, rest = hole.before, hole.rest.rstrip(b"\0")
    if b"\n" in rest[:-1]:
        return False
    due = closing_begins(before.hash, module.chain, serial, before.sequence + 1)
    if stored_hash(store, module.chain, before.sequence + 1) is not None:
        return rest.startswith(due)
    return _is_but_for_zeros(rest, due)


def begun_group(copy: AuditCopy, last_groups: Sequence[LastGroup]) -> int:
    """Give the bytes of a group that is in the copy only in part, as memory has it: its append was cut off.

    Nothing of it was released. 0 where the copy ends with a whole group, or otherwise than memory knows.
    """
    end = copy.head() or GENESIS
    for before, lines in last_groups:
        count = end.sequence - before.sequence
        if 0 < count < len(lines) and line_hash(lines[count - 1]) == end.hash:
            begun = b"".join(line + b"\n" for line in lines[:count])
            return len(begun) if copy.end(len(begun)) == begun else 0
    return 0


def _is_but_for_zeros(found: bytes, due: bytes | bytearray) -> bool:
    return all(byte in (0, wanted) for byte, wanted in zip(found, due, strict=False))


def _lines_behind(before: Head, store: RecordStore, module: _Headed) -> Iterator[bytes]:
    """Give the lines behind a record, from the store and then from memory; none where they do not know it."""
    at = before
    for record in store.records(module.chain, after=max(0, before.sequence - 1)):
        head = Head(record.sequence, line_hash(record.line))
        if head.sequence > before.sequence:
            at = head
            yield record.line
        elif head != before:
            return
    for began, lines in module.last_groups:
        hashes = [began.hash, *map(line_hash, lines)]
        for number, line in enumerate(lines):
            if at == Head(began.sequence + number, hashes[number]):
                at = Head(at.sequence + 1, hashes[number + 1])
                yield line


def stored_hash(store: RecordStore, chain: ChainId, sequence: int) -> str | None:
    """Give the hash of the store's record at a sequence; None if it has none there."""
    if sequence == 0:
        return None
    found = next(store.records(chain, after=sequence - 1, upto=sequence), None)
    return None if found is None else line_hash(found.line)


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


def _are_linked(lines: Sequence[bytes], chain: ChainId) -> bool:
    """Say, without reading more than their beginnings, that records follow each other: of each the next one vouches."""
    first = _place(lines[0], chain)
    if first is None or _place(lines[-1], chain) is None:
        return False
    for sequence, (before, line) in enumerate(pairwise(lines), first[0] + 1):
        begins = b'{"format":1,"previous":"%b","chain":"%b","module":"' % (line_hash(before).encode(), chain.encode())
        number = b'","sequence":%d,' % sequence
        if not line.startswith(begins) or number not in line[len(begins) : len(begins) + _MODULE_BYTES + len(number)]:
            return False
    return True


def _place(line: bytes, chain: ChainId) -> tuple[int, str] | None:
    """Give the sequence of a record, and the hash that it names; None if it is no record of the chain."""
    try:
        record = orjson.loads(split(line)[0])
        place, of = (record["sequence"], record["previous"]), record["chain"]
    except (ValueError, TypeError, KeyError):
        return None
    return place if of == chain and type(place[0]) is int and 0 < place[0] <= LAST_SEQUENCE else None
