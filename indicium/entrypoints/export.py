"""Exporting a store as Parquet files that say of themselves what they are worth.

The heads are read first, and what stands after them is not exported: three files of one moment, while the ledger goes
on. Every record is verified on its way into the files, so the verdict is about these rows and no others; a FAIL is
exported too, and says so. Memory grows with neither records nor meters.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from indicium.cryptomodule.keyring import assign
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import AuditKey, ChainReport, Verdict, overall
from indicium.domain.errors import BadFile
from indicium.domain.flow import GENESIS, Head, SealedRecord
from indicium.domain.identity import ChainId
from indicium.domain.registers import NO_TOTALS, Totals
from indicium.entrypoints.audit import MANIFEST, lines_of_store, report_as_json
from indicium.entrypoints.columns import TABLES, Reader, Reading, meter_values
from indicium.entrypoints.parquet import TableFile, chains, records
from indicium.infrastructure.files import write_atomically
from indicium.infrastructure.folders import written_whole
from indicium.infrastructure.store import Store
from indicium.projections.aside import RegistersAside, registers_aside

FORMAT: Final = 1
"""Version of the files' columns and of the manifest."""

METADATA: Final = "indicium"
"""Under which key each file's metadata say what the manifest says, but for the files' digests."""

FILES: Final = {name: f"{name}.parquet" for name in TABLES}

ROWS_AT_ONCE: Final = 10_000
"""Most rows of a row group: what is in memory at a time, and read at a time."""

BYTES_AT_ONCE: Final = 16 * 1024 * 1024
"""Bytes of records after which a row group ends, however few rows it has."""

_SCRATCH: Final = "registers.db"
_DOWNLOADED: Final = "postage-value-downloaded"
_PRINTED: Final = ("indicium-created", "postage-correction-created", "sheet-created")
_REFUNDED: Final = "refund-indicium-created"

Progress = Callable[[int, int], None]


class Tie(NamedTuple):
    """Two sums, in mills, that come from different rows and must be one."""

    name: str
    here: int
    there: int


@dataclass(frozen=True, slots=True)
class ChainExport:
    """What of one chain is in the files."""

    report: ChainReport
    """What the verification of its rows found."""
    records: int
    end: Head
    """The newest record in the files."""
    discarded: int
    unread: int
    """Records whose bytes this version cannot read."""
    moved: Mapping[str, int]
    """Sum of the values in mills of its transactions, by event."""
    totals: Totals
    """What its last transaction in the files says that the module had moved."""

    @property
    def whole(self) -> bool:
        """Whether all its transactions are there to be summed up."""
        return self.report.first_bad is None and self.report.range is not None and self.report.range[0] == 1

    def as_json(self) -> dict[str, Any]:
        """Give the members of `verify`, and what was exported."""
        return report_as_json(self.report) | {
            "exported": {
                "records": self.records,
                "head": self.end._asdict(),
                "discarded": self.discarded,
                "unread": self.unread,
            }
        }


@dataclass(frozen=True, slots=True)
class Export:
    """What an export says of itself."""

    made: datetime
    chains: Sequence[ChainExport]
    ties: Sequence[Tie] | None
    """None where rows are missing, so that no sum can be expected to tie."""
    rows: Mapping[str, int]

    @property
    def reports(self) -> list[ChainReport]:
        """What the verification of each chain found."""
        return [chain.report for chain in self.chains]

    @property
    def broken_ties(self) -> list[Tie]:
        """The sums that do not tie."""
        return [tie for tie in self.ties or () if tie.here != tie.there]

    @property
    def verdict(self) -> Verdict:
        """The worst of the chains'; FAIL where sums do not tie, INCOMPLETE where a record cannot be read."""
        worst = overall(self.reports)
        if self.broken_ties:
            return Verdict.FAIL
        return Verdict.INCOMPLETE if worst is Verdict.PASS and self._unread else worst

    @property
    def reasons(self) -> list[str]:
        """Why the verdict is no PASS, one sentence each."""
        found = []
        for chain in self.chains:
            report, name = chain.report, f"chain {chain.report.chain}"
            if report.first_bad is not None:
                found.append(f"{name}: record {report.first_bad.sequence}: {report.first_bad.reason}")
            found += [f"{name}: missing: {missing}" for missing in report.missing]
        found += [f"{tie.name}: {tie.here} and {tie.there} mills" for tie in self.broken_ties]
        found += [f"{self._unread} records that this version cannot read"] if self._unread else []
        return found or ([] if self.chains else ["there is no chain"])

    @property
    def _unread(self) -> int:
        return sum(chain.unread for chain in self.chains)

    def as_json(self) -> dict[str, Any]:
        """Give what stands in the files."""
        return {
            "format": FORMAT,
            "software": _software(),
            "made": self.made.isoformat().replace("+00:00", "Z"),
            "unit": "mill: a tenth of a cent",
            "verdict": self.verdict,
            "reasons": self.reasons,
            "chains": [chain.as_json() for chain in self.chains],
            "ties": self.ties and [tie._asdict() | {"equal": tie.here == tie.there} for tie in self.ties],
            "rows": dict(self.rows),
        }


