"""Sessions (table J): an agreement, two master keys, a transaction key for each message, a MAC on every message.

The master keys are never used directly and end with the session (J-04); sessions do not survive a reboot (J-15). Both
ends use the same keys, so `parties.operator` builds on this file too.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from indicium.cryptomodule.suites import MacKey, NotAuthentic, SealKey, Suite
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import SessionMessageNotAuthentic

Direction = Literal["command", "answer"]

_ASSOCIATED: Final = b"indicium session message"


class SessionKeys:
    """The two session master keys (F-12, F-13), and what is derived from them for each message (F-14)."""

    def __init__(self, suite: Suite, secret: bytes, host_key: bytes, module_key: bytes) -> None:
        """Derive the master keys from the agreed secret and both public keys (J-02, M-25)."""
        self._suite = suite
        transcript = hashlib.sha256(f"{host_key.hex()} {module_key.hex()}".encode()).hexdigest()
        self._mac_master = suite.derive(secret, f"indicium session MAC {transcript}")
        self._encryption_master = suite.derive(secret, f"indicium session encryption {transcript}")
        self.session = suite.derive(secret, f"indicium session name {transcript}")[:8].hex()

    def seal(self, direction: Direction, counter: int, body: bytes, *, encrypted: bool) -> SessionMessage:
        """Make message number `counter` of one direction."""
        label = self._label(direction, counter, encrypted=encrypted)
        if encrypted:
            body = self._encryption(label).seal(body, _ASSOCIATED)
        mac = self._mac(label).mac(label + body)
        return SessionMessage(session=self.session, counter=counter, encrypted=encrypted, body=body, mac=mac)

    def open(self, direction: Direction, counter: int, message: SessionMessage) -> bytes:
        """Give the body of message number `counter`. Raises `SessionMessageNotAuthentic`."""
        label = self._label(direction, counter, encrypted=message.encrypted)
        try:
            if (message.session, message.counter) != (self.session, counter):
                raise NotAuthentic
            self._mac(label).verify(label + message.body, message.mac)
            if message.encrypted:
                return self._encryption(label).open(message.body, _ASSOCIATED)
        except NotAuthentic:
            raise SessionMessageNotAuthentic from None
        return message.body

    def buffer_mac(self) -> MacKey:
        """Give the key for MACs of the host's buffers (B-34, B-35): of this session, and no message's."""
        return self._mac(f"{self.session} buffer\n".encode())

    def buffer_seal(self) -> SealKey:
        """Give the key that encrypts the host's buffers (B-36, B-37): of this session, and no message's."""
        return self._encryption(f"{self.session} buffer\n".encode())

    def _label(self, direction: Direction, counter: int, *, encrypted: bool) -> bytes:
        return f"{self.session} {direction} {counter} {'encrypted' if encrypted else 'clear'}\n".encode()

    def _mac(self, label: bytes) -> MacKey:
        return self._suite.mac_key(self._suite.derive(self._mac_master, label.decode()))

    def _encryption(self, label: bytes) -> SealKey:
        return self._suite.seal_key(self._suite.derive(self._encryption_master, label.decode()))


@dataclass(slots=True)
class Session:
    """The module's end of the one open session (J-08)."""

    keys: SessionKeys
    received: int = 0
    """Messages accepted; the next must be one more."""
    user: str | None = None
    """Who is logged on (J-12: one at a time)."""
    role: str | None = None
    timeout_seconds: int = 0
    """Inactivity that ends the logon (G-206)."""
    used_at: datetime | None = None

    def log_off(self) -> None:
        """End the logon."""
        self.user = self.role = None

    def end_idle_logon(self, now: datetime) -> None:
        """End the logon of a user who sent nothing for longer than the account's time-out (M-55)."""
        if self.user is not None and now - (self.used_at or now) > timedelta(seconds=self.timeout_seconds):
            self.log_off()
