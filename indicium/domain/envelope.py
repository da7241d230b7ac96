"""The session envelope (G-909): how commands of the module travel (J-06)."""

from typing import Annotated, Any

from pydantic import Field

from indicium.domain.commands.base import Command
from indicium.domain.commands.meter import PsdId
from indicium.domain.commands.mks_usage import MOST_METERS


class SessionMessage(Command):
    """A command or its answer, with its MAC, encrypted where asked."""

    session: str
    counter: Annotated[int, Field(ge=1)]
    """Number of the message in its direction; each has its own transaction keys (J-05)."""
    encrypted: bool
    body: bytes
    mac: Annotated[bytes, Field(repr=False)]
    psd_ids: Annotated[tuple[PsdId, ...], Field(max_length=MOST_METERS)] = ()
    """Meters whose packages the server brings along, for it may not read the body. Not authenticated: a meter that is
    missing here is refused by the module, and one that is here for nothing is not looked at."""


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
