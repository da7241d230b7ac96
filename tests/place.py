"""A module in a folder: its memory, its store and its power, and requests that are brought to it their whole way.

The clock stands still until a test moves it.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.ports import Hardware, MemoryUpdate
from indicium.cryptomodule.recoverable import Dispatched
from indicium.cryptomodule.state import Cold, HomeMeter, Hot
from indicium.cryptomodule.suites.suite import Suite
from indicium.domain.commands.base import Command
from indicium.domain.envelope import SessionMessage
from indicium.domain.flow import Gathered, Head, Receipt, RequestKey, SealedRecord
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.switches import Checkpoints, Switches
from indicium.infrastructure.devices import DeviceKeyFile, PpdKeyFile, TamperFile
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.store import Store


class StandingClock:
    """A `Clock` that a test moves."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def pass_by(self, **how_long: float) -> None:
        self.time += timedelta(**how_long)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a refused command must leave as it is: what the module knows, and every byte of its memory."""

    files: Mapping[str, bytes]
    hot: object
    tail: object
    meters: Mapping[DeviceId, HomeMeter]
    head: Head
    state: str


class Place:
    """A module, its store, and all that it is built of, in one folder."""

    def __init__(
        self, folder: Path, beginning: datetime, suite: Suite, *, ring: int, serial: Serial, switches: Switches
    ) -> None:
        self.folder, self.ring, self.serial, self.switches = folder, ring, serial, switches
        self.clock, self.suite = StandingClock(beginning), suite
        self.store = Store.open(self.store_url)
        self.memory = MemoryFile(self.memory_path)
        self.module = self._module()

    def close(self) -> None:
        self.memory.close()
        self.store.close()

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.folder / 'ledger.db'}"

    @property
    def memory_path(self) -> Path:
        return self.folder / f"{self.serial}.memory"

    @property
    def ppd_path(self) -> Path:
        return self.folder / f"{self.serial}.ppd"

    @property
    def tamper_path(self) -> Path:
        """Whoever writes this file triggers a sensor."""
        return self.folder / f"{self.serial}.tamper"

    def reboot(self) -> None:
        """Power the module off and on: only its memory file survives."""
        self.memory.close()
        self._power_on()

    def keep_memory(self, folder: Path) -> Path:
        """Copy the module's memory file."""
        self.memory.close()
        folder.mkdir()
        shutil.copy(self.memory_path, folder)
        self._power_on()
        return folder

    def put_back_memory(self, folder: Path) -> None:
        """Put an old memory file back."""
        self.memory.close()
        shutil.copy(folder / self.memory_path.name, self.memory_path)
        self._power_on()

    def fail_memory(self) -> None:
        """Let every further write of the module's memory fail, as a full disk does, until the next reboot."""
        fail = "BEGIN SELECT RAISE(FAIL, 'disk full'); END"
        for name in ("parts", "meters"):
            self.memory._connection.execute(f"CREATE TEMP TRIGGER full_{name} BEFORE INSERT ON main.{name} {fail}")

    def mend_memory(self) -> None:
        """Let the module's memory be written again."""
        for name in ("parts", "meters"):
            self.memory._connection.execute(f"DROP TRIGGER full_{name}")

    def write_memory(self, hot: Hot, cold: Cold) -> None:
        """Write the hot and the secret part of the memory as the module would."""
        codec = self.inner.codec
        sealed = codec.seal_cold(hot, cold)
        self.memory.write(MemoryUpdate(codec.encode_hot(hot), None, sealed))

    def gather(self, requests: Sequence[Command]) -> Gathered:
        """Read all that these requests need."""
        psd_ids, keys = set[DeviceId](), set[RequestKey]()
        for request in requests:
            if isinstance(request, SessionMessage):
                psd_ids.update(map(DeviceId, request.psd_ids))
            if (psd_id := getattr(request, "psd_id", None)) is not None:
                psd_ids.add(psd_id)
                keys.add(RequestKey(psd_id, getattr(request, "request_id", "")))
        return self.store.gather(self.module.chain, psd_ids, keys)

    def dispatch(self, requests: Sequence[Command], gathered: Gathered | None = None) -> Dispatched:
        """Bring requests into the module; nothing is saved yet."""
        return self.module.dispatch(requests, self.gather(requests) if gathered is None else gathered)

    def save(self, dispatched: Dispatched) -> list[bytes | None]:
        """Save what a group made and open its replies."""
        self.store.save(dispatched.changes)
        return self.module.release(Receipt(self.module.chain, dispatched.head))

    def run(self, requests: Sequence[Command], gathered: Gathered | None = None) -> list[bytes | Exception]:
        """Take a group its whole way: each one's reply or its refusal."""
        dispatched = self.dispatch(requests, gathered)
        replies = self.save(dispatched)
        return [_either(*pair) for pair in zip(replies, dispatched.refusals, strict=True)]

    def execute(self, request: Command) -> bytes:
        """Do one request; raise its refusal."""
        (result,) = self.run([request])
        if isinstance(result, Exception):
            raise result
        return result

    def records(self) -> list[SealedRecord]:
        """Give the chain as the store holds it."""
        return list(self.store.records(self.module.chain))

    def snapshot(self) -> Snapshot:
        """Note all that must not change."""
        inner = self.inner
        files = {path.name: path.read_bytes() for path in self.folder.glob(f"{self.serial}.*")}
        hot, meters = replace(inner.hot), dict(inner.meters)
        return Snapshot(files, hot, inner.tails, meters, self.module.head, self.module.state)

    @property
    def inner(self) -> Inner:
        """Reach into the module."""
        assert self.module._core.inner is not None
        return self.module._core.inner

    @property
    def hardware(self) -> Hardware:
        """Give what the module is built of."""
        device = DeviceKeyFile(self.folder / f"{self.serial}.device")
        return Hardware(self.memory, PpdKeyFile(self.ppd_path), device, self.clock, TamperFile(self.tamper_path))

    def _power_on(self) -> None:
        self.memory = MemoryFile(self.memory_path)
        self.module = self._module()

    def _module(self) -> CryptoModule:
        return CryptoModule(self.serial, self.hardware, self.suite, Checkpoints(self.ring), self.switches)


def _either(reply: bytes | None, refusal: Exception | None) -> bytes | Exception:
    if refusal is not None:
        return refusal
    assert reply is not None
    return reply
