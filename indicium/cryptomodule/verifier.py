"""Verifying a chain of records with nothing but public keys (I-07, G5).

What is checked of each record, in this order; the first that does not hold names the first bad record:

1. the line can be read (`record.parse`), and ends if it stands in a file;
2. it stands in its place: chain, module and sequence continue, without gaps, and nothing follows a closing mark;
3. `previous` is the hash of the record before; where it is not, the *earlier* record is the bad one;
4. suite and key are those in force: the auditor's, until a record announces others (M-24);
5. it is signed if the schedule says so: record 1, each multiple of record 1's interval, the first after a boot, an
   announcement and the record behind it; not the mark by which another module closed the chain (ADR 0025), which is
   vouched for by that one's chain;
6. its signature, if it has one, verifies; that of an announcement with the key before, that behind it with the new one;
7. an announcement says a key that can be used, and says it in the one form;
8. it is the head that the auditor noted, if it has that sequence.

An auditor may hold a key that is only announced further on: the signatures up to there are then checked by nobody, and
unless the auditor noted a head behind them, the verdict is INCOMPLETE. A chain that never announces it is another's.

Whatever the bytes are, the answer is a verdict. Nothing is written, and memory does not grow with the chain.
`spreading` does the same with several processes, `backward` from the newest record on, and `rows` looks at a store's
columns too.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final, NamedTuple, Self

import orjson

from indicium.cryptomodule.lines import lines_of
from indicium.cryptomodule.suites.audit_keys import AuditKey, load_key, verify_signature
from indicium.domain.errors import BadRecord, KeyNotUsable
from indicium.domain.flow import GENESIS, Head
from indicium.domain.record import CLOSING, Envelope, Shapes, decode_signature, parse, split

__all__ = [
    "ANNOUNCEMENT",
    "AuditKey",
    "Bad",
    "ChainReport",
    "FirstBad",
    "InForce",
    "Opening",
    "Stretch",
    "Verdict",
    "Walk",
    "load_key",
    "overall",
    "verify_chain",
    "verify_signature",
]

ANNOUNCEMENT: Final = "audit-key-created"
"""The event of a record that announces another key: the one event that a chain cannot be judged without."""

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


def overall(reports: Iterable[ChainReport]) -> Verdict:
    """Give the verdict over several chains: the worst; INCOMPLETE if there are none."""
    verdicts = {report.verdict for report in reports}
    for verdict in (Verdict.FAIL, Verdict.INCOMPLETE, Verdict.PASS):
        if verdict in verdicts:
            return verdict
    return Verdict.INCOMPLETE


class Bad(Exception):  # it ends a walk; a report says it to others
    """A record breaks a rule."""

    def __init__(self, module: str | None, sequence: int, reason: str) -> None:
        """Say which record, and why."""
        super().__init__(reason)
        self.first_bad = FirstBad(module, sequence, reason)


class Opening(NamedTuple):
    """What the first record of a walk fixes for all that follow."""

    chain: str
    module: str
    first: int
    """Its sequence."""
    interval: int


class InForce(NamedTuple):
    """What the next record of a chain must name, and whether it can be checked."""

    suite: str
    fingerprint: str
    key: bytes | None
    """The key in PEM; None where the auditor has none for it."""
    behind: bool
    """Whether the record before announced it: then the next one is signed, and so shows that the module has the key."""
    closed: bool = False
    """Whether the record before closed the chain."""


class Stretch(NamedTuple):
    """What a walk over a part of a chain found."""

    head: Head
    """The last record that was accepted."""
    signatures: int
    last_signed: int
    """Sequence of the last signed record in it; 0 if none is."""
    in_force: InForce
    """What its end left in force."""
    unheld: int
    """Sequence of the record in it that announced the auditor's key; 0 if none did."""
    first_bad: FirstBad | None


