"""`examples/projection.py` works as it stands there, from the docs too, and goes on where it stopped."""

import subprocess
import sys
from pathlib import Path

from indicium import Ledger, Postage, Voucher

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "projection.py"


def run(script: Path, store: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, script, store], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    return done.stdout, done.stderr


def postage(mail_class: str) -> Postage:
    return Postage.model_validate(
        {"origin_zip": "40505", "destination_zip": "95567", "mail_class": mail_class, "weight_ounces": 1}
    )


def test_the_example_sums_what_was_spent_and_adds_what_came_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop' / 'ledger.db'}"
    with Ledger.create(tmp_path / "shop") as ledger:
        meter = ledger.lease("Ada", license_zip="40505")
        meter.refill("50.00")
        meter.print("0.33", postage("first-class letter"))
        meter.print("0.20", postage("postcard"))
        meter.print("0.33", postage("first-class letter"))
        meter.print("5.00", Voucher(purpose="a cup of tea"))
    spent, told = run(EXAMPLE, url)
    assert spent.splitlines() == ["first-class letter 2 660", "postcard 1 200"]
    assert told.endswith(", 0 left\n")
    assert run(EXAMPLE, url) == (spent, "")
    with Ledger.open(tmp_path / "shop") as ledger:
        ledger.meter("Ada").print("0.20", postage("postcard"))
    assert run(EXAMPLE, url)[0].splitlines() == ["first-class letter 2 660", "postcard 2 400"]


def test_the_docs_show_the_example() -> None:
    projection = EXAMPLE.read_text().split("SPEND = ")[1].split("\n\n\nwith")[0]
    assert projection in (ROOT / "docs" / "projections.md").read_text()
