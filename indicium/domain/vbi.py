"""The value-bearing item (VBI, G-906): what a meter signs and a customer prints.

An item is one line, as a record is: a JSON object, a TAB, and the base64 of the signature under the meter's key V_psd.
Each kind has its own typed data elements; they are rendered once, by the kind's model, and stand in the item and in
the record byte for byte.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from indicium.domain.errors import BadWeight, NotAZipCode, UnknownMailClass

MAIL_CLASSES = ("first-class letter", "postcard", "priority", "express")
"""Mail classes that the postage kind knows."""

HEAVIEST_OUNCES = 1120
"""Seventy pounds, the limit of domestic mail."""

_ZIP = re.compile(r"[0-9]{5}")


class _Elements(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Postage(_Elements):
    """Data elements of a postage indicium."""

    kind: Literal["postage"] = "postage"
    origin_zip: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    """Licensing post office: five ASCII digits."""
    destination_zip: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    """Destination: five ASCII digits."""
    mail_class: Literal["first-class letter", "postcard", "priority", "express"]
    weight_ounces: Annotated[int, Field(ge=1, le=HEAVIEST_OUNCES)]
    """Weight in whole ounces."""


class Voucher(_Elements):
    """Data elements of a voucher: what it is good for, in words."""

    kind: Literal["voucher"] = "voucher"
    purpose: Annotated[str, Field(min_length=1, max_length=200)]
    """What the bearer gets, at most 200 characters."""


Elements = Annotated[Postage | Voucher, Field(discriminator="kind")]
"""The data elements of an item of any kind."""


def postage(origin_zip: str, destination_zip: str, mail_class: str, weight_ounces: str | int) -> Postage:
    """Build the data elements of postage from values as people send them.

    Raises `NotAZipCode`, `UnknownMailClass` or `BadWeight`, in this order.
    """
    for code in (origin_zip, destination_zip):
        if not _ZIP.fullmatch(code):
            raise NotAZipCode
    if mail_class not in MAIL_CLASSES:
        raise UnknownMailClass(known=", ".join(MAIL_CLASSES))
    text = str(weight_ounces)
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= HEAVIEST_OUNCES:
        raise BadWeight(maximum=HEAVIEST_OUNCES)
    return Postage.model_validate(
        {
            "origin_zip": origin_zip,
            "destination_zip": destination_zip,
            "mail_class": mail_class,
            "weight_ounces": int(text),
        }
    )


class ItemBody(BaseModel):
    """The signed part of an item, as a reader of it sees it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    vbi: Literal[1]
    """Version of the item's format."""
    device: str
    """device ID (G-103) of the meter that signed it."""
    certificate: str
    """Serial number of the meter's certificate (G-104), in hex."""
    transaction: int
    """Number of the meter's transaction that made it."""
    ar: int
    """Ascending register in mills, this item's value included."""
    dr: int
    """Descending register in mills, this item's value taken off."""
    value: int
    """Value in mills."""
    date: str
    """Day of issue in UTC, YYYY-MM-DD."""
    elements: Elements


def render_body(
    *, device: str, certificate: str, transaction: int, ar: int, dr: int, value: int, date: str, elements: str
) -> bytes:
    """Render the signed part of an item; `elements` is the JSON of the kind's model, rendered already.

    Every other value is digits, hex or a date, so nothing needs escaping.
    """
    return (
        f'{{"vbi":1,"device":"{device}","certificate":"{certificate}","transaction":{transaction},"ar":{ar},"dr":{dr},'
        f'"value":{value},"date":"{date}","elements":{elements}}}'
    ).encode()
