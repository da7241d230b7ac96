"""The places of a ledger as they were at one moment, read while the ledger may go on; nothing of them is changed.

Memory and store are read in transactions that begin at that moment, and no writer waits for them. The audit copy only
grows: its lengths at that moment are enough. That nothing was written between the first and the last of these is seen
at the memory, which a module writes before the others: its newest state is looked at once more.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, insert, make_url, select

from indicium.cryptomodule.ports import MemoryContent
from indicium.domain.errors import BadFile, LedgerMissing, NoQuietMoment, StoreNotUsable
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import line_hash
from indicium.infrastructure.engine import writing
from indicium.infrastructure.files import reason
from indicium.infrastructure.home import Home
from indicium.infrastructure.memory_file import content_in, demand_form
from indicium.infrastructure.schema import metadata, records
from indicium.infrastructure.segments import open_file, segments_of
from indicium.infrastructure.store import Store

_ROWS_AT_ONCE: Final = 1000
_BETWEEN_TRIES_SECONDS: Final = 0.01
_UNUSED_SECONDS: Final = 1.0
"""How long nothing may move before it is taken that nobody is at work."""
_BLOCK_BYTES: Final = 1 << 20
_HOT: Final = "SELECT bytes FROM parts WHERE name = 'hot'"
_NEWEST: Final = "SELECT sequence, record FROM records WHERE chain = ? ORDER BY sequence DESC LIMIT 1"

Said = Callable[[bytes], tuple[str, Head]]
"""Gives the chain and the head that the newest part of a memory says."""


class Source(Protocol):
    """A store, read at one moment."""

    def head(self, chain: ChainId) -> Head | None:
        """Give the newest record of a chain at that moment."""

    def copy(self, to: Path) -> None:
        """Write all of it to a new SQLite file."""


class Moment(NamedTuple):
    """Three places at one moment."""

    chain: ChainId
    memory: MemoryContent
    at_rest: bool
    """Whether memory and store ended at the same record; else a request was under way, or was cut off."""


def take(  # the places, and where they go
    home: Home, serial: Serial, store_url: str, said: Said, store: Path, audit: Path, patience_seconds: float
) -> Moment:
    """Copy the store to a new SQLite file, and the files of the audit copy into a folder; give the memory.

    A moment at which no request is under way is waited for; without one in time, or where nothing moves, as after a
    crash, any moment will do. Raises
    `LedgerMissing`, `StoreNotUsable`, `MemoryNotAuthentic`, `BadFile`, and `NoQuietMoment` where there is none at all.
    """
    deadline = time.monotonic() + patience_seconds
    late, since = False, time.monotonic()
    seen: object = None
    while True:
        with ExitStack() as held:
            memory = held.enter_context(reading(home.memory(serial)))
            demand_form(memory.connection, home.memory(serial))
            hot = _hot(memory.connection)
            named, head = said(hot)
            chain = ChainId(named)
            source = held.enter_context(_source(store_url))
            lines = held.enter_context(_lines(home, serial, chain))
            stored = source.head(chain)
            at_rest = stored == head and _newest_line(lines) in (None, head.hash)
            state = hot, stored, tuple(file.size for file in lines)
            if state != seen:
                seen, since = state, time.monotonic()
            unused = time.monotonic() > since + _UNUSED_SECONDS
            if _now(home.memory(serial)) == hot and (at_rest or unused or late):
                content = content_in(memory.connection, home.memory(serial))
                source.copy(store)
                for file in lines:
                    file.copy(audit)
                if content is not None and memory.undisturbed and _undisturbed(source):
                    return Moment(chain, content, at_rest)
                store.unlink(missing_ok=True)
        if late and time.monotonic() > deadline + patience_seconds:
            raise NoQuietMoment(home=str(home.folder), seconds=round(2 * patience_seconds))
        late = time.monotonic() > deadline
        time.sleep(_BETWEEN_TRIES_SECONDS)


def copy_store(url: str, to: Path) -> None:
    """Copy a store as it is now to a new SQLite file. Raises `LedgerMissing`, `StoreNotUsable`."""
    with _source(url) as source:
        source.copy(to)


def memory_in(path: Path) -> MemoryContent | None:
    """Read a memory file as it is now; None if nothing was ever written. Raises as `demand_form`, and `BadFile`."""
    with reading(path) as memory:
        demand_form(memory.connection, path)
        return content_in(memory.connection, path)


class Reading:
    """An SQLite file, read in one transaction."""

    def __init__(self, path: Path) -> None:
        """Open it: SQLite makes no files beside one that nobody has open. Raises `BadFile`, `sqlite3.Error`."""
        self._path = path
        try:
            self._stat = path.stat()
        except OSError as error:
            raise BadFile(path=str(path), why=reason(error)) from None
        # With a write-ahead log beside it somebody has it open, or was killed: its newest pages are in the log, and
        # SQLite's own index of that log is all that is written. Without one, nothing is.
        self._alone = not self._log.exists()
        query = "mode=ro&immutable=1" if self._alone else "mode=ro"
        self.connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?{query}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            self.connection.execute("BEGIN")
            self.connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except BaseException:
            self.connection.close()
            raise

    @property
    def undisturbed(self) -> bool:
        """Whether nobody came to write to a file that was read as nobody's."""
        if not self._alone:
            return True
        now = self._path.stat()
        same = (now.st_ino, now.st_size, now.st_mtime_ns) == (
            self._stat.st_ino,
            self._stat.st_size,
            self._stat.st_mtime_ns,
        )
        return same and not self._log.exists()

    @property
    def _log(self) -> Path:
        return self._path.with_name(f"{self._path.name}-wal")


