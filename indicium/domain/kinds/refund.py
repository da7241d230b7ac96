"""Refunds: what a meter held when it was withdrawn (E9)."""

from typing import ClassVar, Literal

from indicium.domain.amounts import Mills
from indicium.domain.kinds.base import Kind


class Refund(Kind):
    """Data elements of a refund indicium: none, for meter, registers and value stand in the item itself.

    Only a module makes it, for the provider, who credits its value to the customer's account (E-907).
    """

    NUMBER: ClassVar = 18
    SMALLEST: ClassVar = Mills(0)
    """A meter may be empty when it is withdrawn (M-19)."""

    kind: Literal["refund"] = "refund"
