"""The provider's book (P-05): every order, how far it came, and what each meter was loaded with and refunded.

The state of an order is durable before the step that it allows. The file holds messages that a module has yet to load:
whoever reads one may have it loaded, into its meter alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    insert,
    select,
    text,
    update,
)

from indicium.domain.errors import OrderAlreadySigned, OrderMissing, OrderReused
from indicium.domain.orders import UNFINISHED, Order, OrderState
from indicium.infrastructure.books import Book

_FORM: Final = b"ORD1"


@dataclass(frozen=True, slots=True)
class Entry:
    """An order as the book has it."""

    order: Order
    state: OrderState
    message: bytes | None
    """The signed download message, as JSON."""
    refusal: bytes | None
    """Why it was refused: code and facts, as JSON."""
    placed_at: str
    """UTC, RFC 3339."""


class Account(NamedTuple):
    """What the provider knows of a meter; all in mills."""

    psd_id: str
    found: int
    """Control total when the provider first dealt with it: 0 for a new meter."""
    loaded: int
    """Sum of its downloads."""
    refunded: int
    """What was refunded when it was withdrawn."""

    @property
    def control_total(self) -> int:
        """What AR + DR must be (E-1000): "from the last successful resetting". A refund moves DR to AR like an item."""
        return self.found + self.loaded


_tables = MetaData()

_orders: Final = Table(
    "orders",
    _tables,
    Column("order_id", Text, primary_key=True),
    Column("psd_id", Text, nullable=False, index=True),
    Column("payer", Text, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", LargeBinary),
    Column("refusal", LargeBinary),
    Column("placed_at", Text, nullable=False),
)
# Two messages that name one control total: the second could be loaded when the first was lost, after it was refused.
Index("one_signed", _orders.c.psd_id, unique=True, sqlite_where=_orders.c.state == OrderState.SIGNED.value)
Index("unfinished", _orders.c.state, sqlite_where=_orders.c.state.in_([state.value for state in UNFINISHED]))

_accounts: Final = Table(
    "accounts",
    _tables,
    Column("psd_id", Text, primary_key=True),
    Column("found", BigInteger, nullable=False),
    Column("loaded", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
)


class OrderBook(Book):
    """The provider's book in one file. Several processes may write to it."""

    def __init__(self, path: Path) -> None:
        """Open it, or begin it. Raises `StoreNotUsable` or `StoreFailed`."""
        super().__init__(path, _tables, _FORM)

    def place(self, order: Order, at: str) -> Entry:
        """Write an order down, or give the one of that id as it is. Raises `OrderReused` if that is another one."""
        with self.writing() as connection:
            kept = _find(connection, order.order_id)
            if kept is None:
                connection.execute(
                    insert(_orders).values(**order.model_dump(), state=OrderState.PLACED.value, placed_at=at)
                )
                kept = Entry(order, OrderState.PLACED, None, None, at)
        if kept.order != order:
            raise OrderReused(order=order.order_id)
        return kept

    def order(self, order_id: str) -> Entry:
        """Give an order. Raises `OrderMissing`."""
        with self.reading() as connection:
            kept = _find(connection, order_id)
        if kept is None:
            raise OrderMissing(order=order_id)
        return kept

    def signed(self, psd_id: str) -> Entry | None:
        """Give the order of a meter that is signed and not known to be loaded or refused."""
        with self.reading() as connection:
            query = select(_orders).where(_orders.c.psd_id == psd_id, _orders.c.state == OrderState.SIGNED.value)
            row = connection.execute(query).one_or_none()
        return None if row is None else _entry(row)

    def unfinished(self) -> Sequence[Entry]:
        """Give all orders that have a step to go, the oldest first."""
        with self.reading() as connection:
            # The states stand in the statement, so that SQLite sees that the index holds them all.
            states = ", ".join(f"'{state.value}'" for state in UNFINISHED)
            query = select(_orders).where(text(f"state IN ({states})")).order_by(_orders.c.placed_at)
            return [_entry(row) for row in connection.execute(query)]

    def newest(self, limit: int) -> Sequence[Entry]:
        """Give at most so many orders, the newest first."""
        with self.reading() as connection:
            # SQLite numbers the rows as they come; times of one second would not tell their order.
            query = select(_orders).order_by(text("rowid DESC")).limit(limit)
            return [_entry(row) for row in connection.execute(query)]

    def paid(self, entry: Entry) -> Entry:
        """Note that the money was taken."""
        return self._move(entry, OrderState.PAID)

    def declined(self, entry: Entry) -> Entry:
        """Note that the payment was declined."""
        return self._move(entry, OrderState.DECLINED)

    def sign(self, entry: Entry, message: bytes) -> Entry:
        """Keep the one message that is signed for an order. Raises `OrderAlreadySigned`."""
        with self.writing() as connection:
            kept = _find(connection, entry.order.order_id)
            if kept is None or kept.state is not OrderState.PAID:
                raise OrderAlreadySigned(order=entry.order.order_id)
            return _moved(connection, kept, OrderState.SIGNED, message=message)

    def loaded(self, entry: Entry) -> Entry:
        """Note that DR holds the value, and add it to the meter's account, in one transaction and once."""
        accounts = _accounts.c
        with self.writing() as connection:
            kept = _find(connection, entry.order.order_id)
            if kept is None or kept.state is OrderState.LOADED:
                return entry
            more = update(_accounts).where(accounts.psd_id == entry.order.psd_id)
            connection.execute(more.values(loaded=accounts.loaded + entry.order.value))
            return _moved(connection, kept, OrderState.LOADED)

    def refused(self, entry: Entry, refusal: bytes) -> Entry:
        """Note that nothing is loaded for an order, and why."""
        return self._move(entry, OrderState.REFUSED, refusal=refusal)

    def returned(self, entry: Entry) -> Entry:
        """Note that the money went back."""
        return self._move(entry, OrderState.RETURNED)

    def account(self, psd_id: str, found: int) -> Account:
        """Give a meter's account; one that is new begins with the control total that was found in the meter."""
        with self.reading() as connection:
            kept = _account(connection, psd_id)
        if kept is not None:
            return kept
        with self.writing() as connection:
            kept = _account(connection, psd_id)
            if kept is None:
                kept = Account(psd_id, found, 0, 0)
                connection.execute(insert(_accounts).values(**kept._asdict()))
            return kept

    def refunded(self, psd_id: str, value: int) -> None:
        """Note what a meter was refunded when it was withdrawn; that happens once in its life."""
        with self.writing() as connection:
            connection.execute(update(_accounts).where(_accounts.c.psd_id == psd_id).values(refunded=value))

    def accounts(self) -> Sequence[Account]:
        """Give the accounts of all meters that the provider dealt with, by device ID."""
        with self.reading() as connection:
            rows = connection.execute(select(_accounts).order_by(_accounts.c.psd_id))
            return [Account._make(row) for row in rows]

    def _move(self, entry: Entry, state: OrderState, **noted: bytes) -> Entry:
        with self.writing() as connection:
            return _moved(connection, entry, state, **noted)


def _moved(connection: Connection, entry: Entry, state: OrderState, **noted: bytes) -> Entry:
    row = update(_orders).where(_orders.c.order_id == entry.order.order_id)
    connection.execute(row.values(state=state.value, **noted))
    moved = _find(connection, entry.order.order_id)
    if moved is None:
        raise OrderMissing(order=entry.order.order_id)
    return moved


def _account(connection: Connection, psd_id: str) -> Account | None:
    row = connection.execute(select(_accounts).where(_accounts.c.psd_id == psd_id)).one_or_none()
    return None if row is None else Account._make(row)


def _find(connection: Connection, order_id: str) -> Entry | None:
    row = connection.execute(select(_orders).where(_orders.c.order_id == order_id)).one_or_none()
    return None if row is None else _entry(row)


def _entry(row: Row[Any]) -> Entry:
    order = Order(order_id=row.order_id, psd_id=row.psd_id, payer=row.payer, value=row.value)
    return Entry(order, OrderState(row.state), row.message, row.refusal, row.placed_at)
