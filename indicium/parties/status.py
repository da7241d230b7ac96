"""Asking a module for its status, and believing what a genuine module signed, and nothing else (C-38, F-01, G-911)."""

import base64
import secrets
from datetime import datetime

from pydantic import ValidationError

from indicium.cryptomodule.suites import NotAuthentic, Suite
from indicium.domain.commands.access import GetStatus
from indicium.domain.errors import KeyNotUsable, StatusNotAuthentic
from indicium.domain.identity import Serial
from indicium.domain.status import STATUS_LABEL, ModuleStatus, StatusReply
from indicium.parties.operator import Execute

CHALLENGE_BYTES = 16
"""Length of the challenge that makes an old status useless."""


def ask(execute: Execute, suite: Suite, serial: Serial, root: bytes, now: datetime) -> ModuleStatus:
    """Ask the module `serial`, and give what it signed. `root`: the manufacturer's certificate, X.509 in DER.

    Raises `StatusNotAuthentic`, also where the module says that it cannot sign: then `ask_unsigned` reads what it says.
    """
    challenge = secrets.token_hex(CHALLENGE_BYTES)
    return believed(execute(GetStatus(challenge=challenge)), suite, serial, challenge, root, now)


def ask_unsigned(execute: Execute, serial: Serial) -> StatusReply:
    """Ask the module for its status and take its word for it: what is left of a module in the Error state."""
    return read(execute(GetStatus()), serial)


def believed(reply: bytes, suite: Suite, serial: Serial, challenge: str, root: bytes, now: datetime) -> ModuleStatus:
    """Give the status that a reply proves. Raises `StatusNotAuthentic`, which says what is wrong."""
    given = read(reply, serial)
    if given.certificate is None or given.signature is None:  # 1: it is signed
        raise StatusNotAuthentic(serial=serial, why=given.unsigned_because or "it is not signed")
    try:
        certificate = suite.certificate(_bytes(given.certificate))
        certificate.verify(root, now)  # 2: the manufacturer certified the key (M-86)
    except NotAuthentic:
        raise StatusNotAuthentic(serial=serial, why="its certificate is not one of the manufacturer") from None
    if certificate.device != serial:  # 3: for this module
        raise StatusNotAuthentic(serial=serial, why=f"it is certified for module {certificate.device}") from None
    body = _bytes(given.signed)
    try:
        key = suite.load_verify_key(certificate.public_key, "device key")
        key.verify(STATUS_LABEL + body, _bytes(given.signature))  # 4: this key signed it
    except (NotAuthentic, KeyNotUsable):
        raise StatusNotAuthentic(serial=serial, why="its signature does not verify") from None
    status = _said(body, serial)
    if (status.module, status.challenge) != (serial, challenge):  # 5: now, and of itself
        raise StatusNotAuthentic(serial=serial, why="it answers another challenge")
    return status


def read(reply: bytes, serial: Serial) -> StatusReply:
    """Read a status without believing it. Raises `StatusNotAuthentic` for what is none."""
    try:
        return StatusReply.model_validate_json(reply)
    except ValidationError:
        raise StatusNotAuthentic(serial=serial, why="it cannot be read") from None


def _said(body: bytes, serial: Serial) -> ModuleStatus:
    try:
        return ModuleStatus.model_validate_json(body)
    except ValidationError:
        raise StatusNotAuthentic(serial=serial, why="it cannot be read") from None


def _bytes(text: str) -> bytes:
    """Decode base64; what is none decodes to something that nobody signed."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
