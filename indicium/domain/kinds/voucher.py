"""Vouchers: good for what their text says."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from indicium.domain.kinds.base import Kind, OneLine


class Voucher(Kind):
    """Data elements of a voucher: what it is good for, in words."""

    NUMBER: ClassVar = 2

    kind: Literal["voucher"] = "voucher"
    purpose: Annotated[str, Field(min_length=1, max_length=200), OneLine]
    """What the bearer gets, one line of at most 200 characters."""
