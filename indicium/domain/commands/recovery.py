"""Back to agreement with the database (O-10 … O-15)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Command


class AutoRecoverCheckpoint(Command):
    """Go back to an older checkpoint that the database still has (B-54, O-10 … O-13)."""


class RecoverFromDisaster(Command):
    """Set the module to a stated record of the database, by an operator (O-15, M-64)."""

    sequence: Annotated[int, Field(ge=1)]
    """Audit sequence number of the record."""
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of its line in hex."""


class ReleaseFailures(Command):
    """Count failed modules no more, and end the shutdown of the system: an officer investigated (M-28, O-08)."""

    modules: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9]{1,16}$")], ...], Field(min_length=1)]
    """Serial numbers of the modules whose failure was investigated: all that failed, and no others."""
