"""Modules that fail in their own processes, and the vault that is shut down for it (Y-15, O-02, O-08, M-28)."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.commands.recovery import ReleaseFailures
from indicium.domain.errors import HeadsDisagree, Inhibited, MemoryNotAuthentic, ModuleTampered, SystemShutDown
from indicium.domain.failures import Notice, Standing, readable
from indicium.domain.identity import Serial
from indicium.domain.roles import Role
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.settings import DEFAULT_SERIAL, Settings
from tests.app import seams
from tests.app.homes import LETTER, MEMORY, assert_whole, on_both, put_back, rows_of
from tests.app.test_vault import assert_vault

OTHER = "2"


def said_of(home: Path) -> dict[Serial, Notice]:
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        return readable(store.failed_modules())


def sees_itself_inhibited(home: Path) -> None:
    with pytest.raises(HeadsDisagree):
        Ledger.open(home)


def is_well(home: Path) -> None:
    """Open a ledger and close it, with nothing to recover."""
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()


def prints(ledger: Ledger, job: str) -> bool:
    try:
        ledger.meter("Eve").print("0.33", LETTER, job)
    except SystemShutDown:
        return False
    return True


def release(ledger: Ledger) -> None:
    """Have the Security Officer release what failed."""
    plan = ledger.office.ceremony_plan()
    officer = plan.of(Role.SECURITY_OFFICER)
    with ledger.office.operator(Serial(ledger.settings.serial)) as operator:
        operator.logon(officer.name, officer.passphrase)
        operator.send(ReleaseFailures(modules=(DEFAULT_SERIAL,)))


@on_both
def test_y_15_a_module_that_fails_in_one_process_shuts_down_the_vault_in_the_others(home: Path, tmp_path: Path) -> None:
    """At their next group, over restarts, and until each that has other keys was released by its own officer."""
    settings = Settings.of(tmp_path / "other", serial=OTHER, store=Settings.read(home).store_url, shutdown_threshold=1)
    shutil.copytree(home / "modules", tmp_path / "older" / "modules")
    seams.print_twice(home)
    shutil.copytree(home / "modules", tmp_path / "newest" / "modules")
    put_back(home, tmp_path / "older", MEMORY)
    with Ledger.create(settings) as other:
        other.lease("Eve", "40505").refill("10.00")
        assert prints(other, "job-1")
        seams.apart(sees_itself_inhibited, home)
        (notice,) = said_of(home).values()
        assert (notice.standing, notice.by) == ("failed", "")
        assert "the module memory disagrees from record" in notice.cause
        assert not prints(other, "job-2")

    seams.apart(sees_itself_inhibited, home)
    put_back(home, tmp_path / "newest", MEMORY)
    seams.apart(is_well, home)
    with Ledger.open(settings.home) as other:
        assert said_of(home)[Serial(DEFAULT_SERIAL)] == notice._replace(standing=Standing.SHUT_DOWN)
        assert not prints(other, "job-2")
        release(other)
        assert prints(other, "job-2")
        with Ledger.open(home) as ledger:
            with pytest.raises(SystemShutDown, match=DEFAULT_SERIAL):
                ledger.meter("Ada").print("0.33", LETTER, "job-7")
            release(ledger)
            ledger.meter("Ada").print("0.33", LETTER, "job-7")
        assert prints(other, "job-3")
    assert_vault(settings.store_url, home, settings.home)
    assert [row.event for row in rows_of(home)].count("shutdown-begun") == 2


def test_a_module_that_failed_alone_goes_on_once_it_is_well(home: Path, tmp_path: Path) -> None:
    """M-28: with the threshold as it is by default nobody has to release anything."""
    shutil.copytree(home / "modules", tmp_path / "older" / "modules")
    seams.print_twice(home)
    shutil.copytree(home / "modules", tmp_path / "newest" / "modules")
    put_back(home, tmp_path / "older", MEMORY)
    for _ in range(2):
        sees_itself_inhibited(home)
    put_back(home, tmp_path / "newest", MEMORY)
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-7")
        assert said_of(home)[Serial(DEFAULT_SERIAL)].standing == "recovered"
    assert_whole(home)


def tampered(home: Path) -> None:
    Home(home).tamper(Serial(DEFAULT_SERIAL)).write_text("a probe")


def spoilt(home: Path) -> None:
    (home / MEMORY).write_bytes(b"no memory" * 1000)


def lost(home: Path) -> None:
    (home / MEMORY).unlink()


@pytest.mark.parametrize(
    ("befalls", "why"), [(tampered, ModuleTampered), (spoilt, MemoryNotAuthentic), (lost, MemoryNotAuthentic)]
)
def test_what_a_module_does_not_survive_counts_too(
    befalls: Callable[[Path], None], why: type[Inhibited], home: Path
) -> None:
    befalls(home)
    with pytest.raises(why) as refused:
        Ledger.open(home)
    notice = said_of(home)[Serial(DEFAULT_SERIAL)]
    assert (notice.standing, notice.cause) == ("failed", str(refused.value))


def test_a_sensor_that_is_triggered_under_power_counts_at_once(home: Path) -> None:
    with Ledger.open(home) as ledger:
        assert said_of(home) == {}
        tampered(home)
        with pytest.raises(ModuleTampered):
            ledger.meter("Ada").print("0.33", LETTER, "job-7")
        assert said_of(home)[Serial(DEFAULT_SERIAL)].standing == "failed"
