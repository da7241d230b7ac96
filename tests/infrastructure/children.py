"""Processes of their own, for what would hurt the one that tests."""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start Python on some code; its arguments are `sys.argv[1:]`."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(code: str, *arguments: object) -> list[str]:
    """Run code to its end and give the lines that it printed."""
    child = start(code, *arguments)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    return out.splitlines()
