"""Events of audit support (I-20), and of going back to an older checkpoint."""

from typing import Literal

from indicium.domain.events.base import Data, Event, Hex64, NoData, Value


class EntryData(Data):
    """An audit entry that somebody asked for (B-38)."""

    text: str


class Lost(Value):
    """A record whose transaction was discarded."""

    sequence: int
    hash: Hex64
    value: int
    """Value in mills of the transaction; 0 if it moved none."""


class RecoveredData(Data):
    """Auto-Recover (O-10 … O-13): back to an older checkpoint."""

    discarded: tuple[Lost, ...]
    downloaded: int
    printed: int
    refunded: int


class RedoneData(Data):
    """Records that the store had lost, and has again from the audit copy."""

    first: int
    last: int


class Place(Value):
    """A record, by number and hash."""

    sequence: int
    hash: Hex64


class DisasterData(Data):
    """To which record the module was set, and from which."""

    outcome: Literal["continued", "abandoned"]
    """Whether the stated record continues all that the module knew, or the module went back behind it."""
    stated: Place
    before: Place
    """The module's own head until then."""
    downloaded: int
    printed: int
    refunded: int


class AuditKeyData(Data):
    """A new audit verification key (M-24)."""

    audit_key: str
    """The key as PEM."""
    fingerprint: Hex64
    """SHA-256 over its SubjectPublicKeyInfo in DER: what the next records name as `key`."""
    suite: str
    """What the next records name as `suite`."""


class AuditKeyExported(Event):
    """The Auditor took the audit verification key (I-14)."""

    event: Literal["audit-key-exported"]
    data: NoData


class AuditKeyCreated(Event):
    """A new audit key was announced: the old one signed this record, the new one signs the next (B-39, M-24)."""

    event: Literal["audit-key-created"]
    data: AuditKeyData


class AuditEntryCreated(Event):
    """An entry that somebody asked for, or that seals the tail at an orderly close."""

    event: Literal["audit-entry-created"]
    data: EntryData


class CheckpointRecovered(Event):
    """The module went back to an older checkpoint; the discarded records are named."""

    event: Literal["checkpoint-recovered"]
    data: RecoveredData


class StoreRedone(Event):
    """A store that was put back got from the audit copy what it lacked, byte for byte; nothing was discarded."""

    event: Literal["store-redone"]
    data: RedoneData


class DisasterRecovered(Event):
    """The Security Officer set the module to a stated record of the database (O-15, M-64)."""

    event: Literal["disaster-recovered"]
    data: DisasterData


class LogRangeData(Data):
    """Records of a chain, as files hold them (M-57)."""

    chain: str
    first: int
    last: int
    digest: Hex64
    """SHA-256 over their lines."""


class LogArchived(Event):
    """The Auditor copied records, verified, to an archive."""

    event: Literal["log-archived"]
    data: LogRangeData


class LogDeleted(Event):
    """The Auditor deletes records, verified and archived, where the audit file server keeps them."""

    event: Literal["log-deleted"]
    data: LogRangeData


class FailureNamed(Value):
    """A module's failure: with the time it names one, and no other of that module."""

    module: str
    at: str
    """When it failed, as the store says it; empty where what the store says cannot be read."""


class ShutdownData(Data):
    """The failures for which the whole system is shut down (O-08)."""

    failures: tuple[FailureNamed, ...]


class ReleaseData(ShutdownData):
    """The failures that were investigated, and where a Security Officer said so."""

    by: str
    """Serial number of the module whose Security Officer released the system."""


class ShutdownBegun(Event):
    """From here on the module does no command on a PSD: modules of the vault failed (M-28, O-02)."""

    event: Literal["shutdown-begun"]
    data: ShutdownData


class FailuresReleased(Event):
    """A Security Officer released failed modules, here or at another module of the Master Key Set (O-08, M-28)."""

    event: Literal["failures-released"]
    data: ReleaseData


AuditEvent = (
    AuditKeyExported
    | AuditKeyCreated
    | AuditEntryCreated
    | CheckpointRecovered
    | StoreRedone
    | DisasterRecovered
    | LogArchived
    | LogDeleted
    | ShutdownBegun
    | FailuresReleased
)
"""Every event of audit support and recovery."""
