"""The compact form of an item of a sheet: the second form of compact items, for a Data Matrix (docs/sheets.md)."""

from typing import Final, NamedTuple

from pydantic import ValidationError

from indicium.domain.binary import Reader, counted, number
from indicium.domain.compact import (
    LONGEST,
    VERSION,
    elements_bytes,
    item_bytes,
    kind_numbered,
    read_elements,
    read_item,
)
from indicium.domain.errors import NotAnItem
from indicium.domain.sheets import HASH_BYTES, SALT_BYTES, ItemOfSheet, Leaf

OF_SHEET: Final = 2
"""Second byte, the form: an item of a sheet."""

_LONGEST_PATH: Final = 16
"""Hashes of the longest path, that of a sheet of 65,536 items."""


class CompactItemOfSheet(NamedTuple):
    """What a compact form carries."""

    item: ItemOfSheet
    certificate: bytes
    """The meter's certificate, X.509 in DER; empty if it was left out."""


def encode(item: ItemOfSheet, certificate: bytes = b"") -> bytes:
    """Write an item of a sheet in its compact form, with the meter's certificate if one is given.

    Raises what `ItemOfSheet.check` does: what is no item has no compact form.
    """
    leaf, sheet = item.check()
    return b"".join(
        (
            bytes((VERSION, OF_SHEET)),
            item_bytes(sheet),
            number(item.place),
            bytes.fromhex(leaf.salt),
            number(leaf.elements.NUMBER),
            number(leaf.value),
            elements_bytes(leaf.elements),
            number(len(item.path) // HASH_BYTES),
            item.path,
            counted(certificate),
        )
    )


def decode(data: bytes) -> CompactItemOfSheet:
    """Read the compact form of an item of a sheet; what is read is written back as the same bytes.

    Raises `NotAnItem`, and `ItemNotOfSheet` where the item does not lead to its sheet's root. The signature is not
    looked at.
    """
    if len(data) > LONGEST:
        raise NotAnItem(why="it is too long")
    reader = Reader(data)
    if (reader.byte(), reader.byte()) != (VERSION, OF_SHEET):
        raise NotAnItem(why="it is not the compact form of an item of a sheet")
    sheet = read_item(reader)
    place, salt = reader.number(), reader.take(SALT_BYTES)
    kind, value = kind_numbered(reader.number()), reader.number()
    try:
        leaf = Leaf.model_validate({"salt": salt.hex(), "value": value, "elements": read_elements(reader, kind)})
    except ValidationError:
        raise NotAnItem(why="its leaf says nothing that an item says") from None
    if (hashes := reader.number()) > _LONGEST_PATH:
        raise NotAnItem(why="its path is longer than that of any sheet")
    path = reader.take(hashes * HASH_BYTES)
    read = CompactItemOfSheet(ItemOfSheet(leaf.model_dump_json().encode(), place, path, sheet.line), reader.counted())
    reader.end()
    read.item.check()
    return read
