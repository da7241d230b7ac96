"""Homes that the tests of this folder begin from. Each test gets a copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.homes import SQLITE, clone_of, drop_clones, make_leased, shared


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
