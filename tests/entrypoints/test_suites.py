"""The whole main job under each suite (F-01 … F-30, F-34), from the command line, and what tells suites apart."""

from pathlib import Path

import orjson
import pytest

from indicium.app import Ledger
from indicium.cryptomodule import suites
from indicium.domain.commands.access import GetStatus
from indicium.domain.errors import BadSetting, SuiteMismatch
from indicium.settings import Settings
from tests.app.homes import audit_file
from tests.entrypoints.command import HEADER, Terminal, indicium, write_mailing
from tests.harness import SERIAL

STUDY = "Warning: the suite fips140_1 is for study"
ignored = pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")

CUSTOMERS = "customer,license_zip,refill_usd\nada,94107,50.00\nben,04973,50.00\n"
JOBS = [
    f"{number},{customer},94107,04973,first-class letter,1,0.33"
    for number, customer in enumerate(("ada", "ben", "ada", "ben"), 1)
]


@pytest.fixture(scope="module", params=suites.SUITES)
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The home that a demo with a small mailing left behind, and its suite."""
    folder, name = tmp_path_factory.mktemp("demo"), request.param
    (folder / "customers.csv").write_text(CUSTOMERS)
    mailing = write_mailing(folder / "mailing.csv", JOBS)
    files = ("--customers", folder / "customers.csv", "--mailing", mailing)
    done = indicium("demo", "--home", folder / "home", "--suite", name, *files, "--json")
    assert done.returncode == 0
    assert done.stderr.startswith(STUDY) == (name == "fips140_1")
    said = orjson.loads(done.stdout)
    assert (said["suite"], said["done"], said["verdict"], said["tampered"]) == (name, 4, "PASS", "FAIL")
    return name, folder / "home"


def test_whoever_looks_sees_the_suite(shown: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    name, home = shown
    terminal = Terminal(capsys)
    assert terminal.json("modules", "--home", home)["modules"][0]["suite"] == name
    assert terminal.json("modules", "--at", "1", "--home", home)["modules"][0]["suite"] == name
    assert terminal.json("status", "--home", home)["suites"] == [name]
    for arguments in (("modules",), ("modules", "--at", "1"), ("status",)):
        assert name in terminal.run(*arguments, "--home", home)[1]
    assert f'suite = "{name}"' in (home / "indicium.toml").read_text()


def test_a_posted_mailing_and_its_verification_need_to_be_told_nothing(shown: tuple[str, Path], tmp_path: Path) -> None:
    name, home = shown
    mailing = tmp_path / "mailing.csv"
    mailing.write_text(f"{HEADER}\n9,ada,94107,04973,first-class letter,1,0.33\n")
    posted = indicium("post", mailing, "--out", tmp_path / "items.csv", "--home", home)
    assert posted.returncode == 0
    assert posted.stderr.startswith(STUDY) == (name == "fips140_1")
    verified = indicium("verify", audit_file(home), "--key", home / "keys" / f"{SERIAL}.audit.pem", "--json")
    assert (verified.returncode, orjson.loads(verified.stdout)["verdict"]) == (0, "PASS")


@ignored
def test_a_module_is_not_opened_with_another_suite_than_its_own(shown: tuple[str, Path]) -> None:
    name, home = shown
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for other in suites.SUITES:
        if other == name:
            continue
        with pytest.raises(SuiteMismatch) as refused:
            Ledger.open(Settings.of(**Settings.read(home).model_dump() | {"suite": other}))
        assert (refused.value.suite, refused.value.asked) == (name, other)
        assert f'suite = "{name}"' in str(refused.value)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    with Ledger.open(home) as ledger:
        assert orjson.loads(ledger.execute(GetStatus()))["suite"] == name


def test_there_are_the_suites_that_settings_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in suites.SUITES:
        assert Settings.of(tmp_path, suite=name).suite == name
    assert Settings.of(tmp_path).suite == "modern"
    with pytest.raises(BadSetting, match="suite"):
        Settings.of(tmp_path, suite="rot13")
    assert Terminal(capsys).refused("init", "--home", tmp_path / "home", "--suite", "rot13", status=3)
