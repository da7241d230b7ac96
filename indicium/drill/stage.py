"""A stage: three places of a copy, on which something is damaged and the engine is then opened."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from indicium.cryptomodule import suites
from indicium.cryptomodule.auditing import fingerprint
from indicium.cryptomodule.ports import Hardware, MemoryContent
from indicium.cryptomodule.rehearsal import Rehearsal
from indicium.cryptomodule.suites import SigningKey, Suite
from indicium.domain.errors import HeadsDisagree, IndiciumError, MemoryNotAuthentic
from indicium.domain.flow import GENESIS, Head, SealedRecord
from indicium.domain.heads import Action
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.record import line_hash
from indicium.drill.hardware import BorrowedKey, RamMemory, hardware
from indicium.infrastructure.audit_copy import AuditCopy, Bounds
from indicium.infrastructure.devices import PpdKeyFile, SystemClock, SystemEntropy, TamperFile
from indicium.infrastructure.home import Home
from indicium.infrastructure.places import Places
from indicium.infrastructure.redoing import batches
from indicium.infrastructure.store import Store
from indicium.settings import Settings

STORE: Final = "ledger.db"
AUDIT: Final = "audit"
_PAST: Final = "past.db"
_ASKED: Final = 1000
"""Meters of whose packages the module is asked, beside those that a scenario names."""


class Heads(NamedTuple):
    """Where the three places end."""

    memory: Head | None
    store: Head | None
    copy: Head | None


class Past(NamedTuple):
    """Memory and store as they were."""

    memory: MemoryContent | None
    store: Path


class Reaction(NamedTuple):
    """What the engine did when it was opened."""

    done: tuple[Action, ...]
    refusal: IndiciumError | None
    """Why it was inhibited, or could not be opened; None where it went on."""
    officer: Head | None
    """To which record a Security Officer could set it now: a drill has nobody who logs on."""
    refused: dict[DeviceId, IndiciumError]
    """Meters that it would serve no more, and why."""


class Actors:
    """The parts of a drill that all its stages share."""

    def __init__(self, settings: Settings, chain: ChainId) -> None:
        """Read the key that opens the memory. Raises `MemoryNotAuthentic` if there is none."""
        self.settings, self.chain = settings, chain
        self.home, self.serial = Home(settings.home), Serial(settings.serial)
        self.suite: Suite = suites.make(settings.suite, SystemEntropy())
        self.key: SigningKey = self.suite.generate_signing_key()
        """The drill's own key: it seals what the copies record, and is gone with the process."""
        self._ppd = PpdKeyFile(self.home.ppd(self.serial))
        self._ppd.load()

    @property
    def fingerprint(self) -> str:
        """How records name the drill's key."""
        return fingerprint(self.key.public())

    def module(self, memory: RamMemory) -> Rehearsal:
        """Power up a module with a memory. Raises `MemoryNotAuthentic`."""
        parts: Hardware = hardware(
            memory, BorrowedKey(self._ppd), SystemClock(), TamperFile(self.home.tamper(self.serial))
        )
        settings = self.settings
        return Rehearsal(self.serial, parts, self.suite, settings.checkpoints, settings.switches, self.key)