def export(
    store: Store, folder: Path, keys: Sequence[AuditKey], progress: Progress, *, noted: Head | None, fresh: bool
) -> Export:
    """Export all chains of a store into a folder that is there whole afterwards, or not at all.

    `keys` are the auditor's, `noted` a head that the auditor noted earlier; `fresh` puts the export in the place of an
    older one. Raises `ExportFolderTaken`, `ExportFailed`, `StoreFailed`.
    """
    heads = store.chains()
    with written_whole(folder, [*FILES.values(), MANIFEST], replace=fresh) as unfinished, ExitStack() as open_files:
        registers = open_files.enter_context(registers_aside(unfinished / _SCRATCH))
        files = {name: TableFile(unfinished / FILES[name], columns) for name, columns in TABLES.items()}
        for file in files.values():
            open_files.callback(file.close)
        way = _Way(files, registers, sum(last for _, last in heads), progress)
        whose = assign({chain: partial(lines_of_store, store, chain) for chain, _ in heads}, keys)
        exported = [_chain(store, way, chain, last, whose[chain], noted) for chain, last in heads]
        ar, dr = _meters(registers, files["meters"])
        ties = _ties(exported, ar, dr) if all(chain.whole and not chain.unread for chain in exported) else None
        made = Export(datetime.now(UTC), exported, ties, {name: file.rows for name, file in files.items()})
        said = orjson.dumps(made.as_json())
        for file in files.values():
            file.finish({METADATA: said})
        write_atomically(unfinished / MANIFEST, _manifest(made, unfinished))
    return made


def _software() -> str:
    try:
        return f"indicium {version('indicium')}"
    except PackageNotFoundError:  # it runs from a checkout that was never installed
        return "indicium"


class _Way:
    """The records' way into the files, and what was counted on it."""

    def __init__(
        self, files: Mapping[str, TableFile], registers: RegistersAside, total: int, progress: Progress
    ) -> None:
        self._files, self._registers, self._total, self._progress = files, registers, total, progress
        self._reader = Reader()
        self._group: list[tuple[SealedRecord, Reading]] = []
        self._size = self._done = 0

    def through(self, rows: Iterator[SealedRecord], tally: "_Tally") -> Iterator[SealedRecord]:
        """Take records in, and pass them on to whoever verifies them."""
        for record in rows:
            reading = self._reader.read(record)
            tally.count(record, reading)
            self._group.append((record, reading))
            self._size += len(record.line)
            if len(self._group) >= ROWS_AT_ONCE or self._size >= BYTES_AT_ONCE:
                self.write()
            yield record

    def write(self) -> None:
        """Write what was taken in since the last time as one row group of each file."""
        group, self._group, self._size = self._group, [], 0
        if not group:
            return
        self._files["records"].write([reading.values for _, reading in group])
        moving = [(record, reading.transaction) for record, reading in group if reading.transaction is not None]
        self._files["transactions"].write([transaction.values for _, transaction in moving])
        if moving:
            self._registers.fold([record for record, _ in moving])
        self._done += len(group)
        self._progress(self._done, self._total)


