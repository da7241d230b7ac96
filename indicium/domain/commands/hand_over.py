"""A meter goes from one home module to another: offer, give, take; or adopt (N-17 … N-20, ADR 0024, ADR 0025).

Nobody is authenticated but for an adoption: no value moves, and where a meter is at home is no customer's business.
What a server can do with these commands is to carry meters between modules of one Master Key Set.
"""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Command
from indicium.domain.commands.meter import Digest, PsdCommand, PsdId
from indicium.domain.commands.mks_usage import MOST_METERS
from indicium.domain.hand_over import ChainName, HandOver, HomeOffer


class OfferHome(PsdCommand):
    """Ask the module for its word that meters may come to it. Changes nothing."""


class GiveMeter(PsdCommand):
    """Give a meter to the module that made the offer; the reply is the hand-over, also to a repeat."""

    psd_id: PsdId
    offer: HomeOffer


class TakeMeter(PsdCommand):
    """Take a meter, against the hand-over of the module that gave it."""

    psd_id: PsdId
    hand_over: HandOver


class AdoptMeters(Command):
    """Take meters of a module that is dead, and close its chain (ADR 0025)."""

    chain: ChainName
    """The dead module's chain."""
    sequence: Annotated[int, Field(ge=1)]
    """Audit sequence number of its newest record."""
    hash: Digest
    """SHA-256 of that record's line in hex."""
    psd_ids: Annotated[tuple[PsdId, ...], Field(max_length=MOST_METERS)]
    """The meters; none, to close the chain alone. One that is at home here already is passed over."""
    hand_overs: Annotated[tuple[HandOver, ...], Field(max_length=MOST_METERS)] = ()
    """Of those among them that were given to the dead module, and that it did not take any more."""
