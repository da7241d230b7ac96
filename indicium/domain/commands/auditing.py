"""Audit support: entries on request, and the audit key (I)."""

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
