"""The daily movement: what an independent count of the typed events says (A-58, P-09, M-84)."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine

from indicium.domain.errors import BadRecord
from indicium.domain.events import CheckpointRecovered, PsdEvent
from indicium.domain.flow import SealedRecord
from indicium.projections import MovementRow, Views, moved_in_all
from indicium.projections.reading import movement
from tests.projections.history import InMemory, Module, meter
from tests.projections.test_agreement import HAPPENINGS, happen, typed

MONDAY, TUESDAY = "1999-08-02T23:59:59.999999Z", "1999-08-03T00:00:00.000000Z"


def counted(modules: Sequence[Module]) -> list[MovementRow]:
    """Count the typed events one by one, leaving out what a recovery names."""
    number: Counter[tuple[str, str, str, str]] = Counter()
    value: Counter[tuple[str, str, str, str]] = Counter()
    for module in modules:
        events = [typed(record) for record in module.records]
        lost = {one.sequence for e in events if isinstance(e, CheckpointRecovered) for one in e.data.discarded}
        for event in events:
            if isinstance(event, PsdEvent) and event.sequence not in lost:
                key = event.data.checkpoint.at[:10], event.module, event.chain, event.data.checkpoint.transaction
                number[key] += 1
                value[key] += event.data.checkpoint.value
    return [MovementRow(*key, number[key], value[key]) for key in sorted(number)]


@given(st.lists(HAPPENINGS, max_size=25), st.sampled_from([1, 3, 100]))
@settings(max_examples=30)
def test_the_movement_is_what_an_independent_count_of_the_events_says(happenings: list[Any], batch: int) -> None:
    modules = happen(happenings).modules
    engine = create_engine("sqlite://")
    views = Views(engine, batch)
    views.catch_up(InMemory(*modules))
    assert views.movement() == counted(modules)
    engine.dispose()


def two_days() -> tuple[Module, Module]:
    """Give two modules that worked on Monday and on Tuesday."""
    first, second = Module("34576590"), Module("34582152")
    first.transact("postage-value-downloaded", meter(1, version=5, dr=20_000), 20_000, at=MONDAY)
    first.transact("indicium-created", meter(1, version=6, ar=330), 330, at=MONDAY)
    first.transact("indicium-created", meter(1, version=7, ar=530), 200, at=TUESDAY)
    second.transact("customer-authorized", meter(2, version=4), at=MONDAY)
    second.transact("indicium-created", meter(2, version=5, ar=100), 100, at=TUESDAY)
    return first, second


def test_a_day_begins_at_midnight_utc_and_each_module_has_its_own_rows(engine: Engine) -> None:
    first, second = two_days()
    views = Views(engine)
    views.catch_up(InMemory(second, first))
    assert views.movement() == [
        ("1999-08-02", "34576590", first.chain, "indicium-created", 1, 330),
        ("1999-08-02", "34576590", first.chain, "postage-value-downloaded", 1, 20_000),
        ("1999-08-02", "34582152", second.chain, "customer-authorized", 1, 0),
        ("1999-08-03", "34576590", first.chain, "indicium-created", 1, 200),
        ("1999-08-03", "34582152", second.chain, "indicium-created", 1, 100),
    ]
    assert moved_in_all(views.movement()) == [
        ("customer-authorized", 1, 0),
        ("indicium-created", 3, 630),
        ("postage-value-downloaded", 1, 20_000),
    ]


@pytest.mark.parametrize(
    ("first", "last", "values"),
    [
        (None, date(1999, 8, 2), [330, 20_000, 0]),
        (date(1999, 8, 3), None, [200, 100]),
        (date(1999, 8, 3), date(1999, 8, 3), [200, 100]),
        (date(1999, 8, 4), None, []),
        (date(1999, 8, 3), date(1999, 8, 2), []),
    ],
)
def test_days_are_chosen_with_both_ends(
    engine: Engine, first: date | None, last: date | None, values: list[int]
) -> None:
    views = Views(engine)
    views.catch_up(InMemory(*two_days()))
    assert [row.value for row in views.movement(first, last)] == values


def test_what_was_discarded_never_moved(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=5, ar=100), 100)
    before = module.totals
    module.transact("indicium-created", meter(version=6, ar=400), 300)
    module.discard_last(1, before)
    views = Views(engine)
    views.catch_up(InMemory(module))
    assert [(row.transactions, row.value) for row in views.movement()] == [(1, 100)]


def rendered(line: bytes) -> SealedRecord:
    record = Module("34576590").transact("indicium-created", meter(version=6, ar=330), 330)
    return record._replace(line=line)


def test_a_record_that_is_rendered_otherwise_is_read_as_well() -> None:
    line = Module("34576590").transact("indicium-created", meter(version=6), 330).line
    body, _, tail = line.partition(b"\t")
    spread = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).replace(b"\n", b" ") + b"\t" + tail
    assert movement(rendered(spread)) == movement(rendered(line)) == (b"330", b"34576590", b"1999-08-02")


def test_what_a_customer_wrote_is_not_taken_for_a_checkpoint() -> None:
    purpose = '"checkpoint":{"psd":"1","transaction":"a","value":9,"ar":0,"dr":0,"module":"1","at":"2000-01-01T'
    line = Module("34576590").transact("indicium-created", meter(version=6), 330).line
    body, _, tail = line.partition(b"\t")
    read = orjson.loads(body)
    read["data"]["vbi"]["elements"]["purpose"] = purpose
    read["data"]["package"]["customer"] = purpose
    forged = orjson.dumps(read) + b"\t" + tail
    assert re.search(rb'\\"value\\":9', forged)
    assert movement(rendered(forged)) == (b"330", b"34576590", b"1999-08-02")


def test_a_record_without_a_checkpoint_is_bad_unless_it_is_of_a_later_version() -> None:
    module = Module("34576590")
    bad = module.note("indicium-created", {"package": {}}, psd=meter().psd, version=1)
    with pytest.raises(BadRecord, match="checkpoint"):
        movement(bad)
    assert movement(module.note("meter-painted", psd=meter().psd, version=2)) is None
