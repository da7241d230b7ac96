"""What lasts: the disks of a simulated machine, each with what was written and what is surely on the platter.

A process that is killed leaves what it wrote. A power loss leaves what was synced, and of the rest what the dice say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from indicium.cryptomodule.ports import DeviceIdentity, MemoryUpdate, MeterRow
from indicium.domain.identity import ChainId, Serial
from indicium.simulator.database import Database
from indicium.simulator.drawn import Dice
from indicium.simulator.process import Process

_SECTOR_BYTES: Final = 512


class MemoryState(NamedTuple):
    """All that a module's memory holds at one moment; never changed, only replaced."""

    hot: bytes = b""
    cold: bytes = b""
    tails: Mapping[int, bytes] = {}
    meters: Mapping[str, MeterRow] = {}

    def updated(self, update: MemoryUpdate) -> "MemoryState":
        """Give what an update makes of it."""
        meters: Mapping[str, MeterRow] = self.meters
        if update.meters or update.forget:
            meters = {**meters, **{row.psd_id: row for row in update.meters}}
            meters = {name: row for name, row in meters.items() if name not in update.forget}
        cold = self.cold if update.cold is None else update.cold
        tails = self.tails if update.tail is None else {**self.tails, update.slot: update.tail}
        return MemoryState(update.hot, cold, tails, meters)


class MemoryDisk:
    """The disk of a module's memory: an update is on it whole, or not at all."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.written = self.synced = MemoryState()

    def put(self, state: MemoryState) -> None:
        """Hold a state, surely: what whoever puts a file back does."""
        self.written = self.synced = state

    def lose_power(self, dice: Dice) -> None:
        """Keep what was synced, or the update that was being synced."""
        if self.written is not self.synced:
            self.put(dice.one_of((self.synced, self.written)))


class FileDisk:
    """One file that grows, with the length that is surely on the platter."""

    def __init__(self, content: bytes = b"") -> None:
        """Hold a content, synced."""
        self.content = bytearray(content)
        self.synced = len(content)
        self.ghost = b""
        """What was cut off without a sync, and may come back after a power loss."""

    def put(self, content: bytes) -> None:
        """Hold another content, surely."""
        self.content, self.synced, self.ghost = bytearray(content), len(content), b""

    def lose_power(self, dice: Dice) -> None:
        """Keep what was synced, and any beginning of the rest, or any sectors of it; or of what was cut off."""
        rest = bytes(self.content[self.synced :]) or self.ghost
        if dice.one_in(3):
            kept = _out_of_order(rest, self.synced, dice)
        else:
            kept = rest[: dice.one_of((0, len(rest), dice.below(len(rest) + 1)))]
        self.put(bytes(self.content[: self.synced]) + kept)


def _out_of_order(content: bytes, offset: int, dice: Dice) -> bytes:
    """Give what there is of a write of which the length is on the disk, and some sectors: the others read as zeros."""
    kept = bytearray(content)
    bounds = [0, *range(-offset % _SECTOR_BYTES, len(content), _SECTOR_BYTES), len(content)]
    for begin, end in pairwise(bounds):
        if dice.one_in(2):
            kept[begin:end] = bytes(end - begin)
    return bytes(kept)


@dataclass
class Disks:
    """Everything that lasts of one module, and the database that it writes to."""

    serial: Serial
    database: Database
    memory: MemoryDisk = field(default_factory=MemoryDisk)
    copies: dict[ChainId, FileDisk] = field(default_factory=dict)
    sealed: dict[ChainId, FileDisk] = field(default_factory=dict)
    """The static parts beside each copy."""
    ppd: bytes = b""
    """The key that seals the memory."""
    device: DeviceIdentity | None = None
    holder: Process | None = None
    """The process that has the module's memory."""

    def lose_power(self, dice: Dice) -> None:
        """Let those of the module's own machine lose what was not synced."""
        self.memory.lose_power(dice)
        for file in (*self.copies.values(), *self.sealed.values()):
            file.lose_power(dice)

    def copied(self, database: Database) -> "Disks":
        """Give disks with the same content, beside another database."""
        memory = MemoryDisk()
        memory.put(self.memory.written)
        copies = {chain: FileDisk(bytes(file.content)) for chain, file in self.copies.items()}
        sealed = {chain: FileDisk(bytes(file.content)) for chain, file in self.sealed.items()}
        return Disks(self.serial, database, memory, copies, sealed, self.ppd, self.device)
