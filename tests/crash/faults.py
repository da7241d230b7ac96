"""Every point of a command's write path, and a trial at each: the fault, the next opening, the repeat."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indicium.app import Ledger
from indicium.domain.heads import Action
from tests.app.homes import assert_whole
from tests.crash.commands import Scenario
from tests.crash.tracing import Call, Fault, Ran, traced

KILL: Final = "signal=KILL"
EIO: Final = "error=EIO"
ENOSPC: Final = "error=ENOSPC"
FAULTS: Final = (KILL, EIO, ENOSPC)

SAID: Final = (0, 2, 3)
"""Exit statuses after a disk's error: done all the same, fate unknown, not usable. Not 1: nobody refused anything."""

_PLACES: Final = (
    (r"modules(/.*)?", "module memory"),
    (r"ledger\.db.*", "store"),
    (r"audit(/.*)?", "audit copy"),
    (r"(provider|cards|metergen)(/.*)?", "parties' books"),
    (r"secrets/customers(/.*)?", "customers' files"),
    (r".*", "other files of the home"),
)
"""What of a home is which place, by the path within it. The first that fits counts."""


def place_of(path: Path, home: Path) -> str | None:
    """Say which place a file is of; None for one that is not in the home."""
    if not path.is_relative_to(home):
        return None
    within = str(path.relative_to(home))
    return next(place for pattern, place in _PLACES if re.fullmatch(pattern, within))


@dataclass(frozen=True)
class Point:
    """A system call of a command, and the place that it writes to."""

    place: str
    fault: Fault

    def __str__(self) -> str:
        """Name it, as a test's parameter."""
        return f"{self.place}, {self.fault.call} {self.fault.nth}: {self.fault.what}"


@dataclass(frozen=True)
class Outcome:
    """What a trial came to, for the figures; what must not be has been raised."""

    place: str
    call: str
    what: str
    acknowledged: bool
    status: int
    recovered: tuple[Action, ...]


def begun(scenario: Scenario, home: Path, to: Path) -> Path:
    """Give a copy of a home as the scenario's command finds it."""
    shutil.copytree(home, to)
    scenario.begins(to)
    return to


def clean(scenario: Scenario, found: Path, folder: Path) -> Ran:
    """Run a command to its end without a fault, in a copy of what it finds; all must hold."""
    home = shutil.copytree(found, folder / "home")
    ran = traced(scenario.act, home, folder / "said")
    assert (ran.status, ran.err) == (0, ""), ran
    Ledger.open(home).close()
    scenario.holds(home)
    assert_whole(home)
    return ran


def points(ran: Ran, home: Path) -> list[Point]:
    """Give every fault at every call of a clean run that writes to the home: those of one call beside each other."""
    return [
        Point(place, Fault(what, call.name, f"{call.nth}"))
        for call in ran.calls
        if (place := place_of(call.path, home)) is not None
        for what in FAULTS
    ]


def at(ran: Ran, home: Path, call: str, file: str, nth: int) -> Point:
    """Give the point of an I/O error at the nth call of a clean run on a file of that name, counted from 0."""
    made = [each for each in ran.calls if each.name == call and re.fullmatch(file, each.path.name)][nth]
    place = place_of(made.path, home)
    assert place is not None
    return Point(place, Fault(EIO, call, f"{made.nth}"))


def sample(every: Sequence[Point], many: int) -> list[Point]:
    """Choose points that are spread evenly, each with another fault than the one before."""
    calls = len(every) // len(FAULTS)
    chosen = (number * calls // many for number in range(many))
    return [every[call * len(FAULTS) + number % len(FAULTS)] for number, call in enumerate(chosen)]


def tried(scenario: Scenario, found: Path, point: Point, folder: Path) -> Outcome:
    """Let a fault befall the command in a fresh copy of what it finds, and demand all that is promised.

    One sentence and an exit status, or the kill; then the ledger opens by itself, what was acknowledged is there, and a
    repeat brings the command to its end, once.
    """
    home = shutil.copytree(found, folder / "home")
    ran = traced(scenario.act, home, folder / "said", "-e", point.fault.option)
    struck = _struck(ran, point, home)
    if point.fault.what == KILL:
        assert ran.status < 0, ran
    else:
        assert_said(ran)
    with Ledger.open(home) as ledger:
        recovered = ledger.recovered
    acknowledged = ran.status == 0
    if acknowledged:
        scenario.holds(home)
        assert_whole(home)
    status, out, err = scenario.repeat(home)
    assert (status, err) == (0, ""), (status, out, err)
    if acknowledged:
        assert scenario.agrees(ran.out, out)
    scenario.holds(home)
    assert_whole(home)
    shutil.rmtree(folder)
    place = place_of(struck.path, home)
    assert place is not None
    return Outcome(place, struck.name, point.fault.what, acknowledged, ran.status, recovered)


def assert_said(ran: Ran) -> None:
    """Demand what somebody in front of a screen may expect of a command whose disk failed it."""
    assert ran.status in SAID, ran
    assert "Traceback" not in ran.err, ran.err
    assert ran.err.count("\n") == (0 if ran.status == 0 else 1), ran.err


def _struck(ran: Ran, point: Point, home: Path) -> Call:
    """Find the call that the fault befell: in the home, for runs are alike."""
    call = ran.struck
    assert call is not None, (point, ran)
    assert (call.name, f"{call.nth}") == (point.fault.call, point.fault.nth), (call, point)
    assert place_of(call.path, home) == point.place, (call, point)
    return call
