"""What travels between the four steps of a request: gather, dispatch, save, release.

All of it is plain data, so that a module can live in its own process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import Package
from indicium.domain.record import GENESIS_PREVIOUS


class Head(NamedTuple):
    """The newest record of a chain, as one place knows it."""

    sequence: int
    """Audit sequence number (G-501); 0 before the first record."""
    hash: str
    """SHA-256 of that record's line in hex; 64 zeros before the first record."""

    def __str__(self) -> str:
        """Write the head as an auditor notes it: `SEQUENCE:HASH`."""
        return f"{self.sequence}:{self.hash}"


GENESIS = Head(0, GENESIS_PREVIOUS)
"""The head of a chain that has no record yet (G-502: all zeros)."""


class SealedRecord(NamedTuple):
    """A record as the module sealed it, with the columns that the store indexes it by."""

    chain: ChainId
    sequence: int
    event: str
    """Stable event name; the row's topic."""
    line: bytes
    """The record's bytes: JSON, then TAB and signature if signed; no newline."""
    psd_id: DeviceId | None
    """Meter of a PSD record; None for all others, and for a discarded PSD record."""
    psd_version: int | None


class LastGroup(NamedTuple):
    """A group that a module still remembers, as it would give it to a store that never got it."""

    before: Head
    """The head that it saw in the store when the group began."""
    lines: tuple[bytes, ...]
    """The records' bytes."""


class KeptReply(NamedTuple):
    """The reply to a request, sealed by the module, kept so that a repeat gets the same answer."""

    psd_id: DeviceId
    request_id: str
    psd_version: int
    """Version of the package that the request made."""
    content_digest: bytes
    """SHA-256 over command, meter, value and data elements of the request: 32 bytes."""
    token: bytes
    """The sealed reply; only the module opens it. Empty if a redo of the store found the request done and no reply."""


class FailedModule(NamedTuple):
    """What the store says of a module of the vault that failed (O-08)."""

    serial: Serial
    notice: bytes
    """A `failures.Notice`, rendered."""
    mac: bytes
    """MAC under MK_chkpt over serial number and notice; empty where the module's process said so without a key."""


class RequestKey(NamedTuple):
    """A request id is scoped to its meter."""

    psd_id: DeviceId
    request_id: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that the module needs from the store for a group of requests (E-001), read in one round trip."""

    head: SealedRecord | None
    """The newest record that the store holds of this module's chain: the external checkpoint (E-004)."""
    packages: Mapping[DeviceId, Package] = field(default_factory=dict)
    replies: Mapping[RequestKey, KeptReply] = field(default_factory=dict)
    failed: Sequence[FailedModule] = ()
    """All modules of the vault that the store knows to have failed, whatever became of them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one group changes, saved in ONE database transaction."""

    records: Sequence[SealedRecord]
    packages: Sequence[Package] = ()
    """New or changed packages, at most one for each meter: the last."""
    replies: Sequence[KeptReply] = ()
    failed: Sequence[FailedModule] = ()
    """What is to be said of modules that failed, in the place of what was."""
    closing: SealedRecord | None = None
    """The mark that closes the chain of a dead module (ADR 0025): it goes into that one's audit copy first."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that everything up to `head` is committed in the store and synced in the audit copy (O-17).

    Only `save` makes one, and nothing of the module's replies opens without it.
    """

    chain: ChainId
    head: Head
