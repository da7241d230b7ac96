"""SQLite: write-ahead log and full syncing, set, read back, refused otherwise.

Writers begin with BEGIN IMMEDIATE, so that whoever waits, waits before it has read anything.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Final, cast
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    PrimaryKeyConstraint,
    QueuePool,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.exc import OperationalError

from indicium.domain.errors import StoreMissing, StoreNotUsable, UnsafeStore
from indicium.infrastructure.engine import IMMEDIATE, Batches, Database, writing
from indicium.infrastructure.files import locked
from indicium.infrastructure.schema import metadata
from indicium.infrastructure.statements import Prepared

BUSY_SECONDS: Final = 10.0
"""How long a writer waits for another process's transaction."""

CHECKPOINT_PAGES: Final = 8192
"""Pages of the write-ahead log between two checkpoints: 64 MiB. In a grown ledger a group of 1000 changes 2,400 pages,
most of them those that the group before it changed; with a shorter log each is written twice for every group. A log
that is written over syncs twice as fast as one that grows."""

PAGE_BYTES: Final = 8192
"""Twice SQLite's default: records of 1.3 KB fill it better, and a group makes half as many system calls."""

CACHE_KIB: Final = 65536
"""Pages kept in memory, at most: above what a group of 1000 changes in a grown ledger, or it is written twice."""

_SYNCHRONOUS_FULL = 2
_PRIMARY_CODE: Final = 0xFF
"""The part of an error's number that says what it is; the rest says where it came about."""
_BETWEEN_TRIES_SECONDS: Final = 0.01


class Sqlite(Database):
    """A database file, or a database in memory."""

    driver_error: ClassVar = sqlite3.Error

    def __init__(self, url: URL, *, create: bool = False, read_only: bool = False) -> None:
        """Take an SQLite URL; nothing is connected yet.

        Only `create` makes a file that is not there. `read_only` never writes, and needs no writable folder. Raises
        `StoreNotUsable`, and `StoreMissing` without a file.
        """
        if url.query:
            raise StoreNotUsable(why=f"{url.render_as_string()} is not of the form sqlite:///PATH")
        self._path = Path(url.database) if url.database and url.database != ":memory:" else None
        self._read_only = read_only
        self.place = str(self._path or "sqlite://")
        if self._path is not None and not create and not self._path.exists():
            raise StoreMissing(path=str(self._path))
        self.engine = _open(url, self._path, create=create, read_only=read_only)

    def demand_safe(self) -> None:
        """Turn the write-ahead log on; only for a database that is known to be ours, for this changes the file."""
        if self._path is not None and not self._read_only:
            use_write_ahead_log(self.engine)

    def select(self, statement: Prepared, **values: object) -> Sequence[tuple[Any, ...]]:
        """Read through the driver: SQLAlchemy's execution costs several times what these statements do."""
        with _session(self.engine) as driver:
            cursor = driver.cursor()
            rows: list[tuple[Any, ...]] = cursor.execute(statement.sql, statement.values(**values)).fetchall()
            cursor.close()
        return rows

    def write(self, batches: Batches) -> None:
        """Write as the one writer."""
        with _session(self.engine) as driver:
            cursor = driver.cursor()
            try:
                cursor.execute("BEGIN IMMEDIATE")
                for statement, rows in batches:
                    cursor.executemany(statement.sql, rows)
                _commit(driver)
            except BaseException:
                driver.rollback()
                raise
            finally:
                cursor.close()

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Begin as the one writer."""
        with writing(self.engine).begin() as connection:
            yield connection

    def one_ceremony(self) -> AbstractContextManager[None]:
        """Lock a file of its own: to close the database once more would let go of SQLite's own locks on it."""
        if self._path is None:
            return nullcontext()  # nobody else has it
        return locked(self._path.with_name(f"{self._path.name}.ceremony"))

    def claim(self, serial: str) -> None:
        """Leave it to the lock on the module's memory: an SQLite file is on the same machine."""

    def identity(self) -> object:
        """Tell which file the path names: SQLite goes on writing to one that has lost its name."""
        try:
            found = None if self._path is None else self._path.stat()
        except OSError:
            return None
        return found and (found.st_dev, found.st_ino)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _constraint(self, error: Exception) -> str | None:
        """Find the constraint by its columns: SQLite's message names those."""
        _, _, columns = str(error).partition("UNIQUE constraint failed: ")
        broken = set(columns.split(", "))
        for kept in metadata.sorted_tables:
            for constraint in kept.constraints:
                if not isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
                    continue
                if {str(part) for part in constraint.columns} == broken:
                    return str(constraint.name)
        return None

    def _is_spoilt(self, error: Exception) -> bool:
        code = error.sqlite_errorcode if isinstance(error, sqlite3.Error) else 0
        return code & _PRIMARY_CODE == sqlite3.SQLITE_CORRUPT


