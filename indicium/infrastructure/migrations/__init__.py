"""The steps from each schema of the store to the next. The `record` column is never migrated."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

SCRIPTS: Final = [Path(__file__).parent / "versions"]
"""Folders of the scripts."""


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring an empty or older store to the newest schema, or to a revision, inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", "indicium.infrastructure:migrations")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(folder).replace("%", "%%") for folder in SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
