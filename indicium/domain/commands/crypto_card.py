"""Initialize and update crypto-card: what a module needs before it does any PSD command (E1)."""

from typing import Annotated, Literal

from pydantic import Field

from indicium.domain.amounts import LARGEST
from indicium.domain.commands.base import Command

Limit = Annotated[int, Field(gt=0, le=LARGEST)]
"""A limit in mills: 1 to 2^53-1."""

DeviceNumber = Annotated[int, Field(ge=0, le=9_999_999_999)]
"""A device ID as a number: ten decimal digits (M-60)."""


PublicKey = Annotated[bytes, Field(min_length=1, max_length=16_384)]
"""A key or a certificate in DER."""

Token = Annotated[bytes, Field(min_length=1, max_length=16_384, repr=False)]
"""A key token (G6) as a module gave it out."""


class KeyTokens(Command):
    """The keys that all modules of an MKS share, as one of them gave them out (M-33)."""

    challenge_key: Token
    """VDSK_ipost (F-15)."""
    registration_key: Token
    """VRSK_ipost (F-17)."""


class InitializeCryptoCard(Command):
    """Generate or load the keys of all modules, load those of CA and provider, set the limits (B-41, E-101 … E-105)."""

    minimum_value: Limit
    """Smallest value of an indicium (E-104), inclusive (M-62)."""
    maximum_value: Limit
    """Largest value of an indicium (E-104), inclusive (M-62)."""
    dr_limit: Limit
    """Largest DR of any meter (M-61); a customer's own limit, if lower, wins."""
    ar_limit: Limit
    """Largest AR of any meter (M-61)."""
    ca_certificate: PublicKey
    """U_ca (E-105): X.509 in DER."""
    provider_key: PublicKey
    """UDSK_auth (E-105): SubjectPublicKeyInfo in DER."""
    first_device: DeviceNumber
    last_device: DeviceNumber
    """The module gives out device IDs from the first to the last, both inclusive (M-60)."""
    tokens: KeyTokens | None = None
    """VDSK_ipost and VRSK_ipost of another module of the same MKS (E-102, M-33); None: they are generated (E-101)."""


class UpdateCryptoCard(Command):
    """Replace keys and limits of the crypto-card (B-42): one of them at least; what is None stays as it is.

    The next request is judged by the new ones. `ca_certificate` counts for certificates loaded from then on, and
    `provider_key` for every message of the provider, also for one that is repeated.

    New `keys` concern two kinds of people. A customer who is registered shares HMK with the meter and notices nothing.
    Client software that registers needs the new public keys, which the reply holds: with the old ones it believes no
    module, and its secrets are not readable. MK_chkpt comes from VDSK_ipost (F-19): checkpoints of older records stay
    under the old one, so whoever is to authenticate them keeps the old token.

    The reply also gives key tokens of both keys under the active MKS, new or not: that is how they get out from under
    one that goes (H-41).
    """

    minimum_value: Limit | None = None
    maximum_value: Limit | None = None
    dr_limit: Limit | None = None
    ar_limit: Limit | None = None
    ca_certificate: PublicKey | None = None
    provider_key: PublicKey | None = None
    keys: KeyTokens | Literal["generated"] | None = None
    """VDSK_ipost and VRSK_ipost: those of another module of the same MKS, or new ones of this module's making."""
