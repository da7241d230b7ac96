"""Alternating two measurements, so that whatever else the machine does hits both."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

PAIRS = 7
"""Pairs of a figure; five are the least."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: how fast A is, in units of B."""

    name: str
    what: str
    goal: float
    ratios: tuple[float, ...]
    """A's rate over B's, pair by pair."""
    rate: float
    """A's median rate a second, for orientation only."""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)

    @property
    def reached(self) -> bool:
        """Whether the median reaches the goal."""
        return self.ratio >= self.goal


def rate(work: Callable[[], int]) -> float:
    """Do some work once and give how many units of it a second were done."""
    gc.collect()
    started = time.perf_counter()
    units = work()
    return units / (time.perf_counter() - started)


def figure(name: str, what: str, goal: float, a: Callable[[], float], b: Callable[[], float]) -> Figure:
    """Alternate A and B, each of which gives its own rate."""
    a(), b()  # warm up both
    pairs = [(a(), b()) for _ in range(PAIRS)]
    return Figure(name, what, goal, tuple(x / y for x, y in pairs), median(x for x, _ in pairs))
