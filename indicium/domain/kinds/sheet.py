"""Sheets: many items under one signature."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from indicium.domain.kinds.base import Kind, Sha256

LARGEST_SHEET: Final = 65_536
"""Most items of a sheet: 2 to the 16th, so that a path has at most 16 hashes and still fits a Data Matrix."""


class Sheet(Kind):
    """Data elements of what a module signs for a sheet: how many items, and the root of the tree over them.

    Only a module makes it. It is good for nothing by itself: every item of the sheet bears it, and shows its own place
    in the tree.
    """

    NUMBER: ClassVar = 16

    kind: Literal["sheet"] = "sheet"
    items: Annotated[int, Field(ge=1, le=LARGEST_SHEET)]
    """Number of items."""
    root: Sha256
    """Merkle tree hash of RFC 9162, section 2.1, over the items' leaves, in hex."""
