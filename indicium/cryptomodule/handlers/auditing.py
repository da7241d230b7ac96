"""Handlers of audit support (I-20)."""

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.domain.commands.auditing import CreateAuditEntry, ExportAuditKey
from indicium.domain.errors import CommandNotAllowed


def export_audit_key(inside: Inside, _command: ExportAuditKey) -> Effect:
    """Give the audit verification key to the Auditor (I-14)."""
    if inside.trail is None:
        raise CommandNotAllowed(command="ExportAuditKey", state=inside.state, role="auditor")
    return Effect(
        reply={"audit_key": inside.trail.verification_key.decode()},
        event="audit-key-exported",
        software="audit-support",
        data={},
    )


def create_audit_entry(_inside: Inside, command: CreateAuditEntry) -> Effect:
    """Make an entry on request; the flag forces its signature (B-38, G-917)."""
    return Effect(
        reply={},
        event="audit-entry-created",
        software="audit-support",
        data={"text": command.text},
        signed=command.signed,
    )
