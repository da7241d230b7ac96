"""Bringing an older store to a newer schema: all or nothing, one at a time, and never a byte of a record."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert, inspect, select, text

from indicium.app import Ledger
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import Verdict, load_key
from indicium.domain.errors import RecordConflict, SchemaIsNewer, SchemaIsOlder, StoreNotUsable
from indicium.domain.flow import Changes, FailedModule, SealedRecord
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.redating import Redating
from indicium.infrastructure import migrations, revision
from indicium.infrastructure.schema import SCHEMA, metadata, records
from indicium.infrastructure.store import Store, _database
from indicium.settings import Settings
from tests.app.homes import LETTER
from tests.postgres_server import Server

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


def of_revision(url: str, revision: str, like: str) -> None:
    """Make a store as it was in an older version, with the rows of another."""
    with (
        closing(_database(url, create=True)) as old,
        Store.open(like) as new,
        new.engine.connect() as reader,
        old.alone() as connection,
    ):
        migrations.migrate(connection, revision)
        for table in metadata.sorted_tables:
            if rows := reader.execute(select(table)).mappings().all():
                connection.execute(insert(table), [dict(row) for row in rows])
        if connection.dialect.name == "postgresql":  # positions that are given are not drawn
            connection.execute(text("SELECT setval('records_position_seq', max(position)) FROM records"))


def numbered_rows(url: str) -> list[object]:
    with Store.open(url) as store, store.engine.connect() as connection:
        return list(connection.execute(select(records).order_by(records.c.position)))


@pytest.fixture
def older_url(store_url: str, tmp_path: Path, postgres: Server) -> Iterator[str]:
    if store_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'older.db'}"
    else:
        name = f"indicium_{uuid4().hex}"
        yield postgres.create(name)
        postgres.drop(name)


@pytest.mark.parametrize("older", ["0001", "0002", "0003"])
def test_a_store_of_an_earlier_version_is_upgraded_to_this_one(settings: Settings, older_url: str, older: str) -> None:
    before = numbered_rows(settings.store_url)
    of_revision(older_url, older, settings.store_url)

    assert Store.upgrade(older_url) == (older, SCHEMA)

    assert numbered_rows(older_url) == before
    with Ledger.open(settings.model_copy(update={"store": older_url})) as ledger, Store.open(older_url) as store:
        device = ledger.meter("Ada").print("0.33", LETTER, "job-2").reply.psd
        note = Redating(device, "a", "f" * 64, "2026-03-05", "2026-03-02T09:00:00.000000Z")
        assert store.keep_redating(note) == store.redating(device, "a") == note  # what 0003 brought
        assert store.redatings("f" * 64) == [note]
        failed = FailedModule(Serial("7"), b"a notice", b"its MAC")
        store.save(Changes((), failed=[failed]))
        assert store.failed_modules() == [failed]  # what 0004 brought
        store.save(Changes((), failed=[failed._replace(notice=b"another")]))
        assert store.failed_modules() == [failed._replace(notice=b"another")]
        assert [record.psd_version for record in store.of_meter(DeviceId(device))] == list(range(1, 8))
        newest = next(reversed(list(store.records(ledger.chain))))
        with pytest.raises(RecordConflict, match="uq_records_psd_version_psd_id"):
            store.save(Changes([newest._replace(sequence=newest.sequence + 1)]))


def test_what_is_no_store_is_not_made_one_by_an_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()

    with pytest.raises(StoreNotUsable, match="is not a store of this program"):
        Store.upgrade(f"sqlite:///{path}")

    assert path.stat().st_size == 0
