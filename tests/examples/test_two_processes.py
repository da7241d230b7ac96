"""The example of a host with two processes works as it stands there."""

import subprocess
import sys
from pathlib import Path

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120


def test_two_processes_frank_with_a_module_each_on_one_database(store_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "two_processes.py", "vault", store_url],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split(" ", 2) for line in done.stdout.splitlines()]
    assert sorted((module, rest) for module, _, rest in rows) == [
        ("1", "customer at 1 3300 6700"),
        ("2", "customer at 2 3300 6700"),
    ]
    assert {device for _, device, _ in rows} == {"1000000001", "1010000001"}
    for serial in "12":
        with Ledger.open(tmp_path / "vault" / serial) as ledger:
            assert ledger.recovered == ()
            assert ledger.audit().verdict is Verdict.PASS
