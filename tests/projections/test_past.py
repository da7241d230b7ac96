"""What was so at an earlier record or moment."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicium.domain.errors import BadRecord, NotAMoment, StoreNotUsable, UnknownChain, UnknownRecord
from indicium.domain.evolve import ModuleAt, event_of, evolve
from indicium.domain.identity import ChainId
from indicium.projections import meters_at, module_at, past
from indicium.projections.past import read_moment
from tests.domain.lines import GOOD
from tests.projections.history import InMemory, Module, meter
from tests.projections.test_agreement import HAPPENINGS, happen

MONDAY, NOON, TUESDAY = "1999-08-02T15:00:00.000000Z", "1999-08-03T12:00:00.000000Z", "1999-08-03T15:00:00.000000Z"


def beginning() -> Module:
    """A module with one user, whose first two records are no transactions."""
    module = Module("34576590")
    module.note("initialization-started", GOOD["initialization-started"], state="initializing")
    module.note("access-control-database-initialized", GOOD["access-control-database-initialized"])
    return module


def test_a_modules_state_is_that_of_the_record_asked_for() -> None:
    module = beginning()
    module.transact("postage-value-downloaded", meter(version=6, dr=1000), 1000)
    module.transact("indicium-created", meter(version=7, ar=330, dr=670), 330)
    module.transact("indicium-created", meter(version=8, ar=660, dr=340), 330)
    module.note("user-logged-on", state="error")

    states = [module_at(InMemory(module), module.chain, sequence) for sequence in range(1, 7)]

    assert [state.sequence for state in states] == [1, 2, 3, 4, 5, 6]
    assert [state.state for state in states] == ["initializing", *["operational"] * 4, "error"]
    assert [len(state.users) for state in states] == [0, 1, 1, 1, 1, 1]
    assert [state.totals.printed for state in states] == [0, 0, 0, 330, 660, 660]


def test_what_was_discarded_counts_as_a_record_and_moves_nothing() -> None:
    module = beginning()
    module.transact("postage-value-downloaded", meter(version=6, dr=1000), 1000)
    before = module.totals
    module.transact("indicium-created", meter(version=7, ar=330, dr=670), 330)
    module.discard_last(1, before)
    module.transact("indicium-created", meter(version=7, ar=550, dr=450), 550)

    states = [module_at(InMemory(module), module.chain, sequence) for sequence in (4, 5, 6)]

    assert [(state.sequence, state.totals) for state in states] == [
        (4, (1000, 0, 0)),
        (5, (1000, 0, 0)),
        (6, (1000, 550, 0)),
    ]


@settings(max_examples=40)
@given(st.lists(HAPPENINGS.filter(lambda what: "moon-observed" not in what), max_size=25), st.integers(1, 7))
def test_at_every_record_it_is_what_the_events_say_one_by_one(
    happenings: list[tuple], batch: int  # type: ignore[type-arg]  # as in `happen`
) -> None:  # fmt: skip
    modules = happen(happenings).modules
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past, "BATCH", batch)
        for module in modules:
            state = ModuleAt()
            for record in module.records:
                state = evolve(state, event_of(record))
                assert module_at(InMemory(*modules), module.chain, record.sequence) == state


@pytest.mark.parametrize("sequence", [-1, 0, 3])
def test_a_record_that_is_not_there_is_refused_with_those_that_are(sequence: int) -> None:
    module = beginning()
    with pytest.raises(UnknownRecord) as caught:
        module_at(InMemory(module), module.chain, sequence)
    assert str(caught.value) == f"Chain {module.chain} has no record {sequence}: it has the records 1 to 2."


def test_a_chain_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownChain, match="holds no record of chain cccc"):
        module_at(InMemory(beginning()), ChainId("cccc"), 1)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_record_that_is_missing_is_no_state_and_no_register(gone: int) -> None:
    module = beginning()
    module.note("user-logged-on")
    whole = InMemory(module)

    class Torn(InMemory):
        def chains(self) -> list[tuple[ChainId, int]]:
            return [(module.chain, 3)]

    torn = Module(module.serial)
    torn.records = [record for place, record in enumerate(module.records) if place != gone]
    sentence = f"record {gone + 1} of chain {module.chain} is missing"

    assert module_at(whole, module.chain, 3).sequence == 3
    with pytest.raises(StoreNotUsable, match=sentence):
        module_at(Torn(torn), module.chain, 3)
    with pytest.raises(StoreNotUsable, match=sentence):
        meters_at(Torn(torn), "1999-08-02")


def test_a_record_that_bears_no_time_is_no_record() -> None:
    module = beginning()
    module.records[1] = module.records[1]._replace(line=b'{"data":{},"at":5}')
    with pytest.raises(BadRecord, match=f"record 2 of chain {module.chain} bears no time"):
        meters_at(InMemory(module), "1999-08-02")


def test_registers_are_those_of_the_end_of_a_day_or_of_a_moment() -> None:
    module = beginning()
    module.transact("postage-value-downloaded", meter(version=6, dr=1000), 1000, at=MONDAY)
    module.transact("indicium-created", meter(version=7, ar=330, dr=670), 330, at=NOON)
    module.transact("indicium-created", meter(2, version=6), 0, at=TUESDAY)
    module.transact("indicium-created", meter(version=8, ar=660, dr=340), 330, at=TUESDAY)

    def at(moment: str) -> list[tuple[str, int, int]]:
        return [(row.device[-1], row.ar, row.dr) for row in meters_at(InMemory(module), moment).meters]

    assert at("1999-08-01") == []
    assert at("1999-08-02") == [("1", 0, 1000)]
    assert at("1999-08-03T11:59:59.999999Z") == [("1", 0, 1000)]
    assert at(NOON) == [("1", 330, 670)]
    assert at("1999-08-03T07:00:00-05:00") == [("1", 330, 670)]
    assert at("1999-08-03") == [("1", 660, 340), ("2", 0, 0)]
    assert at("2030-01-01") == at("1999-08-03")


def test_the_answer_says_which_records_it_counted() -> None:
    early, late = beginning(), Module("2")
    early.note("user-logged-on", at=TUESDAY)
    late.note("user-logged-on", at=TUESDAY)

    found = meters_at(InMemory(early, late), "1999-08-02")

    assert found.moment == "1999-08-02T23:59:59.999999Z"
    assert found.sequences == {early.chain: 2, late.chain: 0}


def test_a_clock_that_is_set_back_later_changes_no_answer() -> None:
    module = beginning()
    module.transact("postage-value-downloaded", meter(version=6, dr=1000), 1000, at=MONDAY)
    module.transact("indicium-created", meter(version=7, ar=330, dr=670), 330, at=TUESDAY)
    before = meters_at(InMemory(module), "1999-08-02")
    module.transact("indicium-created", meter(version=8, ar=660, dr=340), 330, at=MONDAY)

    assert meters_at(InMemory(module), "1999-08-02") == before
    assert [row.ar for row in before.meters] == [0]


def test_a_meter_that_was_on_two_modules_is_shown_where_it_was_last() -> None:
    old, new = beginning(), Module("2")
    old.transact("indicium-created", meter(version=6, ar=330), 330, at=MONDAY)
    new.transact("indicium-created", meter(version=7, ar=660), 330, at=TUESDAY)

    found = [meters_at(InMemory(new, old), moment).meters for moment in ("1999-08-02", "1999-08-03")]

    assert [[(row.module, row.ar) for row in rows] for rows in found] == [[("34576590", 330)], [("2", 660)]]


def test_progress_counts_the_records_of_all_chains_to_their_end() -> None:
    modules = [beginning(), beginning()]
    modules[1].chain = ChainId("c" * 32)
    told: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past, "BATCH", 1)
        module_at(InMemory(*modules), modules[0].chain, 2, lambda done, of: told.append((done, of)))
        meters_at(InMemory(*modules), "1999-08-02", lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2), (1, 4), (2, 4), (2, 4), (3, 4), (4, 4), (4, 4)]


def test_the_replay_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    meters_at(InMemory(beginning()), "1999-08-02")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(StoreNotUsable, match="the folder for temporary files: No such file or directory"):
        meters_at(InMemory(beginning()), "1999-08-02")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", "2026-11-01T23:59:59.999999Z"),
        ("0099-01-01", "0099-01-01T23:59:59.999999Z"),
        ("2026-11-01T17:30:00Z", "2026-11-01T17:30:00.000000Z"),
        ("2026-11-01T17:30:00.25+01:30", "2026-11-01T16:00:00.250000Z"),
        ("2026-11-01T17:30:00.1234567Z", "2026-11-01T17:30:00.123456Z"),
    ],
)
def test_a_moment_is_read_as_records_write_times(text: str, moment: str) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "", "today", "2026-02-30", "2026-13-01", "20261101", "2026-W44-7", "2026-11-1", "0000-01-01",
        "2026-11-01T17:30:00", "2026-11-01 17:30:00Z", "2026-11-01T24:30:00Z", "2026-11-01T17:30Z",
        "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-11-01\n", "٢٠٢٦-11-01",
        "2026-11-01T17:30:00+25:00",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(NotAMoment) as caught:
        read_moment(text)
    assert str(caught.value) == (
        "Not a moment: write a date (UTC), as in 2026-11-01, or a time, as in 2026-11-01T17:30:00Z."
    )
