"""What a run ends with that breaks a promise."""

from typing import NoReturn


class Violation(Exception):  # what a run ends with
    """A promise is broken."""


def broken(why: str) -> NoReturn:
    """Raise `Violation`."""
    raise Violation(why)
