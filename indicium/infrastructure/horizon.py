"""How far records of all chains can be read on PostgreSQL, so that none is skipped that commits late.

Positions come from a sequence: a transaction that drew 5 may commit after one that drew 6, and a reader that has gone
on to 6 would never see 5. So a writer says, before it draws, above which position it will draw, with a shared advisory
lock that ends with its transaction; nobody waits for anybody. A reader goes no further than the least of these. Why
that is right, and what else was considered, is in `docs/adr/0012`. On SQLite writers are one at a time, and nothing is
needed.
"""

from typing import Final

from sqlalchemy import Connection, text

from indicium.domain.errors import StoreNotUsable

_TAG: Final = 0x1D1C
"""The upper 16 bits of the locks' keys. Bit 62 of a key is that of the other locks."""

_DRAWN: Final = "(SELECT last_value - (NOT is_called)::integer FROM records_position_seq)"
"""The last position that anybody drew, at this moment: a sequence is outside of transactions."""

ANNOUNCE: Final = f"pg_advisory_xact_lock_shared({_TAG}::bigint << 48 | {_DRAWN})"
"""What a writing transaction selects before it inserts records: "I shall draw above this"."""

_KEY: Final = "(classid::bigint << 32 | objid::bigint)"

_LEAST_ANNOUNCED: Final = (
    f"SELECT min({_KEY} & (1::bigint << 48) - 1) FROM pg_locks"  # noqa: S608 - nothing but constants
    " WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    f" AND {_KEY} >> 48 = {_TAG}"
)


def announce(connection: Connection) -> None:
    """Say above which position the connection's transaction will draw. Before it draws."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT {ANNOUNCE}"))


def settled(connection: Connection) -> int | None:
    """Give a position up to which nothing will come any more; None where that is true of all that can be read.

    The connection must begin each statement with a fresh look at the database (AUTOCOMMIT or READ COMMITTED), and the
    records must be read after this. Raises `StoreNotUsable` on a standby.
    """
    if connection.dialect.name != "postgresql":
        return None
    # In this order, and apart: who is not among the locks of the second statement draws above the first one's answer.
    drawn, standby = connection.execute(text(f"SELECT {_DRAWN}, pg_is_in_recovery()")).one()
    if standby:
        why = "a standby does not show which transactions run on its primary: follow the primary, or chain by chain"
        raise StoreNotUsable(why=why)
    announced = connection.execute(text(_LEAST_ANNOUNCED)).scalar_one()
    return int(drawn if announced is None else min(drawn, announced))
