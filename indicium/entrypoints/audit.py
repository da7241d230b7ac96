"""Verifying a source: an audit file, a folder of them, or a store. Reads only; a read-only copy will do."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.spreading import Progress, verify_file
from indicium.cryptomodule.verifier import AuditKey, ChainReport, Verdict, load_key, overall
from indicium.domain.errors import BadFile, BadRecord, BadValue, ExtraMissing
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import ChainId
from indicium.domain.record import split
from indicium.infrastructure.store import Store

EXIT_STATUS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCOMPLETE: 2}
"""What `verify` returns."""

MANIFEST = "manifest.json"
"""The file that makes a folder an export."""

_DATABASE = b"SQLite format 3\x00"
_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")


def parse_head(text: str) -> Head:
    """Read a head as an auditor noted it, `SEQUENCE:HASH`. Raises `BadValue`."""
    noted = _HEAD.fullmatch(text)
    if noted is None:
        raise BadValue(field="--head", why="write SEQUENCE:HASH, the hash as 64 hex digits")
    return Head(int(noted[1]), noted[2])


def verify(
    source: str, key_files: Sequence[Path], head: Head | None, progress: Progress, *, workers: int = 1
) -> list[ChainReport]:
    """Verify every chain of a source, each with that of the keys which fits it; `workers` processes share a long file.

    Raises `BadFile`, `Misconfigured`, `KeyNotUsable`.
    """
    keys = read_keys(key_files)
    path = Path(source)
    if "://" in source or _is_database(path):
        return _verify_store(source if "://" in source else f"sqlite:///{path.absolute()}", keys, head)
    if (path / MANIFEST).is_file():
        return _verify_export(path, keys, head)
    if path.is_dir():
        folder = path / "audit" if (path / "audit").is_dir() else path
        files = sorted(folder.glob("*.audit"))
        return [_verify_file(file, keys or _keys_beside(file), head, progress, workers) for file in files]
    return [_verify_file(path, keys, head, progress, workers)]


def need_analysis() -> None:
    """See that the extra for Parquet files is installed. Raises `ExtraMissing`."""
    if find_spec("pyarrow") is None:
        raise ExtraMissing(extra="analysis")


def _verify_export(folder: Path, keys: Sequence[AuditKey], head: Head | None) -> list[ChainReport]:
    need_analysis()
    from indicium.entrypoints.export import verify_export

    return verify_export(folder, keys, head)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:
        return False


def _first_that_fits(keys: Sequence[AuditKey], examine: Callable[[AuditKey | None], ChainReport]) -> ChainReport:
    """Verify with one key after the other until a record is accepted: another module's key accepts none."""
    reports = map(examine, keys) if keys else iter([examine(None)])
    first = next(reports)
    return first if first.records else next((report for report in reports if report.records), first)


def as_json(reports: Sequence[ChainReport]) -> dict[str, Any]:
    """Give the reports in the shape of `audit-record`."""
    return {"verdict": overall(reports), "chains": [report_as_json(report) for report in reports]}


def report_as_json(report: ChainReport) -> dict[str, Any]:
    """Give the report of one chain in that shape."""
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
    path: Path, keys: Sequence[AuditKey], head: Head | None, progress: Progress, workers: int
) -> ChainReport:
    def examine(key: AuditKey | None) -> ChainReport:
        return verify_file(path, key, head, workers=workers, progress=progress)

    try:
        return _first_that_fits(keys, examine)
    except OSError as error:
        raise BadFile(path=str(path), why=error.strerror or "it cannot be read") from None


def _verify_store(url: str, keys: Sequence[AuditKey], head: Head | None) -> list[ChainReport]:
    with Store.open(url, read_only=True) as store:
        whose = keys_by_chain(store, [chain for chain, _ in store.chains()], keys)
        return [verify_rows(store.records(chain), key, head) for chain, key in whose.items()]


def keys_by_chain(store: Store, chains: Iterable[ChainId], keys: Sequence[AuditKey]) -> dict[ChainId, AuditKey | None]:
    """Give each chain of a store the key that its first record names; None where we hold none for it.

    A key that no chain names is one whose chain may have been replaced. Then a chain that names none of ours gets the
    first of them, with which nothing passes; else it is another auditor's.
    """
    named = {chain: _named(store.records(chain, upto=1)) for chain in chains}
    ours = {key.fingerprint: key for key in keys}
    replaced = any(fingerprint not in named.values() for fingerprint in ours)
    return {chain: ours.get(name, keys[0] if replaced else None) for chain, name in named.items()}


def _named(records: Iterator[SealedRecord]) -> str:
    try:
        return str(orjson.loads(split(next(records).line)[0])["key"])
    except (StopIteration, BadRecord, ValueError, TypeError, KeyError):  # the verifier says what is wrong with it
        return ""


def _keys_beside(file: Path) -> list[AuditKey]:
    """Give the keys that a home keeps for a module: its serial number begins the file's name.

    There are several where a ceremony was interrupted: the module was reset, and has had a key of its own for each
    chain.
    """
    serial, keys = file.name.partition("-")[0], file.parent.parent / "keys"
    return read_keys(
        path for name in (f"{serial}.audit.pem", f"{serial}-*.audit.pem") for path in sorted(keys.glob(name))
    )


def keys_of(home: Path) -> list[AuditKey]:
    """Give all audit verification keys that a home keeps; none if there is no home. Raises as `read_keys`."""
    return read_keys(sorted((home / "keys").glob("*.audit.pem")))


def read_keys(files: Iterable[Path]) -> list[AuditKey]:
    """Read audit verification keys. Raises `BadFile`, `KeyNotUsable`."""
    return [_load(path) for path in files]


def _load(key_file: Path) -> AuditKey:
    try:
        return load_key(key_file.read_bytes())
    except OSError as error:
        raise BadFile(path=str(key_file), why=error.strerror or "it cannot be read") from None
