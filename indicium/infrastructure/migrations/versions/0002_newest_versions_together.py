"""A meter's version before its number: what a group adds to the index stands together, however many meters it is of."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Turn the unique constraint round. SQLite copies the table for it, record by record as it is."""
    with op.batch_alter_table("records") as records:
        records.drop_constraint("uq_records_psd_id_psd_version", type_="unique")
        records.create_unique_constraint("uq_records_psd_version_psd_id", ["psd_version", "psd_id"])
