"""A module's word that meters may come to it, and a giver's look at it (ADR 0025)."""

from collections.abc import Sequence

from indicium.cryptomodule.suites import MacKey, NotAuthentic
from indicium.domain.errors import OfferNotAuthentic
from indicium.domain.hand_over import HomeOffer

UNSAID = "00" * 32
"""What stands in the place of a MAC that is still to be made."""


def authenticated_offer(module: str, chain: str, sets: Sequence[str], mk_chkpt: MacKey) -> HomeOffer:
    """Make the offer of a home: of this module's own, or of a dead one's, by the module that closed its chain."""
    offer = HomeOffer(module=module, chain=chain, sets=tuple(sets), mac=UNSAID)
    return offer.model_copy(update={"mac": mk_chkpt.mac(offer.message()).hex()})


def demand_authentic(offer: HomeOffer, mk_chkpt: MacKey) -> None:
    """Check that an offer was made with the same keys of the crypto-card. Raises `OfferNotAuthentic`."""
    try:
        mk_chkpt.verify(offer.message(), bytes.fromhex(offer.mac))
    except NotAuthentic:
        raise OfferNotAuthentic(module=offer.module) from None
