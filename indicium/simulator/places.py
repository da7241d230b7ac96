"""The ports of a ledger over simulated disks. Every seam between two effects has a name."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from indicium.cryptomodule.ports import MemoryContent, MemoryUpdate
from indicium.domain.errors import StoreFailed
from indicium.domain.flow import Changes, FailedModule, Gathered, RequestKey, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.package import Package
from indicium.simulator.database import Database
from indicium.simulator.disks import FileDisk, MemoryDisk, MemoryState
from indicium.simulator.process import MEMORY, STORE, Failing, Process


def _nothing() -> None:
    """Nobody is kept waiting."""


class SimulatedMemory:
    """A `NonVolatileMemory` on a simulated disk."""

    def __init__(self, disk: MemoryDisk, process: Process, let_go: Callable[[], None] = _nothing) -> None:
        """Hold the disk in a process."""
        self._disk, self._process, self._let_go = disk, process, let_go

    def load(self) -> MemoryContent | None:
        """Read everything, and have it surely on the disk."""
        self._process.on_disk(MEMORY, "before it is read")
        if MEMORY not in self._process.hazards.lying:
            self._disk.synced = self._disk.written
        hot, cold, tails, meters = self._disk.written
        return MemoryContent(hot, cold, tails, list(meters.values())) if hot else None

    def write(self, update: MemoryUpdate) -> None:
        """Make one update durable."""
        self._process.on_disk(MEMORY, "before its write")
        self._put(self._disk.written.updated(update))

    def erase(self) -> None:
        """Forget everything."""
        self._process.on_disk(MEMORY, "before it is erased")
        self._put(MemoryState())

    def close(self) -> None:
        """Let it go."""
        self._let_go()

    def _put(self, state: MemoryState) -> None:
        process, disk = self._process, self._disk
        failing = process.hazards.failing(MEMORY)
        if failing in (Failing.LOST, Failing.FULL):
            raise StoreFailed(place=MEMORY, why=failing.value)
        disk.written = state
        process.on_disk(MEMORY, "written and not synced")
        if failing is Failing.UNSYNCED:
            raise StoreFailed(place=MEMORY, why=failing.value)
        if MEMORY not in process.hazards.lying:
            disk.synced = state
        if failing is Failing.STORED:
            raise StoreFailed(place=MEMORY, why=failing.value)
        process.on_disk(MEMORY, "synced")


class SimulatedStore:
    """A `RecordStore`: one process's session with the simulated database."""

    def __init__(self, database: Database, process: Process) -> None:
        """Connect."""
        process.at("store, before it is opened")
        self._database, self._process, self._epoch = database, process, database.epoch

    @property
    def in_its_place(self) -> bool:
        """Whether the server that was connected to is still the one."""
        return self._database.epoch == self._epoch

    def gather(self, chain: ChainId, psd_ids: Collection[DeviceId], requests: Collection[RequestKey]) -> Gathered:
        """Read what a group needs."""
        self._process.at("store, before it is asked")
        self._demand_connection()
        database = self._database
        packages = {name: database.packages[name] for name in sorted(psd_ids) if name in database.packages}
        replies = {asked: database.replies[asked] for asked in sorted(requests) if asked in database.replies}
        return Gathered(database.head(chain), packages, replies, self.failed_modules())

    def save(self, changes: Changes) -> None:
        """Do one transaction durably."""
        process, database = self._process, self._database
        process.at("store, before its commit")
        self._demand_connection()
        failing = process.hazards.failing(STORE)
        if failing in (Failing.LOST, Failing.FULL):
            raise StoreFailed(place=STORE, why=failing.value)
        database.commit(changes)
        process.at("store, committed and not synced")
        if failing is Failing.UNSYNCED:
            raise StoreFailed(place=STORE, why=failing.value)
        if STORE not in process.hazards.lying:
            database.sync()
        if failing is Failing.STORED:
            raise StoreFailed(place=STORE, why=failing.value)
        process.at("store, synced")

    def head(self, chain: ChainId) -> SealedRecord | None:
        """Give the newest record of a chain."""
        self._process.at("store, before its head is read")
        self._demand_connection()
        return self._database.head(chain)

    def records(self, chain: ChainId, *, after: int = 0, upto: int | None = None) -> Iterator[SealedRecord]:
        """Give a chain's records in order."""
        self._demand_connection()
        return islice(self._database.records.get(chain, ()), after, upto)

    def package(self, psd_id: DeviceId) -> Package | None:
        """Give the newest package of a meter."""
        self._demand_connection()
        return self._database.packages.get(psd_id)

    def packages(self) -> Iterator[Package]:
        """Give the newest package of every meter."""
        self._demand_connection()
        return (package for _, package in sorted(self._database.packages.items()))

    def transactions(self, asked: Collection[tuple[int, str]]) -> list[SealedRecord]:
        """Give the records of transactions that are named by version and meter."""
        self._demand_connection()
        chains = self._database.records.values()
        return [one for chain in chains for one in chain if (one.psd_version, one.psd_id) in asked]

    def failed_modules(self) -> list[FailedModule]:
        """Give what is said of modules that failed."""
        self._demand_connection()
        return [row for _, row in sorted(self._database.failed.items())]

    def keep_static(self, parts: Sequence[tuple[DeviceId, bytes]]) -> None:
        """Keep static parts by their digest."""
        self._process.at("store, before static parts are kept")
        self._demand_connection()
        self._database.keep_static(parts)

    def static_parts(self, keys: Sequence[tuple[DeviceId, str]]) -> dict[tuple[DeviceId, str], bytes]:
        """Find static parts by meter and digest."""
        self._demand_connection()
        return self._database.static_parts(keys)

    def close(self) -> None:
        """Hang up."""

    def _demand_connection(self) -> None:
        if not self.in_its_place:
            raise StoreFailed(place=STORE, why="the server is gone")


