"""Places that somebody puts back to where they stood: a restored backup, a standby that had not heard everything."""

from typing import Final

from indicium.domain.errors import IndiciumError, LedgerRolledBack, ModuleNotAuthentic
from indicium.simulator.checkers import broken
from indicium.simulator.process import COPY, MEMORY, STORE
from indicium.simulator.world import Snapshot, World

ALONE: Final = ((MEMORY,), (STORE,), (COPY,))
TOGETHER: Final = ((MEMORY, STORE), (MEMORY, COPY), (STORE, COPY), (MEMORY, STORE, COPY))

_WITNESSED: Final = ((STORE, COPY), (MEMORY, STORE, COPY))
"""What the machine may take for a crash, or cannot see at all: then the customers see it."""


def put_back(places: tuple[str, ...], world: World) -> None:
    """Put places back to an older snapshot while nobody runs, and see what becomes of it."""
    older = world.an_older_snapshot()
    if older is None:
        return
    world.calm()
    newest = world.snapshot()
    world.stop()
    world.put(older, places)
    if places in _WITNESSED:
        _demand_witnesses(world, newest)
    world.demand_noticed_or_whole(newest)


def fail_over(world: World) -> None:
    """Let a standby take over that lacks the last transactions; the server is not told, its connection just ends."""
    world.calm()
    newest = world.snapshot()
    database = world.disks.database
    lag = world.dice.below(5)
    database.load(database.log[: max(world.oldest, len(database.log) - lag)])
    world.demand_noticed_or_whole(newest)


def _demand_witnesses(world: World, newest: Snapshot) -> None:
    """See that each customer who was shown more than there is now says so before anything is issued to him."""
    try:
        world.running()
    except IndiciumError:
        return
    shown = {str(name): package.version for name, package in world.disks.database.packages.items()}
    for client in world.clients:
        if client.customer.state.version > shown[client.device]:
            try:
                client.ask()
            except (LedgerRolledBack, ModuleNotAuthentic):  # the second where his key was replaced meanwhile
                continue
            broken(f"customer {client.kept.customer} was shown less than before, and believed it")
    world.stop()
    world.put(newest, (MEMORY, STORE, COPY))
