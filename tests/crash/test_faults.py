"""Kills, I/O errors and full disks at system calls of the write path: a slice of what `make crash` tries."""

from pathlib import Path

import pytest

from tests.crash import commands, faults
from tests.crash.commands import Scenario

EACH = 3
"""Points of each command that are tried here; `make crash` tries all."""


@pytest.mark.parametrize("scenario", commands.SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_command_whose_disk_fails_anywhere_says_so_and_is_done_once(
    scenario: Scenario, leased: Path, tmp_path: Path
) -> None:
    """O-17: one sentence and an exit status; what was acknowledged stays, nothing is doubled, the chain passes."""
    found = faults.begun(scenario, leased, tmp_path / "found")
    ran = faults.clean(scenario, found, tmp_path / "clean")
    every = faults.points(ran, tmp_path / "clean" / "home")
    for number, point in enumerate(faults.sample(every, EACH)):
        faults.tried(scenario, found, point, tmp_path / f"{number}")


@pytest.mark.parametrize(
    ("scenario", "call", "file", "nth"),
    [
        (commands.PRINT_ONE, "openat", r".*\.lock", 0),
        (commands.PRINT_ONE, "chmod", r".*\.memory", 0),
        (commands.PRINT_ONE, "ftruncate", r".*\.memory-shm", 0),
        (commands.MODIFY, "write", r".*\.audit", 4),
    ],
    ids=["lock of memory", "mode of memory", "opening of memory", "in a session"],
)
def test_errors_that_were_told_wrongly_once(
    scenario: Scenario, call: str, file: str, nth: int, leased: Path, tmp_path: Path
) -> None:
    """Found by `make crash`: tracebacks, a disk's error called tampering, an error hidden by a failed logoff."""
    ran = faults.clean(scenario, leased, tmp_path / "clean")
    point = faults.at(ran, tmp_path / "clean" / "home", call, file, nth)
    faults.tried(scenario, leased, point, tmp_path / "failed")
