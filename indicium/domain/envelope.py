"""The session envelope (G-909): how commands of the module travel (J-06)."""

from typing import Annotated, Any

from pydantic import Field

from indicium.domain.commands.base import Command


class SessionMessage(Command):
    """A command or its answer, with its MAC, encrypted where asked."""

    session: str
    counter: Annotated[int, Field(ge=1)]
    """Number of the message in its direction; each has its own transaction keys (J-05)."""
    encrypted: bool
    body: bytes
    mac: Annotated[bytes, Field(repr=False)]


class SessionAnswer(Command):
    """What a session message of the module holds: a reply, or a refusal with its facts."""

    reply: dict[str, Any] | None = None
    refused: str | None = None
    """Stable code of the error."""
    facts: dict[str, Any] = Field(default_factory=dict)


class SessionCommand(Command):
    """What a session message of the host holds: a command by its name, and its arguments."""

    command: str
    arguments: dict[str, Any]
