"""Histories that the recovery table is tried on, and the command line that tries it."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest

from tests.app.homes import make_leased, shared
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import Script
from tests.recovery.histories import History, Kind, write_history

pytest.register_assert_rewrite("tests.recovery.table")  # what it demands is said as a test says it


@pytest.fixture(scope="session")
def leased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home with three customers of 100.00 each. Not to be changed."""
    return shared(tmp_path_factory, "leased", make_leased)


@pytest.fixture(scope="session")
def history_of(leased: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], History]:
    """Give the history of a kind; it is written once."""

    @cache
    def give(kind: Kind) -> History:
        folder = shared(tmp_path_factory, f"history-{kind}", partial(write_history, leased, kind=kind))
        return History.read(folder, kind)

    return give


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command line within the test's process."""
    monkeypatch.delenv("INDICIUM_HOME", raising=False)
    return Terminal(capsys)


@pytest.fixture
def script(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Script:
    """The same, with passphrases by standard input."""
    return Script(terminal, monkeypatch)
