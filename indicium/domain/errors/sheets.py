"""What is wrong with a sheet of items, or with an item of one."""

from dataclasses import dataclass

from indicium.domain.errors.base import Malformed, Refusal


@dataclass(eq=False)
class SheetItemOutOfLimits(Refusal):
    """Step 6 (E-606), for each item of a sheet: its value is not within the limits."""

    sentence = (
        "Item {number} of the sheet is worth {value:dollars}; the least is {minimum:dollars}, "
        "the most {maximum:dollars}."
    )
    number: int
    """Its place, counted from 1."""
    value: int
    minimum: int
    maximum: int


@dataclass(eq=False)
class SheetSumMismatch(Refusal):
    """Step 6b: the value asked for is not what the items are worth together."""

    sentence = "The sheet for meter {psd_id} says {named:dollars}, and its items are worth {held:dollars}."
    psd_id: str
    named: int
    held: int


@dataclass(eq=False)
class ItemNotOfSheet(Malformed):
    """An item of a sheet does not lead to the root that was signed."""

    sentence = "Item {number} does not belong to the sheet that it bears: it was changed, or put together of two."
    number: int
    """Its place, counted from 1."""
