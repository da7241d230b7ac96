"""An audit on demand or at intervals (I-26), and the mail that it makes necessary (I-28)."""

import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from indicium.cryptomodule.verifier import Verdict
from indicium.domain.errors import TABLE, BadValue, IndiciumError, MailNotSent
from indicium.entrypoints.audit import EXIT_STATUS
from indicium.entrypoints.inspection import Problem
from indicium.entrypoints.mail import Post
from indicium.entrypoints.screen import Screen

LONGEST: Final = timedelta(days=366)
"""Longest interval between two audits."""

_INTERVAL: Final = re.compile(r"([1-9][0-9]{0,7})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_STOPPED_BY: Final = (signal.SIGTERM, signal.SIGINT)
_MOST_TOLD: Final = 100
"""Most problems that one mail tells."""


def interval(text: str) -> timedelta:
    """Read an interval: a number of seconds, minutes, hours or days, `30s`, `15m`, `1h`, `7d`. Raises `BadValue`."""
    said = _INTERVAL.fullmatch(text)
    length = timedelta(**{_UNITS[said[2]]: int(said[1])}) if said else timedelta()
    if not timedelta() < length <= LONGEST:
        raise BadValue(field="--every", why="write 30s, 15m, 1h or 7d, at most 366d")
    return length


class Found(Protocol):
    """What an audit found."""

    @property
    def verdict(self) -> Verdict:
        """The worst of it."""

    @property
    def problems(self) -> list[Problem]:
        """Everything that stands against PASS."""

    @property
    def noteworthy(self) -> bool:
        """Whether it is to be shown at all."""

    def as_json(self) -> dict[str, Any]:
        """Give what `--json` shows."""

    def show(self, screen: Screen) -> None:
        """Show it to a person."""


class Rounds:
    """Audits of the same sources, one after the other; each problem is told once, for as long as it lasts."""

    def __init__(self, make: Callable[[], Found], screen: Screen, post: Post | None, *, always: bool) -> None:
        """Take how an audit is made, and whom to tell; `always` after each audit, a good one too."""
        self._make, self._screen, self._post, self._always = make, screen, post, always
        self._told: set[Problem] = set()

    def once(self) -> int:
        """Make one audit, show it and tell of it; give the exit status.

        Raises what kept the audit from being made, when the Security Officer was told of that too.
        """
        try:
            found = self._make()
        except IndiciumError as error:
            what = Problem(f"the audit could not be made: {error}", "See to that, and run it again.")
            self._tell("not made", [what])
            raise
        if found.noteworthy:
            found.show(self._screen)
        sent = self._tell(found.verdict, found.problems)
        if found.noteworthy:
            self._screen.show(found.as_json() | {"mail": sent})
        status = EXIT_STATUS[found.verdict]
        return TABLE[MailNotSent].exit_status if status == 0 and sent == "not sent" else status

    def every(self, length: timedelta) -> int:
        """Make audits until SIGTERM or Ctrl-C; give the exit status of the last. One that cannot be made is no end."""
        with _stopping() as stopped:
            while True:
                try:
                    status = self.once()
                except IndiciumError as error:
                    status = self._screen.fail(error)
                sys.stdout.flush()  # whoever waits for a round may read it through a pipe
                if stopped(length.total_seconds()):
                    return status

    def _tell(self, verdict: str, problems: Sequence[Problem]) -> str:
        """Send a mail if there is something new; what was not sent is new again in the next round."""
        new = [problem for problem in problems if problem not in self._told]
        self._told.intersection_update(problems)
        if self._post is None or not (new or self._always):
            return "none"
        try:
            self._post.send(_subject(verdict, new), _text(verdict, new, len(problems) - len(new)))
        except MailNotSent as error:
            self._screen.warn(error)
            return "not sent"
        self._told.update(new)
        self._screen.plain(f"  told {self._post.recipient}")
        return "sent"


@contextmanager
def _stopping() -> Iterator[Callable[[float], bool]]:
    """Give a way to wait so many seconds, and to learn whether the process was told to stop, now or before.

    A byte in a pipe says so: a signal may come at any instruction, and no lock can be taken from within its handler.
    """
    told, tell = os.pipe()
    before = {number: signal.signal(number, lambda *_: os.write(tell, b"!")) for number in _STOPPED_BY}
    try:
        yield lambda seconds: bool(select.select([told], [], [], seconds)[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(told)
        os.close(tell)


def _subject(verdict: str, new: Sequence[Problem]) -> str:
    return f"indicium audit: {verdict}" + (f", {len(new)} new" if new else "")


def _text(verdict: str, new: Sequence[Problem], known: int) -> str:
    """Write the mail: what failed, where, what to do."""
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    lines = [f"The audit of {at} ended: {verdict}.", ""]
    for problem in new[:_MOST_TOLD]:
        lines += [f"- {problem.what}", f"  To do: {problem.remedy}", ""]
    if len(new) > _MOST_TOLD:
        lines += [f"and {len(new) - _MOST_TOLD} more; 'indicium audit --json' lists them.", ""]
    if known:
        lines += [f"Told before, and still so: {known}.", ""]
    if verdict == Verdict.PASS:
        lines += ["Every chain was verified, and no meter's history has a flaw.", ""]
    return "\n".join(lines)
