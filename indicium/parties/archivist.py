"""What the Auditor does with verified logs (M-57, I-33): copies them to an archive, and deletes what is there twice.

The module stores no log, so both are the host's work. The module sees to it that an Auditor does it, and says in a
signed record which records of which chain, and what they are. Only what passes is archived; only what was archived, and
recorded as such, is deleted, and only behind the record that says so: a crash there leaves files that are deleted when
it is said once more.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from indicium.cryptomodule.keyring import assign
from indicium.cryptomodule.lines import lines_in
from indicium.cryptomodule.pieces import joined, verify_pieces
from indicium.cryptomodule.verifier import AuditKey, Verdict
from indicium.domain.commands.auditing import ArchiveLog, DeleteLog
from indicium.domain.errors import BadFile, BadValue, LogNotArchived, LogNotVerified
from indicium.domain.events import LogArchived, parse_event
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.files import reason, remove_durably, sync_folder, write_atomically
from indicium.infrastructure.segments import Segment, segments_of
from indicium.infrastructure.store import Store
from indicium.parties.attended import Attended
from indicium.parties.operator import Operator


class Moved(NamedTuple):
    """Records that were archived or deleted."""

    chain: ChainId
    first: int
    last: int
    digest: str
    """SHA-256 over their lines."""
    files: Sequence[str]


class Log(NamedTuple):
    """The segments of one chain in a folder, up to a record."""

    folder: Path
    serial: Serial
    chain: ChainId
    upto: int

    def segments(self) -> list[Segment]:
        """Give them, in the order of their records."""
        found = segments_of(self.folder, self.serial, self.chain)
        return [file for file in found if not file.is_open and file.last <= self.upto]


def archive(operator: Operator, log: Log, archive_folder: Path, keys: Sequence[AuditKey]) -> Moved:
    """Copy segments to an archive that does not have them yet, and have the module record it.

    Raises `LogNotVerified` unless the archive passes with them, from record 1 on; `BadValue` where nothing is new.
    """
    there = log._replace(folder=archive_folder)
    held = {file.path.name for file in there.segments()}
    new = [file for file in log.segments() if file.path.name not in held]
    if not new:
        raise BadValue(field="--upto", why="no segment up to there waits to be archived")
    _demand_pass(log, sorted([*there.segments(), *new], key=lambda file: (file.first, file.last)), keys)
    moved = _moved(log.chain, new)
    try:
        archive_folder.mkdir(parents=True, exist_ok=True)
        sync_folder(archive_folder.parent)
        for file in new:
            write_atomically(archive_folder / file.path.name, file.path.read_bytes())
    except OSError as error:
        raise BadFile(path=str(archive_folder), why=reason(error)) from None
    copied = [file._replace(path=archive_folder / file.path.name) for file in new]
    if _moved(log.chain, copied).digest != moved.digest:
        raise LogNotVerified(chain=log.chain, folder=str(archive_folder), why="it does not hold what was copied to it")
    operator.send(ArchiveLog(chain=moved.chain, first=moved.first, last=moved.last, digest=moved.digest))
    return moved


def delete(
    module: Attended, operator: Operator, logs: Sequence[Log], archive_folder: Path, keys: Sequence[AuditKey]
) -> Moved:
    """Have the module record that archived segments are deleted, then delete them in all folders that are named.

    Raises `LogNotVerified` unless the archive passes, from record 1 on; `LogNotArchived` for what is not in it as a
    record says; `BadValue` where there is nothing to delete.
    """
    there = logs[0]._replace(folder=archive_folder)
    files = {file.path.name: file for log in logs for file in log.segments()}
    doomed = sorted(files.values(), key=lambda file: file.first)
    if not doomed:
        raise BadValue(field="--upto", why="no segment ends at or before it")
    archived = {file.path.name: file for file in there.segments()}
    _demand_pass(there, list(archived.values()), keys)
    ranges = list(_recorded(module, there.chain))
    for file in doomed:
        name = file.path.name
        if name not in archived:
            raise LogNotArchived(segment=name, why=f"{archive_folder} does not hold it")
        if not any(first <= file.first and file.last <= last for first, last in ranges):
            raise LogNotArchived(segment=name, why="no record says that it was archived")
    moved = _moved(there.chain, [archived[file.path.name] for file in doomed])
    operator.send(DeleteLog(chain=moved.chain, first=moved.first, last=moved.last, digest=moved.digest))
    for log in logs:
        for file in log.segments():
            remove_durably(file.path)
    return moved


def _demand_pass(log: Log, segments: Sequence[Segment], keys: Sequence[AuditKey]) -> None:
    """Demand that segments are a chain from its first record on, and pass."""
    pieces = [partial(lines_in, file.path) for file in segments]
    try:
        report = verify_pieces(pieces, assign({log.chain: partial(joined, pieces)}, keys)[log.chain])
    except OSError as error:
        raise BadFile(path=str(error.filename), why=reason(error)) from None
    if report.verdict is Verdict.PASS:
        return
    bad = report.first_bad
    why = f"record {bad.sequence}: {bad.reason}" if bad else f"missing: {', '.join(report.missing)}"
    raise LogNotVerified(chain=log.chain, folder=str(log.folder), why=why)


def _moved(chain: ChainId, files: Sequence[Segment]) -> Moved:
    digest = hashlib.sha256()
    for file in files:
        try:
            digest.update(file.path.read_bytes())
        except OSError as error:
            raise BadFile(path=str(file.path), why=reason(error)) from None
    return Moved(chain, files[0].first, files[-1].last, digest.hexdigest(), [file.path.name for file in files])


def _recorded(module: Attended, chain: ChainId) -> Iterator[tuple[int, int]]:
    """Give the ranges of a chain that records of this store say were archived."""
    with Store.open(module.settings.store_url, read_only=True) as store:
        for written, _ in store.chains():
            for record in store.records(written):
                event = parse_event(record.line) if record.event == "log-archived" else None
                if isinstance(event, LogArchived) and event.data.chain == chain:
                    yield event.data.first, event.data.last
