"""The AR/DR registers of each meter: what its newest package says."""

import orjson
import pytest
from sqlalchemy import Engine, select

from indicium.domain.identity import DeviceId
from indicium.projections.tables import METERS
from indicium.projections.views import Views
from tests.projections.history import InMemory, Module, meter


def test_a_row_is_what_the_last_package_says(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("postage-value-downloaded", meter(1, version=5, dr=20_000), 20_000)
    module.transact("indicium-created", meter(1, version=6, ar=330, dr=19_670), 330)
    views = Views(engine)
    views.catch_up(InMemory(module))
    row = views.meter(DeviceId("1000000001"))
    assert row is not None
    assert orjson.loads(orjson.dumps(row.as_json())) == {
        "device": "1000000001",
        "customer": "c1",
        "module": "34576590",
        "state": "leased",
        "psd_version": 6,
        "ar": 330,
        "dr": 19_670,
    }


def test_for_reports_the_view_also_has_licence_limit_and_time(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("customer-authorized", meter(1), at="1999-08-06T23:53:00.000000Z")
    views = Views(engine)
    views.catch_up(InMemory(module))
    with engine.connect() as connection:
        (row,) = connection.execute(select(METERS.c.license_zip, METERS.c.dr_limit, METERS.c.last_at))
    assert row == ("04973", 500_000, "1999-08-06T23:53:00.000000Z")


def test_meters_are_listed_in_order_of_their_numbers(engine: Engine) -> None:
    module = Module("34576590")
    for number in (3, 1, 2):
        module.transact("psd-initialized", meter(number, version=1, customer=None, state="raw"))
    views = Views(engine)
    views.catch_up(InMemory(module))
    assert [(row.device, row.customer) for row in views.meters()] == [
        ("1000000001", None),
        ("1000000002", None),
        ("1000000003", None),
    ]


def test_a_meter_of_which_no_record_tells_is_not_there(engine: Engine) -> None:
    assert Views(engine).meter(DeviceId("1000000001")) is None
    assert Views(engine).meters() == []


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize("backwards", [False, True])
def test_of_a_meter_on_several_modules_the_highest_version_stands(
    engine: Engine, batch: int, *, backwards: bool
) -> None:
    first, second = Module("34576590"), Module("34582152")
    first.transact("indicium-created", meter(version=6, ar=100), 100)
    second.transact("indicium-created", meter(version=7, ar=200), 100)
    second.transact("indicium-created", meter(version=8, ar=300), 100)
    first.transact("indicium-created", meter(version=9, ar=400), 100)
    views = Views(engine, batch)
    views.catch_up(InMemory(second, first) if backwards else InMemory(first, second))
    assert [(row.psd_version, row.ar, row.module) for row in views.meters()] == [(9, 400, "34576590")]


def test_a_version_number_of_a_discarded_record_is_used_again(engine: Engine) -> None:
    module = Module("34576590")
    before = module.totals
    module.transact("indicium-created", meter(version=6, ar=100), 100)
    module.discard_last(1, before)
    module.transact("indicium-created", meter(version=6, ar=250), 250)
    views = Views(engine)
    views.catch_up(InMemory(module))
    assert [(row.psd_version, row.ar) for row in views.meters()] == [(6, 250)]
