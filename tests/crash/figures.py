"""What `make crash` found, as a part of the docs."""

import platform
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.crash.faults import KILL, Outcome

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN: Final = "<!-- Figures of `make crash`: run it to write them anew. -->"
END: Final = "<!-- End of the figures of `make crash`. -->"
_PART: Final = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)

_COLUMNS: Final = (
    "command",
    "faults",
    "killed",
    "error said",
    "done in spite of the error",
    "places brought together at the next start",
    "power-loss images",
)


@dataclass(frozen=True)
class Tried:
    """What became of one command."""

    command: str
    outcomes: Sequence[Outcome]
    faults: int
    """How many there are; not all were tried if time ran out."""
    images: int
    """Images that were tried."""
    all_images: int


def write(tried: Sequence[Tried], minutes: float) -> None:
    """Put the figures of a run in the place of the last one's."""
    PAGE.write_text(_PART.sub(lambda _: "\n\n".join((BEGIN, *_parts(tried, minutes), END)), PAGE.read_text()))


def _parts(tried: Sequence[Tried], minutes: float) -> Sequence[str]:
    outcomes = [outcome for each in tried for outcome in each.outcomes]
    images = sum(each.images for each in tried)
    rows = [_COLUMNS, ("---", *("---:",) * (len(_COLUMNS) - 1)), *map(_row, tried)]
    places = Counter(outcome.place for outcome in outcomes)
    calls = Counter(outcome.call for outcome in outcomes)
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    total = f"{len(outcomes)} faults and {images} power-loss images, and nothing lost or doubled in any"
    return (
        f"{total}; {minutes:.0f} minutes, {versions}.",
        "\n".join(f"| {' | '.join(row)} |" for row in rows),
        f"Where: {_listed(places)}.",
        f"At: {_listed(calls, quoted=True)}.",
    )


def _row(each: Tried) -> tuple[str, ...]:
    killed = sum(outcome.what == KILL for outcome in each.outcomes)
    done = sum(outcome.acknowledged for outcome in each.outcomes)
    mended = sum(bool(outcome.recovered) for outcome in each.outcomes)
    return (
        each.command,
        _of(len(each.outcomes), each.faults),
        str(killed),
        str(len(each.outcomes) - killed - done),
        str(done),
        str(mended),
        _of(each.images, each.all_images),
    )


def _of(tried: int, there_are: int) -> str:
    return f"all {tried}" if tried == there_are else f"{tried} of {there_are}"


def _listed(counts: Counter[str], *, quoted: bool = False) -> str:
    return ", ".join(f"{f'`{name}`' if quoted else name} {count}" for name, count in counts.most_common())
