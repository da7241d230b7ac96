"""`make simulate`: run worlds for as long as one is told, on all cores, and keep the running total in the docs.

A seed that fails ends the campaign, and is written down with the command that shows it again.
"""

import argparse
import multiprocessing
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from itertools import count, islice
from pathlib import Path
from typing import Final, NamedTuple

from indicium.simulator.run import Failed, Result, run

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
STEPS: Final = 500

_ROW: Final = re.compile(r"^\| (?P<name>[a-z ]+) \| (?P<value>[0-9,]+) \|$", re.MULTILINE)

_KIND: Final = re.compile(r"^\| (?P<name>[^|]+) \| (?P<value>[0-9,]+) \|$", re.MULTILINE)


class Total(NamedTuple):
    """What was run so far."""

    seeds: int
    steps: int
    transactions: int
    faults: int
    seconds: int


def read(page: str) -> Total:
    """Read the running total."""
    found = {match["name"]: int(match["value"].replace(",", "")) for match in _ROW.finditer(page)}
    return Total(*(found[name] for name in Total._fields))


def written(page: str, total: Total, kinds: Counter[str]) -> str:
    """Give the page with another total, and the kinds of faults counted up."""
    for name, value in total._asdict().items():
        page = re.sub(rf"^\| {name} \| [0-9,]+ \|$", f"| {name} | {value:,} |", page, flags=re.MULTILINE)
    begin, end = page.index("<!-- kinds -->\n"), page.index("<!-- end -->")
    known = Counter({match["name"]: int(match["value"].replace(",", "")) for match in _KIND.finditer(page[begin:end])})
    rows = [f"| {name} | {number:,} |\n" for name, number in sorted((known + kinds).items())]
    head = f"<!-- kinds -->\n\n| fault | times |\n|---|---:|\n{''.join(rows)}\n"
    return re.sub(r"(?<=Version )[0-9]+([.][0-9]+)*", version("indicium"), page[:begin] + head + page[end:])


def _one(seed: int) -> Result | Failed:
    try:
        return run(seed, STEPS)
    except Failed as failed:
        return failed


def _results(first: int, seeds: int | None, workers: int) -> Iterator[Result | Failed]:
    numbers = count(first) if seeds is None else iter(range(first, first + seeds))
    with multiprocessing.get_context("forkserver").Pool(workers) as pool:
        while some := list(islice(numbers, 8 * workers)):
            yield from pool.imap(_one, some)


def main() -> int:
    """Run, count, write down; 1 if a promise was broken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--seeds", type=int)
    options.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    asked = options.parse_args()
    page = PAGE.read_text("utf-8")
    total, kinds, started, status = read(page), Counter[str](), time.monotonic(), 0
    before = total.seconds
    for result in _results(total.seeds + 1, asked.seeds, asked.workers):
        if isinstance(result, Failed):
            sys.stdout.write(f"{result}\n")
            status = 1
            break
        kinds += result.faults
        seconds = before + round(time.monotonic() - started)
        total = Total(
            total.seeds + 1,
            total.steps + result.steps,
            total.transactions + result.transactions,
            total.faults + result.faults.total(),
            seconds,
        )
        if asked.seeds is None and time.monotonic() - started > asked.seconds:
            break
    PAGE.write_text(written(page, total, kinds), "utf-8")
    sys.stdout.write(f"in all {total.seeds:,} seeds, {total.transactions:,} transactions, {total.faults:,} faults\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
