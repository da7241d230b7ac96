"""Homes that the tests of this folder begin from. Each test gets a copy."""

from pathlib import Path

import pytest

from tests.app.homes import copy_of, make_leased, shared


@pytest.fixture(scope="session")
def leased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home with three customers of 100.00 each. Not to be changed."""
    return shared(tmp_path_factory, "leased", make_leased)


@pytest.fixture
def home(leased: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copy_of(leased, tmp_path / "home")
