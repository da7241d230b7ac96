"""Router: requests find the module of a vault where their meter is at home (A-21, N-17 … N-20).

A meter that went elsewhere is followed, and a hand-over that was cut off is finished. It needs the modules and their
store, and knows nothing of homes: what lies there is the vault's.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Final, Generic, Protocol, TypeVar

from indicium.app import outcomes_of
from indicium.domain.commands.base import Command
from indicium.domain.commands.inquiries import VerifyIndicium
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import BadValue, IndiciumError, NotAtHome, NotTakenYet, PackageNotAuthentic
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.infrastructure.packages import home_of
from indicium.infrastructure.ports import RecordStore
from indicium.parties import hand_over
from indicium.parties.hand_over import HandedOver, Progress, nobody

_ROUNDS: Final = 4
"""How often a request follows its meter before it is told where that went last."""

_BELIEFS: Final = 100_000
"""Of so many meters at most it is remembered where they are at home."""

_ANYWHERE: Final = (InitializePsd, VerifyIndicium)
"""Commands that name no meter, and that any module does."""

_LATEST: Final = 1000
"""So many of the newest records of each chain are looked at for meters that are still on their way."""


class Routed(Protocol):
    """A module that requests are brought to."""

    @property
    def chain(self) -> ChainId:
        """The chain that it writes."""

    def execute(self, request: Command) -> bytes:
        """Do one request and give its reply."""

    def execute_all(self, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Do requests together; give each one's reply or error."""

    def submit(self, requests: Sequence[Command]) -> list["Future[bytes]"]:
        """Queue requests."""


_Module = TypeVar("_Module", bound=Routed)


