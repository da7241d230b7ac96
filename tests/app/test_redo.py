"""A store that was put back gets again what it lost from the audit copy: nothing is discarded (Y-14, O-16)."""

from pathlib import Path

import pytest
from sqlalchemy import delete, update

from indicium.app import Ledger
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import AlreadyDone, HeadsDisagree, RequestIdReused, StaticPartMissing, StoreFailed
from indicium.domain.flow import Changes
from indicium.domain.heads import Action
from indicium.infrastructure import redoing
from indicium.infrastructure.schema import metadata, records, replies
from indicium.infrastructure.store import Store
from indicium.projections import MeterRow
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import (
    COPY,
    LETTER,
    MEMORY,
    STORE,
    assert_whole,
    audit_file,
    clone_of,
    data_of,
    on_both,
    put_back,
    rows_of,
)
from tests.app.recovering import recover


def everything(home: Path) -> None:
    """A day's work of every kind: new meters, items, a sheet, a download, entries of the module itself."""
    with Ledger.open(home) as ledger:
        ledger.lease("Dan", "40505").refill("10.00")
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
        ledger.execute(CreateAuditEntry(text="in between", signed=True))
        ledger.meter("Dan").print("0.55", LETTER, "job-2")
        ledger.meter("Ben").print_sheet(seams.SHEET, "sheet-1")
        ledger.meter("Ada").print("0.22", LETTER, "job-3")


@on_both
def test_what_a_store_lost_is_appended_byte_for_byte_and_a_signed_record_says_so(home: Path, tmp_path: Path) -> None:
    older = clone_of(home, tmp_path / "older")
    everything(home)
    before = rows_of(home)
    kept = {meter.device: meter for meter in meters_of(home)}
    put_back(home, older, STORE)
    lost = rows_of(home)[-1].sequence + 1

    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.REDO,)
        assert {meter.device: meter for meter in ledger.meters()} == kept

    after = rows_of(home)
    assert after[: len(before)] == before  # columns too
    redone = after[len(before)]
    assert (redone.event, data_of(redone)) == (
        "store-redone",
        {"boot": True, "first": lost, "last": before[-1].sequence},
    )
    assert b"\t" in redone.line  # signed
    assert_whole(home)


def meters_of(home: Path) -> list[MeterRow]:
    with Ledger.open(home) as ledger:
        return ledger.meters()


@on_both
def test_meters_go_on_and_a_repeat_of_what_was_done_is_already_done(home: Path, tmp_path: Path) -> None:
    """The replies are gone; nothing is charged twice, and the same id for something else is still refused."""
    older = clone_of(home, tmp_path / "older")
    everything(home)
    put_back(home, older, STORE)

    with Ledger.open(home) as ledger:
        ada = ledger.meter("Ada")
        with pytest.raises(AlreadyDone) as done:
            ada.print("0.33", LETTER, "job-1")
        assert (done.value.request_id, done.value.exit_status) == ("job-1", 1)
        with pytest.raises(RequestIdReused):
            ada.print("0.44", LETTER, "job-1")
        assert ada.print("0.11", LETTER, "job-4").reply.ar == 660
    assert_whole(home, {"Ada": 660, "Dan": 550, "Ben": 1210})


@on_both
def test_replies_that_outlived_their_records_are_taken_where_they_are_right_and_replaced_where_not(
    home: Path,
) -> None:
    """Rows of `records` were deleted by hand, and nothing else; of the replies one is altered and one is swapped."""
    last = rows_of(home)[-1].sequence
    with Ledger.open(home) as ledger:
        first = ledger.meter("Ada").print("0.33", LETTER, "job-1")
        ledger.meter("Ada").print("0.55", LETTER, "job-2")
        ledger.meter("Ada").print("0.77", LETTER, "job-3")
    before = rows_of(home)
    with Store.open(Settings.read(home).store_url) as store, store.engine.begin() as connection:
        connection.execute(delete(records).where(records.c.sequence > last))
        of = replies.c.request_id
        connection.execute(update(replies).where(of == "job-2").values(psd_version=replies.c.psd_version + 7))
        connection.execute(update(replies).where(of == "job-3").values(content_digest=bytes(32)))

    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.REDO,)
        ada = ledger.meter("Ada")
        assert ada.print("0.33", LETTER, "job-1").reply.item == first.reply.item
        for value, job in (("0.55", "job-2"), ("0.77", "job-3")):
            with pytest.raises(AlreadyDone):
                ada.print(value, LETTER, job)
    assert rows_of(home)[: len(before)] == before
    assert_whole(home, {"Ada": 1650})


