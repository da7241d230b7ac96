"""The columns of an export: name, kind, unit and meaning of each, and how a record fills them.

Nothing here knows a file format. A record is read quickly, as the projections read it; whether it is what the module
sealed is the verifier's to say, so bytes that cannot be read leave columns empty and stop nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from itertools import starmap
from typing import Any, Final, NamedTuple

import orjson

from indicium.domain.flow import SealedRecord
from indicium.domain.record import NUMBER_LIMIT, line_hash, split
from indicium.domain.registers import Totals

Values = tuple[object, ...]
"""One row: a value for each column."""


class Kind(Enum):
    """What a column holds, as a Python value."""

    TEXT = str
    NAME = "a text of which there are few"
    NUMBER = int
    MOMENT = datetime
    DAY = date
    FLAG = bool
    BYTES = bytes

    @property
    def python(self) -> type:
        """The type of its values."""
        return str if self is Kind.NAME else self.value


class Column(NamedTuple):
    """One column."""

    name: str
    kind: Kind
    meaning: str
    null: str = ""
    """Where it is null in an export that passes; empty if nowhere."""
    unit: str = ""


_MILLS: Final = "mills"
_NOT_ASKED: Final = "initialize PSD, a translation"
_NO_ITEM: Final = "no item"
_NO_POSTAGE: Final = "no postage"
_NOT_LEASED: Final = "not yet leased"
_NO_METER: Final = "no transaction of a meter, or discarded"

RECORDS: Final = (
    Column("chain", Kind.NAME, "The chain that the record stands in."),
    Column("sequence", Kind.NUMBER, "Its audit sequence number: 1, 2, 3 … without gaps."),
    Column("module", Kind.NAME, "Serial number of the module that sealed it."),
    Column("recorded_at", Kind.MOMENT, "When, by the module's clock."),
    Column("event", Kind.NAME, "Stable name of what happened."),
    Column("state", Kind.NAME, "The module's state (FIG. 6) in which it happened."),
    Column("user_name", Kind.TEXT, "Who was logged on.", "nobody was"),
    Column("role", Kind.NAME, "In which role.", "nobody was"),
    Column("reason", Kind.NUMBER, "0, or the reason code of a refusal that is recorded."),
    Column("signed", Kind.FLAG, "Whether the line carries a signature; the others are covered by the next one."),
    Column("hash", Kind.TEXT, "SHA-256 of the line in hex: what the next record names as `previous`."),
    Column("psd_id", Kind.TEXT, "The meter.", _NO_METER),
    Column("psd_version", Kind.NUMBER, "Number of the meter's transaction.", _NO_METER),
    Column(
        "discarded", Kind.FLAG, "Whether its transaction was rolled back: it stands in the chain and moved nothing."
    ),
    Column("line", Kind.BYTES, "The record's exact bytes: JSON, then a TAB and the signature if it is signed."),
)
"""A row for each record of every chain."""

TRANSACTIONS: Final = (
    Column("chain", Kind.NAME, "The chain of its record."),
    Column("sequence", Kind.NUMBER, "Audit sequence number of its record."),
    Column("module", Kind.NAME, "Serial number of the module that decided it."),
    Column("recorded_at", Kind.MOMENT, "When, by the module's clock."),
    Column("event", Kind.NAME, "Its kind: `indicium-created`, `postage-value-downloaded` …"),
    Column("psd_id", Kind.TEXT, "The meter."),
    Column("psd_version", Kind.NUMBER, "Number of the meter's transaction: 1, 2, 3 … without gaps."),
    Column("home", Kind.NAME, "Serial number of the meter's home module after it."),
    Column("state", Kind.NAME, "The meter's state after it."),
    Column("customer", Kind.TEXT, "customer ID.", "not yet configured"),
    Column("license_zip", Kind.TEXT, "Licensing ZIP code.", _NOT_LEASED),
    Column("dr_limit", Kind.NUMBER, "The most that DR may hold.", _NOT_LEASED, _MILLS),
    Column("value", Kind.NUMBER, "What it moved; 0 if nothing.", unit=_MILLS),
    Column("ar", Kind.NUMBER, "Ascending register after it: all that the meter ever spent.", unit=_MILLS),
    Column("dr", Kind.NUMBER, "Descending register after it: what may still be spent.", unit=_MILLS),
    Column("request_id", Kind.TEXT, "Request id, unique within the meter.", _NOT_ASKED),
    Column("content", Kind.TEXT, "SHA-256 in hex of what was asked for, without request id.", _NOT_ASKED),
    Column("authenticated_as", Kind.NAME, "The role that the command's own checks established."),
    Column("downloaded", Kind.NUMBER, "The module's total of refills after it.", unit=_MILLS),
    Column("printed", Kind.NUMBER, "The module's total of items after it.", unit=_MILLS),
    Column("refunded", Kind.NUMBER, "The module's total of refunds after it.", unit=_MILLS),
    Column("item", Kind.NAME, "Kind of the item: `postage`, `postage-correction`, `refund`, `voucher` …", _NO_ITEM),
    Column("item_sha256", Kind.TEXT, "SHA-256 in hex of the signed item.", _NO_ITEM),
    Column("certificate", Kind.TEXT, "Serial number in hex of the certificate that the item names.", _NO_ITEM),
    Column("date", Kind.DAY, "Day of issue that the item bears, in UTC.", _NO_ITEM),
    Column("origin_zip", Kind.TEXT, "Licensing post office.", _NO_POSTAGE),
    Column("destination_zip", Kind.TEXT, "Destination.", _NO_POSTAGE),
    Column("mail_class", Kind.NAME, "Mail class.", _NO_POSTAGE),
    Column("weight_ounces", Kind.NUMBER, "Weight.", _NO_POSTAGE, "ounces"),
    Column("corrects", Kind.TEXT, "SHA-256 in hex of the item that a correction corrects.", "no correction"),
    Column("purpose", Kind.TEXT, "What a voucher's bearer gets.", "no voucher"),
)
"""A row for each transaction of a meter that holds: discarded ones stand among the records alone."""

METERS: Final = (
    Column("psd_id", Kind.TEXT, "The meter."),
    Column("psd_version", Kind.NUMBER, "Number of its last transaction."),
    Column("customer", Kind.TEXT, "customer ID.", "not yet configured"),
    Column("module", Kind.NAME, "Serial number of its home module."),
    Column("state", Kind.NAME, "Its state."),
    Column("ar", Kind.NUMBER, "Ascending register: all that it ever spent.", unit=_MILLS),
    Column("dr", Kind.NUMBER, "Descending register: what may still be spent.", unit=_MILLS),
    Column("dr_limit", Kind.NUMBER, "The most that DR may hold.", _NOT_LEASED, _MILLS),
    Column("license_zip", Kind.TEXT, "Licensing ZIP code.", _NOT_LEASED),
    Column("last_at", Kind.MOMENT, "When its last transaction was, by its module's clock."),
)
"""A row for each meter: the registers as the exported records leave them."""

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {"records": RECORDS, "transactions": TRANSACTIONS, "meters": METERS}
"""What an export holds, by the names of its files."""


class Transaction(NamedTuple):
    """A transaction that holds."""

    values: Values
    event: str
    value: int
    """What it moved, in mills."""
    totals: Totals
    """The module's totals after it."""


