"""Gift certificates: money to spend at one merchant."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from indicium.domain.amounts import Mills
from indicium.domain.kinds.base import AtMostBytes, Day, Filled, Kind, Line, Title


class GiftCertificate(Kind):
    """Data elements of a gift certificate. Its value is what can be spent."""

    NUMBER: ClassVar = 5
    SMALLEST: ClassVar = Mills(1000)
    """1.00."""
    LARGEST: ClassVar = Mills(2_000_000)
    """2,000.00, up to which the law of the United States takes closed-loop prepaid access for no money transfer."""

    kind: Literal["gift-certificate"] = "gift-certificate"
    merchant: Annotated[Title, Filled]
    """Who takes it: at most 80 bytes in UTF-8."""
    message: Annotated[Line, AfterValidator(AtMostBytes(240))]
    """What the giver says: at most 240 bytes; it may be empty."""
    valid_until: Day
    """The last day on which it is taken."""

    @property
    def last_day(self) -> date | None:
        """The last day on which it is taken."""
        return self.valid_until
