"""Modules that failed: what the store says of each, and what of it counts (M-28, O-02, O-08).

A failed module is inhibited, or has failed for good. That it failed is said by its own process, which may have no key
any more; so a failure wants no proof. That it counts no more wants one: a notice that says so is believed only with the
MAC of a module (`cryptomodule/threshold`).
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from indicium.domain.flow import FailedModule
from indicium.domain.identity import Serial

CAUSE_CHARACTERS: Final = 500
"""How much of a cause is kept: it is for people."""

_UNREADABLE: Final = "its notice cannot be read"
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z|")
_SERIAL: Final = re.compile(r"[0-9]{1,16}")


class Standing(StrEnum):
    """Where a failure stands."""

    FAILED = "failed"
    """The module failed, and its own people see to it."""
    SHUT_DOWN = "shut-down"
    """It counted when the whole system was shut down."""
    RELEASED = "released"
    """A Security Officer investigated it, and released the system."""
    RECOVERED = "recovered"
    """The module is well again: it agrees with store and audit copy."""


COUNTS: Final = (Standing.FAILED, Standing.SHUT_DOWN)


class Notice(NamedTuple):
    """What is said of one module's failure."""

    at: str
    """When it failed, as records say times; with the serial number it names the failure."""
    standing: Standing
    by: str
    """Serial number of the module whose Security Officer released the system; empty if none did."""
    cause: str

    def encode(self) -> bytes:
        """Write it; from here on only the bytes count."""
        return json.dumps(self._asdict(), ensure_ascii=False, separators=(",", ":")).encode()


class Failures(NamedTuple):
    """What a module makes of all that is said, and of what it remembers."""

    counted: dict[Serial, str]
    """The modules whose failure counts, and when it was."""
    shut_down: bool


NO_FAILURES: Final = Failures({}, shut_down=False)


def read(row: FailedModule) -> Notice:
    """Read a notice. One that cannot be read is a failure: whoever spoils it takes none away."""
    try:
        said = json.loads(row.notice)
        at, by, cause = said["at"], said["by"], said["cause"]
        if _MOMENT.fullmatch(at) and (not by or _SERIAL.fullmatch(by)) and type(cause) is str:
            return Notice(at, Standing(said["standing"]), by, cause)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return Notice("", Standing.FAILED, "", _UNREADABLE)


def readable(rows: Iterable[FailedModule]) -> dict[Serial, Notice]:
    """Read notices by module. What is no serial number names no module."""
    return {row.serial: read(row) for row in rows if _SERIAL.fullmatch(row.serial)}


def noted(found: FailedModule | None, serial: Serial, now: datetime, cause: str) -> FailedModule | None:
    """Give the notice of a failure; None if the store has it already.

    A module that is started again and again fails each time for the same cause: that is one failure. What was released
    stays so.
    """
    at = now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    fresh = Notice(at, Standing.FAILED, "", cause[:CAUSE_CHARACTERS])
    if found is not None:
        before = read(found)
        known = before.standing is Standing.RELEASED and before.cause == fresh.cause
        if before.standing in COUNTS or known:
            return None
    return FailedModule(serial, fresh.encode(), b"")
