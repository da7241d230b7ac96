"""G4, O-06, Y-16: each module with the time, the date and the value of its last transaction."""

from datetime import datetime

import orjson
import pytest
from sqlalchemy import Engine

from indicium.domain.amounts import Mills, dollars, parse
from indicium.domain.errors import BadRecord
from indicium.domain.registers import NO_TOTALS, Totals
from indicium.projections.views import Views
from tests.projections.history import InMemory, Module, meter

SEED = """
1	34576590	11:53 PM	08/06/99	$ 0.33
2	34582152	07:30 AM	08/05/99	$ 7.55
3	34593104	03:00 PM	08/02/99	$ 3.45
4	34593992	11:22 AM	08/03/99	$ 5.78
"""
"""L1728-1731, as the seed prints it."""

PROCESSED = {
    "34576590": [("1999-08-06T11:00:00.000000Z", "20.00"), ("1999-08-06T23:53:00.000000Z", "0.33")],
    "34582152": [("1999-08-05T07:30:00.000000Z", "7.55")],
    "34593104": [("1999-08-01T09:00:00.000000Z", "0.55"), ("1999-08-02T15:00:00.000000Z", "3.45")],
    "34593992": [("1999-08-03T11:21:59.000000Z", "0.33"), ("1999-08-03T11:22:00.000000Z", "5.78")],
}
"""What each module did before the seed looked."""


def test_the_example_of_the_seed_is_what_four_modules_events_fold_to(engine: Engine) -> None:
    """G-401 … G-405."""
    modules = []
    for number, (serial, transactions) in enumerate(PROCESSED.items()):
        module = Module(serial)
        module.note("initialization-started", {"boot": True, "interval": 100, "audit_key": ""})
        package = meter(number, dr=100_000)
        for at, value in transactions:
            mills = parse(value)
            package = package._replace(version=package.version + 1, ar=package.ar + mills, dr=package.dr - mills)
            module.transact("indicium-created", package, mills, at=at)
        module.note("user-logged-on", at="1999-08-07T08:00:00.000000Z")
        modules.append(module)
    views = Views(engine)
    views.catch_up(InMemory(*reversed(modules)))

    table = [""]
    for number, row in enumerate(views.modules(), 1):
        assert row.last.at is not None
        assert row.last.value is not None
        when = datetime.fromisoformat(row.last.at)
        table.append(f"{number}\t{row.module}\t{when:%I:%M %p}\t{when:%m/%d/%y}\t$ {dollars(row.last.value)}")
    assert "\n".join(table) + "\n" == SEED


def test_what_was_corrected_is_printed_and_what_was_paid_back_is_refunded(engine: Engine) -> None:
    """G-308 … G-310, M-84; the last transaction is whichever was last, with its value (G-405)."""
    module = Module("34576590")
    module.transact("postage-value-downloaded", meter(version=6, dr=5000), 5000)
    module.transact("indicium-created", meter(version=7, ar=330, dr=4670), 330)
    module.transact("postage-correction-created", meter(version=8, ar=570, dr=4430), 240)
    module.transact(
        "refund-indicium-created",
        meter(version=9, ar=5000, dr=0, state="withdrawn"),
        4430,
        at="1999-08-06T23:53:00.000000Z",
    )
    views = Views(engine)
    views.catch_up(InMemory(module))

    (row,) = views.modules()
    assert row.totals == (5000, 570, 4430)
    assert row.last == ("1999-08-06T23:53:00.000000Z", 4430)
    (withdrawn,) = views.meters()
    assert (withdrawn.ar, withdrawn.dr, withdrawn.state) == (5000, 0, "withdrawn")
    assert [(moved.event, moved.transactions, moved.value) for moved in views.movement(None, None)] == [
        ("indicium-created", 1, 330),
        ("postage-correction-created", 1, 240),
        ("postage-value-downloaded", 1, 5000),
        ("refund-indicium-created", 1, 4430),
    ]


def test_a_row_has_head_state_and_totals(engine: Engine) -> None:
    """G-406."""
    module = Module("34576590", chain="ab" * 16)
    module.transact("postage-value-downloaded", meter(version=6, dr=500_000), 500_000)
    module.transact("indicium-created", meter(version=7, ar=330, dr=499_670), 330, at="1999-08-06T23:53:00.000000Z")
    module.note("error-entered", {"cause": "", "fatal": True}, state="error")
    views = Views(engine)
    views.catch_up(InMemory(module))
    (row,) = views.modules()
    assert orjson.loads(orjson.dumps(row.as_json())) == {
        "module": "34576590",
        "chain": "ab" * 16,
        "suite": "modern",
        "state": "error",
        "head": {"sequence": 3, "hash": module.head.hash},
        "last": {"at": "1999-08-06T23:53:00.000000Z", "value": 330},
        "totals": {"downloaded": 500_000, "printed": 330, "refunded": 0},
    }