@on_both
@pytest.mark.parametrize("seam", [seams.BEFORE_MEMORY, seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE])
def test_killed_in_the_middle_it_goes_on_and_the_record_names_all_that_was_redone(
    seam: seams.Seam, home: Path, tmp_path: Path
) -> None:
    older = clone_of(home, tmp_path / "older")
    everything(home)
    last = rows_of(home)[-1].sequence
    put_back(home, older, STORE)
    lost = rows_of(home)[-1].sequence + 1
    newest = clone_of(home, tmp_path / "newest")
    for nth in range(1, 30):
        put_back(home, newest, STORE, COPY, "modules")
        if not seams.killed(redo_in_small_batches, home, seam, nth):
            break
        with Ledger.open(home):
            pass
        (redone,) = [row for row in rows_of(home) if row.event == "store-redone"]
        assert (data_of(redone)["first"], data_of(redone)["last"]) == (lost, last)
        assert_whole(home, {"Ada": 550, "Dan": 550, "Ben": 1210})
    assert nth > 2


def redo_in_small_batches(home: Path) -> None:
    """Open a ledger and have every third record of a redo end a transaction; in a process of its own."""
    redoing.BATCH = 3
    Ledger.open(home).close()


@pytest.mark.parametrize("group", [1, 2, 3, 100, 1000])
def test_groups_of_any_size_are_redone(group: int, home: Path, tmp_path: Path) -> None:
    older = clone_of(home, tmp_path / "older")
    with Ledger.open(home) as ledger:
        for _ in range(2):
            ledger.execute_all([InitializePsd()] * group)
    before = rows_of(home)
    put_back(home, older, STORE)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.REDO,)
    assert rows_of(home)[: len(before)] == before
    assert_whole(home, {})


def test_what_a_rollback_discarded_stays_discarded(home: Path, tmp_path: Path) -> None:
    """Its records stand in the copy before the one that names them: they come back with empty columns."""
    older = clone_of(home, tmp_path / "older")
    assert seams.killed(seams.print_twice, home, seams.AFTER_MEMORY)
    seams.print_twice(home)
    before = rows_of(home)
    assert [row.psd_id is None for row in before if row.event == "indicium-created"] == [True, False, False]
    put_back(home, older, STORE)
    Ledger.open(home).close()
    assert rows_of(home)[: len(before)] == before
    assert_whole(home, {"Ada": 880})


def test_a_copy_whose_lines_do_not_lead_to_the_modules_head_is_refused_before_the_store_is_touched(
    home: Path, tmp_path: Path
) -> None:
    older = clone_of(home, tmp_path / "older")
    everything(home)
    put_back(home, older, STORE)
    rows = rows_of(home)
    lines = audit_file(home).read_bytes().splitlines(keepends=True)
    lines[-3] = lines[-3].replace(b'"user":null', b'"user":"me"')
    audit_file(home).write_bytes(b"".join(lines))

    with pytest.raises(HeadsDisagree) as refused:
        Ledger.open(home)

    # O-19: the end of the copy is followed at the opening; the changed record is not what its successor says it was.
    assert (refused.value.place, refused.value.sequence) == ("audit copy", len(lines) - 2)
    assert rows_of(home) == rows


