"""A view that shows what others cannot: a record that was folded in twice."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, select

from indicium.domain.flow import SealedRecord
from indicium.projections.projection import Row, Sums

COUNTS = Table("view_counts", MetaData(), Column("event", String, primary_key=True), Column("records", Integer))


class Counting(Sums):
    """Counts the records of each event."""

    def fold(self, records: Sequence[SealedRecord]) -> Iterator[Row]:
        for record in records:
            yield {"event": record.event, "records": 1}


COUNTING = Counting("counts", COUNTS)


def counted(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {row.event: row.records for row in connection.execute(select(COUNTS))}
