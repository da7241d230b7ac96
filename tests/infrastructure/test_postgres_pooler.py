"""A connection pooler is refused: behind it a session is not a session, and a claim would be nobody's."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import make_url

from indicium.domain.errors import StoreNotUsable
from indicium.infrastructure.postgres import Postgres
from indicium.infrastructure.store import Store
from tests.postgres_server import OwnServer, until

PROGRAM = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@pytest.fixture(params=["session", "transaction"])
def pooled(request: pytest.FixtureRequest, postgres_url: str, own_postgres: OwnServer) -> Iterator[str]:
    """Give the URL of a store as a pooler in one of its modes names it."""
    Store.create(postgres_url).close()
    with TemporaryDirectory(prefix="indicium-pooler-") as name:
        folder = Path(name)
        (folder / "pooler.ini").write_text(
            f"[databases]\n* = host={own_postgres.socket.parent} port=5432 user=indicium\n"
            f"[pgbouncer]\nlisten_addr =\nunix_socket_dir = {folder}\nlisten_port = 6432\n"
            f"auth_type = any\npool_mode = {request.param}\n"
        )
        nobody = pwd.getpwnam("nobody")
        as_whom = {}
        if os.geteuid() == 0:  # it refuses to be root
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        assert PROGRAM is not None
        pooler = subprocess.Popen(
            [PROGRAM, "--quiet", folder / "pooler.ini"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_whom,  # type: ignore[call-overload]  # three named parameters, or none
        )
        url = make_url(postgres_url).set(query={"host": str(folder), "port": "6432"})
        try:
            until(lambda: _listens(folder / ".s.PGSQL.6432") or pooler.poll())
            yield url.render_as_string(hide_password=False)
        finally:
            pooler.terminate()
            pooler.wait(PATIENCE_SECONDS)


def _listens(path: Path) -> bool:
    """Tell whether anybody answers there: a socket has its name a moment before it listens."""
    with closing(socket.socket(socket.AF_UNIX)) as client:
        return client.connect_ex(str(path)) == 0


def test_a_pooler_is_refused_whatever_its_mode(pooled: str) -> None:
    with psycopg.connect(pooled.replace("+psycopg", ""), autocommit=True) as through:
        assert through.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(StoreNotUsable) as refused:
        Store.open(pooled)
    assert "is a connection pooler: name the server itself" in str(refused.value)


def test_the_sessions_of_a_writer_look_for_themselves(pooled: str) -> None:
    database = Postgres(make_url(pooled))
    with pytest.raises(StoreNotUsable, match="is a connection pooler"):
        database.claim("1")
    database.close()
