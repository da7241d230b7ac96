"""A sheet's items from a CSV file: a row an item, its value, its kind, and a column for each data element."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import (
    BadFile,
    BadValue,
    BadWeight,
    IndiciumError,
    NotAZipCode,
    UnknownKind,
    UnknownMailClass,
)
from indicium.domain.kinds import KINDS, LARGEST_SHEET, Elements, elements_from, within_kind
from indicium.parties.mailing import KIND, read_table

VALUE: Final = "value_usd"
"""Column that a sheet's file must have: decimal dollars."""

USUAL_KIND: Final = "postage"
"""What a row is whose kind is not said."""

_MOST_NAMED: Final = 100
"""Faults that are named; of more it is said how many."""

_COLUMN_OF: Final[Mapping[type[IndiciumError], str]] = {
    UnknownKind: KIND,
    NotAZipCode: "origin_zip, destination_zip",
    UnknownMailClass: "mail_class",
    BadWeight: "weight_ounces",
}


class Fault(NamedTuple):
    """Why a row cannot be asked for."""

    row: int
    """The first row below the header is 1."""
    column: str
    why: str

    def __str__(self) -> str:
        """Say it."""
        return f"row {self.row}, {self.column}: {self.why}"


def read_sheet(path: Path) -> list[SheetItem]:
    """Read the items of a sheet; other columns than those of kinds are passed over.

    Raises `BadFile`, which names every row that cannot be asked for, before anything is.
    """
    items: list[SheetItem] = []
    faults: list[Fault] = []
    for number, row in enumerate(read_table(path, _columns), 1):
        if number > LARGEST_SHEET:
            raise BadFile(path=str(path), why=f"a sheet has at most {LARGEST_SHEET:,} items, and it has more rows")
        item = _item(number, row, faults)
        if item is not None:
            items.append(item)
    if faults:
        named = [*map(str, faults[:_MOST_NAMED])]
        if len(faults) > _MOST_NAMED:
            named.append(f"and {len(faults) - _MOST_NAMED} more")
        raise BadFile(path=str(path), why=f"nothing was asked for: {'; '.join(named)}")
    if not items:
        raise BadFile(path=str(path), why="it has no row below its header")
    return items


def _columns(header: Sequence[str]) -> Sequence[str]:
    members = {name for kind in KINDS.values() for name in kind.model_fields}
    return (VALUE, *sorted(members.intersection(header)))


def _item(number: int, row: Mapping[str, str], faults: list[Fault]) -> SheetItem | None:
    """Make an item of a row, or note all that stands against it."""
    elements: Elements | None = None
    value: Mills | None = None
    try:
        elements = _elements(row)
    except IndiciumError as error:
        faults.append(_fault(number, error.field if isinstance(error, BadValue) else _COLUMN_OF[type(error)], error))
    try:
        value = amounts.parse_within(row[VALUE], Mills(-LARGEST), LARGEST)  # the limits proper are the module's
        if elements is not None:
            within_kind(elements, value)
    except IndiciumError as error:
        faults.append(_fault(number, VALUE, error))
    return None if elements is None or value is None else SheetItem(value=value, elements=elements)


def _fault(row: int, column: str, error: IndiciumError) -> Fault:
    return Fault(row, column, error.why if isinstance(error, BadValue) else str(error).rstrip("."))


def _elements(row: Mapping[str, str]) -> Elements:
    """Build a row's data elements: from its kind's own columns, and from whatever else it says for another kind's.

    A ticket with something in the column of a coupon's offer is a mistake of somebody's, and named.
    """
    kind = row.get(KIND) or USUAL_KIND
    own = KINDS[kind].model_fields if kind in KINDS else {}
    texts = {name: text for name, text in row.items() if name not in {VALUE, KIND} and (text or name in own)}
    return elements_from(kind, texts)
