"""The steps from each schema of the store to the next. The `record` column is never migrated."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def migrate(connection: Connection) -> None:
    """Bring an empty or older store to the newest schema, inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", "indicium.infrastructure:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
