"""A stock of meters that are ready for customers, "to ensure that the vendor can meet customer acquisition demands".

Meters are made in groups. A process that is killed leaves some that are Raw, or Unleased and in no book: the next one
takes them up and makes no others in their place.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from indicium.cryptomodule.ports import Clock
from indicium.domain.errors import MksNotHeld, PackageNotAuthentic
from indicium.domain.identity import Serial
from indicium.domain.lifecycle import PsdState
from indicium.domain.package import Package
from indicium.infrastructure.files import locked
from indicium.infrastructure.packages import at_home_in
from indicium.infrastructure.stock_book import StockBook
from indicium.parties.metergen import MeterGen, RawMeter
from indicium.parties.operator import Execute, ExecuteAll

GROUP: Final = 250
"""Most meters that are made together. Meanwhile nobody else makes any, so it is a matter of a second."""

Progress = Callable[[int, int], None]
"""Hears how many of how many meters are ready."""


class LeftOver(NamedTuple):
    """Meters that were begun and belong to nobody yet."""

    raw: list[str]
    unleased: list[str]


class Stocked(NamedTuple):
    """What filling the stock took."""

    made: int
    """New meters."""
    taken_up: int
    """Meters that an interrupted process had left."""
    seconds: float

    @property
    def meters_a_second(self) -> float:
        """How fast: bound by the making of keys, one a meter."""
        return (self.made + self.taken_up) / self.seconds if self.seconds else 0.0


def left_over(packages: Iterable[Package], serial: Serial) -> LeftOver:
    """Find a module's meters that are Raw or Unleased among all that a store holds."""
    found = LeftOver([], [])
    for package in at_home_in(serial, packages):
        state = orjson.loads(package.moving).get("state")
        if state == PsdState.RAW:
            found.raw.append(package.psd_id)
        elif state == PsdState.UNLEASED:
            found.unleased.append(package.psd_id)
    return found


class Stock:
    """MeterGen at work with its book."""

    def __init__(self, metergen: MeterGen, book: StockBook, clock: Clock, lock: Path) -> None:
        """Take MeterGen, its book, and the file that lets one process make meters at a time."""
        self._metergen, self._book, self._clock, self._lock = metergen, book, clock, lock

    @property
    def ready(self) -> int:
        """How many meters are ready."""
        return self._book.ready()

    def fill(
        self,
        target: int,
        execute_all: ExecuteAll,
        left: Callable[[], LeftOver],
        public_key: Callable[[str], bytes],
        progress: Progress,
    ) -> Stocked:
        """Make meters until `target` are ready; what an interrupted process left counts, and is finished first.

        `left` looks for that; `public_key` gives the key of a Raw meter. Raises what the module refuses; what was ready
        by then stays so.
        """
        began, made = time.perf_counter(), 0
        taken_up = self._take_up(execute_all, left, public_key)
        while True:
            # One group, and whoever waits to make a meter has a turn.
            with locked(self._lock):
                ready = self._book.ready()
                progress(min(ready, target), target)
                count = min(GROUP, target - ready)
                if count <= 0:
                    return Stocked(made, taken_up, time.perf_counter() - began)
                # A crash in here: the meters are Raw or Unleased, in no book, and taken up by the next.
                self._book.add(self._metergen.new_meters(execute_all, self._clock.now(), count))
                made += count

    def take(self, customer: str, execute: Execute) -> str:
        """Give a customer a meter out of the stock, or make one if it is empty; the same one until it is `entered`."""
        while (psd_id := self._book.take(customer)) is None:
            with locked(self._lock):
                self._book.add([self._metergen.new_meter(execute, self._clock.now()).psd])
        return psd_id

    def entered(self, taken: str, holds: str) -> None:
        """Note that the customer's own file names the meter from now on; one that it does not name goes back.

        That is so where two processes leased for one customer: whoever came first in that file stays there.
        """
        if taken == holds:
            self._book.entered(taken)
        else:
            self._book.put_back(taken)

    def _take_up(
        self, execute_all: ExecuteAll, left: Callable[[], LeftOver], public_key: Callable[[str], bytes]
    ) -> int:
        with locked(self._lock):  # nobody is just making those that are found
            found = left()
            known = self._book.known(found.unleased)
            unknown = list(_alive((psd_id for psd_id in found.unleased if psd_id not in known), public_key))
            self._book.add(meter.psd_id for meter in unknown)
            raw = list(_alive(found.raw, public_key))
            for begin in range(0, len(raw), GROUP):
                group = raw[begin : begin + GROUP]
                self._book.add(self._metergen.authorize(execute_all, self._clock.now(), group))
        return len(unknown) + len(raw)


def _alive(psd_ids: Iterable[str], public_key: Callable[[str], bytes]) -> Iterator[RawMeter]:
    """Give those meters that the module opens: not those of its life before a reset, whose packages the store keeps."""
    for psd_id in psd_ids:
        with suppress(MksNotHeld, PackageNotAuthentic):
            yield RawMeter(psd_id, public_key(psd_id))
