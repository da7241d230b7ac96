"""Verifying a chain of records with nothing but public keys (I-07, G5).

What is checked of each record, in this order; the first that does not hold names the first bad record:

1. the line can be read (`record.parse`), and ends if it stands in a file;
2. it stands in its place: chain, module and sequence continue, without gaps;
3. `previous` is the hash of the record before; where it is not, the *earlier* record is the bad one;
4. suite and key are the auditor's, and stay what they were (no event of this version announces a new key);
5. it is signed if the schedule says so: record 1, each multiple of record 1's interval, the first after a boot;
6. its signature, if it has one, verifies;
7. it is the head that the auditor noted, if it has that sequence;
8. the row's columns say what the bytes say, if it comes from a store.

Whatever the bytes are, the answer is a verdict. Nothing is written, and memory does not grow with the chain.
`spreading` does the same with several processes.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Final, NamedTuple, Self

import orjson

from indicium.cryptomodule.suites.audit_keys import AuditKey, load_key, verify_signature
from indicium.domain.errors import BadRecord
from indicium.domain.flow import GENESIS, Head, SealedRecord
from indicium.domain.record import Envelope, Shapes, decode_signature, parse, split

__all__ = [
    "AuditKey",
    "ChainReport",
    "FirstBad",
    "Opening",
    "Stretch",
    "Verdict",
    "Walk",
    "load_key",
    "overall",
    "verify_chain",
    "verify_rows",
    "verify_signature",
]

BLOCK: Final = 1024 * 1024
"""How much of a file is read at once, in bytes."""

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Longest line that is read from a file, in bytes, so that a file without line ends does not fill the memory."""

PENDING_LIMIT: Final = 100_000
"""Most records with empty psd columns that may wait for the record that discards them."""

_NEVER = 2**63
"""An interval that no sequence reaches."""
_NOTHING_NOTED = Head(-1, "")


class Verdict(StrEnum):
    """What an auditor gets. INCOMPLETE is never PASS, and FAIL outranks it."""

    PASS = "PASS"  # noqa: S105  # a verdict, no password
    FAIL = "FAIL"
    INCOMPLETE = "INCOMPLETE"


class FirstBad(NamedTuple):
    """The first bad record, and why it is bad."""

    module: str | None
    """Serial number of the module; None if not even the first line could be read."""
    sequence: int
    """Its sequence; of an unreadable line the one that is expected in its place."""
    reason: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What the verification of one chain found. After a FAIL the numbers cover what was accepted before it."""

    chain: str | None
    """The chain's name; None if no record could be read."""
    module: str | None
    """Serial number of the module; None if no record could be read."""
    verdict: Verdict
    records: int
    """How many records were accepted."""
    signatures: int
    """How many signatures were verified."""
    unsigned_tail: int
    """How many records follow the last signed one: nothing but the auditor's head vouches for them."""
    range: tuple[int, int] | None
    """First and last sequence; None without records."""
    first_bad: FirstBad | None
    """None unless the verdict is FAIL."""
    head: Head
    """The last record: what an auditor notes for the next time."""
    missing: tuple[str, ...]
    """What was not there: the reasons of an INCOMPLETE."""


def verify_chain(lines: Iterable[bytes] | BinaryIO, key: AuditKey | None, head: Head | None = None) -> ChainReport:
    """Verify one chain: its records without newlines, or a binary stream of an audit file.

    Without `key` signatures are not checked, and the verdict is INCOMPLETE at best; `head` is what the auditor noted.
    """
    walk = Walk(key, head)
    return walk.report(walk.take_all(lines))


def verify_rows(rows: Iterable[SealedRecord], key: AuditKey | None, head: Head | None = None) -> ChainReport:
    """Verify one chain as a store holds it, in the order of its rows: the bytes, and the columns beside them.

    Empty psd columns are right only for a PSD record that a later record of an Auto-Recover names as discarded, and
    the columns of one that is named must be empty.
    """
    walk, columns = Walk(key, head), _Columns()
    try:
        for row in rows:
            walk.take(row.line)
            columns.compare(row, walk)
    except _Bad as found:
        return walk.report(found.first_bad)
    except BadRecord as error:
        return walk.report(walk.bad(error.why).first_bad)
    return walk.report(columns.left_over(walk))


