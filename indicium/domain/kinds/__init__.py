"""The kinds of value-bearing items (K-22), registered here only: a new kind is one small file and a line."""

from typing import Annotated

from pydantic import Field

from indicium.domain.kinds.postage import Postage, postage
from indicium.domain.kinds.voucher import Voucher

__all__ = ["Elements", "Postage", "Voucher", "postage"]

Elements = Annotated[Postage | Voucher, Field(discriminator="kind")]
"""The data elements of whatever a client may ask for."""
