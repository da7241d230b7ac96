"""Redating (E8, M-79): an item that was made on one day and is mailed on another.

"Redating indicia creation does not involve the PSD postal registers, the module does not perform this function"
(L2162). So it is a note of the server's about an item: its value is zero, nothing is signed, no register moves and no
record is made. The item itself stays as it was signed.
"""

from datetime import date, timedelta
from typing import NamedTuple

from indicium.domain.errors import ItemNotRedatable, ItemTooOld, RedatingDayUnfit
from indicium.domain.kinds.postage import MailPiece
from indicium.domain.vbi import ItemBody


class Redating(NamedTuple):
    """One redating, as the store keeps it."""

    psd_id: str
    """device ID of the meter that made the item."""
    request_id: str
    """The caller's name of the request, unique within the meter's redatings."""
    item_sha256: str
    """SHA-256 in hex over the line of the item."""
    date: str
    """The day that it is given, YYYY-MM-DD."""
    at: str
    """When the server noted it: RFC 3339 in UTC."""

    def repeats(self, other: "Redating") -> bool:
        """Say whether both ask for the same, whenever they do."""
        return self[:4] == other[:4]


def demand_redatable(body: ItemBody, day: date, today: date, days: int) -> None:
    """Check that an item may be given a day: from today on, and within `days` after the day that it bears.

    Raises `ItemNotRedatable`, `ItemTooOld`, `RedatingDayUnfit`, in this order.
    """
    if not isinstance(body.elements, MailPiece):
        raise ItemNotRedatable(kind=body.elements.kind)
    last = date.fromisoformat(body.date) + timedelta(days=days)
    if today > last:
        raise ItemTooOld(date=body.date, days=days)
    if not today <= day <= last:
        raise RedatingDayUnfit(first=today.isoformat(), last=last.isoformat())
