"""What each user of a meter did, and who administered them (K-21).

Like a meter's history these are no tables: they are folded from its records whenever somebody asks, so there is nothing
that could differ from a replay.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from indicium.domain.flow import SealedRecord
from indicium.domain.identity import DeviceId
from indicium.projections.meter_history import MeterRecords
from indicium.projections.reading import members, transaction

ADMINISTRATION: Final = frozenset(
    {
        "meter-user-added",
        "meter-user-modified",
        "meter-user-deleted",
        "meter-users-viewed",
        "meter-user-password-reset",
        "password-reset-requested",
        "password-reset",
        "client-refused",
    }
)
"""Events that move no value, but say who may move it."""

_IN_EVERY_RECORD: Final = frozenset({"package", "request", "content", "authenticated_as", "checkpoint", "user", "boot"})

_BATCH: Final = 1000


class UserUse(NamedTuple):
    """All that one user of a meter had done, of one kind."""

    user: str | None
    """None: the customer, the provider, or nobody who is a user."""
    event: str
    """Kind of transaction (G-302): the event's name."""
    transactions: int
    value: int
    """Sum of the transactions' values in mills."""

    def as_json(self) -> dict[str, object]:
        """Give the members as JSON says them."""
        return self._asdict()


class TrailRow(NamedTuple):
    """One act of administration (K-21)."""

    psd_version: int
    """Number of the meter's transaction."""
    at: str
    """Date and time: RFC 3339 in UTC."""
    event: str
    by: str | None
    """Which user did it; None: the customer, or the provider."""
    role: str
    """The role that was established; `default` where the proof did not verify."""
    said: dict[str, Any]
    """What the record says of it: whom it was about, what he may do from then on."""

    def as_json(self) -> dict[str, object]:
        """Give the members as JSON says them."""
        return self._asdict()


class MeterUsersAudit:
    """Audits the users of meters."""

    def __init__(self, records: MeterRecords) -> None:
        """Read from a store."""
        self._records = records

    def use(self, device: DeviceId) -> list[UserUse]:
        """Add up what each user did, the customer's first; of a meter that is unknown, nothing. Raises `BadRecord`."""
        sums: dict[tuple[str | None, str], tuple[int, int]] = {}
        for record in self._of_meter(device):
            if (moved := transaction(record)) is not None:
                number, value = sums.get((moved.user, record.event), (0, 0))
                sums[moved.user, record.event] = number + 1, value + moved.checkpoint["value"]
        in_order = sorted(sums.items(), key=lambda item: (item[0][0] or "", item[0][1]))
        return [UserUse(user, event, number, value) for (user, event), (number, value) in in_order]

    def trail(self, device: DeviceId) -> Iterator[TrailRow]:
        """Give the acts of administration of a meter, in their order. Raises `BadRecord`."""
        for record in self._of_meter(device):
            if record.event not in ADMINISTRATION or (moved := transaction(record)) is None:
                continue
            data = members(record)["data"]
            said = {name: value for name, value in data.items() if name not in _IN_EVERY_RECORD}
            version, at = moved.package["version"], moved.checkpoint["at"]
            yield TrailRow(version, at, record.event, moved.user, data["authenticated_as"], said)

    def _of_meter(self, device: DeviceId) -> Iterator[SealedRecord]:
        after = 0
        while found := self._records.of_meter(device, after=after, limit=_BATCH):
            yield from found
            after = found[-1].psd_version or after + _BATCH
