"""Which items were shown, where and when: an item is good once, however many copies of it there are.

A file of its own, for whoever takes items is seldom who runs the ledger. Of two who show one item at the same time,
also from two processes, one is the first.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, bindparam, func, make_url, select
from sqlalchemy.dialects.sqlite import Insert, insert

from indicium.infrastructure.sqlite import Sqlite
from indicium.infrastructure.statements import Prepared

_metadata: Final = MetaData()
_shown: Final = Table(
    "shown",
    _metadata,
    Column("position", Integer, primary_key=True),
    Column("item", LargeBinary, nullable=False, unique=True),
    Column("at", Text, nullable=False),
    Column("place", Text, nullable=False),
)

_AT_ONCE: Final = 500
"""Items in one question."""


class Showing(NamedTuple):
    """When and where an item was shown first."""

    at: str
    """RFC 3339, UTC."""
    place: str


class ShownItems:
    """The items that were shown. Safe for many threads and processes."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises `StoreNotUsable`."""
        self._database = Sqlite(make_url(f"sqlite:///{path}"), create=True)
        self._note = Prepared(_note(), self._database.engine.dialect)
        with self._database.usable():
            self._database.demand_safe()
            with self._database.alone() as connection:
                _metadata.create_all(connection)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._database.close()

    def before(self, items: Sequence[bytes]) -> Mapping[bytes, Showing]:
        """Give those of some items, by their SHA-256, that were shown, and when they were first. Nothing changes."""
        found: dict[bytes, Showing] = {}
        query = select(_shown.c.item, _shown.c.at, _shown.c.place)
        query = query.where(_shown.c.item.in_(bindparam("items", expanding=True)))
        with self._database.in_place(), self._database.engine.connect() as connection:
            for start in range(0, len(items), _AT_ONCE):
                rows = connection.execute(query, {"items": items[start : start + _AT_ONCE]})
                found.update((item, Showing(at, place)) for item, at, place in rows)
        return found

    def show(self, items: Sequence[bytes], showing: Showing) -> set[bytes]:
        """Note that items are shown, for good, and give those that were not shown before. Raises `StoreFailed`."""
        rows = [(item, *showing) for item in items]
        with self._database.in_place(), self._database.alone() as connection:
            last = connection.scalar(select(func.coalesce(func.max(_shown.c.position), 0)))
            if rows:
                connection.exec_driver_sql(self._note.sql, rows)
            return set(connection.scalars(select(_shown.c.item).where(_shown.c.position > last)))


def _note() -> Insert:
    """Insert an item and its showing; one that is there stays."""
    statement = insert(_shown).on_conflict_do_nothing().inline()
    return statement.values(item=bindparam("item"), at=bindparam("at"), place=bindparam("place"))
