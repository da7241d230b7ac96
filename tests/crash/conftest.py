"""The home that every trial begins from."""

from pathlib import Path

import pytest

from tests.app.homes import shared
from tests.crash.commands import make_traceable
from tests.crash.tracing import missing


@pytest.fixture(scope="session")
def leased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home with three customers of 100.00 each, where strace can be had. Not to be changed."""
    why = missing()
    if why is not None:
        pytest.skip(why)
    return shared(tmp_path_factory, "traceable", make_traceable)
