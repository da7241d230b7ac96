"""All chance of a run, from its seed: what happens, and what the generator of the simulated machine gives."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

BEGINNING: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every simulated world begins."""

_BLOCK_BYTES: Final = 8192

_Chosen = TypeVar("_Chosen")


class Stream:
    """An `Entropy` that gives the same bytes for the same seed: SHAKE-256 in blocks."""

    def __init__(self, seed: str) -> None:
        """Begin at the seed's first byte."""
        self._seed, self._block, self._place, self._number = seed.encode(), b"", 0, 0

    def random(self, size: int) -> bytes:
        """Give the next `size` bytes."""
        while len(self._block) - self._place < size:
            more = hashlib.shake_256(b"%b %d" % (self._seed, self._number)).digest(_BLOCK_BYTES)
            self._block, self._place = self._block[self._place :] + more, 0
            self._number += 1
        self._place += size
        return self._block[self._place - size : self._place]

    def number(self) -> int:
        """Give a number of 128 bits."""
        return int.from_bytes(self.random(16), "big")


class Dice:
    """What decides what happens. Apart from `Stream`, so that a module that draws more changes no fault."""

    def __init__(self, seed: str) -> None:
        """Begin at the seed."""
        self._random = random.Random(seed)  # noqa: S311  # chance that can be repeated, for no key

    def below(self, limit: int) -> int:
        """Give a number from 0 up to and without `limit`."""
        return self._random.randrange(limit)

    def one_in(self, count: int) -> bool:
        """Say yes once in `count` times."""
        return self._random.randrange(count) == 0

    def one_of(self, choices: Sequence[_Chosen]) -> _Chosen:
        """Choose evenly."""
        return choices[self._random.randrange(len(choices))]

    def weighted(self, choices: Sequence[tuple[_Chosen, int]]) -> _Chosen:
        """Choose by whole-numbered weights."""
        left = self._random.randrange(sum(weight for _, weight in choices))
        for choice, weight in choices:
            left -= weight
            if left < 0:
                return choice
        raise AssertionError(left)


class SimulatedClock:
    """A `Clock` that moves when the world moves it, also backwards."""

    def __init__(self, time: datetime = BEGINNING) -> None:
        """Show a time."""
        self.time = time

    def now(self) -> datetime:
        """Give the time in UTC."""
        return self.time

    def move(self, **how_far: float) -> None:
        """Move it by what a `timedelta` is made of."""
        self.time += timedelta(**how_far)
