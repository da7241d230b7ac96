"""The kinds of value-bearing items (K-22), registered here only: a new kind is one small file and a line."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from indicium.domain.errors import UnknownKind
from indicium.domain.kinds.base import Kind, within_kind
from indicium.domain.kinds.coupon import Coupon
from indicium.domain.kinds.gift_certificate import GiftCertificate
from indicium.domain.kinds.postage import Postage, postage
from indicium.domain.kinds.postage_correction import PostageCorrection
from indicium.domain.kinds.refund import Refund
from indicium.domain.kinds.sheet import LARGEST_SHEET, Sheet
from indicium.domain.kinds.ticket import Ticket
from indicium.domain.kinds.voucher import Voucher

__all__ = [
    "KINDS",
    "LARGEST_SHEET",
    "AnyElements",
    "Coupon",
    "Elements",
    "GiftCertificate",
    "Kind",
    "Postage",
    "PostageCorrection",
    "Refund",
    "Sheet",
    "Ticket",
    "Voucher",
    "elements_from",
    "postage",
    "within_kind",
]

Elements = Annotated[Postage | Voucher | Coupon | Ticket | GiftCertificate, Field(discriminator="kind")]
"""The data elements of whatever a client may ask for."""

AnyElements = Annotated[
    Postage | Voucher | Coupon | Ticket | GiftCertificate | PostageCorrection | Refund | Sheet,
    Field(discriminator="kind"),
]
"""Those, and the data elements of items that only a module makes."""

KINDS: Final[dict[str, type[Postage | Voucher | Coupon | Ticket | GiftCertificate]]] = {
    "postage": Postage,
    "voucher": Voucher,
    "coupon": Coupon,
    "ticket": Ticket,
    "gift-certificate": GiftCertificate,
}
"""Each kind that a client may ask for, by its name."""


def elements_from(kind: str, texts: Mapping[str, str]) -> Elements:
    """Build the data elements of a kind from texts as people send them, a text for each member.

    Raises `UnknownKind`, `BadValue`, and what `postage` raises.
    """
    if kind not in KINDS:
        raise UnknownKind(known=", ".join(KINDS))
    return KINDS[kind].read(texts)
