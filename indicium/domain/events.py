"""What happened: one frozen class for each event, and the closed registry of them.

A record *is* an event. Reading parses the sealed bytes into these classes; a row's topic never selects what is
imported. The envelope is that of record format 1 (`docs`, G5); `data` is what the event itself says (G-511).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from indicium.domain.errors import BadRecord
from indicium.domain.identity import ChainId
from indicium.domain.record import split
from indicium.domain.vbi import ItemBody

Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class PackageFields(_Value):
    """The moving part of the package that the event made; the same members as `package.MovingPart`."""

    psd: str
    version: int
    home: str
    state: str
    suite: str
    mks: str
    static: Hex64
    ar: int
    dr: int
    customer: str | None
    license_zip: str | None
    dr_limit: int | None
    certificate: str | None
    key_expires: str | None
    last_at: str
    client_challenge: str | None


class Checkpoint(_Value):
    """The checkpoint record of a PSD transaction (G3): G-301 … G-311."""

    psd: str
    """PSD meter ID (G-301)."""
    transaction: str
    """Transaction type (G-302): the event's name."""
    value: int
    """Transaction amount in mills (G-303)."""
    ar: int
    """PSD AR value in mills (G-304)."""
    dr: int
    """PSD DR value in mills (G-305)."""
    module: str
    """Module serial number (G-306)."""
    at: str
    """Date and time (G-307)."""
    downloaded: int
    """Module total amount reset, in mills (G-308)."""
    printed: int
    """Module total amount printed, in mills (G-309)."""
    refunded: int
    """Module total amount refunded, in mills (G-310)."""
    mac: Hex64
    """MAC under MK_chkpt over chain, sequence, previous and these fields (G-311)."""


class _Data(_Value):
    boot: Literal[True] | None = None
    """True in the first record after a boot (I-19)."""


class StartData(_Data):
    """The beginning of a chain (C-02)."""

    interval: int
    """Every record whose sequence is a multiple of this is signed (I-07)."""
    audit_key: str
    """The audit verification key as PEM (M-68)."""


class NamedUser(_Value):
    """A user of the access control database, without anything secret."""

    name: str
    role: str


class UsersData(_Data):
    """The first users (B-02)."""

    users: tuple[NamedUser, ...]


class NoData(_Data):
    """Nothing but the envelope."""


class RefusedData(_Data):
    """A refusal that is recorded (I-32): who asked is in the envelope, the reason code too."""

    code: str
    """Stable code of the error."""
    named: str | None = None
    """The user that a refused logon named."""


class ErrorData(_Data):
    """Why the module entered the Error state (C-13, C-14)."""

    cause: str
    fatal: bool


class MksData(_Data):
    """A Master Key Set, by its identifier."""

    mks: str
    master: bool
    """True where it was generated, false where it was imported."""


class CryptoCardData(_Data):
    """Configuration of the module (G-912), keys by fingerprint."""

    minimum_value: int
    maximum_value: int
    dr_limit: int
    ar_limit: int
    first_device: str
    last_device: str
    ca_certificate: Hex64
    provider_key: Hex64
    challenge_key: Hex64
    """SHA-256 of UDSK_ipost (F-16)."""
    registration_key: Hex64
    """SHA-256 of URSK_ipost (F-18)."""


class EntryData(_Data):
    """An audit entry that somebody asked for (B-38)."""

    text: str


class Lost(_Value):
    """A record whose transaction was discarded."""

    sequence: int
    hash: Hex64
    value: int
    """Value in mills of the transaction; 0 if it moved none."""


class RecoveredData(_Data):
    """Auto-Recover (O-10 … O-13): back to an older checkpoint."""

    discarded: tuple[Lost, ...]
    downloaded: int
    printed: int
    refunded: int


class PsdData(_Data):
    """What every PSD record says."""

    package: PackageFields
    request: str | None
    """Request id; None for initialize PSD."""
    content: Hex64 | None
    """SHA-256 of what was asked for."""
    authenticated_as: str
    """The role that the command's own checks established; `default` if none."""
    checkpoint: Checkpoint


class IndiciumData(PsdData):
    """A value-bearing item: its data elements and its hash, never its signature."""

    vbi: ItemBody
    item_sha256: Hex64


