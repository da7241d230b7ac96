"""The books that parties keep for themselves: small SQLite files, apart from the ledger's three places.

What a party writes is durable before it acts on it; several processes may have a book open.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import URL, Connection, MetaData
from sqlalchemy.exc import SQLAlchemyError

from indicium.domain.errors import StoreFailed, StoreNotUsable
from indicium.infrastructure.engine import said, writing
from indicium.infrastructure.files import reason, sync_folder
from indicium.infrastructure.sqlite import Sqlite

_PRIVATE: Final = 0o600
_NONE: Final = bytes(4)


class Book:
    """One book, open; its tables are made if they are not there. Use it as a context manager, or close it."""

    def __init__(self, path: Path, tables: MetaData, form: bytes) -> None:
        """Open the file at `path`, readable by its owner only; `form` is four letters for the book and its form.

        Raises `StoreNotUsable` for a file that is no such book, and `StoreFailed`.
        """
        self._path = path
        try:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE))
                sync_folder(path.parent)
        except OSError as error:
            raise StoreFailed(place=f"file {path}", why=reason(error)) from None
        self._database = Sqlite(URL.create("sqlite", database=str(path)), create=True)
        try:
            with self._database.usable():
                self._establish(tables, form)
                self._database.demand_safe()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return the open book."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction. Raises `StoreFailed`."""
        with self._in_place(), self._database.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write in one transaction, as the one writer: when the block has ended it is durable. Raises `StoreFailed`."""
        with self._in_place(), writing(self._database.engine).begin() as connection:
            yield connection

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreFailed(place=f"file {self._path}", why=said(error)) from None

    def _establish(self, tables: MetaData, form: bytes) -> None:
        """Make the tables in an empty file. A file of ours says in SQLite's `application_id` which book it is."""
        with self._database.engine.begin() as connection:
            if _form_of(connection) == form:
                return
        with self._database.alone() as connection:
            found = _form_of(connection)
            if found == form:  # another process was quicker
                return
            if found != _NONE or connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one():
                raise StoreNotUsable(why=f"{self._path} is another book, one of another form, or none of ours")
            tables.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {int.from_bytes(form)}")


def _form_of(connection: Connection) -> bytes:
    return int(connection.exec_driver_sql("PRAGMA application_id").scalar_one()).to_bytes(len(_NONE))
