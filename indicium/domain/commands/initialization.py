"""The commands that run once in a module's life (C-36)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Command
from indicium.domain.identity import SuiteName


class StartInitialization(Command):
    """Erase all memory and begin a new chain, whose first record is this one (B-01, C-02)."""

    signature_interval: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Every record whose sequence is a multiple of this is signed (I-07, M-87)."""


class GenerateMasterKeySet(Command):
    """Generate the module's own MKS; the module is a master from then on (B-03, C-03)."""

    suite: SuiteName | None = None
    """The suite that seals what will lie under it: the module's own, or a stronger one to translate meters to."""


class GenerateTransportKeyPair(Command):
    """Make the key pair for importing an MKS; the module is not a master (B-04, C-04)."""
