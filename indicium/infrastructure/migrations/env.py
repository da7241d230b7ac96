"""What Alembic runs: the scripts, on the connection and in the transaction that it was given."""

from alembic import context

from indicium.infrastructure.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
