"""The registers of all meters as of records that somebody hands over, apart from the live view."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import EIO
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, RowMapping, create_engine, event, select
from sqlalchemy.exc import DBAPIError

from indicium.domain.flow import SealedRecord
from indicium.projections.registers import REGISTERS
from indicium.projections.tables import METERS

_AT_ONCE = 1000


class RegistersAside:
    """A view of its own in a file of its own: a live ledger goes on meanwhile, and memory does not grow."""

    def __init__(self, engine: Engine) -> None:
        """Use an empty database."""
        self._engine = engine
        with engine.begin() as connection:
            METERS.create(connection)

    def fold(self, records: Sequence[SealedRecord]) -> None:
        """Fold in consecutive records of one chain. Raises `BadRecord`."""
        rows = REGISTERS.fold(records)
        with self._engine.begin() as connection:
            REGISTERS.write(connection, rows)

    def meters(self) -> Iterator[RowMapping]:
        """Give the view's rows, in order of the devices; so many at a time."""
        chosen = select(METERS).order_by(METERS.c.device).execution_options(yield_per=_AT_ONCE)
        with self._engine.connect() as connection:
            yield from connection.execute(chosen).mappings()


@contextmanager
def registers_aside(file: Path) -> Iterator[RegistersAside]:
    """Make the view in a new file, and remove that afterwards. Raises OSError where the disk does not take it."""
    engine = create_engine(f"sqlite:///{file}")
    # What is thrown away in the end needs no syncing and no journal.
    event.listen(engine, "connect", _unsynced)
    try:
        yield RegistersAside(engine)
    except DBAPIError as error:
        raise OSError(EIO, str(error.orig)) from None
    finally:
        engine.dispose()
        file.unlink(missing_ok=True)


def _unsynced(driver: Any, _record: object) -> None:  # noqa: ANN401  # a driver's connection
    driver.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")
