"""MeterGen's book (A-53): the meters that are ready for a customer, and who was given which."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Boolean, Column, Index, MetaData, Table, Text, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from indicium.infrastructure.books import Book

_FORM: Final = b"STK1"

_AT_ONCE: Final = 500
"""Meters that one query asks for."""

_tables = MetaData()

_meters: Final = Table(
    "meters",
    _tables,
    Column("psd_id", Text, primary_key=True),
    Column("customer", Text),
    Column("entered", Boolean, nullable=False),
)
_IS_FREE: Final = _meters.c.customer.is_(None)
Index("free", _meters.c.psd_id, sqlite_where=_IS_FREE)
Index("claims", _meters.c.customer, sqlite_where=_meters.c.entered.is_(False))


class StockBook(Book):
    """The stock of one home. Several processes may take from it: a meter is given out once."""

    def __init__(self, path: Path) -> None:
        """Open it, or begin it. Raises `StoreNotUsable` or `StoreFailed`."""
        super().__init__(path, _tables, _FORM)

    def add(self, psd_ids: Iterable[str]) -> None:
        """Note meters that are ready; those that are known stay as they are."""
        rows = [{"psd_id": psd_id, "entered": False} for psd_id in psd_ids]
        if rows:
            with self.writing() as connection:
                connection.execute(insert(_meters).on_conflict_do_nothing(), rows)

    def known(self, psd_ids: Iterable[str]) -> set[str]:
        """Give those of these meters that the book has, ready or given out."""
        asked, found = iter(psd_ids), set[str]()
        with self.reading() as connection:
            while some := list(islice(asked, _AT_ONCE)):
                found.update(connection.execute(select(_meters.c.psd_id).where(_meters.c.psd_id.in_(some))).scalars())
        return found

    def ready(self) -> int:
        """Count the meters that nobody was given."""
        with self.reading() as connection:
            return connection.execute(select(func.count()).select_from(_meters).where(_IS_FREE)).scalar_one()

    def take(self, customer: str) -> str | None:
        """Give a customer a meter, None if there is none left; a customer who was given one and got no further, that.

        In one transaction: two processes never give out one meter.
        """
        with self.writing() as connection:
            claimed = select(_meters.c.psd_id).where(_meters.c.customer == customer, _meters.c.entered.is_(False))
            psd_id = connection.execute(claimed).scalar()
            if psd_id is None:
                free = select(_meters.c.psd_id).where(_IS_FREE).order_by(_meters.c.psd_id).limit(1)
                psd_id = connection.execute(free).scalar()
                connection.execute(update(_meters).where(_meters.c.psd_id == psd_id).values(customer=customer))
        return psd_id

    def put_back(self, psd_id: str) -> None:
        """Let a meter be given to somebody else, whose customer did not come to hold it."""
        with self.writing() as connection:
            mine = update(_meters).where(_meters.c.psd_id == psd_id, _meters.c.entered.is_(False))
            connection.execute(mine.values(customer=None))

    def clear(self) -> None:
        """Forget all meters: their module was reset, and no other opens their packages."""
        with self.writing() as connection:
            connection.execute(delete(_meters))

    def entered(self, psd_id: str) -> None:
        """Note that the customer's own file names the meter from now on."""
        with self.writing() as connection:
            connection.execute(update(_meters).where(_meters.c.psd_id == psd_id).values(entered=True))
