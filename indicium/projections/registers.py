"""The AR/DR registers of all meters: what the newest package of each says."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from indicium.domain.flow import SealedRecord
from indicium.domain.identity import DeviceId
from indicium.projections.projection import Projection, Row
from indicium.projections.reading import Transaction, transaction
from indicium.projections.tables import METERS, execute_many, insert_into

_MEMBERS = {
    "device": "psd",
    "customer": "customer",
    "module": "home",
    "state": "state",
    "psd_version": "version",
    "ar": "ar",
    "dr": "dr",
    "license_zip": "license_zip",
    "dr_limit": "dr_limit",
    "last_at": "last_at",
}
"""Each column of the view, and the member of the moving part that it shows."""


class MeterRow(NamedTuple):
    """One meter, as its last transaction left it."""

    device: str
    """device ID (G-103)."""
    customer: str | None
    """customer ID (G-114); None until configured."""
    module: str
    """Serial number of its home module."""
    state: str
    """Operational state of the PSD (G-111)."""
    psd_version: int
    """Number of its last transaction."""
    ar: int
    """Ascending register (G-101) in mills."""
    dr: int
    """Descending register (G-102) in mills."""

    def as_json(self) -> dict[str, object]:
        """Give the members of `meters --json`."""
        return self._asdict()


class Registers(Projection):
    """A row for each meter. Of a meter that was on several modules, the highest version stands."""

    def fold(self, records: Sequence[SealedRecord]) -> list[Row]:
        """Read each meter's last package; a discarded record has no psd columns and moves nothing.

        In one chain the versions of a meter ascend, and its last package holds all that was before. In order of the
        devices, so that two followers never wait for each other's rows crosswise.
        """
        newest = {record.psd_id: record for record in records}
        newest.pop(None, None)
        rows: list[Row] = []
        for device in sorted(filter(None, newest)):
            moved = transaction(newest[device]) or _before(records, device)
            if moved is not None:
                rows.append(moved.package)
        return rows

    def write(self, connection: Connection, rows: list[Row]) -> None:
        """Put each row in the place of an older one."""
        if not rows:
            return
        insert = insert_into(connection, self.table).values(
            {column: bindparam(member) for column, member in _MEMBERS.items()}
        )
        brought = {column: insert.excluded[column] for column in _MEMBERS}
        newer = brought["psd_version"] > self.table.c.psd_version
        upsert = insert.on_conflict_do_update(index_elements=[self.table.c.device], set_=brought, where=newer)
        execute_many(connection, upsert, rows)


REGISTERS = Registers("meters", METERS)
"""The live view."""


def all_meters(connection: Connection) -> list[MeterRow]:
    """Read the view, in order of the devices."""
    few: dict[str, str] = {}  # modules and states: a million rows that share them take a quarter less memory
    return [
        MeterRow(device, customer, few.setdefault(module, module), few.setdefault(state, state), *numbers)
        for device, customer, module, state, *numbers in connection.execute(_SELECT.order_by(METERS.c.device))
    ]


def one_meter(connection: Connection, device: DeviceId) -> MeterRow | None:
    """Read one meter; None if no record tells of it."""
    row = connection.execute(_SELECT.where(METERS.c.device == device)).one_or_none()
    return None if row is None else MeterRow(*row)


_SELECT = select(*(METERS.c[name] for name in MeterRow._fields))


def _before(records: Sequence[SealedRecord], device: DeviceId) -> Transaction | None:
    """Give a meter's last transaction that this version can read."""
    read = (transaction(record) for record in reversed(records) if record.psd_id == device)
    return next(filter(None, read), None)
