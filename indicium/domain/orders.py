"""Orders of value (P-05): what somebody buys for a meter, and how far that comes."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from indicium.domain.amounts import LARGEST
from indicium.domain.commands.base import Name
from indicium.domain.commands.meter import PsdId
from indicium.domain.errors import BadValue

OrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@/+=-]{1,58}$")]
"""The payer's name of an order: with `order-` before it, it is the request id of its download."""


class OrderState(StrEnum):
    """How far an order came."""

    PLACED = "placed"
    """It is written down; whether it was paid is not known yet."""
    PAID = "paid"
    """The card service took the money; nothing is signed."""
    SIGNED = "signed"
    """The message is signed, and may have been loaded already. A meter has one such order at most."""
    LOADED = "loaded"
    """DR holds the value. The end."""
    REFUSED = "refused"
    """The module loads nothing for it; the money is to go back."""
    RETURNED = "returned"
    """What was taken is back with the payer. The end."""
    DECLINED = "declined"
    """The payment was declined: nothing was taken. The end."""


UNFINISHED: Final = (OrderState.PLACED, OrderState.PAID, OrderState.SIGNED, OrderState.REFUSED)
"""States with a step to go."""


_RULES: Final = {
    "order_id": "an order id has 1 to 58 letters, digits and . _ : @ / + = -",
    "psd_id": "a meter's number has ten digits",
    "payer": "a name has 1 to 64 printable characters",
    "value": "an order is for a mill at least, and what a register can hold at most",
}


class Order(BaseModel):
    """What somebody buys: value for a meter."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    order_id: OrderId
    psd_id: PsdId
    payer: Name
    """Whom the card service charges."""
    value: Annotated[int, Field(ge=1, le=LARGEST)]
    """Value in mills, which is also the price."""

    @classmethod
    def of(cls, order_id: str, psd_id: str, payer: str, value: int) -> Self:
        """Make an order from what people send. Raises `BadValue`."""
        try:
            return cls(order_id=order_id, psd_id=psd_id, payer=payer, value=value)
        except ValidationError as error:
            field = str(error.errors(include_input=False)[0]["loc"][0])
            raise BadValue(field=field, why=_RULES[field]) from None

    @property
    def request_id(self) -> str:
        """The request id of the order's download."""
        return f"order-{self.order_id}"
