"""A ledger that has grown: what a transaction costs, how it starts after a crash, and the memory it takes."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.pairs import FEW_PAIRS, Figure, quantity
from benchmarks.worker import Worker, worker

METERS: Final = 1000
SMALL: Final = 10_000
"""Items that the ledger has printed with which the grown one is compared."""
WARM: Final = 4
ROUNDS: Final = 8
"""Rounds of all meters that are measured in one process."""
MEGABYTE: Final = 1_000_000


class Grown:
    """A small ledger and a grown one, made by the same program; the grown one's maker was killed."""

    def __init__(self, folder: Path, items: int) -> None:
        """Make both, or take up those that an earlier run kept in the folder."""
        self.items = items
        self._folder = folder
        self._copies = 0
        self.resident: dict[int, int] = {}
        """Memory of the process that made the grown one, in bytes, by the items that it had printed."""
        self.small, self.large = folder / "small", folder / f"grown-{items}"
        if not self.small.exists():
            with worker(self.small, METERS, METERS) as making:
                making.ready()
                making.rounds(SMALL // METERS - ROUNDS // 2 - WARM)
        if not self.large.exists():
            self._grow()

    def copy_of_small(self) -> Path:
        """Give a small ledger that nobody has used yet."""
        self._copies += 1
        return Path(shutil.copytree(self.small, self._folder / f"copy-{self._copies}"))

    def _grow(self) -> None:
        unfinished = self.large.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        rounds = self.items // METERS
        making = Worker(unfinished, METERS, METERS)
        try:
            making.ready()
            making.begin(rounds + METERS)  # more than are waited for: it is killed while it works
            for number in range(1, rounds + 1):
                resident = making.said()["resident"]
                if number in (rounds // 100, rounds // 10, rounds):
                    self.resident[number * METERS] = resident
                if number % 10 == 0 and sys.stderr.isatty():
                    sys.stderr.write(f"\r  growing a ledger: {number * METERS:,} of {self.items:,} items\033[K\r")
        finally:
            making.kill()
        unfinished.rename(self.large)


def g10(grown: Grown) -> Iterator[Figure]:
    """Compare what an item costs in the grown ledger with what it costs in the small one."""
    for size in (100, 1000):
        ratios, rates = [], []
        for _ in range(FEW_PAIRS):
            small = grown.copy_of_small()
            costs = [_cost(small, size), _cost(grown.large, size)]
            ratios.append(costs[1] / costs[0])
            rates.append(1 / costs[1])
            shutil.rmtree(small)
        what = f"an item after {grown.items:,} against one after {SMALL:,}: its cost, groups of {size}, SQLite"
        yield Figure(f"G10 {size}", what, 1.25, tuple(ratios), median(rates), at_most=True)
    if grown.resident:
        *_, filled, most = sorted(grown.resident)  # SQLite's cache fills in the first tenth, and grows no more
        growth = (grown.resident[most] - grown.resident[filled]) / MEGABYTE
        sizes = ", ".join(f"{size / MEGABYTE:.1f} MB after {items:,}" for items, size in grown.resident.items())
        yield quantity(
            "G10 memory", f"growth of a module's process over the last nine tenths: {sizes}", 2.0, "MB", (growth,)
        )


def g12(grown: Grown) -> Iterator[Figure]:
    """Start a process on the grown ledger after its last one was killed at work, again and again."""
    seconds = []
    for _ in range(FEW_PAIRS):
        with ExitStack() as killed:
            starting = Worker(grown.large, 1, METERS)
            killed.callback(starting.kill)
            seconds.append(starting.ready())
            starting.begin(METERS)
            for _ in range(3):
                starting.said()
    what = f"from starting a process to its first answer, after a crash at {grown.items:,} items"
    yield quantity("G12", what, 2.0, "s", tuple(seconds))


def _cost(home: Path, group_limit: int) -> float:
    with worker(home, METERS, group_limit) as measured:
        measured.ready()
        measured.rounds(WARM)
        return measured.rounds(ROUNDS)
