"""What every test shares: how hypothesis searches, and the worlds that tests of the module begin from."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.harness import World, make_ready

settings.register_profile("here", deadline=None)
settings.register_profile(
    "shared", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared" if os.environ.get("CI") else "here")


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
