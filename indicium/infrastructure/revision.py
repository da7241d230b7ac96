"""Which schema a database has, and bringing it to this version's: in one transaction, while nobody else does."""

from typing import NamedTuple

from sqlalchemy import Connection, column, inspect, select, table

from indicium.domain.errors import SchemaIsNewer, SchemaIsOlder, StoreNotUsable
from indicium.infrastructure.engine import Database
from indicium.infrastructure.schema import SCHEMA, VERSION_TABLE


class Upgrade(NamedTuple):
    """What an upgrade did."""

    found: str
    """Revision of the schema that it found."""
    reached: str
    """Revision of this version; the same where there was nothing to do."""


def make(database: Database) -> None:
    """Make the tables in an empty database; one that has them is left alone.

    Raises `StoreNotUsable` for a database that holds anything else.
    """
    with database.alone() as connection:
        if _found(connection) is not None:
            return
        if names := inspect(connection).get_table_names():
            raise StoreNotUsable(why=f"{database.place} holds another program's tables: {', '.join(names[:3])}")
        _migrate(connection)


def upgrade(database: Database) -> Upgrade:
    """Bring an older schema to this version's: all steps, or none. Records are never touched.

    Raises `SchemaIsNewer` and `StoreNotUsable`.
    """
    with database.alone() as connection:
        found = _known(database, _found(connection))
        if found != SCHEMA:
            _migrate(connection)
    return Upgrade(found, SCHEMA)


def demand_newest(database: Database) -> None:
    """Refuse a database with any other schema. Raises `SchemaIsOlder`, `SchemaIsNewer` or `StoreNotUsable`."""
    with database.engine.connect() as connection:
        found = _known(database, _found(connection))
    if found != SCHEMA:
        raise SchemaIsOlder(found=found, needed=SCHEMA)


def _migrate(connection: Connection) -> None:
    # Alembic takes a fifth of a second to load, and only a new or an older store needs it.
    from indicium.infrastructure.migrations import migrate  # noqa: PLC0415

    migrate(connection)


def _found(connection: Connection) -> str | None:
    """Give the revision that a database is stamped with, None if it is not one of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    stamp = table(VERSION_TABLE, column("version_num"))
    return str(connection.execute(select(stamp.c.version_num)).scalar() or "")


def _known(database: Database, found: str | None) -> str:
    if found is None:
        raise StoreNotUsable(why=f"{database.place} is not a store of this program")
    # Revisions are four digits that only grow; whatever is not one of them, this version cannot have come after.
    if len(found) == len(SCHEMA) and found.isdigit() and found <= SCHEMA:
        return found
    raise SchemaIsNewer(found=found)
