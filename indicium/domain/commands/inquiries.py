"""Commands that only ask (D-11): about a PSD, or whether an indicium is genuine. They leave no record."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Name
from indicium.domain.commands.meter import Authenticator, Certificate, Challenge, PsdCommand, PsdId


class Inquiry(PsdCommand):
    """A question about one PSD. Its answer is authenticated, by the client's challenge.

    Of a meter that has users, the question is too: that is a privilege (K-18).
    """

    psd_id: PsdId
    user: Name | None = None
    """Which user of the meter asks; None: its customer."""
    client_challenge: Challenge
    mac: Authenticator | None = None
    """A MAC under HMK; nobody looks at it where the meter has no users."""


class RetrievePsdStatus(Inquiry):
    """Say what a PSD package holds (B-52, E-1103)."""


class RetrieveUdskPsd(Inquiry):
    """Give out UDSKpsd, the meter's public key U_psd, with its certificate (B-53, M-71)."""


class VerifyIndicium(PsdCommand):
    """Verify the signature of an indicium (B-56, E-1104). It needs no meter, only the authority's certificate."""

    item: Annotated[str, Field(min_length=1, max_length=65_536)]
    """The item: one line of text."""
    certificate: Certificate
    """The certificate of the meter that is said to have signed it."""