class Walk:
    """A verifier's state between two records: where the chain stands, and what the first record fixed."""

    def __init__(self, key: AuditKey | None, head: Head | None, *, vouches: bool = True) -> None:
        """Stand before the first record. `key` is the auditor's, `head` what the auditor noted.

        A head that somebody else named must be there too, but vouches for nothing that is before it.
        """
        self.module: str | None = None
        self.first = 0
        self.sequence = 0
        self._given = key
        self._noted = _NOTHING_NOTED if head is None else head
        self._vouches = vouches
        self._hash = GENESIS.hash
        self._chain: str | None = None
        self._key: AuditKey | None = None  # in force, and held by the auditor
        self._suite, self._fingerprint = "", ""
        self._behind = self._closed = False
        self._unheld = 0
        self._interval = _NEVER
        self._signatures = 0
        self._last_signed = 0
        self._shapes = Shapes()
        self._name = "\n"  # what stands between hash and sequence; no line has it before the first was read

    @classmethod
    def resumed(cls, key: AuditKey | None, head: Head | None, opening: Opening, in_force: InForce, at: Head) -> Self:
        """Stand behind record `at` of a chain that began with `opening`; what stands before is somebody else's walk."""
        walk = cls(key, head)
        walk._open(opening)
        walk._put_in_force(in_force)
        walk.sequence, walk._hash = at
        return walk

    @property
    def opening(self) -> Opening | None:
        """What the first record fixed; None before it was accepted."""
        if self._chain is None or self.module is None or not self.sequence:
            return None
        return Opening(self._chain, self.module, self.first, self._interval)

    @property
    def in_force(self) -> InForce:
        """What the next record must name."""
        pem = None if self._key is None else self._key.pem
        return InForce(self._suite, self._fingerprint, pem, self._behind, self._closed)

    @property
    def waits_for_key(self) -> bool:
        """Whether the auditor's key is not the one in force, and none announced it so far."""
        return self._given is not None and self._key is None and self._chain is not None

    @property
    def head(self) -> Head:
        """The last record that was accepted."""
        return Head(self.sequence, self._hash)

    def take_all(self, lines: Iterable[bytes] | BinaryIO) -> FirstBad | None:
        """Check lines, or a binary stream of them, as far as they are good; give the first that is not."""
        try:
            for line in lines_of(lines):
                self.take(line)
        except Bad as found:
            return found.first_bad
        except BadRecord as error:
            return self.bad(error.why).first_bad
        return None

    def stretch(self, first_bad: FirstBad | None) -> Stretch:
        """Give what this walk found since it began."""
        return Stretch(self.head, self._signatures, self._last_signed, self.in_force, self._unheld, first_bad)

    def join(self, stretch: Stretch) -> None:
        """Take over what a walk found that was resumed where this one stands."""
        self.sequence, self._hash = stretch.head
        self._signatures += stretch.signatures
        self._last_signed = max(self._last_signed, stretch.last_signed)
        self._put_in_force(stretch.in_force)
        self._unheld = self._unheld or stretch.unheld

    def take(self, line: bytes) -> None:
        """Check the next line. Raises `BadRecord` if it cannot be read, `Bad` if it breaks a rule."""
        sequence = self.sequence + 1
        before = f'{{"format":1,"previous":"{self._hash}{self._name}{sequence},"event":"'.encode()
        due = sequence % self._interval == 0
        body, signature = split(line) if due else (line, None)
        # A known shape passes all that `_examine` checks: place and link (2, 3) are compared here, suite and key (4)
        # are part of the shape, and nothing but the interval makes a signature due (5): no shape has a boot or is an
        # announcement's, and behind an announcement none is known.
        known = line.startswith(before) and self._shapes.recognise(body, len(before))
        if not known or (due and signature is None):
            sequence = self._examine(line, before)
        elif signature is not None:
            self._check_signature(sequence, body, signature)
        line_hash = hashlib.sha256(line).hexdigest()
        if sequence == self._noted.sequence and line_hash != self._noted.hash:  # (8)
            raise Bad(self.module, sequence, "its hash is not that of the noted head")
        self.sequence, self._hash = sequence, line_hash

    def bad(self, why: str) -> Bad:
        """Say that the line at hand, whatever it was, stands where the next record belongs."""
        return Bad(self.module, self.sequence + 1, why)

    def _examine(self, line: bytes, before: bytes) -> int:
        record = parse(line)  # (1)
        if self._chain is None:
            self._begin(record)
        else:
            self._check_place(record)
        if (record.suite, record.key) != (self._suite, self._fingerprint):  # (4)
            raise Bad(record.module, record.sequence, "its suite or key is not the one in force")
        if record.sequence == 1:
            self._interval = _interval(record)
        boot, announces = record.data.get("boot") is True, record.event == ANNOUNCEMENT
        self._closed = record.event == CLOSING
        if record.signed:
            self._check_signature(record.sequence, record.body, split(line)[1] or b"")
        elif self._closed:
            self._shapes = Shapes()  # whatever follows is looked at, and refused
        elif boot or announces or self._behind or record.sequence == 1 or record.sequence % self._interval == 0:  # (5)
            raise Bad(record.module, record.sequence, "it must be signed, and is not")
        self._behind = announces
        if announces:
            self._hand_over(record)
        elif line.startswith(before) and not (boot or self._closed):
            self._shapes.learn(record.body, len(before), record.data)
        return record.sequence

    def _begin(self, record: Envelope) -> None:
        """Take from the first record what must stay the same; a later beginning leaves the interval unknown."""
        if record.sequence == 1 and record.previous != GENESIS.hash:  # (3)
            raise Bad(record.module, 1, "it names a record before the first")
        earlier = record.sequence - 1
        if self._noted.sequence == earlier and self._noted.hash != record.previous:  # (8)
            raise Bad(record.module, max(earlier, 1), "its hash is not that of the noted head")
        self._open(Opening(record.chain, record.module, record.sequence, self._interval))
        self._suite, self._fingerprint = record.suite, record.key
        self._key = self._given if self._is_given(record.suite, record.key) else None
        self._last_signed = earlier

    def _open(self, opening: Opening) -> None:
        self._chain, self.module, self.first, self._interval = opening
        self._name = f'","chain":"{opening.chain}","module":"{opening.module}","sequence":'

    def _put_in_force(self, in_force: InForce) -> None:
        self._suite, self._fingerprint, pem, self._behind, self._closed = in_force
        self._key = None if pem is None else load_key(pem)

    def _is_given(self, suite: str, fingerprint: str) -> bool:
        return self._given is not None and (self._given.suite, self._given.fingerprint) == (suite, fingerprint)

    def _hand_over(self, record: Envelope) -> None:
        """Put the announced key in force. It is believed as the key that signed the announcement is."""
        announced = _announced(record)
        self._suite, self._fingerprint = announced.suite, announced.fingerprint
        if self._key is not None:
            self._key = announced
        elif self._is_given(announced.suite, announced.fingerprint):
            self._key, self._unheld = announced, record.sequence
        self._shapes = Shapes()  # those known so far name the key before

    def _check_place(self, record: Envelope) -> None:
        expected = self.sequence + 1
        if (record.chain, record.module) != (self._chain, self.module):  # (2)
            raise Bad(record.module, record.sequence, "it belongs to another chain")
        if record.sequence != expected:
            raise Bad(record.module, record.sequence, f"it stands where record {expected} belongs")
        if self._closed:
            raise Bad(record.module, record.sequence, f"record {self.sequence} closed the chain")
        if record.previous != self._hash:  # (3)
            raise Bad(record.module, self.sequence, f"it is not what record {expected} says it was")

    def _check_signature(self, sequence: int, body: bytes, signature: bytes) -> None:
        try:
            if self._key is None:
                decode_signature(signature)
            else:
                verify_signature(self._key, body, signature)  # (6)
                self._signatures += 1
        except BadRecord as error:
            raise Bad(self.module, sequence, error.why) from None
        self._last_signed = sequence

    def report(self, first_bad: FirstBad | None) -> ChainReport:
        """Give the report over what was taken so far."""
        if self.waits_for_key:  # it never came into force: this is another's chain, from its first record on
            upto = f" before record {first_bad.sequence} ({first_bad.reason})" if first_bad else ""
            why = f"its suite or key is not the auditor's, and no record announces that{upto}"
            first_bad = FirstBad(self.module, self.first, why)
        begun = self.sequence > 0 and not self.waits_for_key
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
            head=self.head if begun else GENESIS,
            missing=missing,
        )

    def _missing(self, *, begun: bool) -> Iterator[str]:
        met = self.first - 1 <= self._noted.sequence <= self.sequence
        if self._given is None:
            yield "no key: signatures were not checked"
        if not begun:
            yield "no records"
        elif self.first > 1:
            yield f"the records before {self.first}"
        unchecked = max(self.first, self._noted.sequence + 1 if met and self._vouches else 0)
        if 0 < unchecked <= self._unheld:
            yield f"a key for records {unchecked} to {self._unheld}: signatures there were not checked"
        if self._noted is not _NOTHING_NOTED and not met:
            yield f"the noted head, record {self._noted.sequence}"


def _announced(record: Envelope) -> AuditKey:
    """Read the key that a record announces (7). Its data have one form, so that every reader finds the same key."""
    try:
        announced = load_key(str(record.data.get("audit_key")).encode())
    except KeyNotUsable as error:
        raise Bad(record.module, record.sequence, f"it announces no key that can be used ({error.why})") from None
    pem, boot = announced.pem.decode(), {"boot": True} if "boot" in record.data else {}
    said = boot | {"audit_key": pem, "fingerprint": announced.fingerprint, "suite": announced.suite}
    if not record.body.endswith(b',"data":' + orjson.dumps(said) + b"}"):
        raise Bad(record.module, record.sequence, "it does not announce a key in the one form")
    return announced


def _interval(first: Envelope) -> int:
    interval = first.data.get("interval")
    if type(interval) is not int or interval < 1:
        raise Bad(first.module, 1, "it states no interval of signatures")
    return interval
