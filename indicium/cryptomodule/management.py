"""Commands of the module: how they come out of a session message, who handles each, and how the answer goes back."""

from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError

from indicium.cryptomodule.handlers.access import (
    begin_admin,
    end_admin,
    initialize_access_control_database,
    logoff,
    logon,
    query_current_user_id,
    query_current_user_role,
)
from indicium.cryptomodule.handlers.accounts import (
    change_password,
    create_account,
    delete_account,
    modify_account,
    view_access_control_database,
)
from indicium.cryptomodule.handlers.adoption import adopt_meters
from indicium.cryptomodule.handlers.auditing import (
    archive_log,
    create_audit_entry,
    create_audit_key,
    delete_log,
    export_audit_key,
)
from indicium.cryptomodule.handlers.clock import set_clock
from indicium.cryptomodule.handlers.crypto_card import initialize_crypto_card, update_crypto_card
from indicium.cryptomodule.handlers.disaster import recover_from_disaster
from indicium.cryptomodule.handlers.exporting import abort_export, create_mks_shares, export_mks_share
from indicium.cryptomodule.handlers.failures import release_failures
from indicium.cryptomodule.handlers.importing import (
    combine_mks_shares,
    export_transport_public_key,
    generate_transport_key_pair,
    import_mks_share,
    start_importing_mks,
)
from indicium.cryptomodule.handlers.initialization import generate_master_key_set, start_initialization
from indicium.cryptomodule.handlers.key_sets import activate_mks, delete_dormant_mks
from indicium.cryptomodule.handlers.mks_usage import (
    compute_mac,
    global_decrypt_and_mac,
    global_encrypt_and_mac,
    translate_encryption_and_mac,
    verify_mac,
)
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.handlers.session import (
    close_session,
    compute_session_mac,
    open_session,
    session_decrypt,
    session_encrypt,
    verify_session_mac,
)
from indicium.cryptomodule.handlers.status import get_status
from indicium.cryptomodule.sessions import Session
from indicium.domain.commands import COMMANDS
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
from indicium.domain.commands.crypto_card import InitializeCryptoCard, UpdateCryptoCard
from indicium.domain.commands.hand_over import AdoptMeters
from indicium.domain.commands.initialization import (
    GenerateMasterKeySet,
    GenerateTransportKeyPair,
    StartInitialization,
)
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
from indicium.domain.commands.recovery import RecoverFromDisaster, ReleaseFailures
from indicium.domain.commands.sessions import (
    CloseSession,
    ComputeSessionMac,
    OpenSession,
    SessionDecrypt,
    SessionEncrypt,
    VerifySessionMac,
)
from indicium.domain.envelope import SessionAnswer, SessionCommand, SessionMessage
from indicium.domain.errors import BadValue, EncryptionRequired, SessionRequired


def unwrapped(message: SessionMessage, inside: Inside) -> Command:
    """Open a session message and read its command; the closed registry alone says what it may be (J-05 … J-07)."""
    session = inside.session
    if session is None:
        raise SessionRequired(command="a session message")
    opened = session.keys.open("command", session.received + 1, message)
    session.received += 1
    session.used_at = inside.now
    inside.asker = session
    try:
        sent = SessionCommand.model_validate_json(opened)
        kind = COMMANDS[sent.command]
        return kind.model_validate_json(orjson.dumps(sent.arguments))
    except (ValidationError, KeyError, orjson.JSONEncodeError):
        raise BadValue(field="command", why="it is not one of the module's, or its arguments are not its own") from None


def demand_encryption(message: SessionMessage, command: Command) -> None:
    """Refuse a command that carries what is secret if it came in the clear (J-10)."""
    if isinstance(command, ENCRYPTED_ONLY) and not message.encrypted:
        raise EncryptionRequired(command=type(command).__name__)


def answered(request: Command, session: Session | None, answer: SessionAnswer) -> bytes:
    """Render an answer: in the session, with the request's number, if it came in one (J-06); else as plain JSON."""
    if session is None or not isinstance(request, SessionMessage):
        return orjson.dumps(answer.reply)
    body = answer.model_dump_json().encode()
    sealed = session.keys.seal("answer", session.received, body, encrypted=request.encrypted)
    return sealed.model_dump_json().encode()


WITHOUT_SESSION = (
    StartInitialization,
    OpenSession,
    GetStatus,
    QueryCurrentUserRole,
    QueryCurrentUserId,
    CreateAuditEntry,
)
"""Commands that need no session; in Error there is none (M-06)."""

ENCRYPTED_ONLY = (
    InitializeAccessControlDatabase,
    Logon,
    CreateAccount,
    ModifyAccount,
    ChangePassword,
    SessionEncrypt,
    SessionDecrypt,
    GlobalEncryptAndMac,
    GlobalDecryptAndMac,
    ComputeMac,
    VerifyMac,
)
"""Commands that travel encrypted only (J-10): with passwords, or with what is to be, or comes out as, plain text."""

UNRECORDED = (GetStatus, ComputeSessionMac, VerifySessionMac, SessionEncrypt, SessionDecrypt)
"""Commands whose refusal is not recorded either: the status, and the usage of session keys (L1483)."""

MODULE_HANDLERS: dict[type[Command], Callable[[Inside, Any], Effect]] = {
    StartInitialization: start_initialization,
    InitializeAccessControlDatabase: initialize_access_control_database,
    GenerateMasterKeySet: generate_master_key_set,
    GenerateTransportKeyPair: generate_transport_key_pair,
    ExportTransportPublicKey: export_transport_public_key,
    CreateMksShares: create_mks_shares,
    ExportMksShare: export_mks_share,
    AbortExport: abort_export,
    StartImportingMks: start_importing_mks,
    ImportMksShare: import_mks_share,
    CombineMksShares: combine_mks_shares,
    ActivateMks: activate_mks,
    DeleteDormantMks: delete_dormant_mks,
    OpenSession: open_session,
    CloseSession: close_session,
    ComputeSessionMac: compute_session_mac,
    VerifySessionMac: verify_session_mac,
    SessionEncrypt: session_encrypt,
    SessionDecrypt: session_decrypt,
    Logon: logon,
    Logoff: logoff,
    QueryCurrentUserRole: query_current_user_role,
    QueryCurrentUserId: query_current_user_id,
    GetStatus: get_status,
    BeginAdmin: begin_admin,
    EndAdmin: end_admin,
    CreateAccount: create_account,
    DeleteAccount: delete_account,
    ModifyAccount: modify_account,
    ViewAccessControlDatabase: view_access_control_database,
    ChangePassword: change_password,
    SetClock: set_clock,
    InitializeCryptoCard: initialize_crypto_card,
    UpdateCryptoCard: update_crypto_card,
    TranslateEncryptionAndMac: translate_encryption_and_mac,
    GlobalEncryptAndMac: global_encrypt_and_mac,
    GlobalDecryptAndMac: global_decrypt_and_mac,
    ComputeMac: compute_mac,
    VerifyMac: verify_mac,
    CreateAuditKey: create_audit_key,
    ExportAuditKey: export_audit_key,
    CreateAuditEntry: create_audit_entry,
    ArchiveLog: archive_log,
    DeleteLog: delete_log,
    RecoverFromDisaster: recover_from_disaster,
    ReleaseFailures: release_failures,
    AdoptMeters: adopt_meters,
}
"""Commands of the module, which travel alone. `resume` does AutoRecoverCheckpoint."""
