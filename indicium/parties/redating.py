"""The server's part of redating (E8, M-79): it looks the item up in its own records, and notes the day."""

from datetime import date, datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from indicium.domain.commands.meter import RequestId
from indicium.domain.errors import BadValue, ItemNotRecorded, RequestIdReused
from indicium.domain.events import IndiciumData, PsdEvent, parse_event
from indicium.domain.identity import DeviceId
from indicium.domain.redating import Redating, demand_redatable
from indicium.domain.vbi import SignedItem, parse_item
from indicium.infrastructure.store import Store

_REQUEST_ID: Final[TypeAdapter[str]] = TypeAdapter(RequestId)


def redate(store: Store, psd_id: str, item: str, day: date, request_id: str, now: datetime, days: int) -> Redating:
    """Note that an item of a meter is mailed on another day; a repeat of a request gives what was noted first.

    `item`: its line; `days`: how many days after its own it may be given. Raises `NotAnItem`, `ItemNotRecorded`,
    `RequestIdReused`, what `demand_redatable` raises, and what the store says.
    """
    signed = parse_item(item.encode())
    at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    asked = Redating(psd_id, _demand_id(request_id), signed.sha256, day.isoformat(), at)
    noted = store.redating(psd_id, request_id)
    if noted is None:
        _demand_recorded(store, psd_id, signed)
        demand_redatable(signed.body, day, now.date(), days)
        noted = store.keep_redating(asked)
    if not noted.repeats(asked):
        raise RequestIdReused(psd_id=psd_id, request_id=request_id)
    return noted


def _demand_recorded(store: Store, psd_id: str, item: SignedItem) -> None:
    """Find the item's own record: it names the very bytes, signature and all, so nothing else need be checked.

    A record that was rolled back is no meter's any more, and is not found.
    """
    body = item.body
    found = store.of_meter(DeviceId(psd_id), after=body.transaction - 1, limit=1) if body.device == psd_id else []
    for record in found:
        event = parse_event(record.line)
        data = event.data if isinstance(event, PsdEvent) else None
        if isinstance(data, IndiciumData) and data.item_sha256 == item.sha256:
            return
    raise ItemNotRecorded(psd_id=psd_id)


def _demand_id(request_id: str) -> str:
    try:
        return _REQUEST_ID.validate_python(request_id)
    except ValidationError:
        raise BadValue(field="request_id", why="it has 1 to 64 letters, digits and . _ : @ / + = -") from None