class SimulatedLines:
    """A `LineFile` on a simulated disk, as wary as the real one of whoever else writes to it."""

    def __init__(self, disk: FileDisk, place: str, process: Process) -> None:
        """Open the file."""
        process.on_disk(place, "before it is opened")
        self._disk, self._place, self._process = disk, place, process
        self._size = len(disk.content)
        self._broken = ""

    def append(self, content: bytes) -> None:
        """Write whole lines at the end, and sync them."""
        process, disk = self._process, self._disk
        process.on_disk(self._place, "before its write")
        self._demand_as_left()
        failing = process.hazards.failing(self._place)
        if failing in (Failing.LOST, Failing.FULL):
            raise StoreFailed(place=self._place, why=failing.value)
        half = len(content) // 2
        disk.ghost = b""
        disk.content += content[:half]
        process.on_disk(self._place, "half written")
        disk.content += content[half:]
        process.on_disk(self._place, "written and not synced")
        if failing is not None:
            self._put_back(stored=failing is Failing.STORED)
            raise StoreFailed(place=self._place, why=failing.value)
        if self._place not in process.hazards.lying:
            disk.synced = len(disk.content)
        self._size = len(disk.content)
        process.on_disk(self._place, "synced")

    def torn(self) -> bytes:
        """Give what stands after the last newline."""
        return bytes(self._disk.content[self._lines_end() :])

    def cut_torn(self) -> None:
        """Cut what stands after the last newline."""
        self._process.on_disk(self._place, "before its torn line is cut")
        disk = self._disk
        del disk.content[self._lines_end() :]
        self._size = disk.synced = len(disk.content)
        self._process.on_disk(self._place, "cut")

    def last_line(self) -> bytes | None:
        """Give the last whole line."""
        content, end = self._disk.content, self._lines_end()
        return bytes(content[content.rfind(b"\n", 0, end - 1) + 1 : end - 1]) if end else None

    def end(self, size: int) -> bytes:
        """Give the last bytes."""
        return bytes(self._disk.content[-size:])

    def cut_end(self, size: int) -> None:
        """Cut so many of the last bytes."""
        self._process.on_disk(self._place, "before its end is cut")
        disk = self._disk
        del disk.content[len(disk.content) - size :]
        self._size = disk.synced = len(disk.content)
        self._process.on_disk(self._place, "cut")

    def lines(self) -> Iterator[bytes]:
        """Give the whole lines in order."""
        return iter(bytes(self._disk.content[: self._lines_end()]).split(b"\n")[:-1])

    def close(self) -> None:
        """Let go of the file."""

    def _put_back(self, *, stored: bool) -> None:
        """Cut off what a failed append left, unsynced; where the sync had been done, a power loss brings it back."""
        disk = self._disk
        disk.ghost = bytes(disk.content[self._size :])
        del disk.content[self._size :]
        disk.synced = min(disk.synced, self._size)
        self._broken = "an earlier sync failed"
        if stored:
            disk.content += disk.ghost
            disk.ghost = b""
            disk.synced = len(disk.content)

    def _lines_end(self) -> int:
        return self._disk.content.rfind(b"\n") + 1

    def _demand_as_left(self) -> None:
        if self._broken:
            raise StoreFailed(place=self._place, why=self._broken)
        if len(self._disk.content) != self._size:
            raise StoreFailed(place=self._place, why="somebody else wrote to it")
