"""Handlers of audit support (I-20)."""

from indicium.cryptomodule.auditing import fingerprint
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.domain.commands.auditing import (
    ArchiveLog,
    CreateAuditEntry,
    CreateAuditKey,
    DeleteLog,
    ExportAuditKey,
    LogRange,
)
from indicium.domain.errors import CommandNotAllowed, UnknownRecord


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


def create_audit_key(inside: Inside, _command: CreateAuditKey) -> Effect:
    """Draw a new audit signing key; the old one signs the record that announces it (B-39, M-24).

    The key itself goes to the Auditor, by Export audit key; the Security Officer is told its fingerprint.
    """
    signing_key = inside.suite.generate_signing_key()
    inside.cold.audit_key = signing_key.der
    public = signing_key.public()
    named = fingerprint(public)
    return Effect(
        reply={"fingerprint": named},
        event="audit-key-created",
        software="audit-support",
        data={"audit_key": public.pem.decode(), "fingerprint": named, "suite": inside.suite.name},
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


def archive_log(inside: Inside, command: ArchiveLog) -> Effect:
    """Record what the Auditor copied to an archive (M-57)."""
    return _log_moved(inside, command, "log-archived")


def delete_log(inside: Inside, command: DeleteLog) -> Effect:
    """Record what the Auditor deletes (M-57): the module stores no log, the host deletes after this was saved."""
    return _log_moved(inside, command, "log-deleted")


def _log_moved(inside: Inside, command: LogRange, event: str) -> Effect:
    """Name the records, and see that they are some; of another chain of this module only its files say how many."""
    head = inside.hot.head.sequence
    if command.first > command.last or (command.chain == inside.hot.chain and command.last > head):
        raise UnknownRecord(chain=command.chain, sequence=max(command.first, command.last), last=head)
    return Effect(reply={}, event=event, software="audit-support", data=command.model_dump())
