"""What the README and `examples/embedding.py` show works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import orjson

from indicium.app import Ledger
from indicium.vault import Vault

ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def assert_is_an_item(line: str) -> None:
    body, signature = line.split("\t")
    assert signature
    item = orjson.loads(body)
    assert (item["value"], item["ar"], item["dr"]) == (330, 330, 49_670)


def test_the_example_makes_a_ledger_and_prints_an_item(tmp_path: Path) -> None:
    item, left = run(str(ROOT / "examples" / "embedding.py"), "ledger", cwd=tmp_path).splitlines()
    assert_is_an_item(item)
    assert left == "left: 49670 mills"
    with Ledger.open(tmp_path / "ledger") as ledger:
        assert [meter.customer for meter in ledger.meters()] == ["Ada"]


def snippets() -> list[str]:
    found: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return found


def test_the_readmes_snippet_pasted_into_a_file_works(tmp_path: Path) -> None:
    snippet = snippets()[0]
    assert snippet.count("\n") < 10
    (tmp_path / "pasted.py").write_text(snippet)
    assert_is_an_item(run("pasted.py", cwd=tmp_path).strip())


def test_the_readmes_vault_leases_a_meter_in_one_of_its_modules(tmp_path: Path) -> None:
    (snippet,) = (one for one in snippets() if "Vault.create" in one)
    (tmp_path / "pasted.py").write_text(snippet)
    run("pasted.py", cwd=tmp_path)
    with Vault.open(tmp_path / "my-vault" / serial for serial in ("1", "2", "3")) as vault:
        assert [meter.customer for meter in vault.meters()] == ["Ada"]
        assert len(vault.modules()) == 3


def test_the_essays_snippet_is_the_same_ledger(tmp_path: Path) -> None:
    essay = (ROOT / "indicium" / "__init__.py").read_text().split("::\n", 1)[1].split("\n\nEvery error")[0]
    (tmp_path / "pasted.py").write_text("\n".join(line.removeprefix("    ") for line in essay.splitlines()))
    assert_is_an_item(run("pasted.py", cwd=tmp_path).strip())
