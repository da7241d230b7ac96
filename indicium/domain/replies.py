"""What a module answers to a command on a PSD: one line, a JSON object, a TAB, and the base64 of its authenticator.

The authenticator is a MAC under the customer's HMK, or, before the meter has one, a signature under VDSK_ipost
(E-406); an answer to the provider or to MeterGen carries none.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indicium.domain.errors import BadValue


class PsdReply(BaseModel):
    """The state of a meter after a request, as its module says it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    psd: str
    """device ID of the meter."""
    request: str | None
    """The request's id; None for initialize PSD and for a challenge."""
    version: int
    """Number of the meter's last transaction."""
    state: str
    """Operational state of the PSD (G-111)."""
    ar: Annotated[int, Field(ge=0)]
    """Ascending register in mills."""
    dr: Annotated[int, Field(ge=0)]
    """Descending register in mills."""
    record: str
    """Hash of the record of that transaction: the customer's receipt."""
    client_challenge: str | None
    """The client's own challenge, returned."""
    module_challenge: str
    """The module's next challenge, to be returned in the next request (E-610)."""
    item: str | None = None
    """The signed value-bearing item, one line."""
    public_key: str | None = None
    """Public key of a new PSD: DER in base64 (E-205)."""


def parse_reply(line: bytes) -> PsdReply:
    """Read the JSON part of a reply. Whether it is authentic is for the receiver to check first. Raises `BadValue`."""
    try:
        return PsdReply.model_validate_json(line.partition(b"\t")[0])
    except ValidationError as error:
        raise BadValue(field="reply", why=str(error.errors(include_input=False)[0]["msg"])) from None