class Stage:
    """Three places of a copy in a folder of its own; the memory is in no folder."""

    def __init__(self, actors: Actors, folder: Path, memory: MemoryContent | None) -> None:
        """Take a folder that holds `ledger.db` and `audit/`."""
        self.actors, self.folder = actors, folder
        self.store, self.audit = folder / STORE, folder / AUDIT
        self.memory = RamMemory(memory)

    def copy(self, folder: Path) -> "Stage":
        """Make another stage that is as this one."""
        folder.mkdir(mode=0o700)
        shutil.copyfile(self.store, folder / STORE)
        shutil.copytree(self.audit, folder / AUDIT)
        return Stage(self.actors, folder, self.memory.load())

    def remember(self) -> "Past":
        """Keep how memory and store are now, to put them back later."""
        kept = self.folder / _PAST
        shutil.copyfile(self.store, kept)
        return Past(self.memory.load(), kept)

    def forget_past(self) -> None:
        """Leave nothing but what the engine left."""
        (self.folder / _PAST).unlink(missing_ok=True)

    def put_store_back(self, past: "Past") -> None:
        """Put the store of a past in the place of this one, as somebody with a backup would."""
        for path in self.folder.glob(f"{STORE}-*"):
            path.unlink()
        past.store.replace(self.store)

    def put_memory_back(self, past: "Past") -> None:
        """Put the memory of a past in the place of this one."""
        self.memory = RamMemory(past.memory)

    @property
    def chain(self) -> ChainId:
        """The chain."""
        return self.actors.chain

    @property
    def url(self) -> str:
        """The store's URL."""
        return f"sqlite:///{self.store.absolute()}"

    def power_up(self) -> Rehearsal:
        """Power the module up with the memory that is here. Raises `MemoryNotAuthentic`."""
        return self.actors.module(self.memory)

    def places(self) -> Places:
        """Open store and copy. Raises `Misconfigured`, `StoreFailed`."""
        return Places(self.actors.serial, partial(Store.open, self.url), self._open_copy, SystemClock())

    def forward(self, many: int) -> None:
        """Go on by so many records that move no value: what is here now is the past then."""
        places = self.places()
        try:
            module = self.power_up()
            places.reconcile(module)
            for number in range(1, many + 1):
                gathered = places.gather(module.chain, ())
                places.save(module.chain, module.note(f"drill {number}", gathered), gathered)
        finally:
            places.close()

    def heads(self) -> Heads:
        """Say where the three places end; None for one that cannot be read."""
        return Heads(_unless_unreadable(self._memory_head), _unless_unreadable(self._store_head), self._copy_head())

    def open(self, asked: tuple[DeviceId, ...]) -> Reaction:
        """Open the engine as starting a ledger does, and see which meters it would serve: those asked for, and others.

        An error that is none of this package's is one of the engine, and goes on to the caller.
        """
        try:
            places = self.places()
        except IndiciumError as error:
            return Reaction((), error, None, {})
        try:
            module = self.power_up()
            if module.inhibition is not None:
                return Reaction((), module.inhibition, None, {})
            try:
                done = places.reconcile(module)
            except HeadsDisagree as why:
                return Reaction((), why, self._settable(places, module, why), {})
            if not module.chain:
                empty = MemoryNotAuthentic(path="the copy", why="it is empty, and the ledger is not")
                return Reaction((), empty, None, {})
            return Reaction(done, None, None, self._refused(module, asked))
        except IndiciumError as error:
            return Reaction((), error, None, {})
        finally:
            places.close()

    def records(self) -> Iterator[SealedRecord]:
        """Give the chain's records as the store holds them."""
        with Store.open(self.url) as store:
            yield from store.records(self.chain)

    def sealed_here(self) -> list[bytes]:
        """Give the records that were sealed in the drill: they bear its key."""
        mark = f'"key":"{self.actors.fingerprint}"'.encode()
        # A record's key stands before all that anybody wrote into it.
        return [record.line for record in self.records() if mark in record.line.partition(b',"software":')[0]]

    def _settable(self, places: Places, module: Rehearsal, why: HeadsDisagree) -> Head | None:
        """Find the record that disaster recovery would offer the officer; None where only a better copy helps."""
        try:
            seen = places.examine(module, partial(module.examine, why), why)
        except IndiciumError:
            return None
        return None if seen is None or seen.head == GENESIS else seen.head

    def _refused(self, module: Rehearsal, asked: tuple[DeviceId, ...]) -> dict[DeviceId, IndiciumError]:
        with Store.open(self.url) as store:
            others = (package.psd_id for package in store.packages() if is_home(package.moving, self.actors.serial))
            psd_ids = list(dict.fromkeys([*asked, *(psd_id for psd_id, _ in zip(others, range(_ASKED), strict=False))]))
            refused: dict[DeviceId, IndiciumError] = {}
            for batch in batches(psd_ids):
                gathered = store.gather(module.chain, batch, ())
                refused |= module.look_at(batch, gathered)
        return refused

    def _memory_head(self) -> Head | None:
        return self.power_up().head

    def _store_head(self) -> Head | None:
        with Store.open(self.url) as store:
            newest = store.head(self.chain)
        return GENESIS if newest is None else Head(newest.sequence, line_hash(newest.line))

    def _copy_head(self) -> Head | None:
        def read() -> Head | None:
            copy = AuditCopy.open(self.audit, self.actors.serial, self.chain, create=False)
            try:
                return copy.head()
            finally:
                copy.close()

        return _unless_unreadable(read)

    def _open_copy(self, chain: ChainId) -> AuditCopy:
        bounds = Bounds.of(self.actors.settings)
        return AuditCopy.open(self.audit, self.actors.serial, chain, bounds=bounds)


def is_home(moving: bytes, serial: Serial) -> bool:
    """Tell whether a package says that its meter is at home in a module."""
    try:
        return bool(orjson.loads(moving)["home"] == serial)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return True  # the module is to say what is wrong with it


def _unless_unreadable(read: Callable[[], Head | None]) -> Head | None:
    try:
        return read()
    except IndiciumError:
        return None