class Router(Generic[_Module]):
    """Some or all modules of one store, used as if they were one. Safe for many threads."""

    def __init__(self, modules: Mapping[Serial, _Module], store: RecordStore) -> None:
        """Take modules that are open already. Finishes the hand-overs among them that were just cut off."""
        self._modules, self._store = dict(modules), store
        self._load = dict.fromkeys(self._modules, 0)
        self._believed: dict[DeviceId, Serial] = {}
        self._lock = threading.Lock()
        self._finish_latest()

    @property
    def homes(self) -> Mapping[Serial, _Module]:
        """The modules by their serial numbers, for what is asked of one of them."""
        return MappingProxyType(self._modules)

    def execute(self, request: Command) -> bytes:
        """Do one request at its meter's home and give its reply. Raises what the module refuses, or `NotSaved`."""
        (outcome,) = self.execute_all([request])
        if isinstance(outcome, IndiciumError):
            raise outcome
        return outcome

    def execute_all(self, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Do requests, each at its meter's home; give each one's reply or error.

        Those of one meter are done in this order, unless it is moved just now.
        """
        outcomes: list[bytes | IndiciumError] = [b""] * len(requests)
        left = list(range(len(requests)))
        for _ in range(_ROUNDS):
            self._ask([(place, requests[place]) for place in left], outcomes)
            left = [place for place in left if self._followed(outcomes[place])]
            if not left:
                break
        return outcomes

    def home_of(self, psd_id: DeviceId) -> Serial:
        """Say where a meter is at home, as far as is known: its module may know better.

        Raises `NotAtHome` where it is none of these, `PackageNotAuthentic` where nobody can tell.
        """
        known = self._believed.get(psd_id)
        if known is None:
            package = self._store.package(psd_id)
            known = self._least_loaded() if package is None else home_of(package)
            self._believe(psd_id, known)
        if known not in self._modules:
            raise NotAtHome(psd_id=psd_id, home=known)
        return known

    def move(self, psd_ids: Iterable[DeviceId], to: Serial, progress: Progress = nobody) -> HandedOver:
        """Hand meters over to a module, in groups; those that are there already count as moved.

        One that was on its way arrives there first. Raises `NotSaved` where a module's places failed: repeat it then.
        """
        asked = list(psd_ids)
        self._finish(asked)
        ways: dict[Serial, list[DeviceId]] = {}
        for psd_id in asked:
            self._believed.pop(psd_id, None)  # somebody else may have moved it
            ways.setdefault(self.home_of(psd_id), []).append(psd_id)
        moved, refused = len(ways.pop(to, ())), dict[DeviceId, str]()
        for serial, meters in ways.items():
            came = hand_over.hand_over(self._modules[serial], self._modules[to], meters, progress)
            moved, refused = moved + came.moved, refused | came.refused
            for psd_id in meters:
                self._believed.pop(psd_id, None)
        return HandedOver(moved, refused)

    def _customers_of(self, _serial: Serial) -> int:
        """Count the customers of a module, by which those with as little to do differ; nobody knows of any here."""
        return 0

    def _ask(self, asked: Sequence[tuple[int, Command]], outcomes: list[bytes | IndiciumError]) -> None:
        """Have the modules work side by side, each on its own requests."""
        ways: dict[Serial, list[tuple[int, Command]]] = {}
        for place, request in asked:
            try:
                ways.setdefault(self._module_for(request), []).append((place, request))
            except (NotAtHome, PackageNotAuthentic, BadValue) as error:
                outcomes[place] = error
        with ExitStack() as working:
            waiting: list[tuple[list[int], list[Future[bytes]]]] = []
            for serial, numbered in ways.items():
                working.enter_context(self._working(serial, len(numbered)))
                futures = self._modules[serial].submit([request for _, request in numbered])
                waiting.append(([place for place, _ in numbered], futures))
            for places, futures in waiting:
                for place, outcome in zip(places, outcomes_of(futures), strict=True):
                    outcomes[place] = outcome

    def _module_for(self, request: Command) -> Serial:
        psd_id = getattr(request, "psd_id", None)
        if psd_id is not None:
            return self.home_of(psd_id)
        if isinstance(request, _ANYWHERE):
            return self._least_loaded()
        raise BadValue(field=type(request).__name__, why="it is for one module: ask that one, as homes[SERIAL]")

    def _followed(self, outcome: bytes | IndiciumError) -> bool:
        """Say whether a request is to be asked again, for its meter is elsewhere, or has arrived just now."""
        if isinstance(outcome, NotAtHome):
            psd_id, home = DeviceId(outcome.psd_id), Serial(outcome.home)
            self._believe(psd_id, home)
            return home in self._modules
        if isinstance(outcome, NotTakenYet):
            return self._finish([DeviceId(outcome.psd_id)]) > 0
        return False

    def _finish(self, psd_ids: Iterable[DeviceId]) -> int:
        """Finish the hand-overs of meters that were cut off; give how many arrived."""
        packages = (package for psd_id in psd_ids if (package := self._store.package(psd_id)) is not None)
        return hand_over.finish(self._modules, hand_over.on_their_way(self._store, packages), nobody).moved

    def _finish_latest(self) -> None:
        """Finish hand-overs that were cut off just before; an older one, when its meter is asked for."""
        psd_ids: dict[DeviceId, None] = {}
        for module in self._modules.values():
            head = self._store.head(module.chain)
            after = 0 if head is None else max(0, head.sequence - _LATEST)
            for record in self._store.records(module.chain, after=after):
                if record.event == hand_over.GIVEN and record.psd_id is not None:
                    psd_ids[record.psd_id] = None
        self._finish(psd_ids)

    def _believe(self, psd_id: DeviceId, serial: Serial) -> None:
        with self._lock:
            if len(self._believed) >= _BELIEFS:
                self._believed.clear()
            self._believed[psd_id] = serial

    def _least_loaded(self) -> Serial:
        """Name the module that has the least to do; of several the one with the fewest customers."""
        with self._lock:
            load = dict(self._load)
        return min(self._modules, key=lambda serial: (load[serial], self._customers_of(serial)))

    @contextmanager
    def _working(self, serial: Serial, requests: int = 1) -> Iterator[None]:
        with self._lock:
            self._load[serial] += requests
        try:
            yield
        finally:
            with self._lock:
                self._load[serial] -= requests
