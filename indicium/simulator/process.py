"""A running process: it passes seams, and at each one of them its world may end it, or let a write fail."""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Final

from indicium.domain.errors import StoreFailed

MEMORY: Final = "module memory"
STORE: Final = "store"
COPY: Final = "audit copy"
STATIC: Final = "static parts"


class Crash(BaseException):  # no error that the ledger could answer: the process is gone
    """The process ended here."""


class Failing(Enum):
    """How a write fails."""

    LOST = "nothing of it is there"
    STORED = "all of it is there, though an error came"
    UNSYNCED = "it is written, and the sync failed"
    FULL = "the disk is full until somebody makes room"


Strike = Callable[["Process", str], None]


class Hazards:
    """What is about to go wrong in a world. Nothing, as long as nobody arms anything."""

    def __init__(self) -> None:
        """Let everything work."""
        self._left = 0
        self._strike: Strike | None = None
        self._failing: dict[str, Failing] = {}
        self.lying: set[str] = set()
        """Places that say yes to a sync and do none."""
        self.passed: Counter[str] = Counter()
        """How often each seam was passed."""
        self.struck: Counter[str] = Counter()
        """How often something struck there."""

    def arm(self, seams: int, strike: Strike) -> None:
        """Let something strike when so many more seams are passed."""
        self._left, self._strike = seams, strike

    def disarm(self) -> None:
        """Let nothing strike any more."""
        self._strike = None

    def fail(self, place: str, how: Failing) -> None:
        """Let the next write of a place fail; with `FULL`, all of them until `mend`."""
        self._failing[place] = how

    def mend(self) -> list[str]:
        """Make room, and let everything work again; give the places that did not."""
        broken = [*self._failing, *sorted(self.lying)]
        self._failing.clear()
        self.lying.clear()
        return broken

    def at(self, process: "Process", seam: str) -> None:
        """Let a process pass a seam, or not."""
        self.passed[seam] += 1
        if self._strike is None:
            return
        self._left -= 1
        if self._left <= 0:
            strike, self._strike = self._strike, None
            self.struck[seam] += 1
            strike(process, seam)

    def failing(self, place: str) -> Failing | None:
        """Say how a write that begins now is to fail."""
        how = self._failing.get(place)
        if how is not None and how is not Failing.FULL:
            del self._failing[place]
        return how


class Process:
    """One process of the simulated machine, from its start to its end."""

    def __init__(self, hazards: Hazards) -> None:
        """Start."""
        self.hazards = hazards
        self.alive = True
        self.fenced = False
        """Whether its machine was taken away from the disks while it slept."""

    def at(self, seam: str) -> None:
        """Pass a seam. Raises `Crash`, also in a process that is dead already."""
        if self.alive:
            self.hazards.at(self, seam)
        if not self.alive:
            raise Crash

    def on_disk(self, place: str, seam: str) -> None:
        """Pass a seam of a disk of the machine. Raises `Crash`, and `StoreFailed` for a disk that was taken away."""
        self.at(f"{place}, {seam}")
        if self.fenced:
            raise StoreFailed(place=place, why="the disk was taken away")

    def end(self) -> None:
        """End: nothing that it holds is worth anything any more."""
        self.alive = False
