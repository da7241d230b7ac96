"""What happened: one frozen class for each event, a file for each family, and the closed registry of them.

A record *is* an event. Reading parses the sealed bytes into these classes; a row's topic never selects what is
imported. The envelope is that of record format 1 (`docs`, G5); `data` is what the event itself says (G-511).
"""

from typing import Annotated, get_args

from pydantic import Field, TypeAdapter, ValidationError

from indicium.domain.errors import BadRecord
from indicium.domain.events.access import (
    AccessControlDatabaseInitialized,
    AccessControlDatabaseViewed,
    AccessEvent,
    AccountCreated,
    AccountDeleted,
    AccountModified,
    AdministrationBegun,
    AdministrationEnded,
    ChangedPasswordData,
    ClockData,
    ClockSet,
    CommandRefused,
    CurrentUserIdQueried,
    CurrentUserRoleQueried,
    DeletedAccountData,
    ModifiedAccountData,
    NamedUser,
    NewAccountData,
    PasswordChanged,
    RefusedData,
    StatusGiven,
    UserLoggedOff,
    UserLoggedOn,
    UsersData,
)
from indicium.domain.events.adoption import (
    AdoptedData,
    AdoptionEvent,
    ChainClosed,
    ClosedBy,
    ClosedData,
    Closing,
    MetersAdopted,
    NotAdoptedMeter,
)
from indicium.domain.events.audit import (
    AuditEntryCreated,
    AuditEvent,
    AuditKeyCreated,
    AuditKeyData,
    AuditKeyExported,
    CheckpointRecovered,
    DisasterData,
    DisasterRecovered,
    EntryData,
    FailureNamed,
    FailuresReleased,
    LogArchived,
    LogDeleted,
    Lost,
    RecoveredData,
    RedoneData,
    ReleaseData,
    ShutdownBegun,
    ShutdownData,
    StoreRedone,
)
from indicium.domain.events.base import (
    Data,
    Event,
    Hex64,
    NoData,
    Value,
)
from indicium.domain.events.keys import (
    DormantMksDeleted,
    KeyEvent,
    MasterKeySetGenerated,
    MksActivated,
    MksData,
    MksExportAborted,
    MksImportStarted,
    MksShareExported,
    MksShareImported,
    MksSharesCombined,
    MksSharesCreated,
    MksSharesNotCombined,
    ModuleNamed,
    TransportKeyPairGenerated,
    TransportPublicKeyExported,
)
from indicium.domain.events.meter_users import (
    ClientRefused,
    ClientRefusedData,
    MeterUserAdded,
    MeterUserDeleted,
    MeterUserEvent,
    MeterUserModified,
    MeterUserPasswordReset,
    MeterUsersViewed,
    ModifiedUserData,
    NamedUserData,
    PasswordReset,
    PasswordResetRequested,
    ProfileData,
    ResetData,
    UserResetData,
)
from indicium.domain.events.mks_usage import (
    MksUsageEvent,
    NotTranslated,
    PackagesTranslated,
    TranslatedData,
)
from indicium.domain.events.module import (
    CardUpdate,
    CryptoCardData,
    CryptoCardInitialized,
    CryptoCardUpdated,
    ErrorData,
    ErrorEntered,
    InitializationStarted,
    ModuleEvent,
    StartData,
)
from indicium.domain.events.psd import (
    Checkpoint,
    CustomerAuthorized,
    GivenData,
    HandedOver,
    HomeNamed,
    IndiciumCreated,
    IndiciumData,
    MeterAdopted,
    MeterGiven,
    MeterTaken,
    PackageFields,
    PostageCorrectionCreated,
    PostageValueDownloaded,
    PsdAuthorized,
    PsdConfigured,
    PsdData,
    PsdEvent,
    PsdInitialized,
    PsdTranslated,
    RefundIndiciumCreated,
    SheetCreated,
    TakenData,
    Transaction,
)
from indicium.domain.events.sessions import SessionClosed, SessionData, SessionEvent, SessionOpened
from indicium.domain.record import split
from indicium.domain.wording import first_fault

