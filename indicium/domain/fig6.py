"""FIG. 6: which command may start in which state, for which role.

"The state and the current user role together provide sufficient information to decide whether an action is allowed or
not" (L1240). This file is that sentence; nothing else decides on state or role. What a command's data must be like is
its own first step (B-00a), and so is whether it came in a session (B-00b).

Reset and reboot are events of the device, not commands (B-57, B-58, M-74); `boot` says where a reboot leads.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from indicium.domain.commands.access import (
    BeginAdmin,
    ChangePassword,
    CreateAccount,
    DeleteAccount,
    EndAdmin,
    GetStatus,
    InitializeAccessControlDatabase,
    Logoff,
    Logon,
    ModifyAccount,
    QueryCurrentUserId,
    QueryCurrentUserRole,
    SetClock,
    ViewAccessControlDatabase,
)
from indicium.domain.commands.auditing import ArchiveLog, CreateAuditEntry, CreateAuditKey, DeleteLog, ExportAuditKey
from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.crypto_card import InitializeCryptoCard, UpdateCryptoCard
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.hand_over import AdoptMeters, GiveMeter, OfferHome, TakeMeter
from indicium.domain.commands.initialization import (
    GenerateMasterKeySet,
    GenerateTransportKeyPair,
    StartInitialization,
)
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd, VerifyIndicium
from indicium.domain.commands.master_keys import (
    AbortExport,
    ActivateMks,
    CombineMksShares,
    CreateMksShares,
    DeleteDormantMks,
    ExportMksShare,
    ExportTransportPublicKey,
    ImportMksShare,
    StartImportingMks,
)
from indicium.domain.commands.mks_usage import (
    ComputeMac,
    GlobalDecryptAndMac,
    GlobalEncryptAndMac,
    TranslateEncryptionAndMac,
    VerifyMac,
)
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
    InitializePsd,
    RequestChallenge,
)
from indicium.domain.commands.recovery import AutoRecoverCheckpoint, RecoverFromDisaster, ReleaseFailures
from indicium.domain.commands.sessions import (
    CloseSession,
    ComputeSessionMac,
    OpenSession,
    SessionDecrypt,
    SessionEncrypt,
    VerifySessionMac,
)
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.errors import CommandNotAllowed, CommandNotYetSupported
from indicium.domain.roles import LOGON_ROLES, Role
from indicium.domain.switches import AS_THE_SEED, Switches

__all__ = ["FIG6", "NOT_YET", "ModuleState", "Record", "Role", "Rule", "authorize"]


class ModuleState(StrEnum):
    """The states of a module, in the order of a rule's mask: UIOAXME (B)."""

    UNINITIALIZED = "uninitialized"
    INITIALIZING = "initializing"
    OPERATIONAL = "operational"
    ADMINISTRATIVE = "administrative"
    EXPORTING_SHARES = "exporting-shares"
    IMPORTING_SHARES = "importing-shares"
    ERROR = "error"


class Record(StrEnum):
    """What a command that was done leaves in the chain (B-00e)."""

    NONE = "none"
    WATCHED = "watched"
    """Chained in Administrative, Exporting and Importing Shares, where all but the use of session keys is audited
    (B-62 … B-64); none elsewhere. `authorize` answers with the one or the other."""
    CHAINED = "chained"
    SIGNED = "signed"


class Rule(NamedTuple):
    """A row of FIG. 6."""

    mask: str
    """A letter of UIOAXME where the command is allowed in that state, a dot where not."""
    roles: tuple[Role, ...]
    """Who may give the command. Provider, User and the like never log on: their commands come under the Default role,
    and the rule names what the command's own checks establish (M-54)."""
    then: tuple[ModuleState, ...]
    """The states that the command may lead to, its own among them if it may also stay; empty if it always stays."""
    record: Record

    def allows(self, state: ModuleState) -> bool:
        """Say whether the command may start in that state."""
        return self.mask[_COLUMNS[state]] != "."

    def admits(self, role: Role) -> bool:
        """Say whether the current user's role may give the command."""
        if role in self.roles:
            return True
        return role is Role.DEFAULT and not set(self.roles) & set(LOGON_ROLES)  # it authenticates itself (M-54)


