"""The command line within the test's process."""

import pytest

from tests.entrypoints.command import Terminal


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command line of somebody who has set nothing."""
    monkeypatch.delenv("INDICIUM_HOME", raising=False)
    return Terminal(capsys)
