"""A person at the module's management port: opens the session, logs on, sends commands (J-01 … J-09)."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import orjson
from pydantic import ValidationError

from indicium.cryptomodule.sessions import SessionKeys
from indicium.cryptomodule.suites import Suite
from indicium.domain.commands.access import ChangePassword, Logoff, Logon
from indicium.domain.commands.base import Command
from indicium.domain.commands.sessions import CloseSession, OpenSession
from indicium.domain.envelope import SessionAnswer, SessionCommand, SessionMessage
from indicium.domain.errors import (
    CommandNotAllowed,
    IndiciumError,
    Inhibited,
    NotSaved,
    SessionMessageNotAuthentic,
    SessionRequired,
    revive,
)
from indicium.domain.messages import password

Execute = Callable[[Command], bytes]
"""Carries a request to the module and its reply back, saved in between."""

ExecuteAll = Callable[[Sequence[Command]], Sequence[bytes | IndiciumError]]
"""Does requests together; gives each one's reply or error."""

SESSION_GONE = (Inhibited, NotSaved, SessionMessageNotAuthentic, SessionRequired)
"""After these there is no session to close, or no module to close it."""


class Operator:
    """The host's end of a session. Use it as a context manager: it closes what it opened."""

    def __init__(self, execute: Execute, suite: Suite, serial: str) -> None:
        """Open the session: ephemeral keys, not authenticated, therefore isolated from networks (J-02, J-03)."""
        self._execute = execute
        offer = suite.offer_session()
        reply = orjson.loads(execute(OpenSession(host_key=offer.host_key)))
        module_key = bytes.fromhex(reply["module_key"])
        self._keys = SessionKeys(suite, offer.secret(module_key), offer.host_key, module_key)
        self._serial = serial
        self._sent = 0
        self._user: str | None = None

    def __enter__(self) -> Self:
        """Return the operator with its session open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log off if need be and close the session, after an error too; not after one that says the session is gone."""
        if isinstance(error, SESSION_GONE) or not isinstance(error, Exception | None):
            return
        try:
            if self._user is not None:
                with suppress(CommandNotAllowed):  # its time ran out (M-55)
                    self.logoff()
            self.send(CloseSession())
        except IndiciumError:
            if error is None:
                raise

    def logon(self, user: str, passphrase: str) -> dict[str, Any]:
        """Log a user on; the passphrase leaves this process hashed and encrypted (J-10, J-11).

        The reply says the role, and whether the password has expired and must be changed first.
        """
        reply = self.send(Logon(user=user, password=password(self._serial, user, passphrase)), encrypted=True)
        self._user = user
        return reply

    def logoff(self) -> None:
        """End the logon."""
        self.send(Logoff())
        self._user = None

    def change_passphrase(self, old: str, new: str) -> dict[str, Any]:
        """Give the user who is logged on another passphrase (B-29); the reply says until when it is good.

        Both are hashed for that user's name, as at a logon. Raises `SessionRequired` if nobody is logged on.
        """
        user = self._user
        if user is None:
            raise SessionRequired(command="ChangePassword")
        before, after = (password(self._serial, user, passphrase) for passphrase in (old, new))
        return self.send(ChangePassword(old=before, new=after), encrypted=True)

    def send(self, command: Command, *, encrypted: bool = False) -> dict[str, Any]:
        """Send one command in the session and give its reply; raise the module's refusal."""
        self._sent += 1
        arguments = orjson.loads(command.model_dump_json())
        sent = SessionCommand(command=type(command).__name__, arguments=arguments)
        message = self._keys.seal("command", self._sent, sent.model_dump_json().encode(), encrypted=encrypted)
        meters = getattr(command, "psd_ids", ())  # the server brings their packages along, and may not read the body
        reply = self._execute(message.model_copy(update={"psd_ids": meters}))
        try:
            answered = SessionMessage.model_validate_json(reply)
            answer = SessionAnswer.model_validate_json(self._keys.open("answer", self._sent, answered))
        except ValidationError:
            raise SessionMessageNotAuthentic from None
        if answer.refused is not None:
            raise revive(answer.refused, answer.facts)
        return answer.reply or {}
