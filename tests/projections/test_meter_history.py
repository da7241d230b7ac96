"""The history of one meter: every transaction that holds, in its order, whichever chains it stands in (A-34)."""

from collections.abc import Iterator

import pytest

from indicium.domain.flow import Changes
from indicium.domain.identity import DeviceId
from indicium.infrastructure.store import Store
from indicium.projections import MeterHistory
from tests.projections.history import Module, meter

METER = DeviceId("1000000001")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create(store_url) as store:
        yield store


def save(store: Store, *modules: Module) -> MeterHistory:
    for module in modules:
        store.save(Changes(module.records))
    return MeterHistory(store)


def test_a_row_says_what_was_done_and_where_it_is_recorded(store: Store) -> None:
    module = Module("34576590")
    module.note("user-logged-on")
    module.transact("postage-value-downloaded", meter(version=5, dr=20_000), 20_000)
    record = module.transact("indicium-created", meter(version=6, ar=330, dr=19_670), 330)
    (_, row), after = save(store, module).page(METER)
    assert after is None
    assert row.as_json() == {
        "psd_version": 6,
        "event": "indicium-created",
        "at": "1999-08-02T15:00:00.000000Z",
        "value": 330,
        "ar": 330,
        "dr": 19_670,
        "state": "leased",
        "module": "34576590",
        "chain": module.chain,
        "sequence": record.sequence,
        "request": "r",
        "user": None,
        "items": 1,
    }


def test_the_whole_life_of_a_meter_stands_in_its_history(store: Store) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=1, ar=330, dr=670), 330)
    module.transact("postage-correction-created", meter(version=2, ar=570, dr=430), 240)
    module.transact("refund-indicium-created", meter(version=3, ar=1000, dr=0, state="withdrawn"), 430)
    rows, _ = save(store, module).page(METER)
    assert [(row.event, row.value, row.ar, row.dr, row.state) for row in rows] == [
        ("indicium-created", 330, 330, 670, "leased"),
        ("postage-correction-created", 240, 570, 430, "leased"),
        ("refund-indicium-created", 430, 1000, 0, "withdrawn"),
    ]


def test_a_history_says_how_many_items_each_transaction_made(store: Store) -> None:
    """G13: a sheet is one transaction."""
    module = Module("34576590")
    module.transact("postage-value-downloaded", meter(version=1, dr=1000), 1000)
    module.transact("indicium-created", meter(version=2, ar=330, dr=670), 330)
    module.transact("sheet-created", meter(version=3, ar=630, dr=370), 300)
    rows, _ = save(store, module).page(METER)
    assert [(row.event, row.items, row.value) for row in rows] == [
        ("postage-value-downloaded", 0, 1000),
        ("indicium-created", 1, 330),
        ("sheet-created", 3, 300),
    ]


def two_modules() -> tuple[Module, Module]:
    """Give two modules that took turns with a meter, versions 1 to 9, and processed another one between."""
    modules = Module("34576590"), Module("34582152")
    for version in range(1, 10):
        modules[version // 3 % 2].transact("indicium-created", meter(version=version, ar=version), 1)
        modules[version % 2].transact("indicium-created", meter(2, version=version, ar=version), 1)
    return modules


def test_pages_lead_through_all_chains_in_the_meters_own_order(store: Store) -> None:
    modules = two_modules()
    pages = [save(store, *modules).page(METER, limit=4)]
    while pages[-1].after is not None:
        pages.append(MeterHistory(store).page(METER, pages[-1].after, limit=4))
    assert [len(page.rows) for page in pages] == [4, 4, 1]
    versions = [(row.psd_version, row.ar, row.module) for page in pages for row in page.rows]
    assert versions == [(n, n, modules[n // 3 % 2].serial) for n in range(1, 10)]


def test_a_last_page_that_is_full_is_the_last(store: Store) -> None:
    history = save(store, *two_modules())
    rows, after = history.page(METER, 6, limit=3)
    assert ([row.psd_version for row in rows], after) == ([7, 8, 9], None)
    assert history.page(METER, 9) == ([], None)


def test_what_is_recorded_between_two_pages_stands_behind_them(store: Store) -> None:
    first, second = two_modules()
    history = save(store, first, second)
    before, after = history.page(METER, limit=5)
    store.save(Changes([second.transact("indicium-created", meter(version=10, ar=10), 1)]))
    assert history.page(METER, limit=5) == (before, after)
    assert after == 5
    assert [row.psd_version for row in history.page(METER, 5).rows] == [6, 7, 8, 9, 10]


def test_a_discarded_transaction_is_not_there_and_its_version_shows_the_one_that_holds(store: Store) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=5, ar=100), 100)
    before = module.totals
    module.transact("indicium-created", meter(version=6, ar=400), 300)
    module.transact("indicium-created", meter(version=7, ar=900), 500)
    module.discard_last(2, before)
    module.transact("indicium-created", meter(version=6, ar=150), 50)
    rows, _ = save(store, module).page(METER)
    assert [(row.psd_version, row.ar, row.value) for row in rows] == [(5, 100, 100), (6, 150, 50)]


def test_of_a_meter_that_is_unknown_there_is_no_history(store: Store) -> None:
    assert save(store, *two_modules()).page(DeviceId("1000000009")) == ([], None)


def test_an_event_that_a_later_version_says_otherwise_is_left_out_and_never_ends_the_pages(store: Store) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=1), 1)
    for version in (2, 3):
        module.note("meter-painted", {"colour": "red"}, psd=METER, version=version)
    module.transact("indicium-created", meter(version=4), 1)
    history = save(store, module)
    assert history.page(METER, 1, limit=2) == ([], 3)
    assert [row.psd_version for row in history.page(METER).rows] == [1, 4]
