"""Commands on one PSD (tables D and E): frozen values, each authenticated in itself (J-18, J-19)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.amounts import LARGEST
from indicium.domain.commands.base import Command, Name
from indicium.domain.vbi import Elements

PsdId = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
"""device ID: ten ASCII digits (M-60)."""

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@/+=-]{1,64}$")]
"""The caller's name of a request, unique within a meter; a repeat with the same id gets the same reply."""

Challenge = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""128 random bits in hex."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hex."""

CustomerId = Name
"""customer ID (G-114): 1 to 64 printable characters; names are compared byte for byte."""

Register = Annotated[int, Field(ge=0, le=LARGEST)]
"""The value of a register in mills."""

Value = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
"""A value asked for, in mills. Whether it is within the limits is a numbered check, not a matter of form."""

Authenticator = Annotated[bytes, Field(min_length=16, max_length=8192)]
"""A MAC or a signature."""


class InitializePsd(Command):
    """Create a PSD package with a new device ID, keys and empty registers (E2, B-43). Not authenticated."""


class AuthorizePsd(Command):
    """Load the certificate of the PSD's public key (E3, B-44). Authenticated by the certificate."""

    psd_id: PsdId
    request_id: RequestId
    certificate: Annotated[bytes, Field(min_length=1, max_length=16384)]
    """X.509 in DER."""


class ConfigurePsd(Command):
    """Assign the PSD to a customer and store the client's secrets (E4, B-45). Not authenticated; the reply is MACed."""

    psd_id: PsdId
    request_id: RequestId
    customer: CustomerId
    client_challenge: Challenge
    secrets: Annotated[bytes, Field(min_length=1, max_length=4096)]
    """HMK and PW under URSK_ipost (G-905), bound to the meter and to the module's challenge."""


class AuthorizeCustomer(Command):
    """Enter licensing ZIP code and maximum DR value; the meter is leased (E5, B-46). Signed by the provider."""

    psd_id: PsdId
    request_id: RequestId
    license_zip: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    dr_limit: Register
    """Maximum descending register value in mills (G-115)."""
    signature: Authenticator


class DownloadPostageValue(Command):
    """Load paid value into DR (E10, B-50). Signed by the provider."""

    psd_id: PsdId
    request_id: RequestId
    control_total: Register
    """AR + DR of the meter after the last successful download, in mills."""
    value: Value
    signature: Authenticator


class RequestChallenge(Command):
    """FIG. 5, message 501: the client's new challenge; the answer, 504, carries the module's. Changes nothing."""

    psd_id: PsdId
    client_challenge: Challenge


class CreateIndicium(Command):
    """Move value from DR to AR and sign an item (E6, B-47). MACed under HMK: FIG. 5, messages 505 to 507."""

    psd_id: PsdId
    request_id: RequestId
    value: Value
    elements: Elements
    client_challenge: Challenge
    module_challenge: Challenge
    shown_ar: Register
    """AR as the client was shown it last (G-804), in mills."""
    shown_dr: Register
    """DR as the client was shown it last (G-804), in mills."""
    shown_record: Digest
    """Hash of the last record of this meter that the client was shown: the customer is a witness."""
    mac: Authenticator


PsdCommand = (
    InitializePsd
    | AuthorizePsd
    | ConfigurePsd
    | AuthorizeCustomer
    | DownloadPostageValue
    | RequestChallenge
    | CreateIndicium
)
"""Every command on a PSD that has a handler."""
