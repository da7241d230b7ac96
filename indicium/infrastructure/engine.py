"""Connections to the database: what makes them durable, and what their errors say.

SQLite: write-ahead log and full syncing, set, read back, refused otherwise; writers begin with BEGIN IMMEDIATE, so that
whoever waits, waits before it has read anything.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from indicium.domain.errors import StoreNotUsable, UnsafeStore

BUSY_SECONDS: Final = 10.0
"""How long a writer waits for another process's transaction."""

CHECKPOINT_PAGES: Final = 1024
"""Pages of the write-ahead log between two checkpoints: 8 MiB. A log that is written over syncs twice as fast as one
that grows."""

PAGE_BYTES: Final = 8192
"""Twice SQLite's default: records of 1.3 KB fill it better, and a group makes half as many system calls."""

CACHE_KIB: Final = 16384
"""Pages kept in memory: above what a group of 1000 changes, or it is written twice."""

_SYNCHRONOUS_FULL = 2
_IMMEDIATE = "begin_immediate"


def database_file(url: str) -> Path | None:
    """Give the file of an SQLite URL; None for a database in memory. Raises `StoreNotUsable` for other databases."""
    parsed = _parsed(url)
    return Path(parsed.database) if parsed.database and parsed.database != ":memory:" else None


def open_engine(url: str, *, create: bool = False, read_only: bool = False) -> Engine:
    """Give an engine on an SQLite database; nothing is connected yet.

    Only `create` makes a file that is not there. `read_only` never writes, and needs no writable folder. Raises
    `StoreNotUsable`.
    """
    path = database_file(url)
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


def writing(engine: Engine) -> Engine:
    """Give the same engine for transactions that write: they begin as the one writer."""
    return engine.execution_options(**{_IMMEDIATE: True})


@contextmanager
def session(engine: Engine) -> Iterator[PoolProxiedConnection]:
    """Give a connection of the database's own driver, for statements that are rendered already.

    SQLAlchemy's execution costs several times what the statements of a single request do.
    """
    pooled = engine.raw_connection()
    try:
        yield pooled
    finally:
        pooled.close()


def write(engine: Engine, batches: Iterable[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
    """Execute statements, each with its rows, in one transaction of the one writer: all of it, or nothing.

    Raises the driver's own errors.
    """
    with session(engine) as driver:
        cursor = driver.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            for statement, rows in batches:
                cursor.executemany(statement, rows)
            _commit(driver)
        except BaseException:
            driver.rollback()
            raise
        finally:
            cursor.close()


def use_write_ahead_log(engine: Engine) -> None:
    """Turn the write-ahead log on, for good. Raises `UnsafeStore` if the database has another journal afterwards.

    Only for a database that is known to be ours: this changes the file.
    """
    with engine.connect() as connection:
        mode = str(_pragma(_driver(connection), "journal_mode = WAL"))
    if mode != "wal":
        raise UnsafeStore(setting="journal_mode", value=mode, needed="wal")


def demand_full_syncing(driver: sqlite3.Connection) -> None:
    """Read back what makes a commit survive a power loss. Raises `UnsafeStore`."""
    synchronous = _pragma(driver, "synchronous")
    if synchronous != _SYNCHRONOUS_FULL:
        raise UnsafeStore(setting="synchronous", value=str(synchronous), needed=f"{_SYNCHRONOUS_FULL} (FULL)")


@contextmanager
def usable(url: str) -> Iterator[None]:
    """Turn what a database says while it is opened into `StoreNotUsable`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreNotUsable(why=f"{database_file(url) or url}: {said(error)}") from None


def said(error: Exception) -> str:
    """Give in one line what the database said, without the statement and its values."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return (str(original).splitlines() or [type(original).__name__])[0]


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreNotUsable(why="its URL cannot be read: write sqlite:///PATH") from None
    if parsed.get_backend_name() != "sqlite" or parsed.query:
        raise StoreNotUsable(why=f"{parsed.render_as_string()} is not of the form sqlite:///PATH")
    return parsed


def _engine(url: str, creator: Any, **pool: int) -> Engine:  # noqa: ANN401 - SQLAlchemy names no type for it
    engine = create_engine(_parsed(url), creator=creator, poolclass=QueuePool, **pool)
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
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
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
