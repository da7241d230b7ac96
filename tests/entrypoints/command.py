"""The command line as a person or a program calls it: in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from indicium.entrypoints.cli import run

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120
HEADER = "job,customer,origin_zip,destination_zip,mail_class,weight_oz,value_usd"

COMMAND = (sys.executable, "-c", "from indicium.entrypoints.main import main; main()")
"""What the installed script does."""


def environment(**more: str) -> dict[str, str]:
    """Give this process's environment without what a person may have set for the command line.

    Nor are its modules compiled anew at each start, as they would be where nobody may write what was compiled.
    """
    dropped = ("INDICIUM_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return inherited | {"PYTHONPATH": str(ROOT)} | more


def indicium(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        env=environment(**more),
    )


class Terminal:
    """The command line within the test's process: quicker to start, the same from the arguments on."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Give exit status, standard output and standard error."""
        self._captured.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = self._captured.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    def json(self, *arguments: str | Path, status: int = 0) -> Any:  # noqa: ANN401  # what JSON holds
        """Run with `--json`, demand a status, and give the one object on standard output."""
        ended, out, _ = self.run(*arguments, "--json")
        assert ended == status
        assert out.count("\n") == 1
        return orjson.loads(out)

    def refused(self, *arguments: str | Path, status: int) -> str:
        """Demand a status and one sentence on standard error, and give it."""
        ended, out, err = self.run(*arguments)
        assert (ended, out) == (status, "")
        assert err.count("\n") == 1
        return err.strip()


def write_mailing(path: Path, rows: Sequence[str]) -> Path:
    """Write a mailing: the rows below the header."""
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path