class Reading(NamedTuple):
    """What an export takes of one record."""

    values: Values
    """Its row in `records`."""
    hash: str
    """SHA-256 of its line in hex."""
    readable: bool = False
    """Whether the bytes could be read. If not, the row says what the store's columns say, and no more."""
    discarded: bool = False
    transaction: Transaction | None = None


class Reader:
    """Reads records; remembers which mixes of types fit the columns."""

    def __init__(self) -> None:
        """Know no mix yet."""
        self._record, self._transaction = _Fit(RECORDS), _Fit(TRANSACTIONS)

    def read(self, record: SealedRecord) -> Reading:
        """Read a record, whatever its bytes are."""
        digest = line_hash(record.line)
        body, signature = split(record.line)
        try:
            said = orjson.loads(body)
            data = said["data"]
            discarded = "package" in data and record.psd_id is None
            values = (
                record.chain, record.sequence, said["module"], _moment(said["at"]), record.event, said["state"],
                said["user"], said["role"], said["reason"], signature is not None, digest,
                record.psd_id, record.psd_version, discarded, record.line,
            )  # fmt: skip
            moved = _transaction(record, said["module"], values[3], data) if record.psd_id is not None else None
        except (KeyError, TypeError, AttributeError, ValueError):  # other bytes than a module of this version seals
            return self._unreadable(record, digest)
        if not self._record.fits(values) or not (moved is None or self._transaction.fits(moved.values)):
            return self._unreadable(record, digest)
        return Reading(values, digest, readable=True, discarded=discarded, transaction=moved)

    def _unreadable(self, record: SealedRecord, digest: str) -> Reading:
        known = record._asdict() | {"hash": digest, "signed": b"\t" in record.line}
        return Reading(tuple(_if_it_fits(known.get(column.name), column) for column in RECORDS), digest)


class _Fit:
    """Says whether values are what their columns hold; a mix of types that was seen before costs one look-up."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._known: set[tuple[type, ...]] = set()

    def fits(self, values: Values) -> bool:
        types = tuple(map(type, values))
        if types not in self._known:
            if not all(starmap(_is_of, zip(types, self._columns, strict=True))):
                return False
            self._known.add(types)
        # JSON's numbers may be larger than a column's.
        return max(value for value in values if type(value) is int) < NUMBER_LIMIT


def _is_of(kind: type, column: Column) -> bool:
    return kind is column.kind.python or (bool(column.null) and kind is type(None))


def _if_it_fits(value: object, column: Column) -> object:
    """Give a value that a column can hold: SQLite keeps whatever somebody writes."""
    return value if type(value) is column.kind.python else None


def _transaction(record: SealedRecord, module: str, at: object, data: Mapping[str, Any]) -> Transaction:
    package, point = data["package"], data["checkpoint"]
    totals = Totals(point["downloaded"], point["printed"], point["refunded"])
    _moment(package["last_at"])
    values = (
        record.chain, record.sequence, module, at, record.event, record.psd_id, record.psd_version,
        package["home"], package["state"], package["customer"], package["license_zip"], package["dr_limit"],
        point["value"], point["ar"], point["dr"], data["request"], data["content"], data["authenticated_as"],
        *totals, *_item(data),
    )  # fmt: skip
    return Transaction(values, record.event, point["value"], totals)


def _item(data: Mapping[str, Any]) -> Values:
    item = data.get("vbi")
    if item is None:
        return (None,) * 10
    elements = item["elements"]
    chosen = ("origin_zip", "destination_zip", "mail_class", "weight_ounces", "corrects", "purpose")
    day = date.fromisoformat(item["date"])
    return elements["kind"], data["item_sha256"], item["certificate"], day, *(elements.get(name) for name in chosen)


def _moment(text: str) -> datetime:
    """Read a time as records bear it; what names no zone, no record of the format does. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def meter_values(row: Mapping[str, Any]) -> Values:
    """Make the row of a meter from one of the registers' view."""
    named = {"psd_id": row["device"], **row, "last_at": _moment(row["last_at"])}
    return tuple(named[column.name] for column in METERS)