def test_a_table_that_lacks_a_column_is_made_again_from_the_records(engine: Engine) -> None:
    """A version before this one knew no suites."""
    module = Module("34576590", chain="ab" * 16)
    module.note("initialization-started", {"boot": True, "interval": 100, "audit_key": ""})
    Views(engine).catch_up(InMemory(module))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE view_modules DROP COLUMN suite")
    module.note("user-logged-on")
    views = Views(engine)
    views.catch_up(InMemory(module))
    (row,) = views.modules()
    assert (row.suite, row.head) == ("modern", module.head)


def test_a_module_without_a_transaction_has_no_last_one(engine: Engine) -> None:
    module = Module("34576590")
    module.note("initialization-started", {"boot": True, "interval": 100, "audit_key": ""}, state="initializing")
    views = Views(engine)
    views.catch_up(InMemory(module))
    (row,) = views.modules()
    assert (row.state, row.last.at, row.last.value, row.totals) == ("initializing", None, None, NO_TOTALS)


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_discarded_records_count_for_the_head_and_move_nothing(engine: Engine, batch: int) -> None:
    module = Module("34576590")
    module.transact("postage-value-downloaded", meter(version=6, dr=1_000), 1_000)
    before = module.totals
    module.transact("indicium-created", meter(version=7, ar=330, dr=670), 330, at="1999-08-06T23:53:00.000000Z")
    module.transact("indicium-created", meter(version=8, ar=660, dr=340), 330, at="1999-08-06T23:54:00.000000Z")
    module.discard_last(2, before)
    streams = InMemory(module)
    views = Views(engine, batch)
    views.catch_up(streams)
    (row,) = views.modules()
    assert row.head == module.head == (4, module.head.hash)
    assert row.last == ("1999-08-02T15:00:00.000000Z", 1_000)
    assert row.totals == (1_000, 0, 0)
    assert [(m.psd_version, m.ar, m.dr) for m in views.meters()] == [(6, 0, 1_000)]


@pytest.mark.parametrize("batch", [1, 100])
def test_after_a_recovery_its_totals_hold(engine: Engine, batch: int) -> None:
    module = Module("34576590")
    module.transact("postage-value-downloaded", meter(version=6, dr=1_000), 1_000)
    module.discard_last(0, Totals(Mills(70), Mills(8), Mills(9)))
    module.note("user-logged-on")
    views = Views(engine, batch)
    views.catch_up(InMemory(module))
    assert views.modules()[0].totals == (70, 8, 9)


@pytest.mark.parametrize("batch", [1, 100])
def test_of_two_recoveries_the_later_holds(engine: Engine, batch: int) -> None:
    module = Module("34576590")
    module.discard_last(0, Totals(Mills(70), Mills(8), Mills(9)))
    module.discard_last(0, Totals(Mills(60), Mills(7), Mills(9)))
    views = Views(engine, batch)
    views.catch_up(InMemory(module))
    assert views.modules()[0].totals == (60, 7, 9)


def test_a_transaction_after_a_recovery_says_the_totals_again(engine: Engine) -> None:
    module = Module("34576590")
    module.discard_last(0, NO_TOTALS._replace(downloaded=Mills(70)))
    module.transact("postage-value-downloaded", meter(version=6, dr=30), 30)
    views = Views(engine)
    views.catch_up(InMemory(module))
    assert views.modules()[0].totals == (100, 0, 0)


@pytest.mark.parametrize("batch", [1, 100])
def test_an_event_of_a_later_version_is_counted_and_stops_nothing(engine: Engine, batch: int) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=6, ar=330), 330)
    module.note("moon-observed", {"phase": [1, {"full": True}]}, state="lunar")
    module.note("meter-painted", {"colour": "red"}, psd=meter().psd, version=7)
    views = Views(engine, batch)
    assert views.catch_up(InMemory(module)) == 3
    (row,) = views.modules()
    assert (row.head, row.last.value) == (module.head, 330)
    assert views.meters()[0].ar == 330


def test_an_event_of_a_later_version_that_is_a_transaction_as_all_are_moves_the_registers(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("meter-rewarded", meter(version=6, dr=90), 90)
    views = Views(engine)
    views.catch_up(InMemory(module))
    assert (views.meters()[0].dr, views.modules()[0].last.value) == (90, 90)


@pytest.mark.parametrize("line", [b"not JSON", b"[]", b"{}", b'{"data":1}'])
def test_bytes_that_are_no_record_are_said_to_be_none(engine: Engine, line: bytes) -> None:
    module = Module("34576590")
    module.records = [module.note("user-logged-on")._replace(line=line)]
    with pytest.raises(BadRecord, match="record 1 of chain"):
        Views(engine).catch_up(InMemory(module))


def test_a_transaction_without_its_package_is_no_record(engine: Engine) -> None:
    module = Module("34576590")
    module.note("indicium-created", {"checkpoint": {}}, psd=meter().psd, version=6)
    with pytest.raises(BadRecord, match="no package"):
        Views(engine).catch_up(InMemory(module))
