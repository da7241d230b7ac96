"""A ledger under each suite: a module that has held its ceremony, with one leased meter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indicium.cryptomodule import suites
from tests.harness import World


@pytest.fixture(scope="session", params=suites.SUITES)
def kept_ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a ledger of each suite, once."""
    folder = tmp_path_factory.mktemp(request.param)
    world = World.make(folder, suite_name=request.param)
    world.hold_ceremony()
    world.new_meter("ada")
    world.register("ada")
    world.lease("ada")
    world.leave()
    return folder


@pytest.fixture
def ledger(kept_ledger: Path, tmp_path: Path) -> Iterator[World]:
    """Give a copy of it."""
    world = World.copy_of(kept_ledger, tmp_path)
    yield world
    world.close()
