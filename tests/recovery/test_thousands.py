"""A redo of thousands of records: in batches, seen at a terminal, and gone on with after a kill (Y-14, O-16)."""

from collections.abc import Callable
from pathlib import Path

from tests.app import seams
from tests.app.homes import assert_whole, data_of, rows_of
from tests.entrypoints.pseudo_terminal import typed
from tests.recovery.histories import GROUPS, History, Kind, Tail

KIND = Kind(1000, Tail.METERS)


def test_a_redo_of_four_thousand_records_that_is_killed_goes_on_and_a_terminal_shows_how_far_it_is(
    history_of: Callable[[Kind], History], tmp_path: Path
) -> None:
    history = history_of(KIND)
    home = history.found(tmp_path / "home", memory=0, store=GROUPS, copy=0)
    lost, last = len(history.upto(GROUPS)) + 1, len(history.rows)
    assert last - lost + 1 == 4000

    assert seams.killed(seams.recover, home, seams.AFTER_STORE, 2)
    assert len(rows_of(home)) == lost - 1 + 2000  # two batches, each in a transaction of its own

    with typed("recover", "--home", home) as terminal:
        terminal.expect("recovering")
        terminal.expect("/4000")  # the two thousand that are left, on both ways
        terminal.expect("give the store again what it lost, from the audit copy")
        assert terminal.ended() == 0

    rows = rows_of(home)
    assert [row.line for row in rows[:last]] == [row.line for row in history.rows]
    (said,) = [data_of(row) for row in rows if row.event == "store-redone"]
    assert (said["first"], said["last"]) == (lost, last)  # what was redone before the kill, too
    assert_whole(home, KIND.spent(GROUPS))
