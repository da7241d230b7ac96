"""Money: an integer number of mills, a tenth of a cent, the unit of real indicia. Never a float.

Text is read by one grammar, `-?[0-9]+(.[0-9]+)?` in ASCII, without exponent, and refused in this order: not an amount,
finer than a mill, below the minimum, above the maximum.
"""

import re
from typing import NewType

from indicium.domain.errors import FinerThanAMill, NotAnAmount, ValueAboveMaximum, ValueBelowMinimum

Mills = NewType("Mills", int)
"""A tenth of a cent. 1,000 mills are a dollar."""

MILLS_PER_DOLLAR = 1000

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


def dollars(mills: int) -> str:
    """Write mills as decimal dollars for people: `0.33`, `7122.10`, and `0.334` where cents are not enough."""
    sign, magnitude = ("-", -mills) if mills < 0 else ("", mills)
    whole, rest = divmod(magnitude, MILLS_PER_DOLLAR)
    decimals = f"{rest:03d}"
    return f"{sign}{whole}.{decimals[:2] if decimals.endswith('0') else decimals}"
