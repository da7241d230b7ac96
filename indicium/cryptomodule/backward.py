"""Verifying an audit file from its newest record back (I-25): to the noted head, or to the beginning.

The file is taken in stretches, the last one first. Each is walked from the record before it, which says of itself what
it is; whether that is so is for the stretch that it ends. To the beginning, the report is that of `verify_chain`, to
the letter, and what was read is not read again, but where a key had to be found first.

To a noted head, nothing is read that lies before the stretch with the head in it: the head vouches for that, as it was
when it was noted. Record 1 alone is read, for it states the interval; so it must bear a signature of the auditor's key.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from indicium.cryptomodule import spreading
from indicium.cryptomodule.lines import BLOCK
from indicium.cryptomodule.spreading import Progress, Task, cut_behind, examine
from indicium.cryptomodule.verifier import (
    ANNOUNCEMENT,
    AuditKey,
    ChainReport,
    InForce,
    Stretch,
    Walk,
    verify_chain,
)
from indicium.domain.errors import BadRecord
from indicium.domain.flow import Head
from indicium.domain.record import CLOSING, parse

_NOT_KNOWN: Final = InForce("", "", None, behind=False)
"""In force is a key that is announced further back."""

_Piece = tuple[Task, Stretch | None]
"""A stretch, and what its walk found; None if its key is not known yet."""


def verify_backward(path: Path, key: AuditKey | None, head: Head | None, progress: Progress) -> ChainReport:
    """Verify the chain of an audit file from its end. Raises OSError."""
    with path.open("rb") as file:
        walk = Walk(key, head)
        first = file.readline(BLOCK)
        if not first.endswith(b"\n"):
            file.seek(0)
            return verify_chain(file, key, head)
        first_bad = walk.take_all([first[:-1]])
        opening = walk.opening
        if first_bad is not None or opening is None:
            return walk.report(first_bad)
        found = os.fstat(file.fileno())
        pem = None if key is None else key.pem
        identity = found.st_dev, found.st_ino
        task = Task(path, identity, len(first), None, pem, head, opening, walk.in_force, walk.head)
        enough = head if key is not None and opening.first == 1 and not walk.waits_for_key else None
        pieces = _back(file, found.st_size, task, key, enough, progress)
    if not pieces or pieces[-1][0].start == task.start:
        return _joined(walk, pieces)
    oldest = pieces[-1][0]
    walk = Walk.resumed(key, head, opening, oldest.in_force, oldest.at)
    walk.join(Stretch(oldest.at, 0, oldest.at.sequence, oldest.in_force, 0, None))
    return _without(_joined(walk, pieces), oldest.at.sequence)


def _back(
    file: BinaryIO, size: int, first: Task, key: AuditKey | None, enough: Head | None, progress: Progress
) -> list[_Piece]:
    """Walk the stretches from the last to the first, or to the one that holds the head that is enough."""
    pieces: list[_Piece] = []
    end, near = None, size
    while near > first.start:
        near -= spreading.STRETCH
        task = first._replace(end=end)
        if near > first.start:
            cut = cut_behind(file, near)
            if cut is None or cut.offset >= (size if end is None else end):
                continue  # no line ends there that says where it stands: the stretch is longer, or finds it bad
            task = task._replace(start=cut.offset, in_force=_left_by(cut.line, key), at=cut.at)
        done = examine(task) if task.in_force != _NOT_KNOWN else None
        pieces.append((task, done))
        progress(size - task.start, size)
        met = done and enough and task.at.sequence < enough.sequence <= done.head.sequence
        if met and all(found for _, found in pieces):
            break
        end = task.start
    return pieces


def _left_by(line: bytes, key: AuditKey | None) -> InForce:
    """Give what a record leaves in force, as far as it says so and the auditor's key is enough to check it."""
    try:
        record = parse(line)
    except BadRecord:
        return _NOT_KNOWN  # the stretch that it ends will say so
    suite, fingerprint, behind = record.suite, record.key, record.event == ANNOUNCEMENT
    closed = record.event == CLOSING
    if behind:
        suite, fingerprint = str(record.data.get("suite")), str(record.data.get("fingerprint"))
    if key is None:
        return InForce(suite, fingerprint, None, behind, closed)
    held = (suite, fingerprint) == (key.suite, key.fingerprint)
    return InForce(suite, fingerprint, key.pem, behind, closed) if held else _NOT_KNOWN


def _joined(walk: Walk, pieces: list[_Piece]) -> ChainReport:
    """Join the stretches in the order of the chain; one that began with other than it should have is walked again."""
    for task, found in reversed(pieces):
        done = found if (task.in_force, task.at) == (walk.in_force, walk.head) else None
        if done is None:
            done = examine(task._replace(in_force=walk.in_force, at=walk.head))
        walk.join(done)
        if done.first_bad is not None:
            return walk.report(done.first_bad)
    return walk.report(None)


def _without(report: ChainReport, before: int) -> ChainReport:
    """Take out of a report the records that were not read."""
    if report.range is None or report.range[1] <= before:
        return replace(report, records=0, range=None)
    return replace(report, records=report.range[1] - before, range=(before + 1, report.range[1]))
