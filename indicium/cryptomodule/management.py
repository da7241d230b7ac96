"""Commands of the module: how they come out of a session message, who handles each, and how the answer goes back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from indicium.cryptomodule.handlers.access import get_status, initialize_access_control_database, logoff, logon
from indicium.cryptomodule.handlers.auditing import create_audit_entry, export_audit_key
from indicium.cryptomodule.handlers.crypto_card import initialize_crypto_card
from indicium.cryptomodule.handlers.initialization import generate_master_key_set, start_initialization
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.handlers.session import close_session, open_session
from indicium.cryptomodule.sessions import Session
from indicium.domain.commands import COMMANDS
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase, Logoff, Logon
from indicium.domain.commands.auditing import CreateAuditEntry, ExportAuditKey
from indicium.domain.commands.base import Command
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.commands.sessions import CloseSession, OpenSession
from indicium.domain.envelope import SessionAnswer, SessionCommand, SessionMessage
from indicium.domain.errors import BadValue, EncryptionRequired, SessionRequired


def unwrapped(message: SessionMessage, inside: Inside) -> Command:
    """Open a session message and read its command; the closed registry alone says what it may be (J-05 … J-07)."""
    session = inside.session
    if session is None:
        raise SessionRequired(command="a session message")
    opened = session.keys.open("command", session.received + 1, message)
    session.received += 1
    idle = inside.now - (session.used_at or inside.now)
    if session.user is not None and idle > timedelta(seconds=session.timeout_seconds):
        session.log_off()  # M-55: inactivity ends the logon
    session.used_at = inside.now
    try:
        sent = SessionCommand.model_validate_json(opened)
        kind = COMMANDS[sent.command]
        command = kind.model_validate_json(orjson.dumps(sent.arguments))
    except (ValidationError, KeyError, orjson.JSONEncodeError):
        raise BadValue(field="command", why="it is not one of the module's, or its arguments are not its own") from None
    if isinstance(command, WITH_PASSWORDS) and not message.encrypted:
        raise EncryptionRequired(command=sent.command)
    return command


def answered(request: Command, session: Session | None, answer: SessionAnswer) -> bytes:
    """Render an answer: in the session, with the request's number, if it came in one (J-06); else as plain JSON."""
    if session is None or not isinstance(request, SessionMessage):
        return orjson.dumps(answer.reply)
    body = answer.model_dump_json().encode()
    sealed = session.keys.seal("answer", session.received, body, encrypted=request.encrypted)
    return sealed.model_dump_json().encode()


WITHOUT_SESSION = (StartInitialization, OpenSession, GetStatus, CreateAuditEntry)
"""Commands that need no session."""

WITH_PASSWORDS = (InitializeAccessControlDatabase, Logon)
"""Commands that travel encrypted only (J-10)."""

MODULE_HANDLERS: dict[type[Command], Callable[[Inside, Any], Effect]] = {
    StartInitialization: start_initialization,
    InitializeAccessControlDatabase: initialize_access_control_database,
    GenerateMasterKeySet: generate_master_key_set,
    OpenSession: open_session,
    CloseSession: close_session,
    Logon: logon,
    Logoff: logoff,
    GetStatus: get_status,
    InitializeCryptoCard: initialize_crypto_card,
    ExportAuditKey: export_audit_key,
    CreateAuditEntry: create_audit_entry,
}
"""Commands of the module, which travel alone. `resume` does AutoRecoverCheckpoint."""
