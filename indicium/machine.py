"""What a ledger stands on: the machine with its disks, devices and clock.

`LocalMachine` is this one. Everything that a ledger reaches beyond its own process is opened here and nowhere else, so
that a simulated machine takes its place whole.
"""

from typing import Protocol

from indicium.cryptomodule import suites
from indicium.cryptomodule.ports import Clock, Hardware, NonVolatileMemory
from indicium.cryptomodule.suites import Suite
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.audit_copy import AuditCopy, Bounds
from indicium.infrastructure.devices import DeviceKeyFile, PpdKeyFile, SystemClock, SystemEntropy, TamperFile
from indicium.infrastructure.home import Home
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.places import Places
from indicium.infrastructure.store import Store
from indicium.settings import Settings


class Memory(NonVolatileMemory, Protocol):
    """A module's memory that one process holds."""

    def close(self) -> None:
        """Let it go. A second time is nothing."""


class Machine(Protocol):
    """Where one module's ledger runs."""

    @property
    def suite(self) -> Suite:
        """The suite of a module that is yet to be initialized, drawing from the machine's generator."""

    @property
    def clock(self) -> Clock:
        """The machine's clock."""

    def open_places(self) -> Places:
        """Open the store as the module's one writer, and find the audit copy. Raises `Misconfigured`, `StoreFailed`."""

    def open_memory(self) -> Memory:
        """Open the module's memory. Raises `LedgerInUse` where another process holds it, `MemoryNotAuthentic`."""

    def hardware(self, memory: Memory) -> Hardware:
        """Give what the module is built of, around its memory."""


class LocalMachine:
    """This machine: files in the ledger's home, the store that the settings name, the system's clock and generator."""

    def __init__(self, settings: Settings) -> None:
        """Name the places; nothing is opened yet."""
        self._home, self._serial, self._url = Home(settings.home), Serial(settings.serial), settings.store_url
        self._bounds = Bounds.of(settings)
        self.suite: Suite = suites.make(settings.suite, SystemEntropy())
        self.clock: Clock = SystemClock()

    def open_places(self) -> Places:
        """Open the store, and find the audit copy in the home."""
        return Places(self._serial, self._claimed, self._open_copy, self.clock)

    def open_memory(self) -> MemoryFile:
        """Open the memory file."""
        return MemoryFile(self._home.memory(self._serial))

    def hardware(self, memory: Memory) -> Hardware:
        """Give the devices whose files lie in the home."""
        home, serial = self._home, self._serial
        ppd, device, sensor = PpdKeyFile(home.ppd(serial)), DeviceKeyFile(home.device(serial)), home.tamper(serial)
        return Hardware(memory, ppd, device, self.clock, TamperFile(sensor))

    def _claimed(self) -> Store:
        store = Store.open(self._url)
        try:
            store.claim(self._serial)
        except BaseException:
            store.close()
            raise
        return store

    def _open_copy(self, chain: ChainId) -> AuditCopy:
        return AuditCopy.open(self._home.audit, self._serial, chain, bounds=self._bounds)