_COLUMNS = {state: column for column, state in enumerate(ModuleState)}
_WATCHED_STATES = {ModuleState.ADMINISTRATIVE, ModuleState.EXPORTING_SHARES, ModuleState.IMPORTING_SHARES}

_SO = (Role.SECURITY_OFFICER,)
_CUSTODIAN = (Role.KEY_CUSTODIAN,)
_ADMIN = (Role.ADMINISTRATOR,)
_AUDITOR = (Role.AUDITOR,)
_CA = (Role.CERTIFICATE_AUTHORITY,)
_PROVIDER = (Role.PROVIDER,)
_USER = (Role.USER,)
_CUSTOMER = (Role.CUSTOMER_ADMINISTRATOR,)
_NOBODY = (Role.DEFAULT,)
"""Nobody is authenticated."""
_ANYBODY = (Role.DEFAULT, *(role for role in Role if role is not Role.DEFAULT))
"""Logged on or not."""

_STAYS: tuple[ModuleState, ...] = ()
_INIT = (ModuleState.INITIALIZING,)
_OPER = (ModuleState.OPERATIONAL,)
_ADMINISTRATIVE = (ModuleState.ADMINISTRATIVE,)
_EXPORT = (ModuleState.EXPORTING_SHARES,)
_IMPORT = (ModuleState.IMPORTING_SHARES,)
_ERROR = (ModuleState.ERROR,)

_NONE, _WATCHED, _CHAINED, _SIGNED = Record.NONE, Record.WATCHED, Record.CHAINED, Record.SIGNED

