"""Commands that only ask (D-11): about a PSD, or whether an indicium is genuine. They leave no record."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.meter import Certificate, Challenge, PsdCommand, PsdId


class RetrievePsdStatus(PsdCommand):
    """Say what a PSD package holds (B-52, E-1103). Not authenticated; the answer is, by the client's challenge."""

    psd_id: PsdId
    client_challenge: Challenge


class RetrieveUdskPsd(PsdCommand):
    """Give out UDSKpsd, the meter's public key U_psd, with its certificate (B-53, M-71). Not authenticated."""

    psd_id: PsdId
    client_challenge: Challenge


class VerifyIndicium(PsdCommand):
    """Verify the signature of an indicium (B-56, E-1104). It needs no meter, only the authority's certificate."""

    item: Annotated[str, Field(min_length=1, max_length=65_536)]
    """The item: one line of text."""
    certificate: Certificate
    """The certificate of the meter that is said to have signed it."""
