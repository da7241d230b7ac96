"""Meters that go from one module to the other, and what may cut that off: both halves are finished by whoever comes."""

from contextlib import suppress
from functools import partial

from indicium.domain.commands.hand_over import GiveMeter, OfferHome
from indicium.domain.errors import NotTakenYet
from indicium.domain.hand_over import HomeOffer
from indicium.simulator.process import Process
from indicium.simulator.server import Server
from indicium.simulator.world import World

_SEAMS_AHEAD = 40
"""Both modules have passed so many when a meter is handed over, and the next request is on its way."""


def move_some(world: World, giver: Server) -> None:
    """Hand some of a server's meters over to another one, if there is another."""
    taker, meters = _other(world, giver), world.at_home(giver)
    if taker is not None and meters:
        chosen = [meter for meter in meters if world.dice.one_in(2)] or [world.dice.one_of(meters)]
        world.move(chosen, taker)


def move_some_to(world: World, taker: Server) -> None:
    """Hand some of another server's meters over to this one."""
    giver = _other(world, taker)
    if giver is not None:
        move_some(world, giver)


def give_only(world: World) -> None:
    """Let a meter be given and not taken: whoever carried the hand-over is gone."""
    giver = world.some_server()
    taker, meters = _other(world, giver), world.at_home(giver)
    if taker is None or not meters:
        return

    def give() -> None:
        offer = HomeOffer.model_validate_json(taker.execute(OfferHome()))
        with suppress(NotTakenYet):  # one that is on its way to the giver is not his to give
            giver.execute(GiveMeter(psd_id=world.dice.one_of(meters), offer=offer))

    world.attempt(give)


def cut_off(world: World) -> None:
    """Let the power go, or one of the processes, while meters are handed over."""
    end = world.lose_power if world.dice.one_in(2) else Process.end
    world.hazards.arm(1 + world.dice.below(_SEAMS_AHEAD), lambda process, _seam: end(process))
    world.attempt(partial(move_some, world, world.some_server()))


def _other(world: World, server: Server) -> Server | None:
    return next((other for other in world.servers if other is not server), None)
