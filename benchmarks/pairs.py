"""Alternating two measurements, so that whatever else the machine does hits both."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

PAIRS: Final = 7
"""Pairs of a figure; five are the least."""

FEW_PAIRS: Final = 5
"""Pairs of a figure of which one takes seconds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: how fast A is, in units of B; or a quantity that was taken several times."""

    name: str
    what: str
    goal: float
    ratios: tuple[float, ...]
    """A's rate over B's, pair by pair."""
    rate: float
    """A's median rate a second, for orientation only."""
    at_most: bool = False
    """Whether the goal is an upper limit."""
    unit: str = ""
    """What the numbers are, if not ratios."""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)

    @property
    def reached(self) -> bool:
        """Whether the median reaches the goal."""
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal


class Missing(NamedTuple):
    """A figure that cannot be taken here."""

    name: str
    why: str


Clock = Callable[[], float]
"""Gives seconds."""

WALL: Final[Clock] = time.perf_counter
CORE: Final[Clock] = time.process_time
"""Seconds of a core that this process had: for work that only computes, whatever else the machine does."""


def rate(work: Callable[[], int], clock: Clock = WALL) -> float:
    """Do some work once and give how many units of it a second were done."""
    gc.collect()
    started = clock()
    units = work()
    return units / (clock() - started)


def figure(
    name: str, what: str, goal: float, a: Callable[[], float], b: Callable[[], float], *, pairs: int = PAIRS
) -> Figure:
    """Alternate A and B, each of which gives its own rate."""
    a(), b()  # warm up both
    taken = [(a(), b()) for _ in range(pairs)]
    return Figure(name, what, goal, tuple(x / y for x, y in taken), median(x for x, _ in taken))


def quantity(name: str, what: str, most: float, unit: str, taken: tuple[float, ...]) -> Figure:
    """Give something that is no ratio, and may be so much at most."""
    return Figure(name, what, most, taken, 0.0, at_most=True, unit=unit)
