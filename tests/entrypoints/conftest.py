"""Homes that the tests of this folder begin from. Each test gets a copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.homes import copy_of, make_leased, shared
from tests.entrypoints.audit_site import Site
from tests.entrypoints.command import Terminal, indicium
from tests.entrypoints.people import Script

CUSTOMERS = 5
JOBS = 120
"""How much of the demo's files a small home has."""


def head_of(source: str, to: Path, lines: int) -> Path:
    """Write the first rows of one of the demo's files."""
    data = Path(__file__).parents[2] / "indicium" / "entrypoints" / "data" / source
    to.write_text("".join(data.read_text().splitlines(keepends=True)[: lines + 1]))
    return to


@pytest.fixture(scope="session")
def leased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home with three customers of 100.00 each. Not to be changed."""
    return shared(tmp_path_factory, "leased", make_leased)


@pytest.fixture
def home(leased: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copy_of(leased, tmp_path / "home")


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the home of a small demo, `home`, and what it said, `said`. Not to be changed."""

    def make(folder: Path) -> None:
        folder.mkdir()
        customers = head_of("customers.csv", folder / "customers.csv", CUSTOMERS)
        of_these = [f"customer-{number:03}" for number in range(1, CUSTOMERS + 1)]
        mailing = head_of("mailing.csv", folder / "mailing.csv", 5000)
        header, *rows = mailing.read_text().splitlines(keepends=True)
        rows = [row for row in rows if row.split(",")[1] in of_these][:JOBS]
        mailing.write_text("".join([header, *rows]))
        done = indicium("demo", "--home", folder / "home", "--customers", customers, "--mailing", mailing)
        assert (done.returncode, done.stderr) == (0, "")
        (folder / "said").write_text(done.stdout)

    return shared(tmp_path_factory, "shown", make)


@pytest.fixture
def demo_home(shown: Path, tmp_path: Path) -> Path:
    """A copy of the small demo's home."""
    return copy_of(shown / "home", tmp_path / "demo")


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command line within the test's process."""
    monkeypatch.delenv("INDICIUM_HOME", raising=False)
    return Terminal(capsys)


@pytest.fixture
def script(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Script:
    """The same, with passphrases by standard input."""
    return Script(terminal, monkeypatch)


@pytest.fixture
def new(terminal: Terminal, tmp_path: Path) -> Path:
    """A home with a module as its manufacturer delivers it: Uninitialized."""
    home = tmp_path / "new"
    assert terminal.run("module", "init", "--home", home)[0] == 0
    return home


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that is not there yet, for what a test has written."""
    return tmp_path / "out"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An audit server on empty folders."""
    site = Site(tmp_path)
    yield site
    site.server.close()
