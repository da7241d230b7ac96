"""Postage: the indicia of mail."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from indicium.domain.amounts import Mills
from indicium.domain.errors import BadWeight, NotAZipCode, UnknownMailClass
from indicium.domain.kinds.base import Kind

MAIL_CLASSES = ("first-class letter", "postcard", "priority", "express")
"""Mail classes that the postage kind knows."""

HEAVIEST_OUNCES = 1120
"""Seventy pounds, the limit of domestic mail."""

_ZIP = re.compile(r"[0-9]{5}")


class MailPiece(Kind):
    """What any item says of the mail that bears it."""

    LARGEST: ClassVar = Mills(500_000)
    """500.00, more than the dearest piece of domestic mail costs."""

    kind: str
    origin_zip: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    """Licensing post office: five ASCII digits."""
    destination_zip: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    """Destination: five ASCII digits."""
    mail_class: Literal["first-class letter", "postcard", "priority", "express"]
    weight_ounces: Annotated[int, Field(ge=1, le=HEAVIEST_OUNCES)]
    """Weight in whole ounces."""

    @classmethod
    def demand(cls, texts: Mapping[str, str]) -> None:
        """Refuse in the words of mail: raises what `postage` raises."""
        postage(texts["origin_zip"], texts["destination_zip"], texts["mail_class"], texts["weight_ounces"])


class Postage(MailPiece):
    """Data elements of a postage indicium."""

    NUMBER: ClassVar = 1

    kind: Literal["postage"] = "postage"


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