# fmt: off
FIG6: Final[dict[type[Command], Rule]] = {
    # command                             UIOAXME    role        then              record

    # Initialization: once in a module's life (B-60, C-36)
    StartInitialization:             Rule("U......", _NOBODY,    _INIT,            _SIGNED),   # B-01
    GenerateMasterKeySet:            Rule(".I.....", _SO,        _OPER,            _SIGNED),   # B-03, M-09: not in O
    GenerateTransportKeyPair:        Rule(".I.....", _SO,        _IMPORT,          _SIGNED),   # B-04, M-12

    # Access control (J-20)
    InitializeAccessControlDatabase: Rule(".I.....", _NOBODY,    _STAYS,           _SIGNED),   # B-02: no user exists
    BeginAdmin:                      Rule("..O....", _SO,        _ADMINISTRATIVE,  _SIGNED),   # B-19
    EndAdmin:                        Rule("...A...", _SO,        _OPER,            _SIGNED),   # B-20, M-07
    CreateAccount:                   Rule("...A...", _ADMIN,     _STAYS,           _SIGNED),   # B-21
    DeleteAccount:                   Rule("...A...", _ADMIN,     _STAYS,           _SIGNED),   # B-22
    ModifyAccount:                   Rule("...A...", _ADMIN,     _STAYS,           _SIGNED),   # B-23
    ViewAccessControlDatabase:       Rule("..OA...", _ADMIN,     _STAYS,           _CHAINED),  # B-24
    Logon:                           Rule(".IOAXM.", _ANYBODY,   _STAYS,           _CHAINED),  # B-25, M-89; J-12 itself
    Logoff:                          Rule(".IOAXM.", LOGON_ROLES, _STAYS,          _CHAINED),  # B-26
    QueryCurrentUserRole:            Rule(".IOAXME", _ANYBODY,   _STAYS,           _WATCHED),  # B-27, M-06
    QueryCurrentUserId:              Rule(".IOAXME", _ANYBODY,   _STAYS,           _WATCHED),  # B-28, M-06
    ChangePassword:                  Rule("..O....", LOGON_ROLES, _STAYS,          _SIGNED),   # B-29
    SetClock:                        Rule("...A...", _ADMIN,     _STAYS,           _SIGNED),   # B-30, M-08: not in O
    GetStatus:                       Rule(".IOAXME", _ANYBODY,   _STAYS,           _WATCHED),  # B-31

    # Session management (J-17). Not in E: Get Status travels there without a session (M-06)
    OpenSession:                     Rule(".IOAXM.", _ANYBODY,   _STAYS,           _WATCHED),  # B-32; J-08 itself
    CloseSession:                    Rule(".IOAXM.", _ANYBODY,   _STAYS,           _WATCHED),  # B-33; J-09 itself
    ComputeSessionMac:               Rule(".IOAXM.", _ANYBODY,   _STAYS,           _NONE),     # B-34
    VerifySessionMac:                Rule(".IOAXM.", _ANYBODY,   _STAYS,           _NONE),     # B-35
    SessionEncrypt:                  Rule(".IOAXM.", _ANYBODY,   _STAYS,           _NONE),     # B-36
    SessionDecrypt:                  Rule(".IOAXM.", _ANYBODY,   _STAYS,           _NONE),     # B-37

    # Key management (H)
    ExportTransportPublicKey:        Rule("..O..M.", _CUSTODIAN, _STAYS,           _SIGNED),   # B-05, M-12
    CreateMksShares:                 Rule("..O....", _SO,        _EXPORT,          _SIGNED),   # B-06
    ExportMksShare:                  Rule("....X..", _CUSTODIAN, _EXPORT + _OPER,  _SIGNED),   # B-07, C-08: the last
    AbortExport:                     Rule("....X..", _SO,        _OPER,            _SIGNED),   # B-08
    StartImportingMks:               Rule("..O....", _SO,        _IMPORT,          _SIGNED),   # B-09, M-13: not in M
    ImportMksShare:                  Rule(".....M.", _CUSTODIAN, _STAYS,           _SIGNED),   # B-10
    CombineMksShares:                Rule(".....M.", _SO,        _OPER + _ERROR,   _SIGNED),   # B-11, M-05, M-83
    ActivateMks:                     Rule("..O....", _SO,        _STAYS,           _SIGNED),   # B-12
    DeleteDormantMks:                Rule("..O....", _SO,        _STAYS,           _SIGNED),   # B-13

    # Usage of the MKS, and its rollover
    TranslateEncryptionAndMac:       Rule("..O....", _SO,        _STAYS,           _SIGNED),   # B-14
    GlobalEncryptAndMac:             Rule("..O....", _SO,        _STAYS,           _NONE),     # B-15
    GlobalDecryptAndMac:             Rule("..O....", _SO,        _STAYS,           _NONE),     # B-16
    ComputeMac:                      Rule("..O....", _SO,        _STAYS,           _NONE),     # B-17
    VerifyMac:                       Rule("..O....", _SO,        _STAYS,           _NONE),     # B-18

    # Audit support (I). In E an entry is made by the module itself only (M-06)
    CreateAuditEntry:                Rule(".IOAXM.", _ANYBODY,   _STAYS,           _CHAINED),  # B-38: signed if flagged
    CreateAuditKey:                  Rule("..O....", _SO,        _STAYS,           _SIGNED),   # B-39, M-24
    ExportAuditKey:                  Rule("..O....", _AUDITOR,   _STAYS,           _SIGNED),   # B-40: nobody else
    ArchiveLog:                      Rule("..O....", _AUDITOR,   _STAYS,           _SIGNED),   # M-57
    DeleteLog:                       Rule("..O....", _AUDITOR,   _STAYS,           _SIGNED),   # M-57

    # The crypto-card (E1)
    InitializeCryptoCard:            Rule("..O....", _SO,        _STAYS,           _SIGNED),   # B-41
    UpdateCryptoCard:                Rule("..O....", _SO,        _STAYS,           _SIGNED),   # B-42

    # Commands on a PSD: chained, and only in O (B-00e, B-67)
    InitializePsd:                   Rule("..O....", _NOBODY,    _STAYS,           _CHAINED),  # B-43
    AuthorizePsd:                    Rule("..O....", _CA,        _STAYS,           _CHAINED),  # B-44
    ConfigurePsd:                    Rule("..O....", _NOBODY,    _STAYS,           _CHAINED),  # B-45, M-82
    AuthorizeCustomer:               Rule("..O....", _PROVIDER,  _STAYS,           _CHAINED),  # B-46
    DownloadPostageValue:            Rule("..O....", _PROVIDER,  _STAYS,           _CHAINED),  # B-50
    RequestChallenge:                Rule("..O....", _ANYBODY,   _STAYS,           _NONE),     # FIG. 5, 501 and 504
    CreateIndicium:                  Rule("..O....", _USER,      _STAYS,           _CHAINED),  # B-47
    CreateSheet:                     Rule("..O....", _USER,      _STAYS,           _CHAINED),  # B-47 for many items
    CreatePostageCorrectionIndicium: Rule("..O....", _USER,      _STAYS,           _CHAINED),  # B-48, M-78
    CreateRefundIndicium:            Rule("..O....", _PROVIDER,  _STAYS,           _CHAINED),  # B-49
    RetrievePsdStatus:               Rule("..O....", _NOBODY + _USER, _STAYS,      _NONE),     # B-52, M-18
    RetrieveUdskPsd:                 Rule("..O....", _USER,      _STAYS,           _NONE),     # B-53, M-18
    VerifyIndicium:                  Rule("..O....", _NOBODY,    _STAYS,           _NONE),     # B-56
    ResetPassword:                   Rule("..O....", _PROVIDER + _USER, _STAYS,    _CHAINED),  # B-51, M-17
    ResetUserPassword:               Rule("..O....", _CUSTOMER + _USER, _STAYS,    _CHAINED),  # B-51, K-18
    AddUser:                         Rule("..O....", _CUSTOMER,  _STAYS,           _CHAINED),  # B-55
    DeleteUser:                      Rule("..O....", _CUSTOMER,  _STAYS,           _CHAINED),  # B-55
    ModifyUserPrivileges:            Rule("..O....", _CUSTOMER,  _STAYS,           _CHAINED),  # B-55
    ViewUsers:                       Rule("..O....", _CUSTOMER,  _STAYS,           _CHAINED),  # B-55

    # A meter goes to another home module (N-17 … N-20): the server carries it, and no value moves
    OfferHome:                       Rule("..O....", _NOBODY,    _STAYS,           _NONE),     # ADR 0024
    GiveMeter:                       Rule("..O....", _NOBODY,    _STAYS,           _CHAINED),
    TakeMeter:                       Rule("..O....", _NOBODY,    _STAYS,           _CHAINED),
    AdoptMeters:                     Rule("..O....", _SO,        _STAYS,           _SIGNED),   # ADR 0025: of a dead one

    # Back to agreement with the database: affects the module, so it is signed (B-00e)
    AutoRecoverCheckpoint:           Rule("..O....", _NOBODY,    _STAYS,           _SIGNED),   # B-54, M-64: the server
    RecoverFromDisaster:             Rule("..O....", _SO,        _STAYS,           _SIGNED),   # O-15, M-64
    ReleaseFailures:                 Rule("..O....", _SO,        _STAYS,           _SIGNED),   # O-08, M-28
}
# fmt: on
"""Every command, once. The numbers are rows of the specification; a p there, its proposal, is taken as it stands."""

