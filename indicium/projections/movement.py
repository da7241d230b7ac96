"""What moved on each day: how many transactions of each kind, and their value (A-58, P-09).

"Resetting" a meter is downloading value into it (M-84): a day's resettings are its downloads.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, select

from indicium.domain.flow import SealedRecord
from indicium.projections.projection import Row, Sums
from indicium.projections.reading import movement
from indicium.projections.tables import MOVEMENT


class MovementRow(NamedTuple):
    """The transactions of one kind that one chain recorded on one day."""

    day: str
    """The day in UTC, YYYY-MM-DD."""
    module: str
    """Serial number (G-402)."""
    chain: str
    event: str
    """Kind of transaction (G-302): the event's name."""
    transactions: int
    value: int
    """Sum of the transactions' values (G-303) in mills."""

    def as_json(self) -> dict[str, object]:
        """Give the members of `movement --json`."""
        return self._asdict()


class Moved(NamedTuple):
    """The transactions of one kind in all chains and on all days asked for."""

    event: str
    transactions: int
    value: int
    """In mills."""

    def as_json(self) -> dict[str, object]:
        """Give the members of `movement --json`."""
        return self._asdict()


class Movement(Sums):
    """A row for each day, chain and kind of transaction."""

    def fold(self, records: Sequence[SealedRecord]) -> list[Row]:
        """Count each PSD transaction on its day; a discarded record has no psd columns and moves nothing."""
        tallies: dict[tuple[bytes, bytes, str], list[int]] = {}
        for record in records:
            if record.psd_id is not None and (moved := movement(record)) is not None:
                value, module, day = moved
                tally = tallies.setdefault((day, module, record.event), [0, 0])
                tally[0] += 1
                tally[1] += int(value)
        return [
            {
                "day": day.decode(), "module": module.decode(), "chain": records[0].chain, "event": event,
                "transactions": transactions, "value": value,
            }
            for (day, module, event), (transactions, value) in tallies.items()
        ]  # fmt: skip  # the key, and what is added


DAILY_MOVEMENT = Movement("movement", MOVEMENT)
"""The live view."""


def movement_between(connection: Connection, first: date | None, last: date | None) -> list[MovementRow]:
    """Read the view from the first day to the last, both included; without one, from the beginning or to the end."""
    columns = MOVEMENT.c
    chosen = select(*(columns[name] for name in MovementRow._fields))
    if first is not None:
        chosen = chosen.where(columns.day >= first.isoformat())
    if last is not None:
        chosen = chosen.where(columns.day <= last.isoformat())
    return [MovementRow(*row) for row in connection.execute(chosen.order_by(*MOVEMENT.primary_key.columns))]


def moved_in_all(rows: Iterable[MovementRow]) -> list[Moved]:
    """Add the rows up over days and chains: a total for each kind of transaction, in order of their names."""
    sums: dict[str, Moved] = {}
    for row in rows:
        _, transactions, value = sums.get(row.event, (row.event, 0, 0))
        sums[row.event] = Moved(row.event, transactions + row.transactions, value + row.value)
    return [sums[event] for event in sorted(sums)]
