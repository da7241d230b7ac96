"""What every test shares: where its files lie, how hypothesis searches, and the worlds that it begins from."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests import in_memory, slow_hashes
from tests.app.homes import make_leased
from tests.fleet import Fleet
from tests.harness import World, make_ready
from tests.postgres_server import OwnServer, Server, server
from tests.searching import HUNT

in_memory.use()

settings.register_profile("here", deadline=None)
settings.register_profile(
    "shared", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(HUNT, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("shared" if os.environ.get("CI") else "here")


def pytest_collection_finish() -> None:
    """Let the collector look no more at what lives to the end: tests, modules, tables. It is a tenth of the time."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _hashes() -> Iterator[None]:
    with slow_hashes.made_once():
        yield


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready")
    make_ready(folder)
    return folder


@pytest.fixture
def world(ready: Path, tmp_path: Path) -> Iterator[World]:
    """An Operational module with meters; see `make_ready`."""
    world = World.copy_of(ready, tmp_path / "world")
    yield world
    world.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[World]:
    """A module that was never initialized."""
    world = World.make(tmp_path)
    yield world
    world.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    Fleet.prepare(folder)
    return folder


@pytest.fixture
def fleet(prepared: Path, tmp_path: Path) -> Iterator[Fleet]:
    """A manufacturer, a store, the parties outside, and masters that were made before; see `tests.fleet`."""
    fleet = Fleet.copy_of(prepared, tmp_path / "fleet")
    yield fleet
    fleet.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this process's own, or the one that `INDICIUM_TEST_POSTGRES` names."""
    with server() as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """An empty database."""
    name = f"indicium_{uuid4().hex}"
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def own_postgres(postgres: Server) -> OwnServer:
    """The server, if it is this process's own: whoever stops it, or tells it otherwise, makes that good again."""
    if not isinstance(postgres, OwnServer):
        pytest.skip("only a server of our own is stopped, cut off or told otherwise")
    return postgres


@pytest.fixture(scope="session")
def leased_on_postgres(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A closed home on a database of its own, with three customers of 100.00 each. Not to be changed."""
    name, folder = f"indicium_{uuid4().hex}", tmp_path_factory.mktemp("leased") / "home"
    make_leased(folder, postgres.create(name))
    yield folder
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is not made yet, once on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
