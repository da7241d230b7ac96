"""Initialize and update crypto-card: what a module needs before it does any PSD command (E1)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.amounts import LARGEST
from indicium.domain.commands.base import Command

Limit = Annotated[int, Field(gt=0, le=LARGEST)]
"""A limit in mills: 1 to 2^53-1."""

DeviceNumber = Annotated[int, Field(ge=0, le=9_999_999_999)]
"""A device ID as a number: ten decimal digits (M-60)."""


class InitializeCryptoCard(Command):
    """Generate the keys of all modules, load those of CA and provider, set the limits (B-41, E-101 … E-105)."""

    minimum_value: Limit
    """Smallest value of an indicium (E-104), inclusive (M-62)."""
    maximum_value: Limit
    """Largest value of an indicium (E-104), inclusive (M-62)."""
    dr_limit: Limit
    """Largest DR of any meter (M-61); a customer's own limit, if lower, wins."""
    ar_limit: Limit
    """Largest AR of any meter (M-61)."""
    ca_certificate: Annotated[bytes, Field(min_length=1, max_length=16_384)]
    """U_ca (E-105): X.509 in DER."""
    provider_key: Annotated[bytes, Field(min_length=1, max_length=16_384)]
    """UDSK_auth (E-105): SubjectPublicKeyInfo in DER."""
    first_device: DeviceNumber
    last_device: DeviceNumber
    """The module gives out device IDs from the first to the last, both inclusive (M-60)."""


class UpdateCryptoCard(Command):
    """Replace keys and limits of the crypto-card (B-42)."""
