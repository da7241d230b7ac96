"""Durable items: against a plain ledger, and against the rate in memory."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.durable import ONE_BY_ONE, durable
from benchmarks.pairs import WALL, Figure, figure, rate
from benchmarks.signing import METERS, in_memory
from benchmarks.stage import VALUE, Stage

LARGE_GROUP: Final = 1000


class PlainLedger:
    """A plain two-table ledger on SQLite with FULL syncing: what people write first."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self._connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER);"
            "CREATE TABLE entries (id INTEGER PRIMARY KEY, account INTEGER, amount INTEGER, at REAL);"
        )
        rows = [(number, 500_000) for number in range(ONE_BY_ONE)]
        self._connection.executemany("INSERT INTO accounts VALUES (?, ?)", rows)

    def one_by_one(self) -> float:
        """Spend on one account after the other, each in a transaction of its own."""

        def work() -> int:
            for number in range(ONE_BY_ONE):
                self._connection.execute("BEGIN IMMEDIATE")
                spend = "UPDATE accounts SET balance = balance - ? WHERE id = ?"
                self._connection.execute(spend, (VALUE, number))
                entry = (number, VALUE, time.time())
                self._connection.execute("INSERT INTO entries (account, amount, at) VALUES (?, ?, ?)", entry)
                self._connection.execute("COMMIT")
            return ONE_BY_ONE

        return rate(work)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def g3_and_g4(stage: Stage) -> Iterator[Figure]:
    """Durable against a plain ledger one by one, and against the rate in memory in groups."""
    with tempfile.TemporaryDirectory() as folder, durable(METERS, METERS) as ledger:
        plain = PlainLedger(Path(folder))
        what = "durable one by one (three syncs) against a plain SQLite ledger (one)"
        yield figure("G3", what, 0.30, ledger.one_by_one, plain.one_by_one)
        plain.close()
        what = "durable in groups of 100 against the rate in memory"
        yield figure("G4 100", what, 0.60, ledger.grouped, lambda: in_memory(stage, METERS, clock=WALL))
    with durable(LARGE_GROUP, LARGE_GROUP) as ledger:
        what = "durable in groups of 1000 against the rate in memory"
        yield figure("G4 1000", what, 0.75, ledger.grouped, lambda: in_memory(stage, METERS, clock=WALL))
