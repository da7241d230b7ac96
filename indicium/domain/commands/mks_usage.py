"""Usage of the MKS on buffers of the host, and the translation of what lies under an old set (H)."""

from indicium.domain.commands.base import Command


class TranslateEncryptionAndMac(Command):
    """Put data that lies under one MKS under another (B-14, M-49)."""


class GlobalEncryptAndMac(Command):
    """Compute a MAC and encrypt, under the MKS (B-15)."""


class GlobalDecryptAndMac(Command):
    """Decrypt and verify the MAC, under the MKS (B-16)."""


class ComputeMac(Command):
    """Compute a MAC under the MKS (B-17)."""


class VerifyMac(Command):
    """Verify a MAC under the MKS (B-18)."""