__all__ = [
    "EVENTS",
    "AccessControlDatabaseInitialized",
    "AccessControlDatabaseViewed",
    "AccessEvent",
    "AccountCreated",
    "AccountDeleted",
    "AccountModified",
    "AdministrationBegun",
    "AdministrationEnded",
    "AdoptedData",
    "AdoptionEvent",
    "AnyEvent",
    "AuditEntryCreated",
    "AuditEvent",
    "AuditKeyCreated",
    "AuditKeyData",
    "AuditKeyExported",
    "CardUpdate",
    "ChainClosed",
    "ChangedPasswordData",
    "Checkpoint",
    "CheckpointRecovered",
    "ClientRefused",
    "ClientRefusedData",
    "ClockData",
    "ClockSet",
    "ClosedBy",
    "ClosedData",
    "Closing",
    "CommandRefused",
    "CryptoCardData",
    "CryptoCardInitialized",
    "CryptoCardUpdated",
    "CurrentUserIdQueried",
    "CurrentUserRoleQueried",
    "CustomerAuthorized",
    "Data",
    "DeletedAccountData",
    "DisasterData",
    "DisasterRecovered",
    "DormantMksDeleted",
    "EntryData",
    "ErrorData",
    "ErrorEntered",
    "Event",
    "FailureNamed",
    "FailuresReleased",
    "GivenData",
    "HandedOver",
    "Hex64",
    "HomeNamed",
    "IndiciumCreated",
    "IndiciumData",
    "InitializationStarted",
    "KeyEvent",
    "LogArchived",
    "LogDeleted",
    "Lost",
    "MasterKeySetGenerated",
    "MeterAdopted",
    "MeterGiven",
    "MeterTaken",
    "MeterUserAdded",
    "MeterUserDeleted",
    "MeterUserEvent",
    "MeterUserModified",
    "MeterUserPasswordReset",
    "MeterUsersViewed",
    "MetersAdopted",
    "MksActivated",
    "MksData",
    "MksExportAborted",
    "MksImportStarted",
    "MksShareExported",
    "MksShareImported",
    "MksSharesCombined",
    "MksSharesCreated",
    "MksSharesNotCombined",
    "MksUsageEvent",
    "ModifiedAccountData",
    "ModifiedUserData",
    "ModuleEvent",
    "ModuleNamed",
    "NamedUser",
    "NamedUserData",
    "NewAccountData",
    "NoData",
    "NotAdoptedMeter",
    "NotTranslated",
    "PackageFields",
    "PackagesTranslated",
    "PasswordChanged",
    "PasswordReset",
    "PasswordResetRequested",
    "PostageCorrectionCreated",
    "PostageValueDownloaded",
    "ProfileData",
    "PsdAuthorized",
    "PsdConfigured",
    "PsdData",
    "PsdEvent",
    "PsdInitialized",
    "PsdTranslated",
    "RecoveredData",
    "RedoneData",
    "RefundIndiciumCreated",
    "RefusedData",
    "ReleaseData",
    "ResetData",
    "SessionClosed",
    "SessionData",
    "SessionEvent",
    "SessionOpened",
    "SheetCreated",
    "ShutdownBegun",
    "ShutdownData",
    "StartData",
    "StatusGiven",
    "StoreRedone",
    "TakenData",
    "Transaction",
    "TranslatedData",
    "TransportKeyPairGenerated",
    "TransportPublicKeyExported",
    "UserLoggedOff",
    "UserLoggedOn",
    "UserResetData",
    "UsersData",
    "Value",
    "parse_event",
]

AnyEvent = Annotated[
    AccessEvent
    | AdoptionEvent
    | AuditEvent
    | KeyEvent
    | MeterUserEvent
    | MksUsageEvent
    | ModuleEvent
    | SessionEvent
    | Transaction,
    Field(discriminator="event"),
]
"""Any event that this version knows."""

EVENTS: dict[str, type[Event]] = {
    get_args(kind.model_fields["event"].annotation)[0]: kind for kind in get_args(get_args(AnyEvent)[0])
}
"""Every event that this version knows, by its stable name. Closed: nothing else is ever built from a record."""

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def parse_event(line: bytes) -> AnyEvent:
    """Read a record's line as the event it is. Raises `BadRecord`."""
    body, _ = split(line)
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        raise BadRecord(why=str(first_fault(error))) from None
