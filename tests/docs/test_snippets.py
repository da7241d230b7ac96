"""What `docs/eventsourcing.md` and `docs/sheets.md` show works as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from indicium.app import Ledger
from indicium.domain.sheets import ItemOfSheet
from tests.examples.test_embedding import ROOT, run


def snippets(page: str) -> list[str]:
    found: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    return found


SNIPPETS = snippets("eventsourcing.md")


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


def test_the_snippet_that_prints_a_sheet_prints_two_items_that_check_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = snippets("sheets.md")
    with Ledger.open(folder / "my-ledger") as ledger:
        named: dict[str, Any] = {"meter": ledger.meter("Ada")}
        exec(snippet, named)  # noqa: S102  # it is our own page
        assert ledger.meter("Ada").ask().ar == 880
    coffee, tea = (ItemOfSheet.read(line.encode()) for line in capsys.readouterr().out.splitlines())
    assert [item.check()[0].value for item in (coffee, tea)] == [330, 550]
    assert named["signed"].line == coffee.check()[1].line
