"""Sealing records (table I): rendered once, hashed, chained, and signed where the schedule says so.

The bytes are those of record format 1; nothing encodes them a second time.
"""

import base64
import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from indicium.cryptomodule.state import Hot
from indicium.cryptomodule.suites import SigningKey, Suite, VerifyKey
from indicium.domain.fig6 import ModuleState
from indicium.domain.flow import Head


class Entry(NamedTuple):
    """What a command wants recorded."""

    event: str
    software: str
    """Software module that asks for the record (G-503)."""
    command: str
    """Command that asks for it (G-504)."""
    data: bytes
    """The event's data (G-511): a JSON object, rendered."""
    user: str | None = None
    role: str | None = None
    reason: int = 0
    signed: bool = False
    """Force a signature (G-917)."""


class Sealed(NamedTuple):
    """A record as it was made."""

    line: bytes
    whole: bool
    """False where its signature was due and could not be made: it is chained all the same, as far as it goes (I-18)."""


class AuditTrail:
    """The audit signing key, and the one place that makes records."""

    def __init__(self, suite: Suite, signing_key: SigningKey, after: int) -> None:
        """Take ASK = VDSK_audit (F-03). It signs nothing else.

        `after` is the sequence of the chain's newest record. The first record that a trail seals is signed: that of a
        new chain, the first after a boot (I-19), and the one behind the announcement of a new key (M-24).
        """
        self._suite_name = suite.name
        self._signing_key = signing_key
        self._after = after
        self._fingerprint = fingerprint(signing_key.public())

    @property
    def key(self) -> VerifyKey:
        """The key that verifies what this one signs."""
        return self._signing_key.public()

    @property
    def fingerprint(self) -> str:
        """Its fingerprint, as records name it."""
        return self._fingerprint

    @property
    def verification_key(self) -> bytes:
        """Audit Verification Public Key = UDSK_audit (F-04), in PEM."""
        return self._signing_key.public().pem

    def seal(self, hot: Hot, state: ModuleState, at: str, entry: Entry, *, boot: bool) -> Sealed:
        """Make the next record of the chain and move the head to it.

        The first record after a boot says so (I-19). Every one whose sequence is a multiple of the interval is signed
        (I-07, M-67).
        """
        sequence = hot.head.sequence + 1
        data = _with_boot(entry.data) if boot else entry.data
        body = b'%b"reason":%d,"data":%b}' % (self._header(hot, state, at, entry, sequence), entry.reason, data)
        due = entry.signed or boot or sequence == self._after + 1 or sequence % hot.interval == 0
        signature = self._signature(body) if due else b""
        hot.unsigned = 0 if signature else hot.unsigned + 1
        body += signature
        hot.head = Head(sequence, hashlib.sha256(body).hexdigest())  # L2267: over all elements, signature included
        return Sealed(body, whole=not due or bool(signature))

    def _signature(self, body: bytes) -> bytes:
        """Give TAB and signature; nothing if the key does not sign, for the chain must not break over it (I-15)."""
        try:
            return b"\t" + base64.b64encode(self._signing_key.sign(body))
        except Exception:  # noqa: BLE001  # whatever the engine says, the module enters the Error state for it
            return b""

    def _header(self, hot: Hot, state: ModuleState, at: str, entry: Entry, sequence: int) -> bytes:
        """Render the members from `format` to `at`; all but the user's name is digits, hex or a name of ours."""
        return (
            f'{{"format":1,"previous":"{hot.head.hash}","chain":"{hot.chain}","module":"{hot.serial}",'
            f'"sequence":{sequence},"event":"{entry.event}","suite":"{self._suite_name}",'
            f'"key":"{self._fingerprint}","software":"{entry.software}","command":"{entry.command}",'
            f'"user":{_text(entry.user)},"role":{_text(entry.role)},"state":"{state}",'
            f'"persistent":"{hot.persistent}","at":"{at}",'
        ).encode()


def written(moment: datetime) -> str:
    """Write an aware time as records do (G-509): RFC 3339 in UTC, with microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def fingerprint(key: VerifyKey) -> str:
    """Give the SHA-256 of a verification key in hex: how records name it."""
    return hashlib.sha256(key.der).hexdigest()


def _text(value: str | None) -> str:
    return "null" if value is None else orjson.dumps(value).decode()


def _with_boot(data: bytes) -> bytes:
    return b'{"boot":true}' if data == b"{}" else b'{"boot":true,' + data[1:]
