"""PostgreSQL: what a server must be like, and one round trip for all that a group saves.

The guarantee against two writers of a chain is the unique (chain, sequence). The lock that `claim` takes says so early,
and ends what an earlier writer's backend may still be doing.
"""

import hashlib
import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import psycopg
from psycopg import errors
from sqlalchemy import URL, Connection, create_engine, event, text

from indicium.domain.errors import LedgerInUse, StoreFailed, StoreNotUsable, UnsafeStore
from indicium.infrastructure.engine import Batches, Database
from indicium.infrastructure.horizon import ANNOUNCE
from indicium.infrastructure.statements import Prepared

PATIENCE_SECONDS: Final = 10
"""How long is waited for a connection, and for an earlier writer's end."""

CLAIM_SECONDS: Final = 3
"""How long a module's claim is waited for: a killed process's sessions end a moment after it."""

OLDEST: Final = 140000
"""The oldest server that has all that is asked of one here, as PostgreSQL numbers itself."""

_NEEDED: Final = {"fsync": "on", "full_page_writes": "on", "server_encoding": "UTF8"}
"""Settings of a server that keeps what it has committed, and any name that a customer may have."""

_CONNECT: Final = {
    "connect_timeout": PATIENCE_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""So that a server that is gone is missed within half a minute; the last in milliseconds. A URL may say otherwise."""

_SESSION: Final = {
    "client_min_messages": "warning",  # else a warning at COMMIT might never reach us
    "idle_session_timeout": "0",  # a ledger without work keeps its claim
    "statement_timeout": "0",  # a claim waits as long as it must, and a COMMIT for its replica
    "tcp_keepalives_idle": "10",  # the server misses a client that is gone, and its claim does not outlive it by hours
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""What a writer's sessions set for themselves, whatever the server, the database or the role say."""

_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Each transaction knows itself what it may write; a stricter level would refuse some of them for others' sake."""

_GUARD: Final = (
    "SELECT set_config('synchronous_commit',"
    " CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true),"
    " current_setting('fsync'), current_setting('full_page_writes')"
)
"""What a transaction begins with: whatever the server, the database or the role say, it waits until it is durable."""

_ANNOUNCE: Final = f"SELECT {ANNOUNCE}"

_END_WRITERS: Final = (
    "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()"
)

_WRITERS: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"

_NO_HURRY: Final = (
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN"
    " ('idle_in_transaction_session_timeout', 'statement_timeout', 'lock_timeout', 'transaction_timeout')"
)

_CHANGES_TABLES: Final = "indicium changes tables"
_CEREMONY: Final = "indicium key ceremony"


class Postgres(Database):
    """A database of a server. The server's own address, not that of a connection pooler."""

    driver_error: ClassVar = psycopg.Error

    def __init__(self, url: URL, *, read_only: bool = False) -> None:
        """Take the address; nothing is connected yet. `read_only` never writes."""
        url = url.set(drivername="postgresql+psycopg")
        self.place = url.set(query={}).render_as_string()
        self._options: dict[str, Any] = {name: value for name, value in _CONNECT.items() if name not in url.query}
        # Names that customers have are sent as they are, whatever PGCLIENTENCODING or the role say.
        self._options |= {"client_encoding": "UTF8", "application_name": "indicium"}
        self.engine = create_engine(
            url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args=self._options
        )
        self._read_only = read_only
        if read_only:
            event.listen(self.engine, "connect", _never_write)
        self._writer: psycopg.Connection | None = None
        self._notices: list[str] = []
        self._claim: psycopg.Connection | None = None
        self._turn = threading.Lock()

    def demand_safe(self) -> None:
        """Read what would lose a commit, and refuse a pooler: the sessions that we hold must be sessions."""
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'server_encoding')"
            )
            found = {str(name): str(value) for name, value in rows}
            answering, standby, read_only = connection.exec_driver_sql(
                "SELECT pg_backend_pid(), pg_is_in_recovery(), current_setting('default_transaction_read_only')"
            ).one()
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the engine was made for this driver
            self._demand_server(driver, answering)
        if standby and not self._read_only:
            raise StoreNotUsable(why=f"{self.place} is a standby, which takes no records: name the primary server")
        if read_only == "on" and not self._read_only:
            why = f"{self.place} takes no records: default_transaction_read_only is on there"
            raise StoreNotUsable(why=why)
        for setting, needed in _NEEDED.items():
            if found.get(setting) != needed:
                raise UnsafeStore(setting=setting, value=found.get(setting, "unknown"), needed=needed)

    def select(self, statement: Prepared, **values: object) -> Sequence[tuple[Any, ...]]:
        """Read on the writer's session, which is in no transaction."""
        with self._session() as writer, writer.cursor(binary=True) as cursor:
            return cursor.execute(statement.sql, statement.values(**values), prepare=True).fetchall()

    def write(self, batches: Batches) -> None:
        """Send the whole transaction at once, and take it as done only if the server says COMMIT, without a warning.

        "Canceling wait for synchronous replication" is such a warning: the commit is on this server alone.
        """
        with self._session() as writer:
            self._notices.clear()
            guard, last = writer.cursor(), writer.cursor()  # closed, they would have forgotten what they were told
            with writer.pipeline(), writer.cursor() as cursor:
                cursor.execute(_BEGIN)
                guard.execute(_GUARD)
                cursor.execute(_ANNOUNCE, prepare=True)
                for statement, rows in batches:
                    cursor.execute(statement.sql, statement.arrays(rows), prepare=True)
                _commit(last)
            if last.statusmessage != "COMMIT":
                raise StoreFailed(place="store", why=f"the server answered {last.statusmessage} to COMMIT")
            if self._notices:
                raise StoreFailed(place="store", why=f"the server warned: {self._notices[0]}")
            # A server may be told to sync no more while it runs, or give its place to one that never did.
            if (settings := guard.fetchone()) is None or settings[1:] != ("on", "on"):
                raise StoreFailed(place="store", why="fsync or full_page_writes was turned off")

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Begin a transaction under a lock that only those who change tables take."""
        with self.engine.begin() as connection:
            _lock(connection, _CHANGES_TABLES)
            yield connection

    @contextmanager
    def one_ceremony(self) -> Iterator[None]:
        """Hold a lock for as long as a transaction that does nothing else."""
        with self.engine.begin() as connection:
            _lock(connection, _CEREMONY)
            yield

    def claim(self, serial: str) -> None:
        """Take a lock on a session of its own, and end the sessions of an earlier writer.

        A writer whose client is gone may still find its whole transaction in the socket; only when its backend has
        ended do the heads say what they will say tomorrow.
        """
        name = f"indicium module {serial}"
        claim = self._connect(name)
        try:
            claim.execute("SELECT set_config('lock_timeout', %s, false)", [f"{CLAIM_SECONDS}s"])
            claim.execute("SELECT pg_advisory_lock(%s)", [_key(name)])
            self._be_the_one_writer(claim, f"{name} writer")
        except errors.LockNotAvailable:
            claim.close()
            raise LedgerInUse(serial=serial) from None
        except BaseException:
            claim.close()
            raise
        self._claim = claim

    def _be_the_one_writer(self, claim: psycopg.Connection, name: str) -> None:
        claim.execute(_END_WRITERS, [PATIENCE_SECONDS * 1000, name])
        # Not what that gave: it says no as well where a session had ended by itself in the meantime.
        if claim.execute(_WRITERS, [name]).fetchone() != (0,):
            raise StoreFailed(place="store", why="an earlier writer's session does not end")
        self._open_writer(name)
        # Seen from the claim: both are sessions of one server, and whoever takes the lock next finds ours, and ends it.
        if claim.execute(_WRITERS, [name]).fetchone() != (1,):
            raise StoreNotUsable(why=f"{self.place} is not one server: name the primary alone")

    def identity(self) -> object:
        """Leave it to the connection: a server's database cannot lose its name under one."""
        return None

    def close(self) -> None:
        """Close all sessions."""
        for session in (self._writer, self._claim):
            if session is not None:
                session.close()
        self._writer = self._claim = None
        self.engine.dispose()

    def _constraint(self, error: Exception) -> str | None:
        if isinstance(error, errors.UniqueViolation):
            return error.diag.constraint_name
        return None

    def _is_spoilt(self, error: Exception) -> bool:
        return isinstance(error, errors.DataCorrupted | errors.IndexCorrupted)

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection]:
        """Give the writer's own session, one user at a time. After an error it is never used again."""
        with self._turn:
            if self._claim is not None:
                _demand_alive(self._claim)
            writer = self._writer
            # Under a claim there is one writer, and none after it: only a new claim knows that nobody else wrote.
            if writer is None or (writer.closed and self._claim is None):
                writer = self._open_writer("indicium")
            try:
                yield writer
            except BaseException:
                writer.close()
                raise

    def _open_writer(self, name: str) -> psycopg.Connection:
        self._writer = writer = self._connect(name)
        writer.add_notice_handler(self._note)
        return writer

    def _note(self, notice: errors.Diagnostic) -> None:
        """Keep a warning; what is less is no doubt about anything."""
        if notice.severity_nonlocalized == "WARNING":
            self._notices.append(notice.message_primary or "")

    def _connect(self, name: str) -> psycopg.Connection:
        _, given = self.engine.dialect.create_connect_args(self.engine.url)
        session = psycopg.connect(**{**given, **self._options, "application_name": name}, autocommit=True)
        try:
            wanted = ", ".join(f"set_config('{setting}', '{value}', false)" for setting, value in _SESSION.items())
            row = session.execute(f"SELECT pg_backend_pid(), {wanted}").fetchone()
            self._demand_server(session, row and row[0])
        except BaseException:
            session.close()
            raise
        return session

    def _demand_server(self, session: psycopg.Connection, answering: int | None) -> None:
        """Refuse a pooler, and a server that is too old. `answering` is the process that answers queries."""
        if session.info.backend_pid != answering:
            why = f"{self.place} is a connection pooler: name the server itself, for a ledger keeps its sessions"
            raise StoreNotUsable(why=why)
        if session.info.server_version < OLDEST:
            why = f"{self.place} is PostgreSQL {session.info.server_version // 10_000}, older than {OLDEST // 10_000}"
            raise StoreNotUsable(why=why)


def _lock(connection: Connection, name: str) -> None:
    """Take a lock for as long as the transaction lasts, however long that is, and whatever the role says of it."""
    connection.execute(text(_NO_HURRY))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key(name)})


def _commit(cursor: psycopg.Cursor[Any]) -> None:
    cursor.execute("COMMIT")


def _demand_alive(claim: psycopg.Connection) -> None:
    """See that nobody else can have taken a claim: a session that ended has something to say, and gave up its lock."""
    heard = select.poll()
    heard.register(claim.fileno(), select.POLLIN)
    if heard.poll(0):
        claim.execute("SELECT")


def _never_write(driver: psycopg.Connection, _record: object) -> None:
    driver.read_only = True


def _key(name: str) -> int:
    """Give a lock's key: 62 bits of a digest under a set bit 62, apart from the keys that say positions."""
    return 1 << 62 | int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 2
