"""What the folds read of a record: quickly, as plain values, and without judging what a verifier judges."""

import re
from typing import Any, Final, NamedTuple, TypedDict

import orjson

from indicium.domain.errors import BadRecord
from indicium.domain.events import EVENTS
from indicium.domain.flow import SealedRecord
from indicium.domain.kinds import Sheet
from indicium.domain.record import split

_SHEET: Final = Sheet.model_fields["kind"].default
_CHECKPOINT: Final = b'"checkpoint":{'
_MOVED: Final = re.compile(
    rb'"checkpoint":\{"psd":"[0-9]+","transaction":"[a-z-]+","value":([0-9]+),"ar":[0-9]+,"dr":[0-9]+,'
    rb'"module":"([0-9]+)","at":"([0-9]{4}-[0-9]{2}-[0-9]{2})T'
)
"""A checkpoint record's first members, as a module renders them. Within a JSON text every quotation mark has a
backslash before it, so nothing that a customer wrote is taken for them."""


class Moving(TypedDict):
    """What the views take of a package's moving part."""

    psd: str
    version: int
    home: str
    state: str
    ar: int
    dr: int
    customer: str | None
    license_zip: str | None
    dr_limit: int | None
    last_at: str


class Point(TypedDict):
    """What the views take of a checkpoint record (G3); amounts in mills."""

    at: str
    module: str
    value: int
    downloaded: int
    printed: int
    refunded: int


class Transaction(NamedTuple):
    """What a PSD record says."""

    package: Moving
    checkpoint: Point
    request: str | None
    """Request id; None for what a customer did not ask for."""
    user: str | None = None
    """Which user of the meter asked (K-21); None: its customer, or nobody who is a user."""
    items: int = 0
    """How many items it made: those of a sheet, one, or none."""


def members(record: SealedRecord) -> dict[str, Any]:
    """Give the record's members (G5). Raises `BadRecord`."""
    try:
        read = orjson.loads(split(record.line)[0])
        read["data"].keys()
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError):
        raise BadRecord(why=f"record {record.sequence} of chain {record.chain} cannot be read") from None
    return read  # type: ignore[no-any-return]  # JSON has any type, and just showed that it is an object


def transaction(record: SealedRecord) -> Transaction | None:
    """Give what a PSD record says; None for an event of a later version that says it otherwise. Raises `BadRecord`."""
    data = members(record)["data"]
    try:
        items = _items(data.get("vbi"))
        return Transaction(data["package"], data["checkpoint"], data.get("request"), data.get("user"), items)
    except KeyError as missing:
        if record.event in EVENTS:
            raise BadRecord(why=f"record {record.sequence} of chain {record.chain} has no {missing.args[0]}") from None
        return None


def _items(item: dict[str, Any] | None) -> int:
    if item is None:
        return 0
    elements = item["elements"]
    return elements["items"] if elements["kind"] == _SHEET else 1


def movement(record: SealedRecord) -> tuple[bytes, ...] | None:
    """Give value, module and UTC day of a PSD record, as they stand there; None as `transaction`. Raises `BadRecord`.

    They are looked for, which takes a third of the time of reading all; a record that was rendered otherwise is read.
    """
    found = _MOVED.match(record.line, record.line.rfind(_CHECKPOINT))
    if found is not None:
        return found.groups()
    moved = transaction(record)
    if moved is None:
        return None
    point = moved.checkpoint
    return str(point["value"]).encode(), point["module"].encode(), point["at"][:10].encode()
