"""Verifying a chain that lies in several files: closed ones, segments that were archived, the open one (I-29, M-57).

Each piece goes on where the one before ended. What two pieces both hold must be the same. Where a piece is missing the
chain is taken up again at the next one, whose first record names the hash of the record before it: the range is said,
and the verdict is INCOMPLETE, never PASS.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from indicium.cryptomodule.keyring import Lines
from indicium.cryptomodule.verifier import AuditKey, Bad, ChainReport, FirstBad, InForce, Stretch, Verdict, Walk
from indicium.domain.errors import BadRecord
from indicium.domain.flow import Head
from indicium.domain.record import Envelope, line_hash, parse


def verify_pieces(pieces: Sequence[Lines], key: AuditKey | None, head: Head | None = None) -> ChainReport:
    """Verify a chain whose pieces are given in the order of their records, as `verify_chain` does. Raises OSError."""
    walk = _PiecesWalk(key, head)
    return walk.report(walk.take_all(pieces))


def joined(pieces: Sequence[Lines]) -> Iterator[bytes]:
    """Give the lines of all pieces, each record once. Raises OSError, `BadRecord`."""
    held = 0
    for lines in pieces:
        stream = iter(lines())
        first = next(stream, None)
        if first is None:
            continue
        sequence = parse(first).sequence
        for line in chain([first], stream):
            if sequence > held:
                held = sequence
                yield line
            sequence += 1


class _PiecesWalk:
    """A walk over pieces."""

    def __init__(self, key: AuditKey | None, head: Head | None) -> None:
        self._key, self._noted = key, head
        self._whole = Walk(key, head)
        """What was found up to where the walk at hand began."""
        self._walk = self._whole
        self._gaps: list[tuple[int, int]] = []
        self._missing: list[str] = []

    def take_all(self, pieces: Sequence[Lines]) -> FirstBad | None:
        """Check piece after piece as far as they are good; give the first bad record."""
        try:
            for lines in pieces:
                self._take(iter(lines()))
        except Bad as found:
            return found.first_bad
        except BadRecord as error:
            return self._walk.bad(error.why).first_bad
        return None

    def report(self, first_bad: FirstBad | None) -> ChainReport:
        """Give the report over all pieces."""
        self._end_walk()
        report = self._whole.report(first_bad)
        absent = sum(last - first + 1 for first, last in self._gaps)
        report = replace(report, records=max(0, report.records - absent))
        if report.verdict is Verdict.FAIL or not self._missing:
            return report
        return replace(report, verdict=Verdict.INCOMPLETE, missing=(*report.missing, *self._missing))

    def _take(self, lines: Iterator[bytes]) -> None:
        line = next(lines, None)
        if line is None:
            return
        first = parse(line)
        here = self._walk.sequence
        lines = chain([line], lines)
        if here and first.sequence > here + 1:
            self._step_over(first)
        elif here and first.sequence <= here:
            lines = self._without_known(first, lines)
        for each in lines:
            self._walk.take(each)

    def _step_over(self, first: Envelope) -> None:
        """Stand before a record that does not follow the one before: the pieces between are not here."""
        gap = self._walk.sequence + 1, first.sequence - 1
        if self._noted is not None and gap[0] <= self._noted.sequence <= gap[1]:
            if self._noted.sequence < gap[1]:
                self._missing.append(f"the noted head, record {self._noted.sequence}")
            elif self._noted.hash != first.previous:
                raise Bad(first.module, gap[1], "its hash is not that of the noted head")
        self._gaps.append(gap)
        self._missing.append(f"records {gap[0]} to {gap[1]}")
        in_force = self._known(first)
        if in_force.key is None and self._key is not None:
            self._missing.append(f"a key for the records from {first.sequence} on")
        self._end_walk()
        before = Head(gap[1], first.previous)
        self._join(Stretch(before, 0, before.sequence, in_force, 0, None))
        if self._whole.opening is not None:
            self._walk = Walk.resumed(self._key, self._noted, self._whole.opening, in_force, before)

    def _known(self, first: Envelope) -> InForce:
        """Give what the record behind a gap names, with its key if the auditor has it or it was announced before."""
        named, before = (first.suite, first.key), self._walk.in_force
        if named == (before.suite, before.fingerprint):
            return InForce(*named, before.key, behind=False)
        held = self._key is not None and named == (self._key.suite, self._key.fingerprint)
        return InForce(*named, self._key.pem if held and self._key else None, behind=False)

    def _end_walk(self) -> None:
        if self._walk is not self._whole:
            self._join(self._walk.stretch(None))
            self._walk = self._whole

    def _join(self, stretch: Stretch) -> None:
        # A key that got lost in a gap is no sign of another's chain; it was said that it is missing.
        held = stretch.in_force if stretch.in_force.key is not None else self._whole.in_force
        self._whole.join(stretch._replace(in_force=held))

    def _without_known(self, first: Envelope, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Give the lines behind those that another piece held too; those must be the same."""
        sequence, before = first.sequence, first.previous
        for line in lines:
            if sequence <= self._walk.sequence:
                if f'"previous":"{before}"'.encode() not in line[:128]:
                    raise self._differs(sequence - 1)
                before = line_hash(line)
                if sequence == self._walk.sequence and before != self._walk.head.hash:
                    raise self._differs(sequence)
            else:
                yield line
            sequence += 1

    def _differs(self, sequence: int) -> Bad:
        return Bad(self._walk.module, sequence, "two files hold different records there")
