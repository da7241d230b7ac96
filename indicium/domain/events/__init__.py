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
    LogArchived,
    LogDeleted,
    Lost,
    RecoveredData,
    RedoneData,
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
    IndiciumCreated,
    IndiciumData,
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
    "AnyEvent",
    "AuditEntryCreated",
    "AuditEvent",
    "AuditKeyCreated",
    "AuditKeyData",
    "AuditKeyExported",
    "CardUpdate",
    "ChangedPasswordData",
    "Checkpoint",
    "CheckpointRecovered",
    "ClientRefused",
    "ClientRefusedData",
    "ClockData",
    "ClockSet",
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
    "Hex64",
    "IndiciumCreated",
    "IndiciumData",
    "InitializationStarted",
    "KeyEvent",
    "LogArchived",
    "LogDeleted",
    "Lost",
    "MasterKeySetGenerated",
    "MeterUserAdded",
    "MeterUserDeleted",
    "MeterUserEvent",
    "MeterUserModified",
    "MeterUserPasswordReset",
    "MeterUsersViewed",
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
    "ResetData",
    "SessionClosed",
    "SessionData",
    "SessionEvent",
    "SessionOpened",
    "SheetCreated",
    "StartData",
    "StatusGiven",
    "StoreRedone",
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
    AccessEvent | AuditEvent | KeyEvent | MeterUserEvent | MksUsageEvent | ModuleEvent | SessionEvent | Transaction,
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
