"""How the provider is paid: the port to a card service, and an emulated one with a book of its own (P-05, A-51)."""

from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text, delete, func, insert, select, update

from indicium.domain.amounts import Mills
from indicium.domain.errors import OrderCancelled, OrderReused, PaymentDeclined, PaymentUnanswered
from indicium.infrastructure.books import Book

_FORM: Final = b"CRD1"


class Payments(Protocol):
    """A card service: "authorize and capture funds". An order names a payment, so each step may be repeated."""

    def charge(self, order: str, payer: str, value: Mills) -> None:
        """Take the price of an order, once however often it is asked for.

        Raises `PaymentDeclined` if nothing was taken, nor will be; `PaymentUnanswered` if that is not known: ask again.
        Raises `OrderCancelled` for an order that was given back.
        """

    def give_back(self, order: str) -> None:
        """Give back what was taken for an order, once; where nothing was taken, nothing will be from now on.

        Raises `PaymentUnanswered`: ask again.
        """


class Trouble(StrEnum):
    """What an emulated card service can be told to do to an order, once."""

    DECLINES = "declines"
    """The payer has no credit: nothing is taken."""
    UNREACHABLE = "unreachable"
    """Nothing is taken, and nobody hears so."""
    TAKES_AND_IS_SILENT = "takes-and-is-silent"
    """The money is taken; the answer is lost."""
    RETURN_UNREACHABLE = "return-unreachable"
    """The payment is in order, but the money does not go back when that is asked for first."""
    RETURNS_AND_IS_SILENT = "returns-and-is-silent"
    """The payment is in order and the money goes back; that answer is lost."""


_tables = MetaData()

_charges: Final = Table(
    "charges",
    _tables,
    Column("order_id", Text, primary_key=True),
    Column("payer", Text),
    Column("value", BigInteger, nullable=False),
    Column("given_back", Boolean, nullable=False),
)
"""One row an order. An order that was given back before it was charged has a row of value 0."""

_troubles: Final = Table(
    "troubles", _tables, Column("order_id", Text, primary_key=True), Column("trouble", Text, nullable=False)
)


class EmulatedCards(Book):
    """An emulated card service. Everybody has unlimited credit, unless it was told otherwise."""

    def __init__(self, path: Path) -> None:
        """Open its book, or begin it. Raises `StoreNotUsable` or `StoreFailed`."""
        super().__init__(path, _tables, _FORM)

    def prepare(self, order: str, trouble: Trouble) -> None:
        """Say what will happen to an order, the first time that it comes there."""
        with self.writing() as connection:
            connection.execute(delete(_troubles).where(_troubles.c.order_id == order))
            connection.execute(insert(_troubles).values(order_id=order, trouble=trouble.value))

    def charge(self, order: str, payer: str, value: Mills) -> None:
        """Take the price of an order; see `Payments`. Raises `OrderReused` if it was another payer or price before."""
        if self._befalls(order, Trouble.DECLINES):
            raise PaymentDeclined(order=order)
        if self._befalls(order, Trouble.UNREACHABLE):
            raise PaymentUnanswered(order=order)
        with self.writing() as connection:
            row = connection.execute(select(_charges).where(_charges.c.order_id == order)).one_or_none()
            if row is None:
                values = {"order_id": order, "payer": payer, "value": value, "given_back": False}
                connection.execute(insert(_charges).values(values))
        if row is not None and row.given_back:
            raise OrderCancelled(order=order)
        if row is not None and (row.payer, row.value) != (payer, value):
            raise OrderReused(order=order)
        if self._befalls(order, Trouble.TAKES_AND_IS_SILENT):
            raise PaymentUnanswered(order=order)

    def give_back(self, order: str) -> None:
        """Give back what was taken; see `Payments`."""
        if self._befalls(order, Trouble.RETURN_UNREACHABLE):
            raise PaymentUnanswered(order=order)
        with self.writing() as connection:
            row = connection.execute(select(_charges).where(_charges.c.order_id == order)).one_or_none()
            if row is None:
                connection.execute(insert(_charges).values(order_id=order, value=0, given_back=True))
            else:
                connection.execute(update(_charges).where(_charges.c.order_id == order).values(given_back=True))
        if self._befalls(order, Trouble.RETURNS_AND_IS_SILENT):
            raise PaymentUnanswered(order=order)

    def paid_by(self, payer: str) -> Mills:
        """Give what a payer has paid, less what went back, in mills."""
        with self.reading() as connection:
            query = select(func.coalesce(func.sum(_charges.c.value), 0))
            theirs = query.where(_charges.c.payer == payer, _charges.c.given_back.is_(False))
            return Mills(connection.execute(theirs).scalar_one())

    def _befalls(self, order: str, trouble: Trouble) -> bool:
        """Say whether a trouble was prepared for this moment, and let it pass."""
        prepared = (_troubles.c.order_id == order, _troubles.c.trouble == trouble.value)
        with self.reading() as connection:
            if connection.execute(select(_troubles).where(*prepared)).one_or_none() is None:
                return False  # as nearly always: nothing is written, and no sync is waited for
        with self.writing() as connection:
            return connection.execute(delete(_troubles).where(*prepared)).rowcount > 0