def overall(reports: Iterable[ChainReport]) -> Verdict:
    """Give the verdict over several chains: the worst; INCOMPLETE if there are none."""
    verdicts = {report.verdict for report in reports}
    for verdict in (Verdict.FAIL, Verdict.INCOMPLETE, Verdict.PASS):
        if verdict in verdicts:
            return verdict
    return Verdict.INCOMPLETE


def _lines_of(lines: Iterable[bytes] | BinaryIO) -> Iterator[bytes]:
    read = getattr(lines, "read", None)
    if read is None:
        yield from lines
        return
    rest = b""
    while block := read(min(BLOCK, LINE_LIMIT)):
        *whole, rest = (rest + block).split(b"\n")  # several times faster than a line at a time
        if whole and len(whole[0]) > LINE_LIMIT:  # the others lie in one block
            raise BadRecord(why="the line is too long")
        yield from whole
        if len(rest) > LINE_LIMIT:
            raise BadRecord(why="the line is too long")
    if rest:
        raise BadRecord(why="the last line has no end")


class _Bad(Exception):
    def __init__(self, module: str | None, sequence: int, reason: str) -> None:
        self.first_bad = FirstBad(module, sequence, reason)


class Opening(NamedTuple):
    """What the first record of a walk fixes for all that follow."""

    chain: str
    module: str
    first: int
    """Its sequence."""
    suite: str
    fingerprint: str
    interval: int


class Stretch(NamedTuple):
    """What a walk over a part of a chain found."""

    head: Head
    """The last record that was accepted."""
    signatures: int
    last_signed: int
    """Sequence of the last signed record in it; 0 if none is."""
    first_bad: FirstBad | None


