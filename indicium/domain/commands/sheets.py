"""Many items in one request, one transaction and one signature (G13)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from indicium.domain.commands.base import Bytes32
from indicium.domain.commands.meter import ClientCommand, Value
from indicium.domain.kinds import LARGEST_SHEET, Elements


class SheetItem(BaseModel):
    """One item of a sheet: what create indicium takes, and nothing else."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    value: Value
    elements: Elements


class CreateSheet(ClientCommand):
    """Move the value of many items from DR to AR and sign them together: the steps of E6, once. MACed under HMK."""

    value: Value
    """What all items are worth together, in mills."""
    seed: Annotated[Bytes32, Field(repr=False)]
    """The client's secret of this sheet, 32 bytes: from it comes the salt of each item."""
    items: Annotated[tuple[SheetItem, ...], Field(min_length=1, max_length=LARGEST_SHEET)]
