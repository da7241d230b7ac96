"""Postage corrections: more postage for a piece of mail that bears an item already (E7)."""

from typing import ClassVar, Literal

from indicium.domain.kinds.base import Sha256
from indicium.domain.kinds.postage import MailPiece


class PostageCorrection(MailPiece):
    """Data elements of a correction indicium (M-78): those of postage, and which item it corrects.

    Only a module makes it, for who asks for a correction.
    """

    NUMBER: ClassVar = 17

    kind: Literal["postage-correction"] = "postage-correction"
    corrects: Sha256
    """SHA-256 in hex over the line of the item that it corrects."""
