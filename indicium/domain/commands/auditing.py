"""Audit support: entries on request, and the audit key (I)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Command, Note


class CreateAuditEntry(Command):
    """Make an entry that somebody asked for (B-38, G-917)."""

    text: Note
    signed: bool = False
    """Whether the entry's signature is forced."""


class CreateAuditKey(Command):
    """Replace the audit signing key; the old one announces the new one (B-39, M-24)."""


class ExportAuditKey(Command):
    """Give out the audit verification key (B-40, I-14)."""


class LogRange(Command):
    """Records of a chain, by their sequence; what they are is the host's to verify (M-57)."""

    chain: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    first: Annotated[int, Field(ge=1)]
    last: Annotated[int, Field(ge=1)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 in hex over their lines, as they stand in files."""


class ArchiveLog(LogRange):
    """Record that verified records were copied to an archive (M-57)."""


class DeleteLog(LogRange):
    """Record that records, verified and archived, are deleted where the audit file server keeps them (M-57)."""
