"""`make crash`: a trial at every system call of the write path of every command, and all images of a power loss.

`python -m tests.crash [MINUTES]`: with a number, as many of each command's as that time allows, evenly chosen. What
must not be ends it with status 1, and is named. The figures go to the docs.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from tests import in_memory
from tests.crash import commands, faults, figures, power
from tests.crash.commands import Scenario, make_traceable
from tests.crash.figures import Tried
from tests.crash.tracing import missing

SEED: Final = 1
"""Of the order of trials, and of what reordered images keep."""

T = TypeVar("T")
R = TypeVar("R")


def main(minutes: float) -> int:
    """Try all, for at most so long; give the exit status."""
    why = missing()
    if why is not None:
        sys.stderr.write(f"{why}\n")
        return 3
    started = time.monotonic()
    tried: list[Tried] = []
    wrong = 0
    with _disk() as disk:
        leased = disk / "leased"
        make_traceable(leased)
        scenarios = [*commands.SCENARIOS, commands.PRINT_TWICE]
        for number, scenario in enumerate(scenarios):
            left = started + minutes * 60 - time.monotonic()
            found, failed = _try(scenario, leased, disk / scenario.name, left / (len(scenarios) - number))
            tried.append(found)
            wrong += failed
            sys.stdout.write(f"{scenario.name}: {len(found.outcomes)} faults, {found.images} images, {failed} wrong\n")
            sys.stdout.flush()
    if wrong:
        return 1
    figures.write(tried, (time.monotonic() - started) / 60)
    return 0


def _try(scenario: Scenario, leased: Path, folder: Path, seconds: float) -> tuple[Tried, int]:
    """Try one command; half of the time is for images."""
    found = faults.begun(scenario, leased, folder / "found")
    ran = faults.clean(scenario, found, folder / "clean")
    points = faults.points(ran, folder / "clean" / "home")
    until = time.monotonic() + seconds / 2
    outcomes, failed = _trials(
        points, lambda point, at: faults.tried(scenario, found, point, at), folder / "faults", until
    )
    images = power.losses(power.recorded(scenario, found, folder / "recorded"), SEED)
    until = time.monotonic() + seconds / 2
    done, lost = _trials(images, lambda loss, at: power.survived(scenario, found, loss, at), folder / "images", until)
    return Tried(scenario.name, outcomes, len(points), len(done), len(images)), failed + lost


def _trials(every: Sequence[T], trial: Callable[[T, Path], R], folder: Path, until: float) -> tuple[list[R], int]:
    """Make trials in a random order until time is up; say those that fail, and count them."""
    done: list[R] = []
    failed = 0
    for number, each in enumerate(random.Random(SEED).sample(every, len(every))):
        if time.monotonic() > until:
            break
        try:
            done.append(trial(each, folder / f"{number}"))
        except Exception as error:  # noqa: BLE001  # the others are tried all the same
            failed += 1
            sys.stderr.write(f"{folder.parent.name}, {each}: {type(error).__name__}: {error}\n")
    return done, failed


@contextmanager
def _disk() -> Iterator[Path]:
    in_memory.use()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else float("inf")))
