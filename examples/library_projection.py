"""What was sold each day, in a projection of the eventsourcing library: python library_projection.py FOLDER [STORE]."""

import sys

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import Tracking
from eventsourcing.projection import Projection
from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text, insert, select, update

from indicium import Ledger, Postage, Settings, TrackedView
from indicium.domain.events import IndiciumCreated

SALES = Table("sales", MetaData(), Column("day", Text, primary_key=True), Column("mills", BigInteger, nullable=False))


class Sales(TrackedView):
    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "sales", SALES)

    def add(self, day: str, mills: int, tracking: Tracking) -> None:
        with self.moving(tracking) as connection:  # the row and how far we are change together, or neither does
            changed = update(SALES).where(SALES.c.day == day).values(mills=SALES.c.mills + mills)
            if connection.execute(changed).rowcount == 0:
                connection.execute(insert(SALES).values(day=day, mills=mills))

    def of_all_days(self) -> list[tuple[str, int]]:
        with self.engine.connect() as connection:
            return [(day, mills) for day, mills in connection.execute(select(SALES).order_by(SALES.c.day))]


class DailySales(Projection[Sales]):
    @singledispatchmethod
    def process_event(self, _event: object, tracking: Tracking) -> None:  # whatever is no sale
        self.view.insert_tracking(tracking)

    @process_event.register
    def _(self, sold: IndiciumCreated, tracking: Tracking) -> None:
        self.view.add(sold.at[:10], sold.data.checkpoint.value, tracking)


settings = Settings.of(sys.argv[1], **({"store": sys.argv[2]} if sys.argv[2:] else {}))
with Ledger.create(settings) as ledger:
    sales = Sales(ledger.records.engine)
    with ledger.records.follow(DailySales(sales)) as follower:
        meter = ledger.lease("Ada", license_zip="40505")
        meter.refill("50.00")
        letter = Postage(origin_zip="40505", destination_zip="95567", mail_class="first-class letter", weight_ounces=1)
        for price in ("0.33", "0.55", "0.33"):
            meter.print(price, letter)
        follower.wait(ledger.records.recorder.max_notification_id(), timeout=30)
    for day, mills in sales.of_all_days():
        print(day, mills, "mills")