NOT_YET: Final[frozenset[type[Command]]] = frozenset({})
"""Commands that have no handler in this version. They are refused here and nowhere else."""


SWITCHED: Final[dict[type[Command], tuple[str, Rule]]] = {
    GenerateMasterKeySet: ("generate_dormant_mks", Rule(".IO....", _SO, _OPER, _SIGNED)),  # M-09
}
"""Rules that a switch of table M puts in the place of FIG. 6's, with the switch's name."""


def authorize(command: type[Command], state: ModuleState, role: Role, switches: Switches = AS_THE_SEED) -> Rule:
    """Say that the command may start, and give its rule; `record` is then none, chained or signed.

    `role` is that of the user who is logged on, or Default. A PSD command is seen under Default (M-54).
    Raises `CommandNotAllowed`, or `CommandNotYetSupported` where state and role would allow it.
    """
    rule = FIG6[command]
    if command in SWITCHED and getattr(switches, SWITCHED[command][0]):
        rule = SWITCHED[command][1]
    if not (rule.allows(state) and rule.admits(role)):
        raise CommandNotAllowed(command=command.__name__, state=state.value, role=role.value)
    if command in NOT_YET:
        raise CommandNotYetSupported(command=command.__name__)
    if rule.record is Record.WATCHED:
        return rule._replace(record=Record.CHAINED if state in _WATCHED_STATES else Record.NONE)
    return rule
