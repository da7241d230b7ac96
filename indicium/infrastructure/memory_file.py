"""The module's memory as one SQLite file on a local disk, locked by its process.

It keeps parts as they are given; what they mean, and whether they are authentic, is the module's business.
"""

import fcntl
import os
import re
import sqlite3
from pathlib import Path

from indicium.cryptomodule.ports import MemoryContent, MemoryUpdate, MeterRow
from indicium.domain.errors import (
    IndiciumError,
    LedgerInUse,
    MemoryNotAuthentic,
    MemoryOfOtherVersion,
    StoreFailed,
    UnsafeStore,
)
from indicium.infrastructure.files import reason

_PLACE = "module memory"
_FORMAT = 3
"""Number of the tables' form, which the file bears as its user version. The first form bore none."""
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE parts (name TEXT PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE meters (
    psd_id TEXT PRIMARY KEY, version INTEGER NOT NULL, digest BLOB NOT NULL, mks TEXT NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {_FORMAT};
COMMIT;
"""
_UPSERT_PART = "INSERT INTO parts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes"
_UPSERT_METER = (
    "INSERT INTO meters VALUES (?, ?, ?, ?) ON CONFLICT (psd_id) DO UPDATE "
    "SET version = excluded.version, digest = excluded.digest, mks = excluded.mks"
)
_METERS = "SELECT psd_id, version, digest, mks FROM meters"
_TAIL = "tail "
"""How the name of a part begins that is the tail of a group; its slot follows."""
_TAIL_NAME = re.compile(f"{_TAIL}[0-9]{{1,3}}")
_DISK_ERRORS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
"""What SQLite says of the disk, and not of what stands on it."""
_PRIMARY_CODE = 0xFF
_SYNCHRONOUS_FULL = 2
_CHECKPOINT_PAGES = 1024
"""WAL pages between two checkpoints: 4 MiB. A log that is written over syncs twice as fast as one that grows."""


class MemoryFile:
    """A `NonVolatileMemory` in a file. One process holds it at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises `LedgerInUse`, `StoreFailed`, `UnsafeStore`, `MemoryNotAuthentic`, `MemoryOfOtherVersion`.
        """
        self._path = path
        try:
            lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreFailed(place=_PLACE, why=reason(error)) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise LedgerInUse(serial=path.stem) from None
        try:
            self._connection = self._connect()
        except BaseException as error:
            os.close(lock)
            if isinstance(error, OSError):
                raise StoreFailed(place=_PLACE, why=reason(error)) from None
            raise
        self._lock: int | None = lock

    def load(self) -> MemoryContent | None:
        """Read everything, and have it surely on the disk; None if nothing was ever written."""
        # A process that ended between a write and its sync left what only the page cache may hold, and a log whose
        # sync failed stays as it is: copied to the file itself, a power loss takes nothing back that is gone on from.
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise _unreadable(self._path, error) from None
        return content_in(self._connection, self._path)

    def write(self, update: MemoryUpdate) -> None:
        """Make one update durable, all of it or nothing. Raises `StoreFailed`."""
        parts = [("hot", update.hot), (f"{_TAIL}{update.slot}", update.tail), ("cold", update.cold)]
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_UPSERT_PART, [part for part in parts if part[1] is not None])
            if update.meters:
                connection.executemany(_UPSERT_METER, update.meters)
            if update.forget:
                connection.executemany("DELETE FROM meters WHERE psd_id = ?", [(psd_id,) for psd_id in update.forget])
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            raise StoreFailed(place=_PLACE, why=str(error)) from None

    def erase(self) -> None:
        """Forget everything, durably."""
        try:
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM parts")
            self._connection.execute("DELETE FROM meters")
            self._connection.execute("COMMIT")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            self._undo()
            raise StoreFailed(place=_PLACE, why=str(error)) from None

    def close(self) -> None:
        """Close the file and let it go. A second time is nothing: the lock's number may be another file's by then."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _undo(self) -> None:
        """Roll back what a failed write began; a COMMIT that failed leaves the transaction open."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _connect(self) -> sqlite3.Connection:
        """Open with write-ahead log and full syncing, read back: anything less loses acknowledged transactions."""
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise _unreadable(self._path, error) from None
        try:
            self._make_ours(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_ours(self, connection: sqlite3.Connection) -> None:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            connection.execute("PRAGMA synchronous = FULL")
            synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise _unreadable(self._path, error) from None
        demand_form(connection, self._path)
        self._path.chmod(0o600)
        if (mode, synchronous) != ("wal", _SYNCHRONOUS_FULL):
            raise UnsafeStore(setting="synchronous", value=f"{mode} {synchronous}", needed="WAL and FULL")


def demand_form(connection: sqlite3.Connection, path: Path) -> None:
    """See that a memory file has this version's form. Raises `MemoryOfOtherVersion`, `MemoryNotAuthentic`."""
    try:
        form = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None
    if form != _FORMAT:
        raise MemoryOfOtherVersion(path=str(path), form=form, ours=_FORMAT)


def content_in(connection: sqlite3.Connection, path: Path) -> MemoryContent | None:
    """Read all that a memory file holds; None if nothing was ever written. `path` is what errors call it.

    Raises `MemoryNotAuthentic`, `StoreFailed`.
    """
    try:
        parts = dict(connection.execute("SELECT name, bytes FROM parts"))
        rows = [MeterRow(*row) for row in connection.execute(_METERS)]
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None
    if not parts:
        return None
    if missing := {"hot", "cold"} - parts.keys():
        raise MemoryNotAuthentic(path=str(path), why=f"no {', '.join(sorted(missing))} part")
    kinds: list[tuple[type, object]] = [(bytes, part) for part in parts.values()]
    kinds += [pair for row in rows for pair in zip((str, int, bytes, str), row, strict=True)]
    if any(type(value) is not kind for kind, value in kinds):  # SQLite keeps any kind in any column
        raise MemoryNotAuthentic(path=str(path), why="a value is of another kind")
    tails = {int(name[len(_TAIL) :]): part for name, part in parts.items() if _TAIL_NAME.fullmatch(name)}
    return MemoryContent(parts["hot"], parts["cold"], tails, rows)


def _unreadable(path: Path, error: sqlite3.Error) -> IndiciumError:
    """Say whether the disk failed, which may pass, or what stands on it is no memory of ours."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & _PRIMARY_CODE in _DISK_ERRORS:
        return StoreFailed(place=_PLACE, why=str(error))
    return MemoryNotAuthentic(path=str(path), why=str(error))
