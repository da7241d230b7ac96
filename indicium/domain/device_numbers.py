"""Ranges of device numbers: each module of a store gives out its own (M-60)."""

from collections.abc import Collection
from typing import Final, NamedTuple

FIRST_NUMBER: Final = 1_000_000_001
"""Where the range of a store's first module begins."""

LAST_NUMBER: Final = 9_999_999_999
"""The largest number of ten digits."""

NUMBERS_EACH: Final = 10_000_000
"""Numbers in a range that nobody asked for otherwise: a store has room for some nine hundred of them."""


class DeviceRange(NamedTuple):
    """Device numbers from the first to the last, both inclusive."""

    first: int
    last: int

    def meets(self, other: "DeviceRange") -> bool:
        """Whether a number is in both."""
        return self.first <= other.last and other.first <= self.last


def free_range(taken: Collection[DeviceRange], size: int = NUMBERS_EACH) -> DeviceRange | None:
    """Give the lowest range of a size that meets none of those taken; None if there is no room."""
    first = FIRST_NUMBER
    for other in sorted(taken):
        if DeviceRange(first, first + size - 1).meets(other):
            first = other.last + 1
    last = first + size - 1
    return DeviceRange(first, last) if last <= LAST_NUMBER else None
