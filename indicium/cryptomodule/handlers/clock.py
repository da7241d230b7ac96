"""Handler of Set Clock (B-30)."""

from datetime import UTC, timedelta
from typing import Final

from indicium.cryptomodule.accounts import demand_no_fewer
from indicium.cryptomodule.auditing import written
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.domain.commands.access import SetClock
from indicium.domain.errors import BadValue

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 8999
"""A password's longest period, a hundred years, ends before the calendar does, and the clock runs on for long."""


def set_clock(inside: Inside, command: SetClock) -> Effect:
    """Set the module's own clock (M-08): what its memory keeps is how far it is from the host's.

    It may go back; the chain's times fall at this record then, which is signed, bears the new time and names both. It
    is refused where the accounts that would have expired at the new time leave nobody of the minimal user set: nobody
    could set it right again.
    """
    at = command.at
    if at.utcoffset() is None:
        raise BadValue(field="at", why="name its time zone, as in 2026-03-02T09:00:00Z")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise BadValue(field="at", why=f"its year is not one from {FIRST_YEAR} to {LAST_YEAR}")
    before, after = inside.now, at.astimezone(UTC)
    demand_no_fewer(inside, inside.cold.users, after.date())
    inside.hot.clock_offset += (after - before) // timedelta(microseconds=1)
    inside.now = after
    if inside.asker is not None:
        inside.asker.used_at = after  # the jump is no inactivity
    times = {"before": written(before), "after": written(after)}
    return Effect(reply=times, event="clock-set", software="access-control", data=times)
