"""Vault: one store with the modules that write to it, used as if they were one (A-21, N-17 … N-20).

A request goes to the module where its meter is at home. A meter that went elsewhere is followed, a hand-over that was
cut off is finished, and new meters are made where the least is to be done.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Protocol, Self

from indicium.app import Ledger, outcomes_of
from indicium.domain.commands.base import Command
from indicium.domain.commands.inquiries import VerifyIndicium
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import (
    BadSetting,
    BadValue,
    IndiciumError,
    LedgerExists,
    NotAtHome,
    NotTakenYet,
    UnknownCustomer,
)
from indicium.domain.fig6 import ModuleState
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties import attended, hand_over, joining
from indicium.parties.hand_over import HandedOver, Progress, nobody
from indicium.parties.leased import LeasedMeter
from indicium.parties.office import Office, kept
from indicium.projections import MeterRow, ModuleRow, Views
from indicium.settings import Settings

_ROUNDS: Final = 4
"""How often a request follows its meter before it is told where that went last."""

_BELIEFS: Final = 100_000
"""Of so many meters at most it is remembered where they are at home."""

_ANYWHERE: Final = (InitializePsd, VerifyIndicium)
"""Commands that name no meter, and that any module does."""

_LATEST: Final = 1000
"""So many of the newest records of each chain are looked at for meters that are still on their way."""


class Module(Protocol):
    """A module: a `Ledger` in this process, or the client of another process that runs it."""

    office: Office

    @property
    def settings(self) -> Settings:
        """The settings of its home."""

    @property
    def chain(self) -> ChainId:
        """The chain that it writes."""

    def execute(self, request: Command) -> bytes:
        """Do one request and give its reply."""

    def execute_all(self, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Do requests together; give each one's reply or error."""

    def submit(self, requests: Sequence[Command]) -> list["Future[bytes]"]:
        """Queue requests."""

    def close(self) -> None:
        """Let go of it."""


