"""The running totals of simulated worlds in docs/reliability.md: a row for each version of the code, and their sum.

Worlds of different versions are different worlds, so what was run says which version ran it. Seeds go on counting over
all versions: no number is run twice.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple, Self

from indicium.simulator.run import Failed, Result

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reliability.md"

_TABLES: Final = {"versions": "<!-- end of versions -->", "kinds": "<!-- end of kinds -->"}
_SUM: Final = "in all"


class Total(NamedTuple):
    """What one version ran."""

    version: str
    """Version and commit."""
    seeds: int = 0
    failed: int = 0
    """Seeds among them that broke a promise: each has its line in docs/bugs.md, and counts no further."""
    steps: int = 0
    transactions: int = 0
    faults: int = 0
    seconds: int = 0

    def with_run(self, result: Result | Failed) -> Self:
        """Count one more world."""
        if isinstance(result, Failed):
            return self._replace(seeds=self.seeds + 1, failed=self.failed + 1)
        return self._replace(
            seeds=self.seeds + 1,
            steps=self.steps + result.steps,
            transactions=self.transactions + result.transactions,
            faults=self.faults + result.faults.total(),
        )


class Totals(NamedTuple):
    """What all versions ran."""

    versions: tuple[Total, ...]
    kinds: Counter[str]
    """How often each fault struck, over all versions."""

    @property
    def next_seed(self) -> int:
        """The first number that no version has run."""
        return 1 + self.sum.seeds

    @property
    def sum(self) -> Total:
        """All versions together."""
        columns = list(zip(*(total[1:] for total in self.versions), strict=True))
        return Total(_SUM, *(sum(column) for column in columns))

    def with_runs(self, name: str, results: Sequence[Result | Failed], seconds: float) -> "Totals":
        """Count what a version ran in so many seconds."""
        kinds, known = self.kinds.copy(), {total.version: total for total in self.versions}
        total = known.get(name, Total(name))
        for result in results:
            total = total.with_run(result)
            if isinstance(result, Result):
                kinds += result.faults
        known[name] = total._replace(seconds=total.seconds + round(seconds))
        return Totals(tuple(known.values()), kinds)


def this_version() -> str:
    """Name this checkout: version and commit; `changed` where the code is not what the commit holds."""
    name = version("indicium")
    commit, changed = _git("rev-parse", "--short=12", "HEAD"), _git("status", "--porcelain", "--", "indicium")
    if not commit:
        return name
    return f"{name}, {commit}{', changed' if changed else ''}"


def _git(*asked: str) -> str:
    command = ["git", *asked]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True).stdout.strip()


def read(page: str) -> Totals:
    """Read the totals of a page."""
    versions = [Total(name, *map(_number, numbers)) for name, *numbers in _rows(page, "versions") if name != _SUM]
    return Totals(tuple(versions), Counter({name: _number(times) for name, times in _rows(page, "kinds")}))


def written(page: str, totals: Totals) -> str:
    """Give the page with other totals."""
    versions = [[name, *map(_grouped, numbers)] for name, *numbers in (*totals.versions, totals.sum)]
    kinds = [[name, _grouped(times)] for name, times in sorted(totals.kinds.items())]
    page = _with_table(page, "versions", list(Total._fields), versions)
    return _with_table(page, "kinds", ["fault", "times"], kinds)


def _rows(page: str, table: str) -> list[list[str]]:
    begin, end = _place(page, table)
    rows = re.findall(r"^\| (.*) \|$", page[begin:end], re.MULTILINE)
    return [row.split(" | ") for row in rows[1:]]


def _with_table(page: str, table: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    begin, end = _place(page, table)
    lines = [_row(head), f"|---|{'---:|' * (len(head) - 1)}\n", *map(_row, rows)]
    return f"{page[:begin]}\n{''.join(lines)}\n{page[end:]}"


def _place(page: str, table: str) -> tuple[int, int]:
    mark = f"<!-- {table} -->\n"
    return page.index(mark) + len(mark), page.index(_TABLES[table])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _grouped(number: int) -> str:
    return f"{number:,}"


def _number(grouped: str) -> int:
    return int(grouped.replace(",", ""))
