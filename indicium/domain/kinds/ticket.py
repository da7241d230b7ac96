"""Tickets: admission to an event."""

import re
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from indicium.domain.amounts import Mills
from indicium.domain.kinds.base import Day, Filled, Kind, Title, Words

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError("hour and minute, as in 19:30")  # noqa: TRY003, EM101  # pydantic's protocol
    return text


class Ticket(Kind):
    """Data elements of a ticket. Its value is the price that was paid for it."""

    NUMBER: ClassVar = 4
    SMALLEST: ClassVar = Mills(100)
    """Ten cents."""
    LARGEST: ClassVar = Mills(10_000_000)
    """10,000.00."""

    kind: Literal["ticket"] = "ticket"
    event: Annotated[Words, Filled]
    """What it admits to: at most 120 bytes in UTF-8."""
    place: Annotated[Words, Filled]
    """Where: at most 120 bytes."""
    day: Day
    """The day of the event, where it takes place."""
    begins: Annotated[str, AfterValidator(_time)]
    """When it begins, HH:MM on the clocks of the place."""
    seat: Title
    """Block, row and seat: at most 80 bytes; empty where one sits down anywhere."""

    @property
    def last_day(self) -> date | None:
        """The day of the event."""
        return self.day
