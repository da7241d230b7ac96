"""All chains combined and sorted by meter (I-26, I-27): what no chain can show by itself.

A module that was made to spend an old package again seals records that verify; only beside the others does one see that
a meter's AR fell back, or that a transaction number was used twice. Each meter's transactions are put in the order of
their versions, whichever modules made them, for no two modules' clocks agree; within a chain its own order counts.

The transactions wait in a database of their own, which is thrown away: memory does not grow with records or meters.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from errno import EIO
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from indicium.domain import amounts
from indicium.domain.amounts import Mills
from indicium.domain.record import NUMBER_LIMIT, split

AT_ONCE: Final = 1000
"""Transactions that are brought to the database at once."""

ALIKE: Final = 16
"""Most records with one meter and one version that are looked at; where there are two, the meter is found out."""

_DOWNLOADED: Final = "postage-value-downloaded"
_ADOPTED: Final = "meter-adopted"
_RECOVERED: Final = "checkpoint-recovered"
_TABLE: Final = """
CREATE TABLE moves (
    chain TEXT, sequence INTEGER, line_hash BLOB, psd TEXT, version INTEGER, at TEXT, module TEXT, home TEXT,
    event TEXT, value INTEGER, ar INTEGER, dr INTEGER, discarded INTEGER DEFAULT 0, PRIMARY KEY (chain, sequence)
) WITHOUT ROWID
"""
_INSERT: Final = "INSERT INTO moves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"
_MOVE: Final = "module, chain, sequence, psd, version, at, home, event, value, ar, dr"
_SELECT: Final = f"SELECT {_MOVE} FROM moves WHERE NOT discarded ORDER BY "  # noqa: S608  # a list of columns
_BY_VERSION: Final = _SELECT + "psd, version, at, chain, sequence"
_BY_CHAIN: Final = _SELECT + "psd, chain, sequence"


class Move(NamedTuple):
    """A transaction of a meter, as its record says it."""

    module: str
    """Serial number of the module that sealed the record."""
    chain: str
    sequence: int
    psd: str
    version: int
    """Number of the meter's transaction."""
    at: str
    """Date and time by the module's clock."""
    home: str
    """Home module after it."""
    event: str
    value: int
    """What it moved, in mills."""
    ar: int
    """AR after it, in mills."""
    dr: int
    """DR after it, in mills."""

    @property
    def control_total(self) -> int:
        """AR + DR in mills: raised by downloads only (E-1105)."""
        return self.ar + self.dr

    def follows(self, before: "Move") -> bool:
        """Say whether the registers took the one step from the version before that the record states (E6, E9, E10)."""
        if self.event == _DOWNLOADED:
            return (self.ar, self.dr) == (before.ar, before.dr + self.value)
        return (self.ar, self.dr) == (before.ar + self.value, before.dr - self.value)


class Finding(NamedTuple):
    """What does not fit in the history of one meter."""

    kind: str
    """A stable name."""
    meter: str
    why: str
    records: tuple[Move, ...]
    """The records that show it, the earlier first."""

    def as_json(self) -> dict[str, object]:
        """Give the members of `audit --json`."""
        return self._asdict() | {"records": [record._asdict() for record in self.records]}


MISSING: Final = "version-missing"
"""The one kind of finding that says what is not there, and not what is wrong."""


class Combination:
    """The transactions of many chains."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use an empty database. Callers use `combination`."""
        self._database = connection
        self._database.execute(_TABLE)
        self.unread = 0
        """Records of meters that say otherwise what they did than this version knows."""
        self._differing: list[Finding] = []

    def add(self, lines: Iterable[bytes]) -> None:
        """Take a chain's records, which were verified. One that came from another source before counts once."""
        wanted = (line for line in lines if b'"package":{' in line or _RECOVERED.encode() in line)
        while batch := list(islice(wanted, AT_ONCE)):
            for line in batch:
                self._take(line, orjson.loads(split(line)[0]))
            self._database.commit()

    @property
    def counts(self) -> tuple[int, int]:
        """How many meters and how many transactions there are; discarded ones do not count."""
        counted = "SELECT count(DISTINCT psd), count(*) FROM moves WHERE NOT discarded"
        meters, moves = self._database.execute(counted).fetchone()
        return meters, moves

    def findings(self) -> Iterator[Finding]:
        """Give all that does not fit."""
        yield from self._differing
        told: set[tuple[str, int]] = set()  # falls that both orders show; few, or the first of them are enough
        with closing(self._database.cursor()) as rows:
            for _, moves in groupby(map(Move._make, rows.execute(_BY_VERSION)), key=lambda move: move.psd):
                for finding in _by_version(moves):
                    if finding.kind == "ar-fell-back" and len(told) < AT_ONCE:
                        told.add(finding.records[-1][1:3])
                    yield finding
        with closing(self._database.cursor()) as rows:
            for finding in _by_chain(map(Move._make, rows.execute(_BY_CHAIN))):
                if finding.records[-1][1:3] not in told:
                    yield finding

    def _take(self, line: bytes, record: dict[str, Any]) -> None:
        data = record["data"]
        if record["event"] == _RECOVERED:
            named = [(record["chain"], lost["sequence"]) for lost in data["discarded"]]
            self._database.executemany("UPDATE moves SET discarded = 1 WHERE chain = ? AND sequence = ?", named)
            return
        if "package" not in data:
            return
        line_hash = hashlib.sha256(line).digest()
        try:
            move = _move(record, data)
        except (KeyError, TypeError, ValueError):
            self.unread += 1
            return
        row = (move.chain, move.sequence, line_hash, move.psd, move.version, move.at, *move[0:1], *move[6:])
        if not self._database.execute(_INSERT, row).rowcount:
            self._compare(move, line_hash)

    def _compare(self, move: Move, line_hash: bytes) -> None:
        """See that two sources hold the same record; one of them was replaced if they do not."""
        query = f"SELECT line_hash, {_MOVE} FROM moves WHERE chain = ? AND sequence = ?"  # noqa: S608  # the same list
        other, *known = self._database.execute(query, (move.chain, move.sequence)).fetchone()
        if other != line_hash and len(self._differing) < AT_ONCE:
            why = f"two sources hold different records {move.sequence} of chain {move.chain}"
            self._differing.append(Finding("sources-differ", move.psd, why, (Move._make(known), move)))


