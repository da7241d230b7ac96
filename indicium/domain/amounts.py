"""Money: an integer number of mills, a tenth of a cent, the unit of real indicia. Never a float.

Text is read by one grammar, `-?[0-9]+(.[0-9]+)?` in ASCII, without exponent, and refused in this order: not an amount,
finer than a mill, below the minimum, above the maximum.
"""

import re

from indicium.domain.errors import FinerThanAMill, NotAnAmount, ValueAboveMaximum, ValueBelowMinimum
from indicium.domain.money import MILLS_PER_DOLLAR, Mills, dollars

__all__ = ["LARGEST", "MILLS_PER_DOLLAR", "Mills", "dollars", "parse", "parse_within", "within"]

LARGEST = Mills(2**53 - 1)
"""The largest value of a register: every reader of JSON still holds it exactly."""

_GRAMMAR = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DECIMALS = 3
_LONGEST = 64
"""No amount is longer; a longer one is refused before anything is computed from it."""


def parse(text: str) -> int:
    """Read decimal dollars as mills, of any sign and size.

    Raises `NotAnAmount` or `FinerThanAMill`.
    """
    if not _GRAMMAR.fullmatch(text):
        raise NotAnAmount
    whole, _, decimals = text.partition(".")
    if decimals[_DECIMALS:].strip("0"):
        raise FinerThanAMill
    digits = (whole.lstrip("-").lstrip("0") or "0") + decimals[:_DECIMALS].ljust(_DECIMALS, "0")
    magnitude = int(digits[:_LONGEST])
    return -magnitude if text.startswith("-") else magnitude


def parse_within(text: str, minimum: Mills, maximum: Mills) -> Mills:
    """Read decimal dollars as mills within limits, both inclusive (M-62).

    Raises, in this order, `NotAnAmount`, `FinerThanAMill`, `ValueBelowMinimum`, `ValueAboveMaximum`.
    """
    return within(parse(text), minimum, maximum)


def within(mills: int, minimum: Mills, maximum: Mills) -> Mills:
    """Return `mills` if it lies within the limits, both inclusive; raise `ValueBelowMinimum` or `ValueAboveMaximum`."""
    if mills < minimum:
        raise ValueBelowMinimum(minimum=minimum)
    if mills > maximum:
        raise ValueAboveMaximum(maximum=maximum)
    return Mills(mills)
