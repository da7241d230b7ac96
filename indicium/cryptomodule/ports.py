"""What the module needs of the world, as protocols whose docstrings are contracts.

The real ones are in `infrastructure`; a simulator implements the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

PPD_KEY_BYTES = 32
"""Length of the PPD key (F-09)."""


class MeterRow(NamedTuple):
    """What the home module keeps of one meter."""

    psd_id: str
    version: int
    digest: bytes
    """MAC of the newest package: 32 bytes."""
    mks: str
    """The MKS that the package's key tokens lie under."""


@dataclass(frozen=True, slots=True)
class MemoryContent:
    """All that a module's memory holds, as it was written last."""

    hot: bytes
    cold: bytes
    tails: Mapping[int, bytes]
    """The last groups, each in the slot that it was written to; some may be out of use."""
    meters: Iterable[MeterRow]


@dataclass(frozen=True, slots=True)
class MemoryUpdate:
    """One atomic change of a module's memory. None leaves a part as it is."""

    hot: bytes
    tail: bytes | None
    cold: bytes | None = None
    meters: Sequence[MeterRow] = ()
    """Rows to insert or replace."""
    forget: Sequence[str] = ()
    """Meters whose rows go."""
    slot: int = 0
    """Where the tail goes; what was there is replaced."""


class NonVolatileMemory(Protocol):
    """Memory of one module: survives a reboot and a power loss, is erased by Reset (M-04).

    It knows nothing of what it holds: parts are sealed or MACed by the module.
    """

    def load(self) -> MemoryContent | None:
        """Read everything; None if nothing was ever written. What is given, no power loss takes back.

        Raises `MemoryNotAuthentic` if it cannot be read, `StoreFailed` if the disk fails.
        """

    def write(self, update: MemoryUpdate) -> None:
        """Make one update durable: after the return all of it survives, after a crash all of it or nothing.

        Raises `StoreFailed`; then nothing of the update is there.
        """

    def erase(self) -> None:
        """Forget everything, durably (Reset, C-15)."""


class PpdKey(Protocol):
    """The key that seals the memory's secret part (F-09). It lives apart; without it the memory is zeroized."""

    def load(self) -> bytes:
        """Give the 32 bytes. Raises `MemoryNotAuthentic` if there is none."""

    def renew(self, key: bytes) -> None:
        """Replace the key durably; what the old one sealed is lost."""

    def destroy(self) -> None:
        """Lose the key, durably: zeroization (C-16, C-17). Nothing if there is none."""


class DeviceIdentity(NamedTuple):
    """The module's own key pair and its certificate, as its manufacturer installed them."""

    key: bytes
    """PKCS#8 in DER."""
    certificate: bytes
    """X.509 in DER, issued by the manufacturer's root (M-86); the subject's common name is the serial number."""
    root: bytes
    """The root's own certificate (F-02), X.509 in DER: what other modules say is believed if it stands under it."""

    def __repr__(self) -> str:
        """Show the certificate alone."""
        return f"DeviceIdentity(certificate={self.certificate!r})"


class DeviceKey(Protocol):
    """The module (device) key pair (F-01): for the useful life of the module. It survives Reset, and nothing else."""

    def load(self) -> DeviceIdentity | None:
        """Give key and certificate; None for a module that has none, or whose certification was destroyed."""

    def destroy(self) -> None:
        """Destroy the certification, durably (C-16)."""


class TamperSensor(Protocol):
    """Security sensing & response circuit 311 (Q-01): probes, power sequencing, radiation, temperature.

    It is latched: once triggered it says so until it is armed anew.
    """

    def triggered(self) -> str | None:
        """Name the sensor that was triggered; None while none was. It is asked before every dispatch."""

    def arm(self) -> None:
        """Be watchful anew, durably: what a Reset does, after which nothing secret is left."""


class Clock(Protocol):
    """Clock & Calendar 309 (A-16)."""

    def now(self) -> datetime:
        """Give the time in UTC, with microseconds, aware."""


class Hardware(NamedTuple):
    """What a module is built of (FIG. 3), beside the generator 308 that its suite draws from."""

    memory: NonVolatileMemory
    ppd: PpdKey
    device: DeviceKey
    clock: Clock
    sensor: TamperSensor


class Entropy(Protocol):
    """Random Number Generator 308 (A-15)."""

    def random(self, size: int) -> bytes:
        """Give `size` unpredictable bytes."""
