"""Processes that are killed at every seam of a request, and what comes back."""

import itertools
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import DescendingRegisterLimit, LedgerExists
from indicium.domain.heads import Action
from indicium.parties.mailing import Mailing
from indicium.parties.purchasing import differences
from tests.app import seams
from tests.app.homes import (
    CUSTOMERS,
    LETTER,
    POSTGRESQL,
    REFILL,
    SQLITE,
    assert_whole,
    audit_file,
    clone_of,
    data_of,
    discarded,
    issued,
    on_both,
    paid_by,
    rows_of,
)
from tests.app.seams import killed

LOST = (Action.RESUME,)
BEHIND = (Action.COMPLETE_COPY,)
DONE_AT_OPEN = {
    seams.BEFORE_MEMORY: (),
    seams.AFTER_MEMORY: LOST,
    seams.IN_STORE: LOST,
    seams.AFTER_STORE: BEHIND,
    seams.IN_COPY: BEHIND,
    seams.AFTER_COPY: (),
    seams.AFTER_RELEASE: (),
    seams.AFTER_ERASE: (),
    seams.IN_FILE: (),
    seams.AFTER_FILE: (),
    seams.BEFORE_CLOSE: (),
    seams.AFTER_CLOSE: (),
    seams.BEFORE_BOOK: (),
    seams.AFTER_BOOK: (),
    seams.BEFORE_CARDS: (),
    seams.AFTER_CARDS: (),
}
"""What the next start has to do after a kill at each seam."""

IN_PURCHASES = (seams.BEFORE_BOOK, seams.AFTER_BOOK, seams.BEFORE_CARDS, seams.AFTER_CARDS)


def on_either(sqlite: Iterable[seams.Seam], postgresql: Iterable[seams.Seam]) -> pytest.MarkDecorator:
    """Run a test at each seam on SQLite, and on PostgreSQL at those at which the two databases may leave other things.

    Before memory's write no database knows of anything; a small file, and memory that is let go, are the same on both.
    """
    kinds = [(seam, SQLITE) for seam in sqlite] + [(seam, POSTGRESQL) for seam in postgresql]
    return pytest.mark.parametrize(("seam", "home"), kinds, indirect=["home"])


def every_kill(scenario: seams.Scenario, seam: seams.Seam, home: Path, folder: Path) -> Iterator[tuple[int, Path]]:
    """Kill a scenario at a seam for the first, the second … time, each time on a fresh copy of a home."""
    for nth in itertools.count(1):
        copy = clone_of(home, folder / f"{nth}") if home.exists() else folder / f"{nth}"
        if not killed(scenario, copy, seam, nth):
            assert nth > 1
            return
        yield nth, copy


def recovered(home: Path) -> tuple[Action, ...]:
    with Ledger.open(home) as ledger:
        return ledger.recovered