@contextmanager
def combination(file: Path) -> Iterator[Combination]:
    """Combine in a new file, and remove that afterwards. Raises OSError where the disk does not take it."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            # What is thrown away in the end needs no syncing and no journal.
            connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA temp_store = FILE")
            yield Combination(connection)
    except sqlite3.Error as error:
        raise OSError(EIO, str(error)) from None
    finally:
        file.unlink(missing_ok=True)


def _move(record: dict[str, Any], data: dict[str, Any]) -> Move:
    """Read a record of a meter. Raises KeyError, TypeError, ValueError where it is none that this version knows."""
    package, point = data["package"], data["checkpoint"]
    move = Move(
        record["module"], record["chain"], record["sequence"], package["psd"], package["version"], point["at"],
        package["home"], record["event"], point["value"], package["ar"], package["dr"],
    )  # fmt: skip
    for value, kind in zip(move, Move.__annotations__.values(), strict=True):
        if type(value) is not kind or (type(value) is int and abs(value) >= NUMBER_LIMIT):
            raise ValueError(value)
    return move


def _by_version(moves: Iterator[Move]) -> Iterator[Finding]:
    """Follow one meter from version to version; where a version has several records, any may be the one before."""
    before: Sequence[Move] = ()
    for version, same in groupby(moves, key=lambda move: move.version):
        records = list(islice(same, ALIKE))
        last = before[0].version if before else 0
        if len(records) > 1:
            made = " and ".join(f"record {move.sequence} of module {move.module}" for move in records[:2])
            yield Finding("version-twice", records[0].psd, f"version {version} was made twice: by {made}", (*records,))
        if version != last + 1:
            gap = f"version {last + 1} is" if version == last + 2 else f"versions {last + 1} to {version - 1} are"
            yield Finding(MISSING, records[0].psd, f"{gap} in no chain here", (*before[-1:], records[0]))
        for move in records:
            yield from _step(before or (_new(move),), move, whole=version == last + 1)
        before = records


def _step(before: Sequence[Move], move: Move, *, whole: bool) -> Iterator[Finding]:
    """Compare a transaction with the one before it; `whole` if there is none missing between them."""
    fits = next((earlier for earlier in before if move.follows(earlier)), None)
    earlier, shown = fits or before[-1], (*(m for m in (fits or before[-1],) if m.version), move)
    adopts = move.event == _ADOPTED and move.home == move.module  # of a dead module, whose chain its own closes
    if whole and not adopts and move.module not in {earlier.home for earlier in before}:
        why = f"record {move.sequence} of module {move.module} is of a meter whose home is module {earlier.home}"
        yield Finding("not-at-home", move.psd, why, shown)
    if fits is not None:
        return
    if move.ar < earlier.ar:
        yield _fell_back(earlier, move)
    elif whole and move.event != _DOWNLOADED and move.control_total != earlier.control_total:
        totals = f"{_dollars(earlier.control_total)} to {_dollars(move.control_total)}"
        yield Finding(
            "control-total-changed", move.psd, f"AR and DR together went from {totals} without a download", shown
        )
    elif whole:
        registers = f"AR went from {_dollars(earlier.ar)} to {_dollars(move.ar)}, DR from {_dollars(earlier.dr)}"
        why = f"{registers} to {_dollars(move.dr)}, the record states a value of {_dollars(move.value)}"
        yield Finding("value-not-moved", move.psd, why, shown)


def _by_chain(moves: Iterator[Move]) -> Iterator[Finding]:
    """Follow each meter through each chain: there its records stand in the order in which they were made."""
    before: Move | None = None
    for move in moves:
        if before is not None and (before.psd, before.chain) == (move.psd, move.chain) and move.ar < before.ar:
            yield _fell_back(before, move)
        before = move


def _fell_back(earlier: Move, move: Move) -> Finding:
    why = f"AR fell back from {_dollars(earlier.ar)} to {_dollars(move.ar)}: an old package was put back and used again"
    return Finding("ar-fell-back", move.psd, why, (earlier, move))


def _new(move: Move) -> Move:
    """Give what a meter is before its first transaction: registers at zero (E-203)."""
    return move._replace(version=0, home=move.module, ar=0, dr=0)


def _dollars(mills: int) -> str:
    return amounts.dollars(Mills(mills))
