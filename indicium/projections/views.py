"""The views as one thing: followed, read, rebuilt and checked together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from indicium.domain.errors import StoreNotUsable
from indicium.domain.identity import DeviceId
from indicium.projections.follow import BATCH, Follower, Progress, Projection, Streams
from indicium.projections.module_table import MODULE_TABLE, ModuleRow, all_modules
from indicium.projections.rebuild import Difference, check, rebuild
from indicium.projections.registers import REGISTERS, MeterRow, all_meters, one_meter

PROJECTIONS: Final[tuple[Projection, ...]] = (REGISTERS, MODULE_TABLE)
"""Every view."""


class Rebuilt(NamedTuple):
    """What a rebuild did."""

    records: int
    seconds: float


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
        with _usable():
            self._follower = Follower(engine, PROJECTIONS, batch)

    def catch_up(self, streams: Streams, progress: Progress | None = None) -> int:
        """Fold in what is new; give the number of records. Raises `BadRecord`."""
        with _usable():
            return self._follower.catch_up(streams, progress)

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

    def rebuild(self, streams: Streams, progress: Progress | None = None) -> Rebuilt:
        """Throw the views away and fold them again from all records; the old ones stand until the new ones do.

        Raises `BadRecord`.
        """
        began = time.perf_counter()
        with _usable():
            records = rebuild(self._engine, PROJECTIONS, streams, progress, self._batch)
        return Rebuilt(records, time.perf_counter() - began)

    def check(self, streams: Streams, progress: Progress | None = None) -> list[Difference]:
        """Compare the views with a replay of the records that they have folded in; empty if they are equal (Y-32).

        Raises `BadRecord`.
        """
        with _usable():
            return check(self._engine, PROJECTIONS, streams, progress, self._batch)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _usable(), self._engine.connect() as connection:
            yield connection


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).partition("\n")[0]
        raise StoreNotUsable(why=f"its views: {said}") from None