@on_either(
    [seam for seam in DONE_AT_OPEN if seam not in (seams.AFTER_ERASE, *IN_PURCHASES)],
    [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE, seams.IN_COPY, seams.AFTER_COPY, seams.AFTER_RELEASE],
)
def test_o_10_a_customer_killed_anywhere_gets_each_item_once(seam: seams.Seam, home: Path, tmp_path: Path) -> None:
    for _, killed_home in every_kill(seams.print_twice, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            assert ledger.recovered == DONE_AT_OPEN[seam]
            meter = ledger.meter("Ada")
            first = meter.print("0.33", LETTER, "job-1")
            second = meter.print("0.55", LETTER, "job-2")
            assert meter.print("0.33", LETTER, "job-1").line == first.line
            assert meter.print("0.55", LETTER, "job-2").line == second.line
            assert (meter.ask().ar, meter.ask().dr) == (880, REFILL - 880)
        assert_whole(killed_home, {"Ada": 880})


@on_either(
    [seam for seam in DONE_AT_OPEN if seam not in (seams.AFTER_ERASE, *IN_PURCHASES)],
    [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE, seams.IN_COPY],
)
def test_o_10_a_sheet_killed_anywhere_is_the_same_sheet_and_made_once(
    seam: seams.Seam, home: Path, tmp_path: Path
) -> None:
    for _, killed_home in every_kill(seams.print_sheet, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            assert ledger.recovered == DONE_AT_OPEN[seam]
            meter = ledger.meter("Ada")
            sheet = meter.print_sheet(seams.SHEET, "sheet-1")
            assert list(meter.print_sheet(seams.SHEET, "sheet-1")) == list(sheet)
            assert [item.check()[0].value for item in sheet] == [330, 550, 330]
            assert (meter.ask().ar, meter.ask().dr) == (1210, REFILL - 1210)
        assert_whole(killed_home, {"Ada": 1210})


@on_either(
    [seam for seam in DONE_AT_OPEN if seam not in (seams.AFTER_ERASE, seams.BEFORE_CARDS, seams.AFTER_CARDS)],
    [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE],
)
def test_e_909_a_meter_whose_end_is_killed_anywhere_is_corrected_and_paid_back_once(
    seam: seams.Seam, home: Path, tmp_path: Path
) -> None:
    """What the store does not hold was not done; what it holds is given again, from a withdrawn meter too."""
    for _, killed_home in every_kill(seams.end_a_meter, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            assert ledger.recovered == DONE_AT_OPEN[seam]
            meter = ledger.meter("Ada")
            item = meter.print("0.33", LETTER, "job-1")
            correction = meter.correct("0.24", LETTER, item.line, "job-2")
            refund = meter.refund()
            assert (correction.reply.ar, refund.reply.ar, refund.reply.dr) == (570, REFILL, 0)
            assert (meter.refund(), meter.correct("0.24", LETTER, item.line, "job-2")) == (refund, correction)
        assert sorted(value for _, value in issued(killed_home).items()) == [240, 330, REFILL - 570]
        assert_whole(killed_home, {"Ada": REFILL})


@on_either(
    [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE, seams.IN_COPY, seams.AFTER_RELEASE],
    [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE],
)
def test_o_10_groups_of_several_meters_killed_anywhere_are_done_once(
    seam: seams.Seam, home: Path, tmp_path: Path
) -> None:
    rows, codes = seams.mailing_rows(), ["ok"] * 6 + ["value-above-maximum"]
    for _, killed_home in every_kill(seams.post_groups, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            assert ledger.recovered == DONE_AT_OPEN[seam]
            mailing = Mailing(ledger.office, ledger.execute_all)
            results = mailing.post(rows, lambda _done, _all: None)
            again = Mailing(ledger.office, ledger.execute_all).post(rows, lambda _done, _all: None)
        assert [result.code for result in results] == codes
        assert results == again
        assert_whole(killed_home, {"Ada": 110 + 140, "Ben": 120 + 150, "Cy": 130 + 160})


@on_either(
    [
        seams.BEFORE_MEMORY,
        seams.AFTER_MEMORY,
        seams.AFTER_STORE,
        seams.IN_COPY,
        seams.AFTER_COPY,
        *IN_PURCHASES,
    ],
    [seams.IN_STORE, seams.AFTER_STORE],
)
def test_p_05_a_refill_killed_anywhere_is_paid_once_and_loaded_once(
    seam: seams.Seam, home: Path, tmp_path: Path
) -> None:
    for _, killed_home in every_kill(seams.refill, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            assert ledger.recovered == DONE_AT_OPEN[seam]
            assert ledger.meter("Ben").refill("50.00", "refill-1").dr == REFILL + 50_000
            (module,) = ledger.modules()
            assert module.totals.downloaded == 3 * REFILL + 50_000
            assert paid_by(killed_home, "Ben") == REFILL + 50_000
            with ledger.office.purchasing() as provider:
                held = {meter.device: meter.ar + meter.dr for meter in ledger.meters()}
                assert list(differences(provider.accounts(), held)) == []
                assert provider.unfinished() == []
        assert_whole(killed_home, {})


@pytest.mark.parametrize("seam", IN_PURCHASES)
def test_p_05_a_refused_refill_killed_anywhere_is_given_back_once(seam: seams.Seam, home: Path, tmp_path: Path) -> None:
    for _, killed_home in every_kill(seams.refill_too_much, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            for _again in range(2):
                with pytest.raises(DescendingRegisterLimit, match=r"would hold 550\.00"):
                    ledger.meter("Ben").refill("450.00", "refill-2")
            assert ledger.meter("Ben").ask().dr == REFILL
            assert paid_by(killed_home, "Ben") == REFILL
        assert_whole(killed_home, {})


@on_either(
    [seams.AFTER_MEMORY, seams.AFTER_STORE, seams.IN_COPY, seams.IN_FILE, seams.AFTER_FILE],
    [seams.IN_STORE, seams.AFTER_STORE],
)
def test_p_02_a_lease_killed_anywhere_is_taken_up(seam: seams.Seam, home: Path, tmp_path: Path) -> None:
    for _, killed_home in every_kill(seams.lease, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            assert ledger.recovered == DONE_AT_OPEN[seam]
            meter = ledger.lease("Dan", "40505")
            meter.refill("1.00")
            assert meter.print("0.40", LETTER, "job-1").reply.dr == 600
            leased = [row for row in ledger.meters() if row.state == "leased"]
            assert [row.customer for row in leased] == [*CUSTOMERS, "Dan"]
        assert_whole(killed_home, {"Dan": 400})


@pytest.mark.parametrize(
    "seam", [seams.AFTER_ERASE, seams.AFTER_MEMORY, seams.AFTER_STORE, seams.IN_COPY, seams.IN_FILE]
)
def test_p_01_a_ceremony_killed_anywhere_goes_on_and_ends_operational(seam: seams.Seam, tmp_path: Path) -> None:
    for _, killed_home in every_kill(seams.ceremony, seam, tmp_path / "none", tmp_path):
        try:
            ledger = Ledger.create(killed_home)
        except LedgerExists:  # killed after the ceremony, in closing
            ledger = Ledger.open(killed_home)
        with ledger:
            assert ledger.recovered in (DONE_AT_OPEN[seam], ())  # a logon writes memory without a record
            assert [module.state for module in ledger.modules() if module.chain == ledger.chain] == ["operational"]
            ledger.lease("Ada", "40505").refill("1.00")
            ledger.meter("Ada").print("0.33", LETTER, "job-1")
        assert_whole(killed_home, {"Ada": 330})


@on_either(
    [seams.BEFORE_MEMORY, seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE, seams.IN_COPY, seams.AFTER_COPY],
    [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE, seams.IN_COPY],
)
def test_o_13_a_recovery_killed_anywhere_is_finished_by_the_next(seam: seams.Seam, home: Path, tmp_path: Path) -> None:
    assert killed(seams.print_twice, home, seams.AFTER_MEMORY, 2)
    for _, killed_home in every_kill(seams.recover, seam, home, tmp_path):
        recovered(killed_home)
        assert recovered(killed_home) == ()
        rows = rows_of(killed_home)
        (lost,) = (row for row in rows if row.event == "indicium-created" and row.psd_id is None)
        (named,) = (row for row in rows if row.event == "checkpoint-recovered")
        assert discarded(named) == [lost.sequence]
        assert_whole(killed_home, {"Ada": 330})


@on_either([seams.IN_COPY, seams.AFTER_COPY], [seams.IN_COPY])
def test_a_copy_that_is_completed_may_be_killed_too(seam: seams.Seam, home: Path, tmp_path: Path) -> None:
    assert killed(seams.post_groups, home, seams.AFTER_STORE, 2)
    for _, killed_home in every_kill(seams.recover, seam, home, tmp_path):
        assert recovered(killed_home) == (BEHIND if seam == seams.IN_COPY else ())
        assert_whole(killed_home, {"Ada": 250, "Ben": 270, "Cy": 290})


@pytest.mark.parametrize("seam", [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE])
@pytest.mark.parametrize("nth", [1, 6])
def test_p_01_a_ceremony_on_postgresql_killed_early_or_late_ends_operational(
    nth: int, seam: seams.Seam, postgres_url: str, tmp_path: Path
) -> None:
    """Two kills at each seam: the ceremony's records are alike, and SQLite's tests kill it at every one."""
    home = tmp_path / "home"
    assert killed(partial(seams.ceremony, store=postgres_url), home, seam, nth)
    with Ledger.create(home) as ledger:
        ledger.lease("Ada", "40505").refill("1.00")
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    assert_whole(home, {"Ada": 330})


@on_both
def test_o_12_what_was_lost_is_named_with_its_value_and_its_number_is_used_again(home: Path) -> None:
    before = rows_of(home)[-1].sequence
    assert killed(seams.post_groups, home, seams.AFTER_MEMORY)
    assert recovered(home) == LOST
    *_, ada, ben, cy, named = rows_of(home)
    data = data_of(named)
    assert [entry["value"] for entry in data["discarded"]] == [110, 120, 130]
    assert [row.psd_id for row in (ada, ben, cy)] == [None] * 3
    assert discarded(named) == [before + 1, before + 2, before + 3]
    assert (data["downloaded"], data["printed"]) == (3 * REFILL, 0)
    lost_version = data_of(ada)["package"]["version"]
    with Ledger.open(home) as ledger:
        assert ledger.meter("Ada").print("0.11", LETTER, "11").reply.version == lost_version
    assert_whole(home, {"Ada": 110})


@pytest.mark.parametrize("seam", [seams.AFTER_COPY, seams.AFTER_RELEASE, seams.IN_FILE])
def test_a_customer_killed_before_it_kept_the_reply_may_go_on_with_another_job(seam: seams.Seam, home: Path) -> None:
    assert killed(seams.print_twice, home, seam, 2)
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        assert meter.print("0.11", LETTER, "job-3").reply.ar == 990
        assert meter.print("0.55", LETTER, "job-2").reply.ar == 880
    assert_whole(home, {"Ada": 990})


def test_m_60_a_device_number_that_was_lost_is_not_given_out_again(home: Path) -> None:
    assert killed(seams.lease, home, seams.AFTER_MEMORY)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == LOST
        assert ledger.lease("Dan", "40505").device == "1000000005"
        assert "1000000004" not in {meter.device for meter in ledger.meters()}
    assert_whole(home, {})


@on_both
def test_a_module_record_that_the_store_never_got_is_redone_byte_for_byte(home: Path) -> None:
    before = audit_file(home).read_bytes()
    assert killed(seams.print_twice, home, seams.AFTER_MEMORY, 3)
    assert recovered(home) == LOST
    *_, closed = audit_file(home).read_bytes().splitlines()
    assert b'"event":"audit-entry-created"' in closed
    assert audit_file(home).read_bytes().startswith(before)
    assert [row.event for row in rows_of(home)][-3:] == ["indicium-created"] * 2 + ["audit-entry-created"]
    assert_whole(home, {"Ada": 880})
    assert len(issued(home)) == 2


@on_both
def test_a_group_of_new_meters_that_was_lost_leaves_no_meter(home: Path) -> None:
    assert killed(seams.make_meters, home, seams.IN_STORE)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == LOST
        assert len(ledger.meters()) == len(CUSTOMERS)
        ledger.execute_all([InitializePsd()] * 3)
        assert [meter.device for meter in ledger.meters()][3:] == ["1000000007", "1000000008", "1000000009"]
    assert_whole(home, {})
