"""What a person reads: progress and tables on standard error and output, JSON for programs, one sentence for errors.

With `--json` standard output holds one object and nothing else. Colours and bars are for terminals only.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from indicium.domain.errors import IndiciumError
from indicium.entrypoints.visible import visible

Advance = Callable[[int, int], None]
"""Told how many of how many are done."""


_WIDE = 200
"""Columns where there is no terminal to ask."""

_WIDEST = 100_000
"""No table has more columns than that."""


class Screen:
    """One command's output."""

    def __init__(self, *, json: bool) -> None:
        """Choose between a person and a program."""
        self.json = json
        self._out = Console(highlight=False, soft_wrap=True)
        if not self._out.is_terminal:
            self._out.width = _WIDE
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str = "") -> None:
        """Write a line for a person; nothing with `--json`."""
        if not self.json:
            self._out.print(text)

    def plain(self, text: str) -> None:
        """Write a line for a person in which nothing is markup; nothing with `--json`."""
        if not self.json:
            self._out.print(visible(text), markup=False)

    def exact(self, text: str) -> None:
        """Write a line as it stands, byte for byte, for it may be piped on; nothing with `--json`.

        On a terminal a tab stays a tab, and whatever else is not printable is escaped.
        """
        if not self.json:
            self._out.file.write(("\t".join(map(visible, text.split("\t"))) if self._out.is_terminal else text) + "\n")

    def show(self, value: Mapping[str, object]) -> None:
        """Write the one JSON object; nothing without `--json`."""
        if self.json:
            written = _as_json(value)
            self._out.file.write((visible(written) if self._out.is_terminal else written) + "\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
        """Write a table for a person; columns named in `right` are numbers."""
        if self.json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(visible(cell)) for cell in row))  # a text is no markup
        # As wide as it is: a terminal turns a long line, and nothing that somebody asked for is cut.
        table.width = self._out.measure(table, options=self._out.options.update(width=_WIDEST)).maximum
        self._out.print(table)

    def warn(self, error: IndiciumError) -> None:
        """Write an error's one sentence on standard error; the command goes on."""
        self._err.print(visible(str(error)), markup=False)

    def fail(self, error: IndiciumError, sentence: str | None = None) -> int:
        """Write an error's one sentence, or another in its place, and give its exit status."""
        told = str(error) if sentence is None else sentence
        if self.json:
            self.show({"error": error.code, "sentence": told, "facts": vars(error)})
        self._err.print(visible(told), markup=False)
        return error.exit_status

    @contextmanager
    def progress(self, label: str, unit: str = "") -> Iterator[Advance]:
        """Show a bar with counts and the time left, on a terminal."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._err, transient=True, disable=not self._err.is_terminal) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def _as_json(value: Mapping[str, object]) -> str:
    """Write an object on one line; text that was no UTF-8 when it came is escaped."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value)
