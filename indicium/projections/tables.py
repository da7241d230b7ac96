"""Tables of the views, beside the store's own in the same database, and the tracking of how far each view has come.

The views' tables are made on demand and may be dropped at any time: `rebuild` makes them again.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Engine, Insert, MetaData, String, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

_METADATA = MetaData()

TRACKING: Final = Table(
    "tracking",
    _METADATA,
    Column("application_name", String, primary_key=True),
    Column("notification_id", BigInteger, nullable=False),
)
"""How far each view has come in each chain: `<view>:<chain>`, and the last sequence folded in. The store's table."""

METERS: Final = Table(
    "view_meters",
    _METADATA,
    Column("device", String, primary_key=True),
    Column("customer", String),
    Column("module", String, nullable=False),
    Column("state", String, nullable=False),
    Column("psd_version", BigInteger, nullable=False),
    Column("ar", BigInteger, nullable=False),
    Column("dr", BigInteger, nullable=False),
    Column("license_zip", String),
    Column("dr_limit", BigInteger),
    Column("last_at", String, nullable=False),
    sqlite_with_rowid=False,
)
"""The AR/DR registers: a row for each meter, amounts in mills. The last three columns are for reports in SQL."""

MODULES: Final = Table(
    "view_modules",
    _METADATA,
    Column("chain", String, primary_key=True),
    Column("module", String, nullable=False),
    Column("state", String, nullable=False),
    Column("head_sequence", BigInteger, nullable=False),
    Column("head_hash", String, nullable=False),
    Column("last_at", String),
    Column("last_value", BigInteger),
    Column("downloaded", BigInteger, nullable=False, default=0),
    Column("printed", BigInteger, nullable=False, default=0),
    Column("refunded", BigInteger, nullable=False, default=0),
    sqlite_with_rowid=False,
)
"""The module table (G4, G-406): a row for each chain, amounts in mills."""


def create(connection: Connection, *tables: Table) -> None:
    """Make the tables that are not there yet."""
    for table in tables:
        connection.execute(CreateTable(table, if_not_exists=True))


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
