"""The tables of the store, and the version of their schema.

Views keep tables of their own; these are the ones that cannot be made again from anything else.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA: Final = "0004"
"""Revision of the newest migration script: four digits that only grow."""

VERSION_TABLE: Final = "indicium_schema"
"""Where Alembic stamps the revision. Its own name, so that another program's stamp is never taken for ours."""

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""Constraints have names by convention, the same on every database: errors are mapped by them."""

_NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is found and ordered byte by byte, in whatever language a server was set up."""

records: Final = Table(
    "records",
    metadata,
    # SQLite numbers only a column whose type is spelled INTEGER. No AUTOINCREMENT: it would write one more page for
    # each group, and a position can come again only where rows are deleted.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("chain", _NAME, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("topic", _NAME, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("psd_id", _NAME),
    Column("psd_version", BigInteger),
    UniqueConstraint("chain", "sequence"),
    # The version first: meters that print in turn stand side by side, and a group writes a few pages of this index, not
    # one for each meter (docs/adr/0013).
    UniqueConstraint("psd_version", "psd_id"),
)
"""The stream: the module's bytes as they are, and the columns that find them. Never updated, never deleted."""

static_parts: Final = Table(
    "static_parts",
    metadata,
    Column("psd_id", _NAME, nullable=False),
    Column("digest", _NAME, nullable=False),
    Column("static", LargeBinary, nullable=False),
    PrimaryKeyConstraint("psd_id", "digest"),
)
"""Sealed static parts by their SHA-256 in hex. Apart from `packages`, so that a transaction rewrites a small row."""

packages: Final = Table(
    "packages",
    metadata,
    Column("psd_id", _NAME, primary_key=True),
    Column("psd_version", BigInteger, nullable=False),
    Column("moving", LargeBinary, nullable=False),
    Column("made_by", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("static_digest", _NAME, nullable=False),
)
"""The newest package of each meter."""

replies: Final = Table(
    "replies",
    metadata,
    Column("psd_id", _NAME, nullable=False),
    Column("request_id", _NAME, nullable=False),
    Column("psd_version", BigInteger, nullable=False),
    Column("content_digest", LargeBinary, nullable=False),
    Column("token", LargeBinary, nullable=False),
    PrimaryKeyConstraint("psd_id", "request_id"),
)
"""Sealed replies, by meter and request id."""

redatings: Final = Table(
    "redatings",
    metadata,
    Column("psd_id", _NAME, nullable=False),
    Column("request_id", _NAME, nullable=False),
    Column("item_sha256", _NAME, nullable=False),
    Column("date", _NAME, nullable=False),
    Column("at", _NAME, nullable=False),
    PrimaryKeyConstraint("psd_id", "request_id"),
    Index("ix_redatings_item_sha256", "item_sha256"),
)
"""Items that the server redated (M-79): its own notes, beside the records and of no effect on them."""

failed_modules: Final = Table(
    "failed_modules",
    metadata,
    Column("serial", _NAME, primary_key=True),
    Column("notice", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)
"""Modules that failed, and what became of them (O-08): a row for each that ever did."""

tracking: Final = Table(
    "tracking",
    metadata,
    Column("application_name", _NAME, primary_key=True),
    Column("notification_id", BigInteger, nullable=False),
)
"""How far each follower of a stream has come."""
