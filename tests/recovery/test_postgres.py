"""Rows of the recovery table whose store is restored from a base backup, or failed over to a standby that lagged."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url

from indicium.app import Ledger
from indicium.domain.errors import StoreFailed
from indicium.settings import Settings
from tests.app.homes import LETTER, assert_whole, clone_of, drop_clones, rows_of
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import Script
from tests.postgres_server import OwnServer
from tests.recovery.histories import (
    LAGGING,
    RESTORED,
    HistoryOnPostgres,
    Kind,
    Tail,
    history_on_postgres,
)
from tests.recovery.table import REDONE, RESUMED, Row, demand

KIND = Kind(100, Tail.BOTH)

ROWS = (
    # The standby took over: alone, between memory and store, with another place, and with both.
    Row(0, LAGGING, 0, (REDONE,)),
    Row(0, LAGGING, LAGGING, (RESUMED,)),
    Row(0, LAGGING, 1, (REDONE, RESUMED)),
    Row(1, LAGGING, 0, place="module memory and store", outcome="continued"),
    Row(LAGGING, LAGGING, LAGGING),
    # The backup was restored.
    Row(0, RESTORED, 0, (REDONE,)),
    Row(0, RESTORED, RESTORED, place="store", outcome="abandoned"),
    Row(RESTORED, RESTORED, 0, place="module memory and store", outcome="continued"),
    Row(RESTORED, RESTORED, RESTORED),
)


@pytest.fixture(scope="module")
def history(
    leased_on_postgres: Path, own_postgres: OwnServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HistoryOnPostgres]:
    """A history on a server that was backed up, and followed for a while."""
    with ExitStack() as running:
        folder = tmp_path_factory.mktemp("history")
        yield history_on_postgres(leased_on_postgres, folder, KIND, own_postgres, running)
        drop_clones()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_database_that_was_restored_or_failed_over_is_named_and_brought_together(
    row: Row, history: HistoryOnPostgres, tmp_path: Path, terminal: Terminal, script: Script
) -> None:
    home = history.found(tmp_path / "home", memory=row.memory, store=row.store, copy=row.copy)
    demand(history, row, home, terminal, script)


def test_a_running_ledger_redoes_on_the_standby_that_took_over_and_goes_on(
    leased_on_postgres: Path, own_postgres: OwnServer, tmp_path: Path
) -> None:
    """The primary is gone with the last item; nobody restarts anything, and the answer that was given counts."""
    home = clone_of(leased_on_postgres, tmp_path / "home")
    with own_postgres.standby() as standby:
        name_both(home, own_postgres, standby)
        ledger = Ledger.open(home)
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
        standby.hear(own_postgres)
        standby.hear_no_more()
        ledger.meter("Ada").print("0.55", LETTER, "job-2")
        with own_postgres.down("immediate"):
            standby.promote()
            with pytest.raises(StoreFailed):
                ledger.meter("Ben").print("0.11", LETTER, "job-3")
            assert ledger.meter("Ben").print("0.11", LETTER, "job-3").reply.ar == 110
            assert ledger.meter("Ada").print("0.05", LETTER, "job-4").reply.ar == 930
            ledger.close()
            assert [row.event for row in rows_of(home)].count("store-redone") == 1
            assert_whole(home, {"Ada": 930, "Ben": 110})
    drop_clones()


def name_both(home: Path, *servers: OwnServer) -> None:
    """Have a home name both servers, as docs/postgresql.md says: whichever takes records is the one."""
    store = Settings.read(home).store
    folders = ",".join(str(server.socket.parent) for server in servers)
    both = make_url(store).set(query={"host": folders, "port": "5432,5432", "target_session_attrs": "read-write"})
    settings = home / "indicium.toml"
    settings.write_text(settings.read_text().replace(store, both.render_as_string(hide_password=False)))
