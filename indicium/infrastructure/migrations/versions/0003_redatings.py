"""A table for what the server itself decides: which items were redated, and to which day (E8, M-79)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "redatings",
        sa.Column("psd_id", _NAME, nullable=False),
        sa.Column("request_id", _NAME, nullable=False),
        sa.Column("item_sha256", _NAME, nullable=False),
        sa.Column("date", _NAME, nullable=False),
        sa.Column("at", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("psd_id", "request_id", name="pk_redatings"),
    )
    op.create_index("ix_redatings_item_sha256", "redatings", ["item_sha256"])
