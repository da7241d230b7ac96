"""The forms in which people bring items: a line, bytes of a label, or these as hex or base64."""

import base64
import binascii
import re
from typing import Final

from indicium.domain import compact, compact_sheets
from indicium.domain.compact import CompactItem
from indicium.domain.compact_sheets import OF_SHEET, CompactItemOfSheet
from indicium.domain.errors import NotAnItem
from indicium.domain.ibi_lite import BYTES, IbiLite
from indicium.domain.sheets import ItemOfSheet
from indicium.domain.vbi import parse_item

_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_BASE64: Final = re.compile(rb"[0-9A-Za-z+/]+={0,2}")

Brought = CompactItem | CompactItemOfSheet | IbiLite
"""An item with what came with it, one of a sheet, or what only the ledger can say something about."""

_OF_SHEET: Final = bytes([OF_SHEET])
_TABS_OF_SHEET: Final = 4


def read_bytes(data: bytes) -> Brought:
    """Read what stood on a label: 20 bytes are an IBI-Lite, all else is a compact item, or one of a sheet.

    Raises `NotAnItem`, `ItemNotOfSheet`.
    """
    if len(data) == BYTES:
        return IbiLite.decode(data)
    return compact_sheets.decode(data) if data[1:2] == _OF_SHEET else compact.decode(data)


def read_text(text: bytes) -> Brought:
    """Read an item from a line of text, whichever form stands in it. Raises `NotAnItem`."""
    if text.startswith(b"{"):
        if text.count(b"\t") == _TABS_OF_SHEET:
            return CompactItemOfSheet(ItemOfSheet.read(text), b"")
        return CompactItem(parse_item(text), b"")
    if _HEX.fullmatch(text):
        return read_bytes(binascii.unhexlify(text))
    if not _BASE64.fullmatch(text):
        raise NotAnItem(why="it is neither a JSON object with a signature, nor hex, nor base64")
    try:
        return read_bytes(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise NotAnItem(why="its base64 ends early") from None


def split(content: bytes) -> list[bytes]:
    """Split what a file holds: a single item in bytes, or a line for each item; empty lines are none."""
    if content[:1] == bytes([compact.VERSION]):  # which no text begins with
        return [base64.b64encode(content)]
    return [line for line in content.replace(b"\r\n", b"\n").split(b"\n") if line]
