"""The module table (G4, O-06): each module with time, date and value of the last transaction it processed."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from indicium.domain.evolve import CLOSED
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.record import CLOSING, line_hash
from indicium.domain.registers import Totals
from indicium.projections.projection import Projection, Row
from indicium.projections.reading import members, transaction
from indicium.projections.tables import MODULES

_RECOVERED = ("checkpoint-recovered", "disaster-recovered")
"""The records beside those of PSDs that say what the totals are."""


class LastTransaction(NamedTuple):
    """The last transaction that a module processed; both None before the first."""

    at: str | None
    """Transaction time and date (G-403, G-404): RFC 3339 in UTC."""
    value: int | None
    """Transaction value (G-405) in mills."""


class ModuleRow(NamedTuple):
    """One module, or more exactly one chain: a module that was reset began another."""

    module: str
    """Serial number (G-402)."""
    chain: str
    suite: str
    """Algorithm suite of its newest record."""
    state: str
    """State of FIG. 6 in which its newest record was made; `closed` where another module closed the chain."""
    head: Head
    """Its newest record, discarded or not."""
    last: LastTransaction
    totals: Totals
    """What it moved in its life, in mills (G-308 … G-310)."""

    def as_json(self) -> dict[str, object]:
        """Give the members of `modules --json`."""
        return self._asdict() | {
            "head": self.head._asdict(),
            "last": self.last._asdict(),
            "totals": self.totals._asdict(),
        }


class ModuleTable(Projection):
    """A row for each chain."""

    def fold(self, records: Sequence[SealedRecord]) -> list[Row]:
        """Read the head, the last transaction, and the totals that hold after it.

        A discarded record (without psd columns) is the head if it stands last, and nothing else (M-65). The row has
        only the columns that these records change.
        """
        head = records[-1]
        envelope = members(head)
        row: dict[str, object] = {
            "chain": head.chain,
            "module": envelope["module"],
            "suite": envelope["suite"],
            "state": CLOSED if head.event == CLOSING else envelope["state"],
            "head_sequence": head.sequence,
            "head_hash": line_hash(head.line),
        }
        for record in reversed(records):
            if record.event in _RECOVERED and "downloaded" not in row:
                row |= _totals(members(record)["data"])
            elif record.psd_id is not None and (moved := transaction(record)) is not None:
                point = moved.checkpoint
                row = _totals(point) | {"last_at": point["at"], "last_value": point["value"]} | row
                break
        return [row]

    def write(self, connection: Connection, rows: list[Row]) -> None:
        """Change the row of the chain, or make it."""
        for row in rows:
            changed = connection.execute(update(self.table).where(self.table.c.chain == row["chain"]).values(row))
            if changed.rowcount == 0:
                connection.execute(insert(self.table).values(row))


MODULE_TABLE = ModuleTable("modules", MODULES)
"""The live view."""


def all_modules(connection: Connection) -> list[ModuleRow]:
    """Read the view, in order of the serial numbers."""
    columns = MODULES.c
    chosen = select(
        columns.module, columns.chain, columns.suite, columns.state,
        columns.head_sequence, columns.head_hash,
        columns.last_at, columns.last_value,
        columns.downloaded, columns.printed, columns.refunded,
    )  # fmt: skip  # a line for each part of `ModuleRow`
    return [
        ModuleRow(module, chain, suite, state, Head(sequence, line), LastTransaction(at, value), Totals(*totals))
        for module, chain, suite, state, sequence, line, at, value, *totals in connection.execute(
            chosen.order_by(columns.module, columns.chain)
        )
    ]


def _totals(said: Mapping[str, Any]) -> dict[str, object]:
    return {"downloaded": said["downloaded"], "printed": said["printed"], "refunded": said["refunded"]}
