"""A projection of one's own: what was spent on each mail class. python projection.py STORE_URL."""

import sys
from collections.abc import Iterator, Sequence

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, select

from indicium import Postage, Row, SealedRecord, Store, Sums, event_of, follow
from indicium.domain.events import IndiciumCreated

SPEND = Table(
    "spend_per_class",
    MetaData(),
    Column("mail_class", Text, primary_key=True),
    Column("items", BigInteger, nullable=False),
    Column("mills", BigInteger, nullable=False),
)


class SpendPerClass(Sums):
    def fold(self, records: Sequence[SealedRecord]) -> Iterator[Row]:
        for event in map(event_of, records):
            if isinstance(event, IndiciumCreated) and isinstance(event.data.vbi.elements, Postage):
                yield {"mail_class": event.data.vbi.elements.mail_class, "items": 1, "mills": event.data.vbi.value}


with Store.open(sys.argv[1]) as store:
    for step in follow(store, SpendPerClass("spend per class", SPEND), batch=1000):
        print(f"{step.folded} records, {step.left} left", file=sys.stderr)
    with store.engine.connect() as connection:
        for mail_class, items, mills in connection.execute(select(SPEND).order_by(SPEND.c.mail_class)):
            print(mail_class, items, mills)
