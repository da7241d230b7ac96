"""The recovery table for real: each place put back, alone, two together and all three (Y-14, O-01 … O-16, M-64).

What a person meets is asked of the command line: the exit status, and what it says or does. What stands in the chain
is read from the store.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.entrypoints.command import Terminal
from tests.entrypoints.people import Script
from tests.recovery.histories import History, Kind, Tail
from tests.recovery.table import COMPLETED, REDONE, RESUMED, Row, demand

ROWS = (
    Row(0, 0, 0),
    # One place alone.
    Row(0, 0, 1, (COMPLETED,)),
    Row(0, 0, 4, (COMPLETED,)),
    Row(0, 1, 0, (REDONE,)),
    Row(0, 4, 0, (REDONE,)),
    Row(1, 0, 0, place="module memory", outcome="continued"),
    Row(4, 0, 0, place="module memory", outcome="continued"),
    # Store and copy, which looks like a crash between memory and store as far as memory goes back.
    Row(0, 1, 1, (RESUMED,)),
    Row(0, 2, 2, (RESUMED,)),
    Row(0, 1, 2, (COMPLETED, RESUMED)),
    Row(0, 2, 1, (REDONE, RESUMED)),
    Row(0, 4, 2, (REDONE, RESUMED)),
    Row(0, 3, 3, place="store", outcome="abandoned"),
    Row(0, 3, 4, place="store", outcome="abandoned"),
    Row(0, 4, 3, place="store", outcome="abandoned"),
    # Memory, and one of the others.
    Row(1, 1, 0, place="module memory and store", outcome="continued"),
    Row(2, 1, 0, place="module memory and store", outcome="continued"),
    Row(1, 4, 0, place="module memory and store", outcome="continued"),
    Row(1, 0, 1, place="module memory", outcome="continued"),
    Row(1, 0, 2, place="module memory", outcome="continued"),
    # All three: nothing inside can tell, unless one of them was put back further.
    Row(1, 1, 1),
    Row(4, 4, 4),
    Row(1, 1, 2, (COMPLETED,)),
    Row(1, 2, 1, (REDONE,)),
    Row(1, 2, 2, (RESUMED,)),
    Row(2, 1, 1, place="module memory", outcome="continued"),
)

EACH_KIND = ("001", "040", "022", "042", "033", "100", "110", "111")
"""A row for each action, and for each place that is named."""

HISTORIES = {
    Kind(3, Tail.BOTH): [str(row) for row in ROWS],
    Kind(1, Tail.METERS): EACH_KIND,
    Kind(1, Tail.MODULE): EACH_KIND,
    Kind(2, Tail.METERS): EACH_KIND,
    Kind(100, Tail.METERS): EACH_KIND,
    Kind(1000, Tail.METERS): ("001", "040", "022", "033"),
}
"""On which histories which rows are tried."""

CASES = [(kind, row) for kind, names in HISTORIES.items() for row in ROWS if str(row) in names]


@pytest.mark.parametrize(("kind", "row"), CASES, ids=str)
def test_what_is_found_is_named_and_brought_together(
    kind: Kind,
    row: Row,
    history_of: Callable[[Kind], History],
    tmp_path: Path,
    terminal: Terminal,
    script: Script,
) -> None:
    history = history_of(kind)
    home = history.found(tmp_path / "home", memory=row.memory, store=row.store, copy=row.copy)
    demand(history, row, home, terminal, script)
