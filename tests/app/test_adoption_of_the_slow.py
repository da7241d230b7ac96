"""A module was believed to be dead and was only slow: it is not adopted, or comes too late (ADR 0025)."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from sqlalchemy import make_url

from indicium.app import Ledger
from indicium.domain.errors import (
    IndiciumError,
    LedgerInUse,
)
from indicium.parties.adoption import Adopted, Dead
from indicium.settings import Settings
from indicium.vault import Vault
from tests.app import seams
from tests.app.adopting import adopt, assert_whole_without, on_both, print_as
from tests.app.homes import LETTER
from tests.app.vaults import Homes
from tests.postgres_server import Server, until


def test_a_module_that_lives_is_not_adopted_not_even_while_it_is_paused(homes: Homes) -> None:
    """N-22: whoever has its memory and its copy has not died."""
    process = seams.started(hold_open, homes["1"])
    try:
        wait_for(homes["1"] / "ready")
        for paused in (False, True):
            if paused:
                assert process.pid is not None
                os.kill(process.pid, signal.SIGSTOP)
            with Ledger.open(homes["2"]) as ledger, pytest.raises(LedgerInUse):
                Dead(ledger, Settings.read(homes["1"]))
    finally:
        process.kill()
        process.join()
    assert adopt(homes["2"], homes["1"]) == Adopted(2, {})


@on_both
def test_a_paused_process_that_wakes_up_as_a_zombie_is_fenced(homes: Homes, tmp_path: Path) -> None:
    """N-20 … N-22: its host was believed to be dead, and its copy was at hand elsewhere; what it asks is refused."""
    process = seams.started(print_when_told, homes["1"])
    try:
        wait_for(homes["1"] / "ready")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        elsewhere = shutil.copytree(homes["1"], tmp_path / "rescued")
        if not homes.store.startswith("sqlite"):
            with Ledger.open(homes["2"]) as ledger, pytest.raises(LedgerInUse):  # the server has not missed it yet
                Dead(ledger, Settings.read(elsewhere))
            end_sessions_of(homes.store, "1")
        assert adopt(homes["2"], elsewhere) == Adopted(2, {})
        with Vault.open([homes["2"], homes["3"]]) as vault:
            assert print_as(vault, "Ada", "job") == 99_670
        (homes["1"] / "go").touch()
        os.kill(process.pid, signal.SIGCONT)
        process.join(seams.PATIENCE_SECONDS)
        assert (homes["1"] / "said").read_text() == "ChainClosed"
    finally:
        process.kill()
        process.join()
    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert vault.meter("Ada").ask().ar == 330
    assert_whole_without("1", homes)


def end_sessions_of(url: str, serial: str) -> None:
    """Have the server miss a client, as it does within half a minute where the host is gone."""
    ends = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
    database = str(make_url(url).database)
    assert Server.of(url).ask(f"{ends} AND application_name LIKE '%{serial}'", database)


def hold_open(home: Path) -> None:
    """A scenario: have a module open until it is killed."""
    with Ledger.open(home):
        (home / "ready").touch()
        signal.pause()


def print_when_told(home: Path) -> None:
    """A scenario: open a module, wait, print, and write down what it said."""
    ledger = Ledger.open(home)
    meter = ledger.meter("Ada")
    meter.ask()
    (home / "ready").touch()
    wait_for(home / "go")
    said = "printed"
    for number in range(3):
        try:
            meter.print("0.33", LETTER, f"zombie-{number}")
        except IndiciumError as error:
            said = type(error).__name__
    (home / "said").write_text(said)
    os._exit(0)


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    until(path.exists)
