"""What the folds read of a record: quickly, as plain values, and without judging what a verifier judges."""

from typing import Any, NamedTuple, TypedDict

import orjson

from indicium.domain.errors import BadRecord
from indicium.domain.events import EVENTS
from indicium.domain.flow import SealedRecord
from indicium.domain.record import split


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
    value: int
    downloaded: int
    printed: int
    refunded: int


class Transaction(NamedTuple):
    """What a PSD record says."""

    package: Moving
    checkpoint: Point


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
        return Transaction(data["package"], data["checkpoint"])
    except KeyError as missing:
        if record.event in EVENTS:
            raise BadRecord(why=f"record {record.sequence} of chain {record.chain} has no {missing.args[0]}") from None
        return None
