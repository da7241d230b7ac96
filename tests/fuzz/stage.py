"""What the parsers are given to do with: a module with meters, and two more that share a Master Key Set."""

from pathlib import Path
from typing import Self

from indicium.domain.commands.access import GetStatus
from tests.fleet import Fleet, Site
from tests.harness import World, make_ready

CHALLENGE = "0" * 32


class Stage:
    """Real parties with real keys; what they wrote is what mutations begin from."""

    def __init__(self, world: World, fleet: Fleet) -> None:
        self.world, self.fleet = world, fleet
        self.newcomer: Site = fleet.newcomer()
        self.transport_key = self.newcomer.transport_key()
        self.shares = fleet.master().export(self.transport_key)
        self.status = world.execute(GetStatus(challenge=CHALLENGE))

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Set the stage in an empty folder."""
        ready, prepared = folder / "ready", folder / "prepared"
        for part in (ready, prepared):
            part.mkdir()
        make_ready(ready)
        Fleet.prepare(prepared)
        return cls.copy_of(ready, prepared, folder)

    @classmethod
    def copy_of(cls, ready: Path, prepared: Path, folder: Path) -> Self:
        """Set the stage with copies of what was made before."""
        return cls(World.copy_of(ready, folder / "world"), Fleet.copy_of(prepared, folder / "fleet"))

    def close(self) -> None:
        self.world.close()
        self.fleet.close()
