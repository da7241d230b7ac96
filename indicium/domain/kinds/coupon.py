"""Coupons: money off something, until a day."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from indicium.domain.amounts import Mills
from indicium.domain.kinds.base import Day, Filled, Kind, Title, Words


class Coupon(Kind):
    """Data elements of a coupon. Its value is what the shop gets back from the issuer."""

    NUMBER: ClassVar = 3
    SMALLEST: ClassVar = Mills(10)
    """A cent."""
    LARGEST: ClassVar = Mills(100_000)
    """100.00."""

    kind: Literal["coupon"] = "coupon"
    issuer: Annotated[Title, Filled]
    """Who pays the shop: at most 80 bytes in UTF-8."""
    product: Annotated[Words, Filled]
    """What must be bought: at most 120 bytes."""
    offer: Annotated[Words, Filled]
    """What the customer gets, as in `50 cents off`: at most 120 bytes."""
    valid_until: Day
    """The last day on which it is taken."""

    @property
    def last_day(self) -> date | None:
        """The last day on which it is taken."""
        return self.valid_until
