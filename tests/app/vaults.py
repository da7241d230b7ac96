"""Vaults of several modules that share their keys, and what must hold of one after whatever befell it."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import orjson
from sqlalchemy import make_url

from indicium.app import Ledger
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import Verdict, load_key, overall
from indicium.domain.errors import ChallengeMismatch, ClientHasSeenOther, NotAtHome, NotTakenYet
from indicium.domain.identity import Serial
from indicium.entrypoints import audit
from indicium.infrastructure import membership
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.projections import Views
from indicium.projections.combined import combination
from indicium.settings import SETTINGS_FILE, Settings
from indicium.vault import Vault
from tests.app.homes import LETTER
from tests.postgres_server import Server

SERIALS = ("1", "2", "3")
CUSTOMERS = ("Ada", "Ben", "Cy", "Dan", "Eve", "Fay")
REFILL = 100_000
"""What each customer of a prepared vault has in DR, in mills."""


def make_vault(folder: Path, store: str | None = None) -> None:
    """Make a vault of three modules, with two customers at each who have 100.00."""
    with Vault.create(folder, SERIALS, store) as vault:
        for customer in CUSTOMERS:
            vault.lease(customer, "40505").refill("100.00")


class Homes(NamedTuple):
    """The homes of a copied vault."""

    folder: Path

    def __getitem__(self, serial: str) -> Path:  # type: ignore[override]  # by serial number
        return self.folder / serial

    @property
    def all(self) -> list[Path]:
        """Give them in the order of the serial numbers."""
        return [self.folder / serial for serial in SERIALS]

    @property
    def store(self) -> str:
        """The URL of the store."""
        return Settings.read(self.folder / SERIALS[0]).store

    def open(self) -> Vault:
        """Open all modules in this process."""
        return Vault.open(self.all)


def copy_of(vault: Path, to: Path) -> Homes:
    """Copy a vault with its store; nobody may have it open."""
    shutil.copytree(vault, to)
    store = Settings.read(to / SERIALS[0]).store
    if store.startswith("sqlite"):
        clone = f"sqlite:///{to / 'vault.db'}"
    else:
        clone = Server.of(store).create(f"indicium_{uuid4().hex}", str(make_url(store).database))
    for serial in SERIALS:
        settings = to / serial / SETTINGS_FILE
        settings.write_text(settings.read_text().replace(store, clone))
    return Homes(to)


def put_store_back(homes: Homes, older: Homes) -> None:
    """Put the store of an older copy in the place of a vault's."""
    if not homes.store.startswith("sqlite"):
        Server.of(homes.store).replace(str(make_url(homes.store).database), str(make_url(older.store).database))
        return
    for path in homes.folder.glob("vault.db*"):
        path.unlink()
    for path in older.folder.glob("vault.db*"):
        shutil.copy2(path, homes.folder)


def drop(homes: Homes) -> None:
    """Drop the database of a copy that has one."""
    if not homes.store.startswith("sqlite"):
        Server.of(homes.store).drop(str(make_url(homes.store).database))


def homes_of_meters(store: Store) -> dict[str, str]:
    """Say of each meter where the store has it at home."""
    return {package.psd_id: str(orjson.loads(package.moving)["home"]) for package in store.packages()}


def assert_whole(homes: Iterable[Path], scratch: Path, *, ended: Sequence[Path] = ()) -> None:
    """Demand that chains verify, views are a replay, chains combined tell one story, and each meter has one home.

    `ended`: homes of modules whose chain was closed; nobody opens them any more.
    """
    folders = list(homes)
    url = Settings.read(folders[0]).store_url
    with Store.open(url) as store:
        newest = {}
        for home in folders:
            settings = Settings.read(home)
            with Ledger.open(home) as ledger:
                newest[settings.serial] = ledger.chain
                known = ledger._module._core.inner
                assert known is not None
                here = {psd_id: row.version for psd_id, row in known.meters.items() if row.at_home}
            said = {package.psd_id: package.version for package in store.packages()}
            at_home = homes_of_meters(store)
            assert here == {psd_id: said[psd_id] for psd_id in said if at_home[psd_id] == settings.serial}
        for member in membership.members(store):
            newest.setdefault(member.serial, member.chain)
        for home in (*folders, *ended):
            serial = Serial(Settings.read(home).serial)
            key = load_key(Home(home).public(f"{serial}.audit.pem"))
            assert verify_rows(store.records(newest[serial]), key).verdict is Verdict.PASS
            assert overall(audit.verify(str(home), [], None, lambda _done, _all: None)) is Verdict.PASS
        views = Views(store.engine)
        views.catch_up(store)
        assert views.check(store) == []
        assert_totals(views)
        with combination(scratch / "combined.db") as combined:
            for chain in newest.values():
                combined.add([record.line for record in store.records(chain)])
            assert list(combined.findings()) == []


def assert_totals(views: Views) -> None:
    """Demand that what all modules moved is what all meters hold (Y-30)."""
    meters, modules = views.meters(), views.modules()
    assert sum(row.ar for row in meters) == sum(row.totals.printed + row.totals.refunded for row in modules)
    assert sum(row.dr for row in meters) == sum(
        row.totals.downloaded - row.totals.printed - row.totals.refunded for row in modules
    )


def print_until_done(vault: Vault, customer: str, request_id: str) -> None:
    """Print an item, again and again where the meter moves just then: its challenge is another one each time."""
    while True:
        try:
            vault.meter(customer).print("0.33", LETTER, request_id)
        except (ChallengeMismatch, ClientHasSeenOther, NotAtHome, NotTakenYet):
            continue
        return
