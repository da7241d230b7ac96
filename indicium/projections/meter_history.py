"""The history of one meter: all its transactions in their order, whichever modules processed them (A-34).

It is no table: the store's own index by meter and version finds the records, so a page costs what stands on it.
"""

from typing import NamedTuple, Protocol

from indicium.domain.flow import SealedRecord
from indicium.domain.identity import DeviceId
from indicium.projections.reading import transaction

PAGE = 100
"""Transactions on a page, unless somebody wants another number."""


class MeterRecords(Protocol):
    """Where the records of one meter are found; the store is such a place."""

    def of_meter(self, psd_id: DeviceId, *, after: int = 0, limit: int = 1000) -> list[SealedRecord]:
        """Give a meter's records in order of its versions, after one version; at most `limit`. None was discarded."""


class HistoryRow(NamedTuple):
    """One transaction of a meter."""

    psd_version: int
    """Number of the transaction, counted by the meter: 1, 2, 3 …"""
    event: str
    """Kind of transaction (G-302): the event's name."""
    at: str
    """Date and time (G-307): RFC 3339 in UTC."""
    value: int
    """Transaction value (G-303) in mills."""
    ar: int
    """Ascending register in mills after the transaction."""
    dr: int
    """Descending register in mills after the transaction."""
    state: str
    """Operational state of the PSD (G-111) after the transaction."""
    module: str
    """Serial number of the module that processed it."""
    chain: str
    sequence: int
    """Audit sequence number (G-501) of the record in its chain."""
    request: str | None
    """Request id; None for what a customer did not ask for."""
    user: str | None
    """Which user of the meter asked (K-21); None: its customer, the provider, or nobody."""
    items: int
    """How many items it made: those of a sheet, one, or none."""

    def as_json(self) -> dict[str, object]:
        """Give the members of `history --json`."""
        return self._asdict()


class Page(NamedTuple):
    """A part of a history."""

    rows: list[HistoryRow]
    after: int | None
    """The version after which the next page begins; None at the end, as far as it was recorded when it was read."""


class MeterHistory:
    """Reads histories page by page. New transactions stand at the end, so a page once read never changes."""

    def __init__(self, records: MeterRecords) -> None:
        """Read from a store."""
        self._records = records

    def page(self, device: DeviceId, after_version: int = 0, limit: int = PAGE) -> Page:
        """Give at most `limit` transactions (at least 1) after a version, in order; none of a meter that is unknown.

        A discarded transaction is not in it, and where its version was used again stands the one that holds. An event
        of a later version that says otherwise what it did is left out. Raises `BadRecord` and `StoreFailed`.
        """
        found = self._records.of_meter(device, after=after_version, limit=limit + 1)
        rows = [row for row in map(_row, found[:limit]) if row is not None]
        return Page(rows, found[limit - 1].psd_version if len(found) > limit else None)


def _row(record: SealedRecord) -> HistoryRow | None:
    moved = transaction(record)
    if moved is None:
        return None
    package, point, request, user, items = moved
    return HistoryRow(
        psd_version=package["version"],
        event=record.event,
        at=point["at"],
        value=point["value"],
        ar=package["ar"],
        dr=package["dr"],
        state=package["state"],
        module=point["module"],
        chain=record.chain,
        sequence=record.sequence,
        request=request,
        user=user,
        items=items,
    )