class Walk:
    """A verifier's state between two records: where the chain stands, and what the first record fixed."""

    def __init__(self, key: AuditKey | None, head: Head | None) -> None:
        """Stand before the first record. `head` is what the auditor noted."""
        self.module: str | None = None
        self.first = 0
        self.sequence = 0
        self._key = key
        self._noted = _NOTHING_NOTED if head is None else head
        self._hash = GENESIS.hash
        self._chain: str | None = None
        self._suite, self._fingerprint = ("", "") if key is None else (key.suite, key.fingerprint)
        self._interval = _NEVER
        self._signatures = 0
        self._last_signed = 0
        self._shapes = Shapes()
        self._name = "\n"  # what stands between hash and sequence; no line has it before the first was read

    @classmethod
    def resumed(cls, key: AuditKey | None, head: Head | None, opening: Opening, at: Head) -> Self:
        """Stand behind record `at` of a chain that began with `opening`; what stands before is somebody else's walk."""
        walk = cls(key, head)
        walk._open(opening)
        walk.sequence, walk._hash = at
        return walk

    @property
    def opening(self) -> Opening | None:
        """What the first record fixed; None before it was accepted."""
        if self._chain is None or self.module is None or not self.sequence:
            return None
        return Opening(self._chain, self.module, self.first, self._suite, self._fingerprint, self._interval)

    @property
    def head(self) -> Head:
        """The last record that was accepted."""
        return Head(self.sequence, self._hash)

    def take_all(self, lines: Iterable[bytes] | BinaryIO) -> FirstBad | None:
        """Check lines, or a binary stream of them, as far as they are good; give the first that is not."""
        try:
            for line in _lines_of(lines):
                self.take(line)
        except _Bad as found:
            return found.first_bad
        except BadRecord as error:
            return self.bad(error.why).first_bad
        return None

    def stretch(self, first_bad: FirstBad | None) -> Stretch:
        """Give what this walk found since it began."""
        return Stretch(self.head, self._signatures, self._last_signed, first_bad)

    def join(self, stretch: Stretch) -> None:
        """Take over what a walk found that was resumed where this one stands."""
        self.sequence, self._hash = stretch.head
        self._signatures += stretch.signatures
        self._last_signed = max(self._last_signed, stretch.last_signed)

    def take(self, line: bytes) -> None:
        """Check the next line. Raises `BadRecord` if it cannot be read, `_Bad` if it breaks a rule."""
        sequence = self.sequence + 1
        before = f'{{"format":1,"previous":"{self._hash}{self._name}{sequence},"event":"'.encode()
        due = sequence % self._interval == 0
        body, signature = split(line) if due else (line, None)
        # A known shape passes all that `_examine` checks: place and link (2, 3) are compared here, suite and key (4)
        # are part of the shape, and nothing but the interval makes a signature due (5), for no shape has a boot.
        known = line.startswith(before) and self._shapes.recognise(body, len(before))
        if not known or (due and signature is None):
            sequence = self._examine(line, before)
        elif signature is not None:
            self._check_signature(sequence, body, signature)
        line_hash = hashlib.sha256(line).hexdigest()
        if sequence == self._noted.sequence and line_hash != self._noted.hash:  # (7)
            raise _Bad(self.module, sequence, "its hash is not that of the noted head")
        self.sequence, self._hash = sequence, line_hash

    def bad(self, why: str) -> _Bad:
        """Say that the line at hand, whatever it was, stands where the next record belongs."""
        return _Bad(self.module, self.sequence + 1, why)

    def _examine(self, line: bytes, before: bytes) -> int:
        record = parse(line)  # (1)
        if self._chain is None:
            self._begin(record)
        else:
            self._check_place(record)
        if (record.suite, record.key) != (self._suite, self._fingerprint):  # (4)
            whose = "the chain's" if self._key is None else "the auditor's"
            raise _Bad(record.module, record.sequence, f"its suite or key is not {whose}")
        if record.sequence == 1:
            self._interval = _interval(record)
        boot = record.data.get("boot") is True
        if record.signed:
            self._check_signature(record.sequence, record.body, split(line)[1] or b"")
        elif boot or record.sequence == 1 or record.sequence % self._interval == 0:  # (5)
            raise _Bad(record.module, record.sequence, "it must be signed, and is not")
        if line.startswith(before) and not boot:
            self._shapes.learn(record.body, len(before), record.data)
        return record.sequence

    def _begin(self, record: Envelope) -> None:
        """Take from the first record what must stay the same; a later beginning leaves the interval unknown."""
        if record.sequence == 1 and record.previous != GENESIS.hash:  # (3)
            raise _Bad(record.module, 1, "it names a record before the first")
        earlier = record.sequence - 1
        if self._noted.sequence == earlier and self._noted.hash != record.previous:  # (7)
            raise _Bad(record.module, max(earlier, 1), "its hash is not that of the noted head")
        suite, fingerprint = (record.suite, record.key) if self._key is None else (self._suite, self._fingerprint)
        self._open(Opening(record.chain, record.module, record.sequence, suite, fingerprint, self._interval))
        self._last_signed = earlier

    def _open(self, opening: Opening) -> None:
        self._chain, self.module, self.first, self._suite, self._fingerprint, self._interval = opening
        self._name = f'","chain":"{opening.chain}","module":"{opening.module}","sequence":'

    def _check_place(self, record: Envelope) -> None:
        expected = self.sequence + 1
        if (record.chain, record.module) != (self._chain, self.module):  # (2)
            raise _Bad(record.module, record.sequence, "it belongs to another chain")
        if record.sequence != expected:
            raise _Bad(record.module, record.sequence, f"it stands where record {expected} belongs")
        if record.previous != self._hash:  # (3)
            raise _Bad(record.module, self.sequence, f"it is not what record {expected} says it was")

    def _check_signature(self, sequence: int, body: bytes, signature: bytes) -> None:
        try:
            if self._key is None:
                decode_signature(signature)
            else:
                verify_signature(self._key, body, signature)  # (6)
                self._signatures += 1
        except BadRecord as error:
            raise _Bad(self.module, sequence, error.why) from None
        self._last_signed = sequence

    def report(self, first_bad: FirstBad | None) -> ChainReport:
        """Give the report over what was taken so far."""
        begun = self.sequence > 0
        missing = () if first_bad else tuple(self._missing(begun=begun))
        sound = Verdict.INCOMPLETE if missing else Verdict.PASS
        return ChainReport(
            chain=self._chain,
            module=self.module,
            verdict=sound if first_bad is None else Verdict.FAIL,
            records=self.sequence - self.first + 1 if begun else 0,
            signatures=self._signatures,
            # A signed record may be the bad one, for its hash: it ends the tail, and is not of it.
            unsigned_tail=max(0, self.sequence - self._last_signed) if begun else 0,
            range=(self.first, self.sequence) if begun else None,
            first_bad=first_bad,
            head=self.head,
            missing=missing,
        )

    def _missing(self, *, begun: bool) -> Iterator[str]:
        if self._key is None:
            yield "no key: signatures were not checked"
        if not begun:
            yield "no records"
        elif self.first > 1:
            yield f"the records before {self.first}"
        if self._noted is not _NOTHING_NOTED and not self.first - 1 <= self._noted.sequence <= self.sequence:
            yield f"the noted head, record {self._noted.sequence}"


