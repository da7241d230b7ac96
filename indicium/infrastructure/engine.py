"""A database, whichever it is: how it is read and written quickly, and what its errors say in the ledger's words."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from indicium.domain.errors import RecordConflict, StoreFailed, StoreNotUsable, StoreSpoilt
from indicium.infrastructure.statements import Prepared

IMMEDIATE: Final = "begin_immediate"
"""Execution option of transactions that write: on SQLite they begin as the one writer."""

Batches = Sequence[tuple[Prepared, Sequence[tuple[object, ...]]]]
"""Statements, each with its rows."""


class Database(ABC):
    """One database of a vault. Safe for many threads."""

    engine: Engine
    """For everything that is not on a request's way."""
    place: str
    """What errors call it: a file or an address, never a password."""
    driver_error: ClassVar[type[Exception]]
    """What the driver raises where SQLAlchemy is not asked."""

    @abstractmethod
    def demand_safe(self) -> None:
        """See that a commit survives a power loss. Raises `UnsafeStore` or `StoreNotUsable`."""

    @abstractmethod
    def select(self, statement: Prepared, **values: object) -> Sequence[tuple[Any, ...]]:
        """Read in one round trip, on the writer's own session. Raises the driver's own errors."""

    @abstractmethod
    def write(self, batches: Batches) -> None:
        """Execute statements in one transaction: all of it, or nothing. Raises the driver's own errors.

        After an error only the records say whether it holds.
        """

    @abstractmethod
    def alone(self) -> AbstractContextManager[Connection]:
        """Begin a transaction that changes tables, while no other process does."""

    @abstractmethod
    def one_ceremony(self) -> AbstractContextManager[None]:
        """Wait until no other process holds a key ceremony on this database, and keep others waiting meanwhile.

        That of a killed process is over.
        """

    @abstractmethod
    def claim(self, serial: str) -> None:
        """Become the one writer of a module's chain, as far as the database can see to that. Raises `LedgerInUse`.

        Whatever an earlier writer had begun is over afterwards, committed or not.
        """

    @abstractmethod
    def identity(self) -> object:
        """Tell which database the URL names just now: another value, or None, if it is not the one that was opened."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    @abstractmethod
    def _constraint(self, error: Exception) -> str | None:
        """Give the name of the constraint that a driver's integrity error is about."""

    @abstractmethod
    def _is_spoilt(self, error: Exception) -> bool:
        """Say whether a driver's error says that the database's own files are damaged."""

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Say in the ledger's words what the database says. Raises `RecordConflict`, `StoreSpoilt` or `StoreFailed`."""
        try:
            yield
        except (SQLAlchemyError, self.driver_error) as error:
            original = error.orig if isinstance(error, IntegrityError) else error
            constraint = self._constraint(original) if isinstance(original, self.driver_error) else None
            if constraint is not None:
                raise RecordConflict(constraint=constraint) from None
            self._demand_sound(error)
            raise StoreFailed(place="store", why=said(error)) from None

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Turn what a database says while it is opened into `StoreNotUsable`, or `StoreSpoilt`."""
        try:
            yield
        except (SQLAlchemyError, self.driver_error) as error:
            self._demand_sound(error)
            raise StoreNotUsable(why=f"{self.place}: {said(error)}") from None

    def _demand_sound(self, error: Exception) -> None:
        original = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(original, self.driver_error) and self._is_spoilt(original):
            raise StoreSpoilt(why=f"{self.place}: {said(error)}") from None


def writing(engine: Engine) -> Engine:
    """Give the same engine for transactions that write."""
    return engine.execution_options(**{IMMEDIATE: True})


def said(error: Exception) -> str:
    """Give in one line what the database said, without the statement and its values."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return (str(original).splitlines() or [type(original).__name__])[0]
