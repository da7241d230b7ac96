"""Homes that the tests of this folder begin from. Each test gets a copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app import vaults
from tests.app.homes import SQLITE, clone_of, drop_clones, make_leased, shared
from tests.app.vaults import Homes, drop, make_vault
from tests.postgres_server import Server


@pytest.fixture(scope="session")
def leased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home with three customers of 100.00 each. Not to be changed."""
    return shared(tmp_path_factory, "leased", make_leased)


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, on SQLite; of one whose store is a PostgreSQL database where the test asks for that."""
    on_sqlite = getattr(request, "param", SQLITE) == SQLITE
    yield clone_of(request.getfixturevalue("leased" if on_sqlite else "leased_on_postgres"), tmp_path / "home")
    drop_clones()


@pytest.fixture(scope="session")
def three_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed vault of three modules. Not to be changed."""
    return shared(tmp_path_factory, "three-modules", make_vault)


@pytest.fixture(scope="session")
def three_modules_on_postgres(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same on a server."""
    folder = tmp_path_factory.mktemp("vault") / "vault"
    make_vault(folder, postgres.create("indicium_three_modules"))
    yield folder
    postgres.drop("indicium_three_modules")


@pytest.fixture
def homes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Homes]:
    """A copy of a vault of three modules with two customers each."""
    on_sqlite = getattr(request, "param", SQLITE) == SQLITE
    vault = request.getfixturevalue("three_modules" if on_sqlite else "three_modules_on_postgres")
    homes = vaults.copy_of(vault, tmp_path / "vault")
    yield homes
    drop(homes)
