"""A follower, or a rebuild, in a process of its own that is killed where the test says.

Arguments: database URL, and the seam: `in-view` and `after-commit` kill from within at the third transaction,
`in-rebuild` in a rebuild, `told` writes a line after each transaction and waits for nothing. `own-…` are the same with
a projection of somebody's own, and `own-in-swap` dies when the new rows are in the live table.
"""

import os
import signal
import sys

from sqlalchemy import Connection, Engine, create_engine, event

from indicium.projections.follow import Follower, follow
from indicium.projections.projection import Projection, Row
from indicium.projections.rebuild import rebuild
from indicium.projections.registers import REGISTERS
from indicium.projections.views import Views
from tests.projections.counting import COUNTING, COUNTS, Counting
from tests.projections.history import InMemory, Module, meter

BATCH = 10
RECORDS = 300


def history() -> InMemory:
    """Give 300 records: two modules take turns with three meters."""
    modules = Module("34576590"), Module("34582152")
    for number in range(RECORDS):
        package = meter(number % 3, version=6 + number, ar=number)
        modules[number // 7 % 2].transact("indicium-created" if number % 5 else "psd-configured", package, 1)
    return InMemory(*modules)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(Counting):
    """Dies in its third write, when it has written."""

    writes = 0

    def write(self, connection: Connection, rows: list[Row]) -> None:
        super().write(connection, rows)
        Dying.writes += 1
        if Dying.writes == 3:
            die()


def own(engine: Engine, seam: str) -> None:
    if seam == "own-in-swap":
        event.listen(engine, "after_cursor_execute", die_with_the_live_rows_in_place)
        rebuild(history(), COUNTING, into=engine, batch=BATCH)
    counting = Dying("counts", COUNTS) if seam == "own-in-view" else COUNTING
    for done, _ in enumerate(follow(history(), counting, into=engine, batch=BATCH), 1):
        if seam == "own-told":
            sys.stdout.write(f"{done}\n")
            sys.stdout.flush()
        elif done == 3:
            die()


def die_with_the_live_rows_in_place(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
    if statement.startswith("INSERT INTO view_counts ") and "SELECT" in statement:
        die()


def main(url: str, seam: str) -> None:
    engine = create_engine(url)
    counting: Projection = Dying("counts", COUNTS) if seam == "in-view" else COUNTING

    def told(done: int, _all: int) -> None:
        if seam == "told":
            sys.stdout.write(f"{done}\n")
            sys.stdout.flush()
        elif done == 3 * BATCH:
            die()

    if seam.startswith("own-"):
        own(engine, seam)
    elif seam == "in-rebuild":
        Views(engine, BATCH).rebuild(history(), told)
    else:
        Follower(engine, [REGISTERS, counting], BATCH).catch_up(history(), told)


if __name__ == "__main__":
    main(*sys.argv[1:])
