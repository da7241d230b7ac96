"""`make bench`: measure, print the table, write `benchmarks/latest.json`.

`python -m benchmarks --only G10,G12 --records 100000` takes a few of the figures, or smaller ones.
"""

import argparse
import json
import os
import platform
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Final

from cryptography.hazmat.backends.openssl import backend

from benchmarks import checking, growth, reading, saving, servers, sheets, signing, views
from benchmarks.pairs import PAIRS, Figure, Missing
from benchmarks.stage import Stage

LATEST: Final = Path(__file__).parent / "latest.json"
BYTES_AN_ITEM: Final = 5000
"""What an item takes in store and audit copy, about."""
PACKAGES: Final = ("cryptography", "orjson", "psycopg", "pydantic", "sqlalchemy")


@dataclass
class Run:
    """What the figures of one run share."""

    folder: Path
    """Where everything lies that is gone afterwards."""
    kept: Path
    """Where the grown ledgers lie."""
    records: int
    meters: int

    @cached_property
    def stage(self) -> Stage:
        """A module in memory."""
        return Stage(signing.METERS)

    @cached_property
    def grown(self) -> growth.Grown:
        """The grown ledger, which takes minutes."""
        return growth.Grown(self.kept, self.records)


FAMILIES: Final[dict[tuple[str, ...], Callable[[Run], Iterable[Figure | Missing]]]] = {
    ("G1",): lambda run: signing.g1(run.stage),
    ("G2",): lambda run: signing.g2(run.stage, run.folder),
    ("G3", "G4"): lambda run: saving.g3_and_g4(run.stage),
    ("G13",): lambda _run: sheets.g13(),
    ("G5", "G6"): lambda run: servers.g5_and_g6(run.folder),
    ("G7", "G9"): lambda run: reading.g7_and_g9(run.stage, run.folder),
    ("G8",): lambda run: checking.g8(run.stage, run.folder),
    ("G11",): lambda run: views.g11(run.folder, run.meters),
    ("G10",): lambda run: growth.g10(run.grown),
    ("G12",): lambda run: growth.g12(run.grown),
}
"""What is measured together, in its order."""


def surroundings() -> dict[str, object]:
    """Say on what the figures were taken."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "sqlite": sqlite3.sqlite_version,
        "openssl": backend.openssl_version_text(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def show(taken: Figure | Missing) -> None:
    """Print a figure's row."""
    if isinstance(taken, Missing):
        print(f"{taken.name:<10} not taken: {taken.why}", flush=True)
        return
    low, high = min(taken.ratios), max(taken.ratios)
    mark = "reached" if taken.reached else "MISSED"
    limit = "at most " if taken.at_most else "at least"
    unit = f"{taken.rate:>10,.0f}/s" if taken.rate else f"{taken.unit:>12}"
    print(
        f"{taken.name:<10} {taken.ratio:7.2f}  ({low:.2f} to {high:.2f})  {limit} {taken.goal:.2f}  {mark:<7} "
        f"{unit}  {taken.what}",
        flush=True,
    )


def as_json(taken: Figure | Missing) -> dict[str, object]:
    """Give a figure as it is kept."""
    if isinstance(taken, Missing):
        return {"name": taken.name, "missing": taken.why}
    return {
        "name": taken.name,
        "what": taken.what,
        "goal": taken.goal,
        "at_most": taken.at_most,
        "unit": taken.unit or "ratio",
        "ratio": round(taken.ratio, 3),
        "ratios": [round(ratio, 3) for ratio in taken.ratios],
        "rate": round(taken.rate),
        "reached": taken.reached,
    }


def measure(run: Run, chosen: set[str]) -> list[dict[str, object]]:
    """Take the chosen families, print a row for each figure, and give all of them."""
    rows = []
    for names, family in FAMILIES.items():
        if not chosen.isdisjoint(names):
            for taken in family(run):
                show(taken)
                rows.append(as_json(taken))
    return rows


def main() -> None:
    """Measure; the exit status says nothing about goals, for a figure is no test."""
    known = [name for names in FAMILIES for name in names]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Take the figures.")
    parser.add_argument("--only", default=",".join(known), help="which ones, with commas; G3 brings G4, as G5 G6")
    parser.add_argument("--records", type=int, default=1_000_000, help="items of the ledger of G10 and G12")
    parser.add_argument("--meters", type=int, default=1_000_000, help="meters of the view of G11")
    parser.add_argument("--keep", type=Path, help="keep the grown ledgers in this folder, and use them again")
    given = parser.parse_args()
    chosen = set(given.only.split(","))
    if unknown := chosen.difference(known):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if given.records < growth.SMALL:
        parser.error(f"--records: at least {growth.SMALL}, what the grown ledger is compared with")
    # Whoever stops it must not leave a server, workers and gigabytes behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    before, began = surroundings(), time.monotonic()
    print(f"Medians of {PAIRS} pairs, of 5 where one takes seconds, with their spread; load {before['load']}.")
    if chosen & {"G10", "G12"}:
        gigabytes, where = given.records * BYTES_AN_ITEM / 1e9, given.keep or tempfile.gettempdir()
        print(f"G10 and G12 first grow a ledger of {given.records:,} items: minutes, {gigabytes:.1f} GB in {where}.")
    with tempfile.TemporaryDirectory(prefix="indicium-bench-") as folder:
        kept = given.keep or Path(folder) / "kept"
        kept.mkdir(parents=True, exist_ok=True)
        rows = measure(Run(Path(folder), kept, given.records, given.meters), chosen)
    print(f"{time.monotonic() - began:.0f} s in all; load {[round(load, 2) for load in os.getloadavg()]}.")
    if chosen == set(known):
        LATEST.write_text(json.dumps({"before": before, "after": surroundings(), "figures": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