@dataclass(slots=True)
class _Tally:
    """What is counted of one chain."""

    records: int = 0
    end: Head = GENESIS
    discarded: int = 0
    unread: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    totals: Totals = NO_TOTALS

    def count(self, record: SealedRecord, reading: Reading) -> None:
        self.records += 1
        self.end = Head(record.sequence, reading.hash)
        self.discarded += reading.discarded
        self.unread += not reading.readable
        if (moved := reading.transaction) is not None:
            self.moved[moved.event] = self.moved.get(moved.event, 0) + moved.value
            self.totals = moved.totals


def _chain(store: Store, way: _Way, chain: ChainId, last: int, key: AuditKey | None, noted: Head | None) -> ChainExport:
    tally = _Tally()
    rows = way.through(store.records(chain, upto=last), tally)
    report = verify_rows(rows, key, noted)
    for _ in rows:  # the verifier stops at the first bad record; what stands behind it is exported all the same
        pass
    way.write()
    return ChainExport(report, tally.records, tally.end, tally.discarded, tally.unread, tally.moved, tally.totals)


def _meters(registers: RegistersAside, file: TableFile) -> tuple[int, int]:
    """Write the registers of all meters, and give the sums of AR and DR in mills."""
    ar = dr = 0
    rows = registers.meters()
    while group := list(islice(rows, ROWS_AT_ONCE)):
        file.write([meter_values(dict(row)) for row in group])
        ar, dr = ar + sum(row["ar"] for row in group), dr + sum(row["dr"] for row in group)
    return ar, dr


def _ties(chains: Sequence[ChainExport], ar: int, dr: int) -> list[Tie]:
    """Pair the sums over transactions with what the meters' registers and the modules' totals say."""
    downloaded, printed, refunded = (
        sum(part) for part in zip(NO_TOTALS, *(chain.totals for chain in chains), strict=True)
    )
    moved = Counter[str]()
    for chain in chains:
        moved.update(chain.moved)
    spent = sum(moved[event] for event in _PRINTED)
    return [
        Tie("refills in transactions, and the modules' totals", moved[_DOWNLOADED], downloaded),
        Tie("items in transactions, and the modules' totals", spent, printed),
        Tie("refunds in transactions, and the modules' totals", moved[_REFUNDED], refunded),
        Tie("items and refunds in transactions, and AR of the meters", spent + moved[_REFUNDED], ar),
        Tie(
            "the modules' totals of refills less items and refunds, and DR of the meters",
            downloaded - printed - refunded,
            dr,
        ),
    ]


def _manifest(made: Export, folder: Path) -> bytes:
    files = {}
    for name in FILES.values():
        with (folder / name).open("rb") as file:
            files[name] = {"bytes": (folder / name).stat().st_size, "sha256": file_digest(file, "sha256").hexdigest()}
    return orjson.dumps(made.as_json() | {"files": files}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def verify_export(
    folder: Path, keys: Sequence[AuditKey], noted: Callable[[str], Head | None]
) -> dict[str, ChainReport]:
    """Verify an export's records with nothing but its own file of them, and the heads that its manifest names.

    `noted` gives the head that the auditor noted of a chain, if any.

    Raises `BadFile`.
    """
    try:
        said = orjson.loads((folder / MANIFEST).read_bytes())
        heads = {chain["chain"]: Head(**chain["exported"]["head"]) for chain in said["chains"]}
        path = folder / FILES["records"]
        whose = assign({chain: partial(lines_of_export, folder, chain) for chain in chains(path)}, keys)
        return {chain: _again(path, chain, key, noted(chain), heads.get(chain)) for chain, key in whose.items()}
    except OSError as error:
        raise BadFile(path=str(folder), why=error.strerror or str(error)) from None
    except (ValueError, KeyError, TypeError):
        raise BadFile(path=str(folder), why="it is not an export of this version") from None


def _again(path: Path, chain: str, key: AuditKey | None, noted: Head | None, named: Head | None) -> ChainReport:
    """Verify a chain of an export: to the head that the auditor noted, else to the one that the export names."""
    return verify_rows(records(path, chain), key, noted or named, vouches=noted is not None)


def lines_of_export(folder: Path, chain: str) -> Iterator[bytes]:
    """Give a chain's lines as an export holds them. Raises OSError, ValueError."""
    return (record.line for record in records(folder / FILES["records"], chain))