def _interval(first: Envelope) -> int:
    interval = first.data.get("interval")
    if type(interval) is not int or interval < 1:
        raise _Bad(first.module, 1, "it states no interval of signatures")
    return interval


class _Columns:
    """Compares a row's columns with its bytes (8); remembers only records that wait to be discarded."""

    def __init__(self) -> None:
        self._pending: dict[int, str] = {}

    def compare(self, row: SealedRecord, walk: Walk) -> None:
        record = orjson.loads(split(row.line)[0])
        if (row.chain, row.sequence, row.event) != (record["chain"], record["sequence"], record["event"]):
            raise _Bad(walk.module, walk.sequence, "its row's originator, version or topic is not what its bytes say")
        said = _psd_of(record["data"])
        columns = (row.psd_id, row.psd_version)
        if columns != said:
            if columns != (None, None):
                raise _Bad(walk.module, walk.sequence, "its row's psd columns are not what its bytes say")
            self._pending[walk.sequence] = hashlib.sha256(row.line).hexdigest()
            if len(self._pending) > PENDING_LIMIT:
                raise _Bad(walk.module, min(self._pending), "its psd columns are empty, and nothing discards it")
        if record["event"] == "checkpoint-recovered":
            self._discard(record["data"].get("discarded"), walk)

    def _discard(self, discarded: object, walk: Walk) -> None:
        if not isinstance(discarded, list):
            raise _Bad(walk.module, walk.sequence, "it does not say which records it discards")
        for lost in discarded:
            match lost:
                case {"sequence": int(sequence), "hash": str(line_hash)}:
                    pass
                case _:
                    raise _Bad(walk.module, walk.sequence, "it does not say which records it discards")
            if sequence < walk.first:
                continue
            found = self._pending.pop(sequence, None)
            if found is None and 0 < sequence < walk.sequence:
                raise _Bad(walk.module, sequence, f"record {walk.sequence} discards it, its psd columns are not empty")
            if found != line_hash:
                raise _Bad(walk.module, walk.sequence, f"it discards another record {sequence} than there is")

    def left_over(self, walk: Walk) -> FirstBad | None:
        if not self._pending:
            return None
        return FirstBad(walk.module, min(self._pending), "its psd columns are empty, and nothing discards it")


def _psd_of(data: dict[str, Any]) -> tuple[str, int] | tuple[None, None]:
    match data.get("package"):
        case {"psd": str(psd), "version": int(version)}:
            return psd, version
    return None, None
