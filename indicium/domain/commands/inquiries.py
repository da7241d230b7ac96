"""Commands that only ask (D-11): about a PSD, or whether an indicium is genuine."""

from indicium.domain.commands.base import Command


class RetrievePsdStatus(Command):
    """Say what a PSD package holds (B-52, E-1103)."""


class RetrieveUdskPsd(Command):
    """Give out UDSKpsd, the meter's public key U_psd (B-53, M-71)."""


class VerifyIndicium(Command):
    """Verify the signature of an indicium (B-56, E-1104)."""
