"""The value-bearing item (VBI, G-906): what a meter signs and a customer prints.

An item is one line, as a record is: a JSON object, a TAB, and the base64 of the signature under the meter's key V_psd.
Each kind has its own typed data elements; they are rendered once, by the kind's model, and stand in the item and in
the record byte for byte.
"""

import base64
import hashlib
from datetime import date
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indicium.domain.amounts import LARGEST
from indicium.domain.errors import BadRecord, NotAnItem
from indicium.domain.kinds import AnyElements
from indicium.domain.record import decode_signature

LONGEST_LINE: Final = 16_384
"""No item has as many bytes; a longer line is refused before it is read."""

_NUMBERS: Final = ("transaction", "ar", "dr", "value")


class ItemBody(BaseModel):
    """The signed part of an item, as a reader of it sees it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    vbi: Literal[1]
    """Version of the item's format."""
    device: Annotated[str, Field(pattern=r"^[0-9]{10}$")]
    """device ID (G-103) of the meter that signed it."""
    certificate: Annotated[str, Field(pattern=r"^(0|[1-9a-f][0-9a-f]{0,39})$")]
    """Serial number of the meter's certificate (G-104), in hex."""
    transaction: int
    """Number of the meter's transaction that made it."""
    ar: int
    """Ascending register in mills, this item's value included."""
    dr: int
    """Descending register in mills, this item's value taken off."""
    value: int
    """Value in mills."""
    date: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    """Day of issue in UTC, YYYY-MM-DD."""
    elements: AnyElements


class SignedItem:
    """An item that has one form: what it says, the bytes that are signed, and their signature. Nothing is checked."""

    def __init__(self, body: ItemBody, signed: bytes, signature: bytes) -> None:
        """Take an item apart already; `signed` is the JSON of `body`, `signature` as the suite writes it."""
        self.body, self.signed, self.signature = body, signed, signature

    @cached_property
    def line(self) -> bytes:
        """The item as a line of text."""
        return self.signed + b"\t" + base64.b64encode(self.signature)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 in hex over the line, as the record of the item names it."""
        return hashlib.sha256(self.line).hexdigest()


def parse_item(line: bytes) -> SignedItem:
    """Read an item from its line, which has one form and no newline. Raises `NotAnItem`."""
    if len(line) > LONGEST_LINE:
        raise NotAnItem(why="it is too long")
    signed, tab, encoded = line.partition(b"\t")
    if not tab:
        raise NotAnItem(why="it is not a JSON object, a TAB and a signature")
    try:
        signature = decode_signature(encoded)
        body = ItemBody.model_validate_json(signed)
    except BadRecord:
        raise NotAnItem(why="its signature is not in strict base64") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        raise NotAnItem(why=f"{where} is not as an item has it") from None
    if _rendered(body) != signed:
        raise NotAnItem(why="its members are written otherwise than a module writes them")
    for name in _NUMBERS:
        if not 0 <= getattr(body, name) <= LARGEST:
            raise NotAnItem(why=f"{name} is not as an item has it")
    try:
        date.fromisoformat(body.date)
    except ValueError:
        raise NotAnItem(why="date is not as an item has it") from None
    item = SignedItem(body, signed, signature)
    item.line = line
    return item


def _rendered(body: ItemBody) -> bytes:
    """Render what was read as a module does, which writes in one way only."""
    return render_body(
        device=body.device,
        certificate=body.certificate,
        transaction=body.transaction,
        ar=body.ar,
        dr=body.dr,
        value=body.value,
        date=body.date,
        elements=body.elements.rendered(),
    )


def render_body(
    *, device: str, certificate: str, transaction: int, ar: int, dr: int, value: int, date: str, elements: bytes
) -> bytes:
    """Render the signed part of an item; `elements` are JSON, rendered already (`Kind.rendered`).

    Every other value is digits, hex or a date, so nothing needs escaping.
    """
    before = (
        f'{{"vbi":1,"device":"{device}","certificate":"{certificate}","transaction":{transaction},"ar":{ar},"dr":{dr},'
        f'"value":{value},"date":"{date}","elements":'
    )
    return before.encode() + elements + b"}"
