"""Vault: one store with the modules that write to it, used as if they were one (A-21, N-17 … N-20).

A request goes to the module where its meter is at home. A meter that went elsewhere is followed, a hand-over that was
cut off is finished, and new meters are made where the least is to be done.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from indicium.app import Ledger
from indicium.domain.errors import BadSetting, LedgerExists, UnknownCustomer
from indicium.domain.fig6 import ModuleState
from indicium.domain.identity import Serial
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties import attended, joining
from indicium.parties.leased import LeasedMeter
from indicium.parties.office import Office, kept
from indicium.projections import MeterRow, ModuleRow, Views
from indicium.routing import Routed, Router
from indicium.settings import Settings


class Module(Routed, Protocol):
    """A module: a `Ledger` in this process, or the client of another process that runs it."""

    office: Office

    @property
    def settings(self) -> Settings:
        """The settings of its home."""

    def close(self) -> None:
        """Let go of it."""


class Vault(Router[Module]):
    """Some or all modules of one store. Use it as a context manager, or close it. Safe for many threads.

    Customers' files stay in the home where they leased; `meter` finds them there, wherever the meter is at home.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        """Take modules that are open already; they are closed with the vault. Finishes what hand-overs were cut off.

        Raises `BadSetting` where they write to different stores.
        """
        by_serial = {Serial(module.settings.serial): module for module in modules}
        self._closing = ExitStack()
        try:
            for module in modules:
                self._closing.callback(module.close)
            urls = {module.settings.store_url for module in modules}
            if len(urls) != 1 or len(by_serial) != len(modules):
                raise BadSetting(
                    name="store", why="modules of one vault have one store, and serial numbers of their own"
                )
            self._store: Store = self._closing.enter_context(Store.open(urls.pop()))
            self._offices = {serial: module.office.reached_by(self.execute) for serial, module in by_serial.items()}
            super().__init__(by_serial, self._store)
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

    def close(self) -> None:
        """Close the modules."""
        self._closing.close()

    def _office_of(self, customer: str) -> Office:
        for serial, office in self._offices.items():
            if kept(Home(self._modules[serial].settings.home), customer) is not None:
                return office
        raise UnknownCustomer(customer=customer)

    def _customers_of(self, serial: Serial) -> int:
        return sum(1 for _ in self._offices[serial].customers)

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