@on_both
@pytest.mark.parametrize("customer", ["Ada", "Ben"])
def test_a_store_that_holds_what_was_taken_back_is_refused_and_an_empty_one_is_filled(
    customer: str, home: Path, tmp_path: Path
) -> None:
    """O-11: a server had saved a group that its standby had not heard of, and is brought back after a failover.

    The module took that group back meanwhile; with its kept reply the same unit would go out once more.
    """
    standby = clone_of(home, tmp_path / "standby")
    assert seams.killed(print_first, home, seams.AFTER_STORE)
    saved = clone_of(home, tmp_path / "saved")
    put_back(home, standby, STORE)
    with Ledger.open(home) as ledger:
        assert Action.RESUME in ledger.recovered
        assert ledger.meter(customer).print("0.33", LETTER, "job-2").reply.ar == 330
    put_back(home, saved, STORE)

    with pytest.raises(HeadsDisagree) as taken_back:
        Ledger.open(home)

    memory = (home / MEMORY).read_bytes()
    with pytest.raises(HeadsDisagree):  # nor is memory set to such a store, which it is right about
        recover(home)
    assert (home / MEMORY).read_bytes() == memory
    assert taken_back.value.place == "store"
    assert "a transaction that was taken back since" in taken_back.value.why
    with Store.open(Settings.read(home).store_url) as store, store.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.REDO,)
        assert ledger.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 330 + 330 * (customer == "Ada")
    assert_whole(home, {"Ada": 660} if customer == "Ada" else {"Ada": 330, "Ben": 330})


def print_first(home: Path) -> None:
    """A scenario: one item."""
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")


def test_without_the_sealed_part_of_a_new_meter_nothing_is_redone(home: Path, tmp_path: Path) -> None:
    older = clone_of(home, tmp_path / "older")
    everything(home)
    put_back(home, older, STORE)
    rows = rows_of(home)
    sealed = audit_file(home).with_suffix(".sealed")
    kept = sealed.read_bytes()
    sealed.write_bytes(b"".join(line + b"\n" for line in kept.splitlines() if b"1000000004" not in line))
    with pytest.raises(StaticPartMissing, match="1000000004"):
        Ledger.open(home)
    assert rows_of(home) == rows

    sealed.write_bytes(kept)
    Ledger.open(home).close()
    assert_whole(home)


def test_a_tail_of_thousands_of_records_is_redone_a_batch_at_a_time(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Module-affecting records among them; never more than a batch is in memory, and whoever waits is told how far."""
    older = clone_of(home, tmp_path / "older")
    with Ledger.open(home) as ledger:
        for number in range(300):
            ledger.execute(CreateAuditEntry(text=f"entry {number}", signed=number % 7 == 0))
        ledger.meter("Ben").refill("0.50")
    before = rows_of(home)
    put_back(home, older, STORE)
    first_lost = rows_of(home)[-1].sequence + 1
    taken: list[int] = []
    save = Store.save

    def noted(store: Store, changes: Changes) -> None:
        taken.append(len(changes.records))
        save(store, changes)

    monkeypatch.setattr("indicium.infrastructure.redoing.BATCH", 50)
    monkeypatch.setattr(Store, "save", noted)
    told: list[tuple[int, int]] = []
    Ledger.open(home, lambda done, in_all: told.append((done, in_all))).close()

    assert max(taken) == 50
    assert sum(taken) >= 301
    lost = len(before) - first_lost + 1
    assert told == [(min(done, lost) + way, 2 * lost) for way in (0, lost) for done in range(50, lost + 50, 50)]
    assert rows_of(home)[: len(before)] == before


def test_a_store_that_was_put_back_under_a_running_ledger_is_redone_without_a_restart(
    home: Path, tmp_path: Path
) -> None:
    """The same comparison is made when the store is there again, in the middle of the work."""
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    older = clone_of(home, tmp_path / "older")
    ledger = Ledger.open(home)
    ledger.meter("Ada").print("0.55", LETTER, "job-2")
    put_back(home, older, STORE)  # under its feet
    with pytest.raises(StoreFailed):
        ledger.meter("Ben").print("0.11", LETTER, "job-3")
    assert ledger.meter("Ben").print("0.11", LETTER, "job-3").reply.ar == 110
    ledger.close()
    assert_whole(home, {"Ada": 880, "Ben": 110})
    assert sum(row.event == "store-redone" for row in rows_of(home)) == 1
