"""Postage corrections: more postage for a piece of mail that bears an item already (E7)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from indicium.domain.kinds.postage import MailPiece


class PostageCorrection(MailPiece):
    """Data elements of a correction indicium (M-78): those of postage, and which item it corrects.

    Only a module makes it, for who asks for a correction.
    """

    NUMBER: ClassVar = 17

    kind: Literal["postage-correction"] = "postage-correction"
    corrects: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 in hex over the line of the item that it corrects."""
