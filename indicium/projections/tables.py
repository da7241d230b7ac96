"""Tables of the views, how far each view has come, and the SQL that both databases need said differently.

The views' tables are made on demand and may be dropped at any time: they are made again from the streams.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Insert,
    MetaData,
    Table,
    Text,
    delete,
    false,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from indicium.domain.errors import StoreNotUsable

_METADATA = MetaData()

NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is found and ordered byte by byte, in whatever language a server was set up."""

POSITIONS: Final = Table(
    "indicium_positions",
    _METADATA,
    Column("view", NAME, primary_key=True),
    Column("chain", NAME, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", NAME, nullable=False),
    Column("psd_version", BigInteger),
    sqlite_with_rowid=False,
)
"""How far each view has come in each chain, and which record stands there; beside the view, in whichever database."""

METERS: Final = Table(
    "view_meters",
    _METADATA,
    Column("device", NAME, primary_key=True),
    Column("customer", NAME),
    Column("module", NAME, nullable=False),
    Column("state", NAME, nullable=False),
    Column("psd_version", BigInteger, nullable=False),
    Column("ar", BigInteger, nullable=False),
    Column("dr", BigInteger, nullable=False),
    Column("license_zip", NAME),
    Column("dr_limit", BigInteger),
    Column("last_at", NAME, nullable=False),
    sqlite_with_rowid=False,
)
"""The AR/DR registers: a row for each meter, amounts in mills. The last three columns are for reports in SQL."""

MODULES: Final = Table(
    "view_modules",
    _METADATA,
    Column("chain", NAME, primary_key=True),
    Column("module", NAME, nullable=False),
    Column("suite", NAME, nullable=False),
    Column("state", NAME, nullable=False),
    Column("head_sequence", BigInteger, nullable=False),
    Column("head_hash", NAME, nullable=False),
    Column("last_at", NAME),
    Column("last_value", BigInteger),
    Column("downloaded", BigInteger, nullable=False, default=0),
    Column("printed", BigInteger, nullable=False, default=0),
    Column("refunded", BigInteger, nullable=False, default=0),
    sqlite_with_rowid=False,
)
"""The module table (G4, G-406): a row for each chain, amounts in mills."""

MOVEMENT: Final = Table(
    "view_movement",
    _METADATA,
    Column("day", NAME, primary_key=True),
    Column("module", NAME, primary_key=True),
    Column("chain", NAME, primary_key=True),
    Column("event", NAME, primary_key=True),
    Column("transactions", BigInteger, nullable=False),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What moved on each UTC day (A-58, P-09): a row for each chain and kind of transaction, the value in mills."""

NOT_FOR_PROJECTIONS: Final = frozenset(
    {"records", "packages", "static_parts", "replies", "tracking", "redatings", "failed_modules", "indicium_schema"}
    | {table.name for table in _METADATA.tables.values()}
)
"""Tables of the store and of its own views: a projection of somebody else never folds into one of these."""

RESERVED: Final = "indicium_"
"""What the names of no tables but the ledger's own begin with, in whichever database they lie."""

FRESH: Final = f"{RESERVED}fresh_"
"""What a table's name begins with while its view is made again beside it."""

LONGEST: Final = 63 - len(FRESH)
"""Bytes that a table's name may have, for PostgreSQL takes 63 of the one beside it."""


def prepare(engine: Engine, tables: Mapping[str, Table], *, afresh: bool = False) -> None:
    """Make the tables of these views that are not there yet, or lack a column, or all of them `afresh`.

    Such a view has folded in nothing, whatever was noted. Nothing is written where all are there, so that views are
    read where nothing can be written.
    """
    if engine.dialect.name not in {"sqlite", "postgresql"}:
        raise StoreNotUsable(why=f"views are kept in SQLite or PostgreSQL, not in {engine.dialect.name}")
    with engine.connect() as connection:
        if not afresh and all(_fits(connection, table) for table in (POSITIONS, *tables.values())):
            return
    _make_positions(engine)
    with alone(engine) as connection:
        for view, table in tables.items():
            if not afresh and _fits(connection, table):
                continue
            connection.execute(DropTable(table, if_exists=True))
            connection.execute(delete(POSITIONS).where(POSITIONS.c.view == view))
            connection.execute(CreateTable(table))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index))


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction while no follower is in one: each of them begins with its position. Readers go on."""
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"LOCK TABLE {POSITIONS.name} IN SHARE ROW EXCLUSIVE MODE"))
        else:
            connection.execute(delete(POSITIONS).where(false()))  # whatever writes first is SQLite's one writer
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction in which every query sees the same moment."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite" and not _in_transaction(connection):
            connection.exec_driver_sql("BEGIN")  # SQLite's own driver waits with it until something is written
        yield connection


def writing(engine: Engine) -> Engine:
    """Give the engine for transactions that write: on SQLite the store begins them as the one writer."""
    return engine.execution_options(begin_immediate=True)


def execute_many(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
    """Run a statement, whose parameters are members of the rows, for each of them.

    It is rendered once, and nothing is done value by value: plain text and numbers every driver takes as they are.
    """
    compiled = statement.compile(dialect=connection.dialect)
    values = operator.itemgetter(*compiled.positiontup) if compiled.positiontup else dict
    connection.exec_driver_sql(str(compiled), [values(row) for row in rows])


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that may say what happens on a conflict: each dialect has its own."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _make_positions(engine: Engine) -> None:
    with engine.connect() as connection:
        if _is_there(connection, POSITIONS):
            return
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":  # IF NOT EXISTS does not keep two from making it at once
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('indicium_positions', 0))"))
        connection.execute(CreateTable(POSITIONS, if_not_exists=True))


def _is_there(connection: Connection, table: Table) -> bool:
    return inspect(connection).has_table(table.name, schema=table.schema)


def _fits(connection: Connection, table: Table) -> bool:
    """Tell whether a table is there with all its columns: an older version may have made it with fewer."""
    if not _is_there(connection, table):
        return False
    found = {column["name"] for column in inspect(connection).get_columns(table.name, schema=table.schema)}
    return found >= set(table.columns.keys())


def _in_transaction(connection: Connection) -> bool:
    driver = connection.connection.dbapi_connection
    return bool(getattr(driver, "in_transaction", False))
