"""Handlers of session management (B-32 … B-37)."""

import base64
from typing import Final

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.sessions import Session, SessionKeys
from indicium.cryptomodule.suites import NotAuthentic
from indicium.domain.commands.sessions import (
    CloseSession,
    ComputeSessionMac,
    OpenSession,
    SessionDecrypt,
    SessionEncrypt,
    VerifySessionMac,
)
from indicium.domain.errors import SessionAlreadyOpen, SessionBufferNotAuthentic, SessionRequired, UserStillLoggedOn

_ASSOCIATED: Final = b"indicium session buffer"


def open_session(inside: Inside, command: OpenSession) -> Effect:
    """Agree on the session's master keys from the host's ephemeral key (J-02); one session at a time (J-08)."""
    if inside.session is not None:
        raise SessionAlreadyOpen
    agreed = inside.suite.answer_session(command.host_key)
    keys = SessionKeys(inside.suite, agreed.secret, command.host_key, agreed.module_key)
    inside.session = Session(keys, used_at=inside.now)
    return Effect(
        reply={"session": keys.session, "module_key": agreed.module_key.hex()},
        event="session-opened",
        software="session-management",
        data={"session": keys.session},
    )


def close_session(inside: Inside, _command: CloseSession) -> Effect:
    """End the session and its keys; fails while a user is logged on (J-09)."""
    session = _session(inside, "CloseSession")
    if session.user is not None:
        raise UserStillLoggedOn(user=session.user)
    return Effect(
        reply={},
        event="session-closed",
        software="session-management",
        data={"session": session.keys.session},
        ends="session",
    )


def compute_session_mac(inside: Inside, command: ComputeSessionMac) -> Effect:
    """Give the MAC of a buffer under this session's keys (B-34)."""
    mac = _session(inside, "ComputeSessionMac").keys.buffer_mac().mac(command.data)
    return Effect(reply={"mac": base64.b64encode(mac).decode()})


def verify_session_mac(inside: Inside, command: VerifySessionMac) -> Effect:
    """Verify the MAC of a buffer (B-35). Raises `SessionBufferNotAuthentic`."""
    try:
        _session(inside, "VerifySessionMac").keys.buffer_mac().verify(command.data, command.mac)
    except NotAuthentic:
        raise SessionBufferNotAuthentic(what="MAC") from None
    return Effect(reply={})


def session_encrypt(inside: Inside, command: SessionEncrypt) -> Effect:
    """Encrypt a buffer under this session's keys (B-36)."""
    token = _session(inside, "SessionEncrypt").keys.buffer_seal().seal(command.data, _ASSOCIATED)
    return Effect(reply={"token": base64.b64encode(token).decode()})


def session_decrypt(inside: Inside, command: SessionDecrypt) -> Effect:
    """Decrypt what Session Encrypt made (B-37). Raises `SessionBufferNotAuthentic`."""
    try:
        data = _session(inside, "SessionDecrypt").keys.buffer_seal().open(command.token, _ASSOCIATED)
    except NotAuthentic:
        raise SessionBufferNotAuthentic(what="token") from None
    return Effect(reply={"data": base64.b64encode(data).decode()})


def _session(inside: Inside, command: str) -> Session:
    if inside.session is None:
        raise SessionRequired(command=command)
    return inside.session
