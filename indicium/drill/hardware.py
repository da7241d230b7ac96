"""What a module in a drill is built of: everything in this process's memory, and nothing on a disk."""

from indicium.cryptomodule.ports import (
    Clock,
    DeviceIdentity,
    Hardware,
    MemoryContent,
    MemoryUpdate,
    MeterRow,
    PpdKey,
    TamperSensor,
)
from indicium.domain.errors import MemoryNotAuthentic


class RamMemory:
    """A `NonVolatileMemory` that is gone with the process."""

    def __init__(self, content: MemoryContent | None) -> None:
        """Hold what a memory held; None for one that was never written."""
        self._content = content
        self._meters = {row.psd_id: row for row in content.meters} if content is not None else {}

    def load(self) -> MemoryContent | None:
        """Read everything."""
        content = self._content
        if content is None:
            return None
        return MemoryContent(content.hot, content.cold, dict(content.tails), list(self._meters.values()))

    def write(self, update: MemoryUpdate) -> None:
        """Take one update."""
        before = self._content
        tails = {} if before is None else dict(before.tails)
        if update.tail is not None:
            tails[update.slot] = update.tail
        cold = update.cold if update.cold is not None else before.cold if before is not None else b""
        self._meters.update({row[0]: MeterRow(*row) for row in update.meters})
        for psd_id in update.forget:
            self._meters.pop(psd_id, None)
        self._content = MemoryContent(update.hot, cold, tails, ())

    def erase(self) -> None:
        """Forget everything."""
        self._content = None
        self._meters.clear()


class BorrowedKey:
    """The PPD key of the original, read once; what becomes of it here, the original keeps its own."""

    def __init__(self, key: PpdKey) -> None:
        """Read it. Raises `MemoryNotAuthentic` if there is none."""
        self._key: bytes | None = key.load()

    def load(self) -> bytes:
        """Give the 32 bytes. Raises `MemoryNotAuthentic` where it was destroyed."""
        if self._key is None:
            raise MemoryNotAuthentic(path="the copy", why="its key was destroyed")
        return self._key

    def renew(self, key: bytes) -> None:
        """Hold another one."""
        self._key = key

    def destroy(self) -> None:
        """Hold none."""
        self._key = None


class NoDeviceKey:
    """A module without certification: it can export nothing, and be the source of nothing."""

    def load(self) -> DeviceIdentity | None:
        """Give none."""

    def destroy(self) -> None:
        """Have none to destroy."""


class WatchedSensor:
    """The original's sensors, only looked at."""

    def __init__(self, sensor: TamperSensor) -> None:
        """Take the original's."""
        self._sensor = sensor

    def triggered(self) -> str | None:
        """Name the sensor that was triggered."""
        return self._sensor.triggered()

    def arm(self) -> None:
        """Leave the original's as they are."""


def hardware(memory: RamMemory, ppd: BorrowedKey, clock: Clock, sensor: TamperSensor) -> Hardware:
    """Put them together."""
    return Hardware(memory, ppd, NoDeviceKey(), clock, WatchedSensor(sensor))
