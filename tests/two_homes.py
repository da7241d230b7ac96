"""Two modules of one Master Key Set and the same keys of the crypto-card: meters go to and fro (ADR 0024)."""

import pickle
from pathlib import Path
from typing import Self

from indicium.domain.commands.hand_over import GiveMeter, OfferHome, TakeMeter
from indicium.domain.hand_over import HandOver, HomeOffer
from indicium.domain.switches import AS_THE_SEED
from tests.fleet import CUSTODIANS, Fleet, Site
from tests.harness import World
from tests.seed.company import tokens_of

GIVER, TAKER = "10000001", "10000002"
HELD = 100_000
"""What each customer begins with, in mills."""


class TwoHomes:
    """A module with two customers, ada and ben, and another one that has none yet."""

    def __init__(self, fleet: Fleet, giver: Site, taker: Site) -> None:
        self.fleet, self.giver, self.taker = fleet, giver, taker

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Leave both, to be copied."""
        fleet = Fleet.of(folder)
        giver, taker = fleet.founder(GIVER), fleet.newcomer(TAKER)
        giver.configure()
        taker.receive(giver.export(taker.transport_key(), count=2))
        taker.configure(tokens_of(giver))
        for name in ("ada", "ben"):
            giver.new_meter(name)
            giver.register(name)
            giver.lease(name)
            giver.download(name, HELD, "first")
        states = {name: customer.state for name, customer in giver.customers.items()}
        (folder / "kept").write_bytes(pickle.dumps((fleet.keys, giver.born, giver.meters, states)))
        fleet.close()

    @classmethod
    def take_up(cls, folder: Path) -> Self:
        """Take up a copy."""
        keys, born, meters, states = pickle.loads((folder / "kept").read_bytes())  # noqa: S301  # we wrote it
        fleet = Fleet(folder, keys)
        giver, taker = (fleet._open(serial, CUSTODIANS, AS_THE_SEED) for serial in (GIVER, TAKER))
        homes = cls(fleet, giver, taker)
        for site in (homes.giver, homes.taker):
            site.born, site.meters = born, meters
            site.customers = {name: site._customer(state) for name, state in states.items()}
        homes.taker.customers = homes.giver.customers  # whoever moves takes his keys along
        return homes

    def other(self, site: World) -> Site:
        """Give the module that is not this one."""
        return self.taker if site is self.giver else self.giver

    def give(self, name: str, *, by: Site | None = None) -> HandOver:
        """Have one of the modules give a meter to the other."""
        site = by or self.giver
        return HandOver.model_validate_json(site.execute(self.giving(name, by=site)))

    def giving(self, name: str, *, by: Site | None = None) -> GiveMeter:
        """Give the request for that."""
        site = by or self.giver
        return GiveMeter(psd_id=site.meters[name], offer=offer_of(self.other(site)))

    def take(self, hand_over: HandOver, *, by: Site | None = None) -> bytes:
        """Have the other one take it."""
        return (by or self.taker).execute(taking(hand_over))

    def move(self, name: str, *, by: Site | None = None) -> None:
        """Have a meter go its whole way from one module to the other."""
        site = by or self.giver
        self.take(self.give(name, by=site), by=self.other(site))


def offer_of(site: World) -> HomeOffer:
    """Ask a module for its word that meters may come to it."""
    return HomeOffer.model_validate_json(site.execute(OfferHome()))


def taking(hand_over: HandOver) -> TakeMeter:
    """Give the request of whoever carries a hand-over."""
    return TakeMeter(psd_id=hand_over.psd_id, hand_over=hand_over)
