"""What commands on one PSD have in common: kinds of fields, and how they authenticate themselves (J-18, J-19)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.amounts import LARGEST
from indicium.domain.commands.base import Command, Name

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

Certificate = Annotated[bytes, Field(min_length=1, max_length=16384)]
"""X.509 in DER."""

Register = Annotated[int, Field(ge=0, le=LARGEST)]
"""The value of a register in mills."""

Value = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
"""A value asked for, in mills. Whether it is within the limits is a numbered check, not a matter of form."""

Authenticator = Annotated[bytes, Field(min_length=16, max_length=8192)]
"""A MAC or a signature."""


class PsdCommand(Command):
    """A command on one PSD: it needs no session, and travels in groups (M-54)."""


class ProviderCommand(PsdCommand):
    """A command that the provider signs with VDSK_auth (F-27)."""

    psd_id: PsdId
    request_id: RequestId
    signature: Authenticator


class ClientCommand(PsdCommand):
    """A command that a client MACs under HMK: FIG. 5, messages 505 to 507."""

    psd_id: PsdId
    request_id: RequestId
    user: Name | None = None
    """Which user of the meter asks, under an HMK of his own (K-17); None: its customer."""
    client_challenge: Challenge
    module_challenge: Challenge
    shown_ar: Register
    """AR as the client was shown it last (G-804), in mills."""
    shown_dr: Register
    """DR as the client was shown it last (G-804), in mills."""
    shown_record: Digest
    """Hash of the last record of this meter that the client was shown: the customer is a witness."""
    mac: Authenticator
