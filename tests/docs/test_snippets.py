"""What `docs/eventsourcing.md` shows works as it stands there."""

import re
from pathlib import Path

import pytest

from indicium.app import Ledger
from tests.examples.test_embedding import ROOT, run

SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "eventsourcing.md").read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Ledger.create(tmp_path / "my-ledger") as ledger:
        ledger.lease("Ada", "40505").refill("100.00")
    return tmp_path


def test_the_snippet_that_reads_prints_ten_notifications_and_the_totals(folder: Path) -> None:
    (folder / "pasted.py").write_text(SNIPPETS[0])
    *notifications, totals = run("pasted.py", cwd=folder).splitlines()
    assert [line.split()[0] for line in notifications] == [str(number) for number in range(1, 11)]
    assert notifications[0].endswith(" 1 InitializationStarted")
    assert totals == "Totals(downloaded=100000, printed=0, refunded=0)"


def test_the_snippet_that_replays_prints_the_module_and_its_meters(folder: Path) -> None:
    (folder / "pasted.py").write_text(SNIPPETS[-1].split("\n\n", 1)[1].replace("2026-11-01", "9999-12-31"))
    module, meter = run("pasted.py", cwd=folder).splitlines()
    assert "state='operational'" in module
    assert meter == "1000000001 0 100000"
