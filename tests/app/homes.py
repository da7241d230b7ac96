"""Homes that tests begin from, and what must hold of a home after whatever befell it."""

import fcntl
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import make_url

from indicium.app import Ledger
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import Verdict, load_key, overall
from indicium.domain.flow import SealedRecord
from indicium.domain.kinds import Postage, postage
from indicium.entrypoints import audit
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties.payments import EmulatedCards
from indicium.projections import Views
from indicium.settings import Settings
from tests.postgres_server import Server

LETTER: Postage = postage("40505", "95567", "first-class letter", 1)
CUSTOMERS = ("Ada", "Ben", "Cy")
REFILL = 100_000
"""What each customer of a prepared home has in DR, in mills."""

ISSUED = ("indicium-created", "postage-correction-created", "refund-indicium-created", "sheet-created")
"""Events of which each has an item."""

SQLITE, POSTGRESQL = "sqlite", "postgresql"
on_both = pytest.mark.parametrize("home", [SQLITE, POSTGRESQL], indirect=True)
"""For tests in which the store has a say: once on each database."""


def make_leased(folder: Path, store: str = "ledger.db") -> None:
    """Make a ledger whose three customers have 100.00 each."""
    with Ledger.create(Settings.of(folder, store=store)) as ledger:
        for customer in CUSTOMERS:
            ledger.lease(customer, "40505").refill("100.00")


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Make a folder once for all workers of a test run, and give it: tests copy it, and leave it as it is."""
    base = factory.getbasetemp()
    # A worker's folder lies in the run's; without workers the run's is the only one.
    folder = (base.parent if base.name.startswith("popen-") else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            make(unfinished)
            unfinished.rename(folder)
    return folder


def copy_of(home: Path, to: Path) -> Path:
    """Copy a home: paths in it are relative."""
    return shutil.copytree(home, to)


_clones: list[str] = []


def clone_of(home: Path, to: Path) -> Path:
    """Copy a home together with its store, which may be a database of a server; nobody may have it open."""
    copy, store = copy_of(home, to), Settings.read(home).store
    if "://" in store:
        clone = Server.of(store).create(f"indicium_{uuid4().hex}", _database(store))
        _clones.append(clone)
        settings = copy / "indicium.toml"
        settings.write_text(settings.read_text().replace(store, clone))
    return copy


def drop_clones() -> None:
    """Drop the databases that clones of homes have."""
    while _clones:
        clone = _clones.pop()
        Server.of(clone).drop(_database(clone))


def _database(url: str) -> str:
    return str(make_url(url).database)


def put_back(home: Path, older: Path, *names: str) -> None:
    """Put files, folders or the store of an older copy in the place of a home's, as somebody with a backup would."""
    store = Settings.read(home).store
    for name in names:
        if name == STORE and "://" in store:
            Server.of(store).replace(_database(store), _database(Settings.read(older).store))
            continue
        for path in home.glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in older.glob(f"{name}*"):
            to = home / path.relative_to(older)
            shutil.copytree(path, to) if path.is_dir() else shutil.copy2(path, to)


MEMORY = "modules/34576590.memory"
STORE = "ledger.db"
COPY = "audit"


def audit_file(home: Path) -> Path:
    """Give the audit copy of a home with one chain."""
    (found,) = (home / "audit").glob("*.audit")
    return found


def rows_of(home: Path) -> list[SealedRecord]:
    """Read all rows of a home's store."""
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        return [record for chain, _ in store.chains() for record in store.records(chain)]


def data_of(record: SealedRecord) -> dict[str, Any]:
    """Read what a record's event says."""
    data: dict[str, Any] = orjson.loads(record.line.partition(b"\t")[0])["data"]
    return data


def discarded(recovery: SealedRecord) -> list[int]:
    """Give the sequence numbers that a record of a recovery names, their hashes being right."""
    return [entry["sequence"] for entry in data_of(recovery)["discarded"]]


def issued(home: Path) -> dict[tuple[str, str], int]:
    """Give the value of each item that stands in the store, by meter and request id; each may stand there once."""
    found: dict[tuple[str, str], int] = {}
    for row in rows_of(home):
        if row.event in ISSUED and row.psd_id is not None:
            data = data_of(row)
            key = (row.psd_id, data["request"])
            assert key not in found
            found[key] = data["vbi"]["value"]
    return found


def paid_by(home: Path, customer: str) -> int:
    """Give what a customer has paid at the emulated card service, less what went back, in mills."""
    with EmulatedCards(home / "cards" / "cards.db") as cards:
        return cards.paid_by(customer)


def assert_whole(home: Path, spent: Mapping[str, int] | None = None) -> None:
    """Demand that a closed home is in order, and that each customer has spent what `spent` says, in mills.

    Every chain verifies in the copy, the newest in the store too, both hold the same bytes, no meter moved without a
    record, and the views are what a replay gives.
    """
    settings = Settings.read(home)
    key = load_key(Home(home).public(f"{settings.serial}.audit.pem"))
    with Store.open(settings.store_url) as store:
        for chain, _ in store.chains():
            rows = list(store.records(chain))
            copy = (home / "audit" / f"{settings.serial}-{chain}.audit").read_bytes()
            assert copy == b"".join(row.line + b"\n" for row in rows)
        newest, _ = store.chains()[-1]
        assert verify_rows(store.records(newest), key).verdict is Verdict.PASS
        views = Views(store.engine)
        views.catch_up(store)
        assert views.check(store) == []
        meters = views.meters()
        assert sum(meter.ar for meter in meters) == sum(issued(home).values())
        totals = [module.totals for module in views.modules() if module.chain == newest]
        assert totals[0].printed + totals[0].refunded == sum(meter.ar for meter in meters)
    assert overall(audit.verify(str(home), [], None, lambda _done, _all: None)) is Verdict.PASS
    if spent is not None:
        assert {meter.customer: meter.ar for meter in meters if meter.ar} == spent
