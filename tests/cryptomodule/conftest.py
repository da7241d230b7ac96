"""A module with people, for tests of access control."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indicium.domain.commands.access import InitializeAccessControlDatabase
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from tests.cryptomodule.staff import MINIMAL
from tests.harness import World


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    world = World.make(folder)
    world.execute(StartInitialization())
    with world.operator() as operator:
        operator.send(InitializeAccessControlDatabase(users=MINIMAL), encrypted=True)
        operator.logon("officer", "officer")
        operator.send(GenerateMasterKeySet())
    world.leave()
    return folder


@pytest.fixture
def staffed(people: Path, tmp_path: Path) -> Iterator[World]:
    """A module with the minimal user set, whose passphrases are their names."""
    world = World.copy_of(people, tmp_path / "staffed")
    yield world
    world.close()
