"""What a module answers to a command on a PSD: one line, a JSON object, a TAB, and the base64 of its authenticator.

The authenticator is a MAC under the customer's HMK, or, before the meter has one, a signature under VDSK_ipost
(E-406); an answer to the provider or to MeterGen carries none.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indicium.domain.errors import BadValue
from indicium.domain.meter_users import UserRow
from indicium.domain.vbi import ItemBody
from indicium.domain.wording import first_fault


class PackageStatus(BaseModel):
    """What a package holds beside state, version and registers (B-52): nothing of it is secret."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    home: str
    """The module that processes the meter."""
    suite: str
    mks: str
    """Identifier of the Master Key Set that it lies under (G-604)."""
    customer: str | None
    """customer ID (G-114)."""
    license_zip: str | None
    """Licensing ZIP code (G-105)."""
    dr_limit: int | None
    """Maximum descending register value in mills (G-115)."""
    certificate: str | None
    """Serial number of the indicia key certificate (G-104), in hex."""
    key_expires: str | None
    """Last day of the indicia key (G-112), YYYY-MM-DD."""
    last_at: str
    """Date and time of the last transaction (G-109)."""


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
    """Public key of a new PSD, or of one that was asked for it: DER in base64 (E-205, B-53)."""
    certificate: str | None = None
    """Certificate of the key that was asked for: X.509 in DER, base64; None before the PSD has one (B-53)."""
    package: PackageStatus | None = None
    """What the package holds beside all this, if it was asked for (B-52)."""
    users: tuple[UserRow, ...] | None = None
    """The users of the meter, where they were asked for (B-55); in an answer to a user's challenge, that user."""


class VerifiedItem(BaseModel):
    """What a module says of an item that it found genuine (B-56)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    item_sha256: str
    """SHA-256 in hex over the item's line."""
    body: ItemBody
    """What the item says."""


def parse_verified(line: bytes) -> VerifiedItem:
    """Read the JSON part of the answer to verify indicium; its signature is checked first. Raises `BadValue`."""
    try:
        return VerifiedItem.model_validate_json(line.partition(b"\t")[0])
    except ValidationError as error:
        raise BadValue(field="reply", why=str(first_fault(error))) from None


def parse_reply(line: bytes) -> PsdReply:
    """Read the JSON part of a reply. Whether it is authentic is for the receiver to check first. Raises `BadValue`."""
    try:
        return PsdReply.model_validate_json(line.partition(b"\t")[0])
    except ValidationError as error:
        raise BadValue(field="reply", why=str(first_fault(error))) from None
