"""The first schema: records, packages with their static parts, replies, tracking."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "records",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("chain", _NAME, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("topic", _NAME, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("psd_id", _NAME),
        sa.Column("psd_version", sa.BigInteger()),
        sa.PrimaryKeyConstraint("position", name="pk_records"),
        sa.UniqueConstraint("chain", "sequence", name="uq_records_chain_sequence"),
        sa.UniqueConstraint("psd_id", "psd_version", name="uq_records_psd_id_psd_version"),
    )
    op.create_table(
        "static_parts",
        sa.Column("psd_id", _NAME, nullable=False),
        sa.Column("digest", _NAME, nullable=False),
        sa.Column("static", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("psd_id", "digest", name="pk_static_parts"),
    )
    op.create_table(
        "packages",
        sa.Column("psd_id", _NAME, nullable=False),
        sa.Column("psd_version", sa.BigInteger(), nullable=False),
        sa.Column("moving", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("static_digest", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("psd_id", name="pk_packages"),
    )
    op.create_table(
        "replies",
        sa.Column("psd_id", _NAME, nullable=False),
        sa.Column("request_id", _NAME, nullable=False),
        sa.Column("psd_version", sa.BigInteger(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("psd_id", "request_id", name="pk_replies"),
    )
    op.create_table(
        "tracking",
        sa.Column("application_name", _NAME, nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_name", name="pk_tracking"),
    )
