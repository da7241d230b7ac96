"""What every event has in common: the envelope of record format 1 (G5), and kinds of values."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from indicium.domain.identity import ChainId

Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hex."""


class Value(BaseModel):
    """A part of an event: frozen, and nothing but what is declared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Data(Value):
    """What an event itself says (G-511)."""

    boot: Literal[True] | None = None
    """True in the first record after a boot (I-19)."""


class NoData(Data):
    """Nothing but the envelope."""


class Event(BaseModel):
    """The envelope of record format 1."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Annotated[int, Field(ge=1, le=1)]  # a literal would take true for 1
    previous: Hex64
    chain: str
    module: str
    sequence: int
    event: str
    suite: str
    key: Hex64
    software: str
    command: str
    user: str | None
    role: str | None
    state: str
    persistent: str
    at: str
    reason: int
    data: Data

    @property
    def originator_id(self) -> ChainId:
        """The chain: the stream that this event belongs to."""
        return ChainId(self.chain)

    @property
    def originator_version(self) -> int:
        """The audit sequence number."""
        return self.sequence
