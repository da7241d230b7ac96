"""Places that somebody puts back to where they stood: a restored backup, a standby that had not heard everything."""

from typing import Final

from indicium.simulator.aftermath import (
    demand_mended,
    demand_noticed,
    demand_noticed_or_whole,
    demand_witnesses,
    is_of_another_course,
)
from indicium.simulator.process import COPY, MEMORY, STATIC, STORE
from indicium.simulator.world import World

ALONE: Final = ((MEMORY,), (STORE,), (COPY,), (STATIC,))
TOGETHER: Final = ((MEMORY, STORE), (MEMORY, COPY), (STORE, COPY), (STORE, STATIC), (MEMORY, STORE, COPY))

_MENDED: Final = ((STORE,), (COPY,), (STATIC,))
"""What the ledger brings together by itself, for another place holds all of it."""

_WITNESSED: Final = ((STORE, COPY), (MEMORY, STORE, COPY))
"""What the machine may take for a crash, or cannot see at all: then the customers see it."""


def put_back(places: tuple[str, ...], world: World) -> None:
    """Put places back to an older snapshot while nobody runs, and see what becomes of it."""
    older = world.an_older_snapshot()
    if older is None:
        return
    world.calm()
    newest, server = world.snapshot(), world.some_server()
    world.stop()
    world.put(older, places, server)
    if places in _WITNESSED:
        demand_witnesses(world, newest)
    if STORE in places and is_of_another_course(world):
        demand_noticed(world, newest)
    elif places in _MENDED:
        demand_mended(world)
    else:
        demand_noticed_or_whole(world, newest)
    if STATIC in places:  # then the newest is found, and what was added meanwhile is added to it
        world.stop()
        lost, sealed = len(older.kept[server.serial].sealed), server.sealed
        sealed.put(newest.kept[server.serial].sealed + bytes(sealed.content[lost:]))


def fail_over(world: World) -> None:
    """Let a standby take over that lacks the last transactions; the server is not told, its connection just ends."""
    world.calm()
    database = world.database
    lag = world.dice.below(5)
    database.load(database.log[: max(world.oldest, len(database.log) - lag)])
    demand_mended(world)
