"""What `docs/gateway.md` shows works as it stands there."""

import re
from pathlib import Path

from tests.examples.test_embedding import ROOT, run

PAGE = (ROOT / "docs" / "gateway.md").read_text()
PRINTING, PAGES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_k_05_a_stranger_who_pastes_the_gateway_prints_an_item(tmp_path: Path) -> None:
    (tmp_path / "pasted.py").write_text(PRINTING)
    assert run("pasted.py", cwd=tmp_path).splitlines() == ["49670 mills left", "ann 1 330"]


def test_k_13_a_stranger_who_pastes_the_page_policies_sees_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "pasted.py").write_text(PAGES)
    assert run("pasted.py", cwd=tmp_path).splitlines() == [
        "print.stamps.com",
        "The page does not come from an authorized domain: print.stamps.com.evil.example is not one.",
        "print.stamps.com",
    ]