class Vault:
    """Some or all modules of one store. Use it as a context manager, or close it. Safe for many threads.

    Customers' files stay in the home where they leased; `meter` finds them there, wherever the meter is at home.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        """Take modules that are open already; they are closed with the vault. Finishes what hand-overs were cut off.

        Raises `BadSetting` where they write to different stores.
        """
        self._modules = {Serial(module.settings.serial): module for module in modules}
        self._load = dict.fromkeys(self._modules, 0)
        self._believed: dict[DeviceId, Serial] = {}
        self._lock = threading.Lock()
        self._closing = ExitStack()
        try:
            for module in modules:
                self._closing.callback(module.close)
            urls = {module.settings.store_url for module in modules}
            if len(urls) != 1 or len(self._modules) != len(modules):
                raise BadSetting(
                    name="store", why="modules of one vault have one store, and serial numbers of their own"
                )
            self._store = self._closing.enter_context(Store.open(urls.pop()))
            self._offices = {serial: module.office.reached_by(self.execute) for serial, module in self._modules.items()}
            self._finish_latest()
        except BaseException:
            self._closing.close()
            raise

    @classmethod
    def open(cls, homes: Iterable[Settings | Path | str], reach: Callable[[Settings], Module] = Ledger.open) -> Self:
        """Open the modules of homes. `reach` says how: in this process, or in those that run them.

        Raises what `reach` raises for any of them, with none left open.
        """
        with ExitStack() as opened:
            modules: list[Module] = []
            for home in homes:
                module = reach(home if isinstance(home, Settings) else Settings.read(home))
                opened.callback(module.close)
                modules.append(module)
            vault = cls(modules)
            opened.pop_all()
        return vault

    @classmethod
    def create(cls, folder: Path | str, serials: Sequence[str], store: str | None = None, **settings: object) -> Self:
        """Make a vault: a home in `folder` for each serial number, whose modules share one Master Key Set.

        Without a store they write to `vault.db` in the folder. What was interrupted is gone on with. Raises
        `LedgerExists` where all is there already.
        """
        folder = Path(folder).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        url = store or f"sqlite:///{folder / 'vault.db'}"
        wanted = [Settings.of(folder / serial, serial=serial, store=url, **settings) for serial in serials]
        made = [Home(each.home).audit_key(Serial(each.serial)).exists() for each in wanted]
        if all(made):
            raise LedgerExists(home=str(folder))
        first, *others = wanted
        with Ledger.open(first) if made[0] else Ledger.create(first) as ledger:
            for each, there in zip(others, made[1:], strict=True):
                if not there:
                    join(each, ledger).close()
        return cls.open(wanted)

    def __enter__(self) -> Self:
        """Return the open vault."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    @property
    def homes(self) -> Mapping[Serial, Module]:
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

    def lease(self, customer: str, license_zip: str) -> LeasedMeter:
        """Lease a meter to a customer where the least is to be done, or give the one that the customer has."""
        try:
            office = self._office_of(customer)
        except UnknownCustomer:
            serial = self._least_loaded()
            with self._working(serial):
                self._modules[serial].office.lease(customer, license_zip)
            office = self._offices[serial]
        return office.lease(customer, license_zip)

    def meter(self, customer: str) -> LeasedMeter:
        """Give the meter of a customer. Raises `UnknownCustomer`."""
        return self._office_of(customer).meter(customer)

    def meters(self) -> list[MeterRow]:
        """List the meters of the store with their registers, replayed up to the newest record."""
        return self._views().meters()

    def modules(self) -> list[ModuleRow]:
        """Give the module table (G4), replayed up to the newest record."""
        return self._views().modules()

    def home_of(self, psd_id: DeviceId) -> Serial:
        """Say where a meter is at home, as far as is known: its module may know better. Raises `NotAtHome`."""
        known = self._believed.get(psd_id)
        if known is None:
            package = self._store.package(psd_id)
            known = self._least_loaded() if package is None else hand_over.home_of(package)
            self._believe(psd_id, known)
        if known not in self._modules:
            raise NotAtHome(psd_id=psd_id, home=known)
        return known

    def move(self, psd_ids: Iterable[DeviceId], to: Serial, progress: Progress = nobody) -> HandedOver:
        """Hand meters over to a module, in groups; those that are there already count as moved.

        Raises `NotSaved` where a module's places failed: repeat it then.
        """
        ways: dict[Serial, list[DeviceId]] = {}
        for psd_id in psd_ids:
            ways.setdefault(self.home_of(psd_id), []).append(psd_id)
        moved, refused = len(ways.pop(to, ())), dict[DeviceId, str]()
        for serial, meters in ways.items():
            came = hand_over.hand_over(self._modules[serial], self._modules[to], meters, progress)
            moved, refused = moved + came.moved, refused | came.refused
            for psd_id in meters:
                self._believed.pop(psd_id, None)
        return HandedOver(moved, refused)

    def close(self) -> None:
        """Close the modules."""
        self._closing.close()

    def _ask(self, asked: Sequence[tuple[int, Command]], outcomes: list[bytes | IndiciumError]) -> None:
        """Have the modules work side by side, each on its own requests."""
        ways: dict[Serial, list[tuple[int, Command]]] = {}
        for place, request in asked:
            try:
                ways.setdefault(self._module_for(request), []).append((place, request))
            except (NotAtHome, BadValue) as error:
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
            package = self._store.package(DeviceId(outcome.psd_id))
            waiting = () if package is None else hand_over.on_their_way(self._store, [package])
            return hand_over.finish(self._modules, waiting, nobody).moved > 0
        return False

    def _finish_latest(self) -> None:
        """Finish hand-overs that were cut off just before; an older one, when its meter is asked for."""
        psd_ids: dict[DeviceId, None] = {}
        for module in self._modules.values():
            head = self._store.head(module.chain)
            after = 0 if head is None else max(0, head.sequence - _LATEST)
            for record in self._store.records(module.chain, after=after):
                if record.event == hand_over.GIVEN and record.psd_id is not None:
                    psd_ids[record.psd_id] = None
        packages = (package for psd_id in psd_ids if (package := self._store.package(psd_id)) is not None)
        hand_over.finish(self._modules, hand_over.on_their_way(self._store, packages), nobody)

    def _believe(self, psd_id: DeviceId, serial: Serial) -> None:
        with self._lock:
            if len(self._believed) >= _BELIEFS:
                self._believed.clear()
            self._believed[psd_id] = serial

    def _office_of(self, customer: str) -> Office:
        for serial, office in self._offices.items():
            if kept(Home(self._modules[serial].settings.home), customer) is not None:
                return office
        raise UnknownCustomer(customer=customer)

    def _least_loaded(self) -> Serial:
        """Name the module that has the least to do; of several the one with the fewest customers."""
        with self._lock:
            load = dict(self._load)
        return min(self._modules, key=lambda serial: (load[serial], sum(1 for _ in self._offices[serial].customers)))

    @contextmanager
    def _working(self, serial: Serial, requests: int = 1) -> Iterator[None]:
        with self._lock:
            self._load[serial] += requests
        try:
            yield
        finally:
            with self._lock:
                self._load[serial] -= requests

    def _views(self) -> Views:
        views = Views(self._store.engine)
        views.catch_up(self._store)
        return views


def join(settings: Settings, first: Ledger) -> Ledger:
    """Make a home with a module that shares the Master Key Set of one that is open, and open it.

    One that was cut off is reset, and begins anew. Raises `LedgerExists` where it is finished, `BadFile` where people
    hold the first one's ceremony: then they hold this one's, too.
    """
    home, serial = Home(settings.home), Serial(settings.serial)
    if home.audit_key(serial).exists():
        raise LedgerExists(home=str(settings.home))
    theirs = Home(first.settings.home)
    settings = settings.model_copy(update={"suite": first.settings.suite})
    ledger = Ledger.attend(settings) if home.device(serial).exists() else Ledger.install(settings, theirs.folder)
    try:
        if attended.progress(ledger).state is not ModuleState.UNINITIALIZED:
            ledger.reset()
        joining.share_parties(theirs, home)
        joining.join(ledger, first)
    except BaseException:
        ledger.close()
        raise
    return ledger
