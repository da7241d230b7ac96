"""Usage of the MKS on buffers of the host, and the translation of what lies under an old set (H)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Buffer, Command
from indicium.domain.commands.meter import PsdId

MksId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Identifier of a Master Key Set: 16 hex digits (G-604)."""

MOST_METERS = 1000
"""Most meters of one translation."""


class TranslateEncryptionAndMac(Command):
    """Put the packages of some meters, which lie under one MKS, under another (B-14, H-06, M-49)."""

    source: MksId
    target: MksId
    psd_ids: Annotated[tuple[PsdId, ...], Field(min_length=1, max_length=MOST_METERS)]
    """The meters; one that lies under `target` already is passed over, so a repeat changes nothing."""


class GlobalEncryptAndMac(Command):
    """Compute a MAC and encrypt, under the active MKS (B-15)."""

    data: Buffer


class GlobalDecryptAndMac(Command):
    """Decrypt and verify the MAC, under the MKS that the token names (B-16)."""

    token: Annotated[bytes, Field(max_length=131_072, repr=False)]


class ComputeMac(Command):
    """Compute a MAC under the active MKS (B-17)."""

    data: Buffer


class VerifyMac(Command):
    """Verify a MAC under the MKS that it names (B-18)."""

    data: Buffer
    mac: Annotated[bytes, Field(max_length=256, repr=False)]