def use_write_ahead_log(engine: Engine) -> None:
    """Turn the write-ahead log on, for good. Raises `UnsafeStore` if the database has another journal afterwards."""
    with engine.connect() as connection:
        mode = _switch_to_log(_driver(connection))
    if mode != "wal":
        raise UnsafeStore(setting="journal_mode", value=mode, needed="wal")


def _switch_to_log(driver: sqlite3.Connection) -> str:
    """Switch, and wait for others who are in the database: for this one statement SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return str(_pragma(driver, "journal_mode = WAL"))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BETWEEN_TRIES_SECONDS)


def demand_full_syncing(driver: sqlite3.Connection) -> None:
    """Read back what makes a commit survive a power loss. Raises `UnsafeStore`."""
    synchronous = _pragma(driver, "synchronous")
    if synchronous != _SYNCHRONOUS_FULL:
        raise UnsafeStore(setting="synchronous", value=str(synchronous), needed=f"{_SYNCHRONOUS_FULL} (FULL)")


def _open(url: URL, path: Path | None, *, create: bool, read_only: bool) -> Engine:
    if path is None:
        # All threads share the one connection that holds the database, one transaction at a time.
        engine = _engine(url, lambda: _connect(":memory:"), pool_size=1, max_overflow=0)
    elif path.is_dir():
        raise StoreNotUsable(why=f"{path} is a folder")
    elif read_only:
        return _engine(url, lambda: _connect_read_only(path))
    elif path.exists() and not os.access(path, os.W_OK):
        # SQLite would open it for reading only, and refuse the first transaction.
        raise StoreNotUsable(why=f"{path} is write-protected")
    else:
        mode = "rwc" if create else "rw"
        engine = _engine(url, lambda: _connect(_uri(path, f"mode={mode}")))
    event.listen(engine, "connect", _make_durable)
    return engine


@contextmanager
def _session(engine: Engine) -> Iterator[PoolProxiedConnection]:
    """Give a connection of the driver, for statements that are rendered already."""
    pooled = engine.raw_connection()
    try:
        yield pooled
    finally:
        pooled.close()


def _engine(url: URL, creator: Any, **pool: int) -> Engine:  # noqa: ANN401 - SQLAlchemy names no type for it
    engine = create_engine(url, creator=creator, poolclass=QueuePool, **pool)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", _demand_transaction)
    return engine


def _uri(path: Path, query: str) -> str:
    return f"file:{quote(str(path.absolute()))}?{query}"


def _connect(database: str) -> sqlite3.Connection:
    return sqlite3.connect(
        database,
        uri=True,
        isolation_level=None,  # BEGIN is ours
        check_same_thread=False,  # the pool hands a connection to one thread at a time
        timeout=BUSY_SECONDS,
    )


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a database that may lie in a folder, or on a medium, where nothing can be written."""
    connection = _connect(_uri(path, "mode=ro"))
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        # Without a write-ahead log beside it nobody has it open, and it can be read as it lies there; with one, the
        # newest records are in that, and leaving them out would be a wrong answer.
        return _connect(_uri(path, "mode=ro&immutable=1"))
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _make_durable(driver: sqlite3.Connection, _record: object) -> None:
    try:
        _pragma(driver, "synchronous = FULL")
        _pragma(driver, f"page_size = {PAGE_BYTES}")  # only a database without tables takes it
        _pragma(driver, f"cache_size = -{CACHE_KIB}")
        _pragma(driver, f"wal_autocheckpoint = {CHECKPOINT_PAGES}")
        demand_full_syncing(driver)
    except BaseException:
        driver.close()
        raise


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _pragma(driver: sqlite3.Connection, pragma: str) -> object:
    row = driver.execute(f"PRAGMA {pragma}").fetchone()
    return None if row is None else row[0]


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _demand_transaction(connection: Connection) -> None:
    """Refuse a COMMIT of nothing: after some errors SQLite drops a transaction by itself, and then COMMIT says yes."""
    if not _driver(connection).in_transaction:
        raise OperationalError(statement="COMMIT", params=None, orig=_dropped())


def _commit(driver: PoolProxiedConnection) -> None:
    if not cast("sqlite3.Connection", driver.dbapi_connection).in_transaction:
        raise _dropped()
    driver.commit()


def _dropped() -> sqlite3.OperationalError:
    return sqlite3.OperationalError("the database dropped the transaction")