@contextmanager
def reading(path: Path) -> Iterator[Reading]:
    """Read an SQLite file in one transaction. Raises `BadFile`."""
    try:
        opened = Reading(path)
    except sqlite3.Error as error:
        raise BadFile(path=str(path), why=str(error)) from None
    try:
        yield opened
    finally:
        opened.connection.close()


class _FileSource:
    """A store in an SQLite file."""

    def __init__(self, opened: Reading) -> None:
        self._opened = opened

    @property
    def undisturbed(self) -> bool:
        return self._opened.undisturbed

    def head(self, chain: ChainId) -> Head | None:
        found = self._opened.connection.execute(_NEWEST, (chain,)).fetchone()
        return None if found is None else Head(found[0], line_hash(found[1]))

    def copy(self, to: Path) -> None:
        copy = sqlite3.connect(to)
        try:
            self._opened.connection.backup(copy)
        except sqlite3.Error as error:  # there is no room for it, or it cannot be read
            raise BadFile(path=str(to), why=f"it cannot be copied there ({error})") from None
        finally:
            copy.close()


class _ServerSource:
    """A store on a server: its tables go into the same tables of an SQLite file."""

    undisturbed = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self, chain: ChainId) -> Head | None:
        newest = select(records.c.sequence, records.c.record).where(records.c.chain == chain)
        found = self._connection.execute(newest.order_by(records.c.sequence.desc()).limit(1)).first()
        return None if found is None else Head(found.sequence, line_hash(found.record))

    def copy(self, to: Path) -> None:
        with Store.create(f"sqlite:///{to.absolute()}") as copy, writing(copy.engine).begin() as into:
            for table in metadata.sorted_tables:
                rows = self._connection.execute(select(table).execution_options(yield_per=_ROWS_AT_ONCE))
                for page in rows.mappings().partitions():
                    into.execute(insert(table), [dict(row) for row in page])


@contextmanager
def _source(url: str) -> Iterator[_FileSource | _ServerSource]:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        with Store.open(url, read_only=True) as store, store.engine.connect() as connection:
            # The server itself refuses every write in it.
            alone = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with alone.begin():
                yield _ServerSource(alone)
        return
    path = Path(parsed.database or "")
    if not path.is_file():
        raise LedgerMissing(home=str(path.parent))
    try:
        with reading(path) as opened:
            yield _FileSource(opened)
    except sqlite3.Error as error:
        raise StoreNotUsable(why=f"{path}: {error}") from None


class _Grown(NamedTuple):
    """A file that only grows, and its length at the moment."""

    name: str
    descriptor: int
    size: int

    def copy(self, folder: Path) -> None:
        try:
            with (folder / self.name).open("wb") as to, os.fdopen(os.dup(self.descriptor), "rb") as source:
                source.seek(0)
                left = self.size
                while block := source.read(min(left, _BLOCK_BYTES)):
                    to.write(block)
                    left -= len(block)
        except OSError as error:
            raise BadFile(path=str(folder / self.name), why=f"it cannot be copied there ({reason(error)})") from None


def _newest_line(files: Sequence[_Grown]) -> str | None:
    """Give the hash of the copy's last line; None if it has none, as where all closed files were moved away."""
    for file in reversed(files):
        if file.size and file.name.endswith(".audit"):
            length = _BLOCK_BYTES
            while True:
                tail = os.pread(file.descriptor, length, max(0, file.size - length))[: min(length, file.size)]
                before, _, line = tail.removesuffix(b"\n").rpartition(b"\n")
                if before or length >= file.size:
                    return line_hash(line)
                length *= 2
    return None


@contextmanager
def _lines(home: Home, serial: Serial, chain: ChainId) -> Iterator[Sequence[_Grown]]:
    """Hold the files of a chain open at their lengths now: one that is closed meanwhile is renamed, and no more."""
    paths = [file.path for file in segments_of(home.audit, serial, chain)]
    paths.append(open_file(home.audit, serial, chain).with_suffix(".sealed"))
    found: list[_Grown] = []
    try:
        for path in paths:
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # moved away by the audit file server, or not made yet
            except OSError as error:
                raise BadFile(path=str(path), why=reason(error)) from None
            found.append(_Grown(path.name, descriptor, os.fstat(descriptor).st_size))
        yield found
    finally:
        for file in found:
            os.close(file.descriptor)


def _hot(connection: sqlite3.Connection) -> bytes:
    try:
        found = connection.execute(_HOT).fetchone()
    except sqlite3.Error:
        found = None
    return b"" if found is None else bytes(found[0])


def _now(path: Path) -> bytes:
    with reading(path) as memory:
        return _hot(memory.connection)


def _undisturbed(source: _FileSource | _ServerSource) -> bool:
    return source.undisturbed