class Event(BaseModel):
    """The envelope of record format 1."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Annotated[int, Field(ge=1, le=1)]  # a literal would take true for 1
    previous: Hex64
    chain: str
    module: str
    sequence: int
    event: str
    suite: str
    key: Hex64
    software: str
    command: str
    user: str | None
    role: str | None
    state: str
    persistent: str
    at: str
    reason: int
    data: _Data

    @property
    def originator_id(self) -> ChainId:
        """The chain: the stream that this event belongs to."""
        return ChainId(self.chain)

    @property
    def originator_version(self) -> int:
        """The audit sequence number."""
        return self.sequence


class InitializationStarted(Event):
    """Start Initialization began the chain."""

    event: Literal["initialization-started"]
    data: StartData


class AccessControlDatabaseInitialized(Event):
    """The minimal user set was entered."""

    event: Literal["access-control-database-initialized"]
    data: UsersData


class UserLoggedOn(Event):
    """The envelope's user logged on."""

    event: Literal["user-logged-on"]
    data: NoData


class UserLoggedOff(Event):
    """The envelope's user logged off."""

    event: Literal["user-logged-off"]
    data: NoData


class CommandRefused(Event):
    """A command of the module, or a logon, was refused."""

    event: Literal["command-refused"]
    data: RefusedData


class ErrorEntered(Event):
    """The module entered the Error state."""

    event: Literal["error-entered"]
    data: ErrorData


class MasterKeySetGenerated(Event):
    """The module is a master with its own Master Key Set (C-03)."""

    event: Literal["master-key-set-generated"]
    data: MksData


class CryptoCardInitialized(Event):
    """The module is configured (E1)."""

    event: Literal["crypto-card-initialized"]
    data: CryptoCardData


class AuditKeyExported(Event):
    """The Auditor took the audit verification key (I-14)."""

    event: Literal["audit-key-exported"]
    data: NoData


class AuditEntryCreated(Event):
    """An entry that somebody asked for, or that seals the tail at an orderly close."""

    event: Literal["audit-entry-created"]
    data: EntryData


class CheckpointRecovered(Event):
    """The module went back to an older checkpoint; the discarded records are named."""

    event: Literal["checkpoint-recovered"]
    data: RecoveredData


class PsdEvent(Event):
    """A transaction of one PSD."""

    data: PsdData


class PsdInitialized(PsdEvent):
    """A PSD package was created (E2)."""

    event: Literal["psd-initialized"]


class PsdAuthorized(PsdEvent):
    """The PSD's certificate was loaded (E3)."""

    event: Literal["psd-authorized"]


class PsdConfigured(PsdEvent):
    """The PSD was assigned to a customer (E4)."""

    event: Literal["psd-configured"]


class CustomerAuthorized(PsdEvent):
    """The meter was leased (E5)."""

    event: Literal["customer-authorized"]


class PostageValueDownloaded(PsdEvent):
    """Paid value was loaded into DR (E10)."""

    event: Literal["postage-value-downloaded"]


class IndiciumCreated(PsdEvent):
    """Value left the meter as a signed item (E6)."""

    event: Literal["indicium-created"]
    data: IndiciumData


EVENTS: dict[str, type[Event]] = {
    kind.model_fields["event"].annotation.__args__[0]: kind  # type: ignore[union-attr]  # Literal has __args__
    for kind in (
        InitializationStarted,
        AccessControlDatabaseInitialized,
        UserLoggedOn,
        UserLoggedOff,
        CommandRefused,
        ErrorEntered,
        MasterKeySetGenerated,
        CryptoCardInitialized,
        AuditKeyExported,
        AuditEntryCreated,
        CheckpointRecovered,
        PsdInitialized,
        PsdAuthorized,
        PsdConfigured,
        CustomerAuthorized,
        PostageValueDownloaded,
        IndiciumCreated,
    )
}
"""Every event that this version knows, by its stable name. Closed: nothing else is ever built from a record."""

AnyEvent = Annotated[
    InitializationStarted
    | AccessControlDatabaseInitialized
    | UserLoggedOn
    | UserLoggedOff
    | CommandRefused
    | ErrorEntered
    | MasterKeySetGenerated
    | CryptoCardInitialized
    | AuditKeyExported
    | AuditEntryCreated
    | CheckpointRecovered
    | PsdInitialized
    | PsdAuthorized
    | PsdConfigured
    | CustomerAuthorized
    | PostageValueDownloaded
    | IndiciumCreated,
    Field(discriminator="event"),
]

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def parse_event(line: bytes) -> AnyEvent:
    """Read a record's line as the event it is. Raises `BadRecord`."""
    body, _ = split(line)
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRecord(why=f"{where}: {first['msg']}" if where else first["msg"]) from None
