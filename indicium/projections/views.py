"""The views as one thing: followed, read, rebuilt and checked together."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final

from sqlalchemy import Connection, Engine

from indicium.domain.errors import ProjectionIsAhead, UnknownView
from indicium.domain.identity import DeviceId
from indicium.projections.follow import BATCH, Follower, Progress, usable
from indicium.projections.module_table import MODULE_TABLE, ModuleRow, all_modules
from indicium.projections.movement import DAILY_MOVEMENT, MovementRow, movement_between
from indicium.projections.projection import Projection, Streams
from indicium.projections.rebuild import Difference, Rebuilt, check, rebuild_all
from indicium.projections.registers import REGISTERS, MeterRow, all_meters, one_meter

PROJECTIONS: Final[tuple[Projection, ...]] = (REGISTERS, MODULE_TABLE, DAILY_MOVEMENT)
"""Every view."""

_log = logging.getLogger(__name__)


class Views:
    """The views of one store. They say what the records said when they were last caught up.

    Everything here raises `StoreNotUsable` where the database cannot do its part.
    """

    def __init__(self, engine: Engine, batch: int = BATCH) -> None:
        """Use the views in the store's database, and make their tables if they are not there.

        `batch` is the number of records folded in by one transaction.
        """
        self._engine = engine
        self._batch = batch
        self._follower = Follower(engine, PROJECTIONS, batch)

    def catch_up(self, streams: Streams, progress: Progress | None = None) -> int:
        """Fold in what is new; give the number of records. Raises `BadRecord`.

        A view that holds what the streams do not, for the store was restored to an older copy, is made again.
        """
        folded = 0
        with usable():
            while True:
                try:
                    return folded + self._follower.catch_up(streams, progress)
                except ProjectionIsAhead as ahead:
                    _log.warning("view %s is ahead of chain %s: rebuilt", ahead.projection, ahead.chain)
                    folded += self.rebuild(streams, progress, self._follower.ahead(streams)).records

    def meters(self) -> list[MeterRow]:
        """Give the AR/DR registers of every meter, in order of their numbers."""
        with self._reading() as connection:
            return all_meters(connection)

    def meter(self, device: DeviceId) -> MeterRow | None:
        """Give the registers of one meter; None if no record tells of it."""
        with self._reading() as connection:
            return one_meter(connection, device)

    def modules(self) -> list[ModuleRow]:
        """Give the module table (G4), in order of the serial numbers."""
        with self._reading() as connection:
            return all_modules(connection)

    def movement(self, first: date | None = None, last: date | None = None) -> list[MovementRow]:
        """Give what moved on each UTC day from the first to the last (A-58), by module and kind of transaction."""
        with self._reading() as connection:
            return movement_between(connection, first, last)

    def rebuild(
        self, streams: Streams, progress: Progress | None = None, only: Collection[str] | None = None
    ) -> Rebuilt:
        """Throw the views away, or `only` some, and fold them again from all records.

        The old ones stand until the new ones do. Raises `BadRecord` and `UnknownView`.
        """
        with usable():
            return rebuild_all(self._engine, _named(only), streams, progress, self._batch)

    def check(
        self, streams: Streams, progress: Progress | None = None, only: Collection[str] | None = None
    ) -> list[Difference]:
        """Compare the views with a replay of the records that they have folded in; empty if they are equal (Y-32).

        Raises `BadRecord` and `UnknownView`.
        """
        with usable():
            return check(self._engine, _named(only), streams, progress, self._batch)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with usable(), self._engine.connect() as connection:
            yield connection


def _named(names: Collection[str] | None) -> Sequence[Projection]:
    by_name = {projection.name: projection for projection in PROJECTIONS}
    for name in names or ():
        if name not in by_name:
            raise UnknownView(name=name, known=", ".join(sorted(by_name)))
    return [projection for name, projection in by_name.items() if names is None or name in names]
