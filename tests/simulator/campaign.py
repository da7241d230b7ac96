"""`make simulate`: run worlds for as long as one is told, on all cores, and keep the running totals in the docs.

A seed that fails ends the campaign, and is written down with the command that shows it again. The totals are written
after each handful of worlds, so that a campaign may be ended at any time.
"""

import argparse
import gc
import multiprocessing
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from indicium.simulator.run import Failed, Result, run
from tests.simulator.totals import PAGE, read, this_version, written

STEPS: Final = 300
"""Enough for some 500 transactions and 50 faults."""

_AT_A_TIME: Final = 24


def _begin() -> None:
    """Make the world that all begin with, and spare the collector everything that stays."""
    run(1, 1)
    gc.freeze()


def _one(seed: int) -> Result | Failed:
    try:
        return run(seed, STEPS)
    except Failed as failed:
        return failed


def _handfuls(first: int, seeds: int | None, workers: int) -> Iterator[list[Result | Failed]]:
    numbers = count(first) if seeds is None else iter(range(first, first + seeds))
    with multiprocessing.get_context("forkserver").Pool(workers, _begin) as pool:
        while some := list(islice(numbers, _AT_A_TIME * workers)):
            yield pool.map(_one, some, chunksize=1)


def _write_down(version: str, results: list[Result | Failed], seconds: float) -> None:
    """Add what was run to what the page says now."""
    page = PAGE.read_text("utf-8")
    PAGE.write_text(written(page, read(page).with_runs(version, results, seconds)), "utf-8")


def main() -> int:
    """Run, count, write down; 1 if a promise was broken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--seeds", type=int)
    options.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    asked = options.parse_args()
    version, began = this_version(), time.monotonic()
    first, before = read(PAGE.read_text("utf-8")).next_seed, began
    failed: list[Failed] = []
    for handful in _handfuls(first, asked.seeds, asked.workers):
        failed = [result for result in handful if isinstance(result, Failed)]
        now = time.monotonic()
        _write_down(version, handful, now - before)
        before = now
        if failed or (asked.seeds is None and now - began > asked.seconds):
            break
    for failure in failed:
        sys.stdout.write(f"{failure}\n")
    total = read(PAGE.read_text("utf-8")).sum
    sys.stdout.write(f"in all {total.seeds:,} seeds, {total.transactions:,} transactions, {total.faults:,} faults\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
