"""What a module's process and its clients say to each other: a JSON object a line, over a Unix domain socket.

The process greets first. Then each message of a client holds requests, and each answer holds, in the same order, their
replies or what they met; an error crosses as its code and its facts. Nothing that arrives selects code: commands and
errors are looked up in closed tables.
"""

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from indicium.domain.commands import COMMANDS
from indicium.domain.commands.base import Command
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import BY_CODE, AnswerLost, BadValue, IndiciumError, revive
from indicium.domain.heads import Action
from indicium.domain.wording import first_fault

PROTOCOL: Final = 1
"""Number of this language; both sides must have the same."""

LONGEST_MESSAGE: Final = 1 << 24
"""Bytes of the longest message that a client may send: one sheet of 65,536 items, 256 bytes each."""

ROOM: Final = 1 << 20
"""Bytes of requests after which a client begins another message; only a request that is longer goes by itself."""

LONGEST_REQUEST: Final = LONGEST_MESSAGE - 64
"""Bytes of the longest request that a message has room for."""

_KINDS: Final[dict[str, type[Command]]] = {**COMMANDS, SessionMessage.__name__: SessionMessage}


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def read(cls, received: bytes) -> Self:
        """Read a message. Raises `BadValue`."""
        try:
            return cls.model_validate_json(received)
        except ValidationError as error:
            raise BadValue(field="message", why=str(first_fault(error))) from None

    def line(self) -> bytes:
        """Write the message; JSON escapes every line break in it."""
        return self.model_dump_json(exclude_defaults=True).encode() + b"\n"


class Greeting(_Message):
    """What the process says first."""

    protocol: int
    serial: str
    chain: str
    process: int
    """Its number as it sees itself."""
    recovered: tuple[Action, ...]
    """What was done when it brought memory, store and copy together."""


class Asked(_Message):
    """What a client says."""

    number: Annotated[int, Field(ge=1)]
    """The client's own number of this message; the answer bears it."""
    requests: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Commands by their names, with their arguments."""
    stop: bool = False
    """Whether the process is to stop; the connection ends when the module is closed."""


class Result(_Message):
    """What became of one request."""

    reply: str | None = None
    refused: str | None = None
    """Stable code of the error."""
    facts: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, outcome: bytes | IndiciumError) -> Self:
        """Write a reply or an error."""
        if isinstance(outcome, IndiciumError):
            return cls(refused=outcome.code, facts=vars(outcome))
        return cls(reply=outcome.decode())

    def outcome(self) -> bytes | IndiciumError:
        """Give the reply or the error again."""
        if self.refused is None:
            return (self.reply or "").encode()
        if self.refused not in BY_CODE:
            return AnswerLost(why=f"it answered {self.refused!r}, which this version does not know")
        return revive(self.refused, self.facts)


class Answer(_Message):
    """What the process answers. Number 0 answers what could not be read, and is the last."""

    number: int
    results: tuple[Result, ...]


def rendered(request: Command) -> bytes:
    """Write a request as it stands in a message. Raises `BadValue` for one that no message has room for."""
    name = type(request).__name__
    written = b'["%s",%s]' % (name.encode(), request.model_dump_json().encode())
    if len(written) > LONGEST_REQUEST:
        raise BadValue(field=name, why=f"it is longer than {LONGEST_REQUEST} bytes")
    return written


def message(number: int, requests: list[bytes]) -> bytes:
    """Write a message of requests that are rendered already."""
    return b'{"number":%d,"requests":[%s]}\n' % (number, b",".join(requests))


def command(name: str, arguments: dict[str, Any]) -> Command:
    """Make a command of its name and its arguments. Raises `BadValue`."""
    kind = _KINDS.get(name)
    if kind is None:
        raise BadValue(field="command", why="there is none of that name")
    try:
        return kind.model_validate_json(to_json(arguments))
    except ValidationError as error:
        raise BadValue(field=name, why=str(first_fault(error))) from None
