"""A simulated machine: one process on simulated disks, as `LocalMachine` is one on real ones."""

from indicium.cryptomodule.ports import DeviceIdentity, Hardware
from indicium.domain.errors import LedgerInUse, MemoryNotAuthentic
from indicium.domain.identity import ChainId
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.places import Places
from indicium.machine import Memory
from indicium.simulator.disks import Disks, FileDisk
from indicium.simulator.drawn import SimulatedClock
from indicium.simulator.places import SimulatedLines, SimulatedMemory, SimulatedStore
from indicium.simulator.process import COPY, STATIC, Process
from indicium.simulator.replayed import Replayed


class SimulatedMachine:
    """A `Machine` of one process."""

    def __init__(self, disks: Disks, process: Process, clock: SimulatedClock, suite: Replayed) -> None:
        """Put a process on the disks."""
        self.disks, self.process, self.clock, self.suite = disks, process, clock, suite

    def open_places(self) -> Places:
        """Open the store."""
        database, process = self.disks.database, self.process
        return Places(self.disks.serial, lambda: SimulatedStore(database, process), self._open_copy, self.clock)

    def open_memory(self) -> SimulatedMemory:
        """Open the memory; whoever holds it keeps it."""
        holder = self.disks.holder
        if holder is not None and holder.alive and not holder.fenced:
            raise LedgerInUse(serial=self.disks.serial)
        self.disks.holder = self.process
        return SimulatedMemory(self.disks.memory, self.process, self._let_go)

    def hardware(self, memory: Memory) -> Hardware:
        """Give what the module is built of."""
        return Hardware(memory, _PpdKey(self.disks), _DeviceKey(self.disks), self.clock, _Sensor())

    def _let_go(self) -> None:
        if self.disks.holder is self.process:
            self.disks.holder = None

    def _open_copy(self, chain: ChainId) -> AuditCopy:
        lines = SimulatedLines(self.disks.copies.setdefault(chain, FileDisk()), COPY, self.process)
        sealed = SimulatedLines(self.disks.sealed.setdefault(chain, FileDisk()), STATIC, self.process)
        if sealed.torn():
            sealed.cut_torn()
        return AuditCopy(self.disks.serial, lines, sealed)


class _PpdKey:
    """A `PpdKey` among the disks."""

    def __init__(self, disks: Disks) -> None:
        self._disks = disks

    def load(self) -> bytes:
        if not self._disks.ppd:
            raise MemoryNotAuthentic(path=self._disks.serial, why="its key is gone")
        return self._disks.ppd

    def renew(self, key: bytes) -> None:
        self._disks.ppd = key

    def destroy(self) -> None:
        self._disks.ppd = b""


class _DeviceKey:
    """A `DeviceKey` among the disks."""

    def __init__(self, disks: Disks) -> None:
        self._disks = disks

    def load(self) -> DeviceIdentity | None:
        return self._disks.device

    def destroy(self) -> None:
        self._disks.device = None


class _Sensor:
    """Sensors that nothing triggers."""

    def triggered(self) -> str | None:
        return None

    def arm(self) -> None:
        pass
