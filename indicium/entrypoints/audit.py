"""Verifying a source: an audit file, a folder of them, or a store. Reads only; a read-only copy will do."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from indicium.cryptomodule.verifier import AuditKey, ChainReport, Verdict, load_key, overall, verify_chain, verify_rows
from indicium.domain.errors import BadFile, BadValue
from indicium.domain.flow import Head
from indicium.infrastructure.store import Store

EXIT_STATUS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCOMPLETE: 2}
"""What `verify` returns."""


_TELL_BYTES = 4_000_000
_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")


def parse_head(text: str) -> Head:
    """Read a head as an auditor noted it, `SEQUENCE:HASH`. Raises `BadValue`."""
    noted = _HEAD.fullmatch(text)
    if noted is None:
        raise BadValue(field="--head", why="write SEQUENCE:HASH, the hash as 64 hex digits")
    return Head(int(noted[1]), noted[2])


def verify(
    source: str, key_file: Path | None, head: Head | None, progress: Callable[[int, int], None]
) -> list[ChainReport]:
    """Verify every chain of a source. Raises `BadFile`, `Misconfigured`, `KeyNotUsable`."""
    if "://" in source:
        return _verify_store(source, key_file, head)
    path = Path(source)
    if path.is_dir():
        folder = path / "audit" if (path / "audit").is_dir() else path
        files = sorted(folder.glob("*.audit"))
        return [_verify_file(file, key_file or _key_beside(file), head, progress) for file in files]
    return [_verify_file(path, key_file, head, progress)]


def as_json(reports: Sequence[ChainReport]) -> dict[str, Any]:
    """Give the reports in the shape of `audit-record`."""
    return {"verdict": overall(reports), "chains": [_report_as_json(report) for report in reports]}


def _report_as_json(report: ChainReport) -> dict[str, Any]:
    bad = report.first_bad
    return {
        "chain": report.chain,
        "module": report.module,
        "verdict": report.verdict,
        "records": report.records,
        "signatures": report.signatures,
        "unsigned_tail": report.unsigned_tail,
        "range": report.range,
        "first_bad": bad and {"module": bad.module, "sequence": bad.sequence, "reason": bad.reason},
        "head": {"sequence": report.head.sequence, "hash": report.head.hash},
        "missing": report.missing,
    }


def _verify_file(
    path: Path, key_file: Path | None, head: Head | None, progress: Callable[[int, int], None]
) -> ChainReport:
    key = _load(key_file)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return verify_chain(cast("BinaryIO", _Watched(file, size, progress)), key, head)
    except OSError as error:
        raise BadFile(path=str(path), why=error.strerror or "it cannot be read") from None


class _Watched:
    """A binary stream that tells how far it was read."""

    def __init__(self, file: BinaryIO, size: int, progress: Callable[[int, int], None]) -> None:
        self._file, self._size, self._progress = file, size, progress
        self._read = self._told = 0

    def readline(self, limit: int) -> bytes:
        """Read a line; every few megabytes tell how far it is."""
        line = self._file.readline(limit)
        self._read += len(line)
        if self._read - self._told > _TELL_BYTES:
            self._told = self._read
            self._progress(self._read, self._size)
        return line


def _verify_store(url: str, key_file: Path | None, head: Head | None) -> list[ChainReport]:
    key = _load(key_file)
    with Store.open(url, read_only=True) as store:
        return [verify_rows(store.records(chain), key, head) for chain, _ in store.chains()]


def _key_beside(file: Path) -> Path | None:
    """Give the key that a home keeps for an audit file: the module's serial number begins the file's name."""
    key = file.parent.parent / "keys" / f"{file.name.partition('-')[0]}.audit.pem"
    return key if key.exists() else None


def _load(key_file: Path | None) -> AuditKey | None:
    if key_file is None:
        return None
    try:
        return load_key(key_file.read_bytes())
    except OSError as error:
        raise BadFile(path=str(key_file), why=error.strerror or "it cannot be read") from None
