"""A meter goes from one home module to another: offer, give, take (N-17 … N-20, ADR 0024).

Nobody is authenticated: no value moves, and where a meter is at home is no customer's business. What a server can do
with these commands is to carry meters between modules of one Master Key Set.
"""

from indicium.domain.commands.meter import PsdCommand, PsdId
from indicium.domain.hand_over import HandOver, HomeOffer


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
