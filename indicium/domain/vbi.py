"""The value-bearing item (VBI, G-906): what a meter signs and a customer prints.

An item is one line, as a record is: a JSON object, a TAB, and the base64 of the signature under the meter's key V_psd.
Each kind has its own typed data elements; they are rendered once, by the kind's model, and stand in the item and in
the record byte for byte.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from indicium.domain.kinds import AnyElements


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
    elements: AnyElements


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
