"""Verifying a source: an audit file, a folder of them, or a store. Reads only; a read-only copy will do."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import groupby, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from indicium.cryptomodule.backward import verify_backward
from indicium.cryptomodule.keyring import Lines, assign, said_first
from indicium.cryptomodule.lines import lines_in
from indicium.cryptomodule.pieces import joined, verify_pieces
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.spreading import Progress, verify_file
from indicium.cryptomodule.verifier import AuditKey, ChainReport, Verdict, load_key, overall
from indicium.domain.errors import BadFile, BadValue, ExtraMissing
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId
from indicium.infrastructure.segments import segments_in
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


class Examined(NamedTuple):
    """A chain of a source."""

    report: ChainReport
    """What its verification found."""
    lines: Lines
    """Reads it once more."""

    def accepted(self) -> Iterator[bytes]:
        """Give the lines before the first bad record, of a chain that was read forward."""
        bad, covered = self.report.first_bad, self.report.range
        behind = 0 if bad is None or covered is None else max(0, covered[1] - bad.sequence + 1)
        return islice(self.lines(), max(0, self.report.records - behind))


class Examination(NamedTuple):
    """How the chains of a source are to be verified."""

    keys: Sequence[AuditKey]
    """The auditor's."""
    head: Head | None
    """What the auditor noted."""
    progress: Progress
    workers: int = 1
    """Processes that share a long audit file."""
    backward: bool = False
    """Whether an audit file is read from its newest record back, to the head if it is there (I-25)."""
    heads: Mapping[str, Head] = MappingProxyType({})
    """What the auditor noted of one chain or another."""

    def head_of(self, chain: str) -> Head | None:
        """Give the noted head that a chain must have."""
        return self.head or self.heads.get(chain)


def verify(
    source: str,
    key_files: Sequence[Path],
    head: Head | None,
    progress: Progress,
    *,
    workers: int = 1,
    backward: bool = False,
) -> list[ChainReport]:
    """Verify every chain of a source; see `Examination`. Raises as `examine`."""
    how = Examination(read_keys(key_files), head, progress, workers, backward)
    return [found.report for found in examine(source, how)]


def examine(source: str, how: Examination) -> list[Examined]:
    """Verify every chain of a source, each with that of the keys which fits it, and tell where its lines are.

    Raises `BadFile`, `BadValue`, `Misconfigured`, `KeyNotUsable`.
    """
    if not source.strip():
        raise BadValue(field="SOURCE", why="it is empty: name an audit file, a folder of them, a home or a store")
    path = Path(source)
    if "://" in source or _is_database(path):
        demand_forward(how)
        return _verify_store(source if "://" in source else f"sqlite:///{path.absolute()}", how)
    if (path / MANIFEST).is_file():
        demand_forward(how)
        return _verify_export(path, how)
    if path.is_dir():
        folder = path / "audit" if (path / "audit").is_dir() else path
        return [
            _verify_files(files, how._replace(keys=how.keys or _keys_beside(files[0]))) for files in _chains(folder)
        ]
    return [_verify_file(path, how)]


def demand_forward(how: Examination) -> None:
    """Refuse to read a store or an export backward. Raises `BadValue`."""
    if how.backward:
        raise BadValue(field="--backward", why="only a chain in one audit file is read from its newest record back")


def need_analysis() -> None:
    """See that the extra for Parquet files is installed. Raises `ExtraMissing`."""
    if find_spec("pyarrow") is None:
        raise ExtraMissing(extra="analysis")


def _verify_export(folder: Path, how: Examination) -> list[Examined]:
    need_analysis()
    from indicium.entrypoints.export import lines_of_export, verify_export

    reports = verify_export(folder, how.keys, how.head_of)
    return [Examined(found, partial(lines_of_export, folder, chain)) for chain, found in reports.items()]


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:
        return False


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


def _verify_file(path: Path, how: Examination) -> Examined:
    lines = partial(lines_in, path)
    try:
        key, head = assign({path: lines}, how.keys)[path], how.head_of(said_first(lines, "chain"))
        if how.backward:
            return Examined(verify_backward(path, key, head, how.progress), lines)
        return Examined(verify_file(path, key, head, workers=how.workers, progress=how.progress), lines)
    except OSError as error:
        raise BadFile(path=str(path), why=error.strerror or "it cannot be read") from None


def _chains(folder: Path) -> list[list[Path]]:
    """Give the audit files of a folder, those of one chain together and in its order."""
    named = segments_in(folder)
    chains = [[file.path for file in files] for _, files in groupby(named, lambda file: (file.serial, file.chain))]
    others = set(folder.glob("*.audit")) - {file.path for file in named}
    return sorted(chains + [[path] for path in others])


def _verify_files(files: Sequence[Path], how: Examination) -> Examined:
    """Verify a chain that lies in one file or in several."""
    if len(files) == 1:
        return _verify_file(files[0], how)
    demand_forward(how)
    pieces = [partial(lines_in, path) for path in files]
    lines = partial(joined, pieces)
    try:
        key = assign({files[0]: lines}, how.keys)[files[0]]
        return Examined(verify_pieces(pieces, key, how.head_of(said_first(lines, "chain"))), lines)
    except OSError as error:
        raise BadFile(path=str(files[0]), why=error.strerror or "it cannot be read") from None


def _verify_store(url: str, how: Examination) -> list[Examined]:
    with Store.open(url, read_only=True) as store:
        whose = assign({chain: partial(lines_of_store, store, chain) for chain, _ in store.chains()}, how.keys)
        return [
            Examined(verify_rows(store.records(chain), key, how.head_of(chain)), partial(_lines_at, url, chain))
            for chain, key in whose.items()
        ]


def lines_of_store(store: Store, chain: ChainId) -> Iterator[bytes]:
    """Give a chain's lines as a store holds them. Raises `BadRecord`, `StoreFailed`."""
    return (record.line for record in store.records(chain))


def _lines_at(url: str, chain: ChainId) -> Iterator[bytes]:
    with Store.open(url, read_only=True) as store:
        yield from lines_of_store(store, chain)


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
