"""Bringing an older store to a newer schema: all or nothing, one at a time, and never a byte of a record."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict, load_key, verify_rows
from indicium.domain.errors import SchemaIsNewer, SchemaIsOlder, StoreNotUsable
from indicium.domain.flow import SealedRecord
from indicium.infrastructure import migrations, revision
from indicium.infrastructure.schema import SCHEMA
from indicium.infrastructure.store import Store
from indicium.settings import Settings
from tests.app.homes import LETTER

NEWER = "9001"

SCRIPT = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEWER}"
down_revision = "{SCHEMA}"


def upgrade():
    op.add_column("packages", sa.Column("colour", sa.Text()))
    op.create_index("ix_packages_colour", "packages", ["colour"])
"""


FAILING = '    op.drop_column("nowhere", "colour")\n'


@pytest.fixture
def settings(tmp_path: Path, store_url: str) -> Settings:
    """A ledger with a few records, closed, made by the version of today."""
    settings = Settings.of(tmp_path / "home", store=store_url)
    with Ledger.create(settings) as ledger:
        meter = ledger.lease("Ada", "40505")
        meter.refill("10.00")
        meter.print("0.33", LETTER, "job-1")
    return settings


@pytest.fixture
def tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this the version of tomorrow, which knows one change more; gives the script of it."""
    folder = tmp_path / "versions"
    folder.mkdir()
    script = folder / "newer.py"
    script.write_text(SCRIPT)
    monkeypatch.setattr(migrations, "SCRIPTS", [*migrations.SCRIPTS, folder])
    monkeypatch.setattr(revision, "SCHEMA", NEWER)
    return script


def rows(url: str) -> list[SealedRecord]:
    with Store.open(url, read_only=True) as store:
        return [record for chain, _ in store.chains() for record in store.records(chain)]


def columns(store: Store) -> set[str]:
    return {column["name"] for column in inspect(store.engine).get_columns("packages")}


def test_an_upgraded_store_holds_the_same_records_byte_for_byte_and_goes_on(
    settings: Settings, request: pytest.FixtureRequest
) -> None:
    before = rows(settings.store_url)
    request.getfixturevalue("tomorrow")
    with pytest.raises(SchemaIsOlder, match=f"has schema {SCHEMA}, this version needs {NEWER}: run 'indicium store"):
        Store.open(settings.store_url)
    with pytest.raises(SchemaIsOlder):
        Ledger.open(settings)

    assert Store.upgrade(settings.store_url) == (SCHEMA, NEWER)

    assert rows(settings.store_url) == before
    with Ledger.open(settings) as ledger, Store.open(settings.store_url) as store:
        assert "colour" in columns(store)
        ledger.meter("Ada").print("0.33", LETTER, "job-2")
        key = load_key((settings.home / "keys" / f"{settings.serial}.audit.pem").read_bytes())
        report = verify_rows(store.records(ledger.chain), key)
    assert report.verdict is Verdict.PASS
    assert report.records == len(before) + 1


def test_an_upgraded_store_has_nothing_more_to_do(settings: Settings, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("tomorrow")

    with ThreadPoolExecutor() as two:
        done = sorted(two.map(Store.upgrade, [settings.store_url] * 2))

    assert done == [(SCHEMA, NEWER), (NEWER, NEWER)]


def test_a_step_that_fails_leaves_the_store_as_it_was(settings: Settings, request: pytest.FixtureRequest) -> None:
    script: Path = request.getfixturevalue("tomorrow")
    script.write_text(SCRIPT + FAILING)

    with pytest.raises(StoreNotUsable, match="nowhere"):
        Store.upgrade(settings.store_url)

    with pytest.raises(SchemaIsOlder):
        Store.open(settings.store_url)
    script.write_text(SCRIPT)
    assert Store.upgrade(settings.store_url) == (SCHEMA, NEWER)


def test_a_store_of_tomorrow_is_refused_today_and_never_taken_back(
    settings: Settings, tomorrow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tomorrow.exists()
    Store.upgrade(settings.store_url)
    monkeypatch.setattr(revision, "SCHEMA", SCHEMA)

    for attempt in (Store.open, Store.create, Store.upgrade):
        with pytest.raises(SchemaIsNewer, match=f"has schema {NEWER}, which this version does not know: upgrade"):
            attempt(settings.store_url)


def test_what_is_no_store_is_not_made_one_by_an_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()

    with pytest.raises(StoreNotUsable, match="is not a store of this program"):
        Store.upgrade(f"sqlite:///{path}")

    assert path.stat().st_size == 0
