"""Rows of the recovery table whose store is restored from a base backup, or failed over to a standby that lagged."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.app.homes import drop_clones
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
