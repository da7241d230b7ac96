"""A third view, which shows what the others cannot: a record that was folded in twice."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, insert, select, update

from indicium.domain.flow import SealedRecord
from indicium.projections.follow import Projection, Row

COUNTS = Table("view_counts", MetaData(), Column("event", String, primary_key=True), Column("records", Integer))


class Counting(Projection):
    """Counts the records of each event."""

    def fold(self, records: Sequence[SealedRecord]) -> list[Row]:
        return [{"event": event, "records": n} for event, n in Counter(r.event for r in records).items()]

    def write(self, connection: Connection, rows: list[Row]) -> None:
        for row in rows:
            here = self.table.c.event == row["event"]
            added = update(self.table).where(here).values(records=self.table.c.records + row["records"])
            if connection.execute(added).rowcount == 0:
                connection.execute(insert(self.table).values(row))


COUNTING = Counting("counts", COUNTS)


def counted(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {row.event: row.records for row in connection.execute(select(COUNTS))}
