"""Opening a store: what is one, what is not, and what would not survive a power loss."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from indicium.domain.errors import (
    Misconfigured,
    SchemaIsNewer,
    SchemaIsOlder,
    StoreFailed,
    StoreMissing,
    StoreNotUsable,
    UnsafeStore,
)
from indicium.domain.flow import Changes, SealedRecord
from indicium.domain.identity import ChainId
from indicium.infrastructure.schema import SCHEMA, VERSION_TABLE, metadata
from indicium.infrastructure.sqlite import Sqlite, demand_full_syncing, use_write_ahead_log
from indicium.infrastructure.store import Store
from tests.infrastructure import children

CHAIN = ChainId("c" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def url(path: Path) -> str:
    return f"sqlite:///{quote(str(path))}"


def made(path: Path) -> Path:
    with Store.create(url(path)) as store:
        store.save(Changes([SealedRecord(CHAIN, 1, "made", b"record", None, None)]))
    return path


def refused(path: Path, kind: type[Misconfigured] = StoreNotUsable, *, read_only: bool = False) -> str:
    with pytest.raises(kind) as caught:
        Store.open(url(path), read_only=read_only)
    return str(caught.value)


def stamp(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE indicium_schema SET version_num = ?", (revision,))


def foreign(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    return path.read_bytes()


def test_a_store_that_was_made_can_be_opened(path: Path) -> None:
    made(path)

    with Store.open(url(path)) as store:
        assert store.url == url(path)
        assert store.chains() == [(CHAIN, 1)]


def test_making_a_store_again_keeps_what_is_in_it(path: Path) -> None:
    with Store.create(url(made(path))) as store:
        assert store.chains() == [(CHAIN, 1)]


def test_an_empty_file_that_a_crash_left_becomes_a_store(path: Path) -> None:
    path.touch()

    with Store.create(url(path)) as store:
        assert store.chains() == []


def test_a_store_that_is_not_there_is_missing_and_is_not_made(path: Path) -> None:
    assert refused(path, StoreMissing).startswith(f"There is no store at {path}: put its newest copy back.")
    assert refused(path, StoreMissing, read_only=True).startswith(f"There is no store at {path}: ")
    assert not path.exists()


def test_an_older_schema_is_refused_with_the_command_that_upgrades_it(path: Path) -> None:
    stamp(made(path), "0000")

    assert refused(path, SchemaIsOlder) == (
        f"The store has schema 0000, this version needs {SCHEMA}: run 'indicium store upgrade'."
    )
    with pytest.raises(SchemaIsOlder):
        Store.create(url(path))


@pytest.mark.parametrize("revision", ["9999", "00010", "0000ea83b712"])
def test_a_newer_schema_is_refused(path: Path, revision: str) -> None:
    stamp(made(path), revision)

    assert revision in refused(path, SchemaIsNewer)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no database", b"SQLite format 3\x00" + bytes(100)])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    for read_only in (False, True):
        assert str(path) in refused(path, read_only=read_only)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    before = foreign(path)

    assert "not a store of this program" in refused(path)
    with pytest.raises(StoreNotUsable, match="another program's tables: recipes"):
        Store.create(url(path))
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["ledger.db"]


def test_a_stamp_without_a_version_is_no_store(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE indicium_schema (something TEXT)")

    assert "no such column" in refused(path)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    for read_only in (False, True):
        assert f"{tmp_path} is a folder" in refused(tmp_path, read_only=read_only)


def test_a_store_in_a_folder_that_is_not_there_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreNotUsable, match="unable to open"):
        Store.create(url(tmp_path / "nowhere" / "ledger.db"))


@pytest.mark.parametrize("bad", ["", "no url", "mysql://localhost/x", "sqlite:///ledger.db?mode=memory"])
def test_what_is_no_url_of_a_store_is_refused(bad: str) -> None:
    with pytest.raises(StoreNotUsable):
        Store.open(bad)


def test_no_password_of_a_url_is_repeated() -> None:
    with pytest.raises(StoreNotUsable) as caught:
        Store.open("mysql://clerk:hunter2@localhost/x")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["a b.db", "50%25.db", "ä.db", "a#b.db", "a&b=c.db", "a?b.db"])
def test_a_store_may_have_any_name(tmp_path: Path, name: str) -> None:
    made(tmp_path / name)

    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_the_write_ahead_log_and_full_syncing_are_on_in_every_connection(path: Path) -> None:
    made(path)
    with Store.open(url(path)) as store, store.engine.connect() as one, store.engine.connect() as two:
        for connection in (one, two):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_a_store_whose_log_was_turned_off_gets_it_back(path: Path) -> None:
    with closing(sqlite3.connect(made(path))) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)

    Store.open(url(path)).close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_database_that_cannot_keep_a_write_ahead_log_is_unsafe() -> None:
    with (
        closing(Sqlite(make_url("sqlite://"))) as database,
        pytest.raises(UnsafeStore, match="journal_mode is memory, it must be wal"),
    ):
        use_write_ahead_log(database.engine)


@pytest.mark.parametrize("level", ["OFF", "NORMAL"])
def test_a_connection_that_syncs_less_is_unsafe(path: Path, level: str) -> None:
    with closing(sqlite3.connect(made(path))) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        demand_full_syncing(connection)
        connection.execute(f"PRAGMA synchronous = {level}")
        with pytest.raises(UnsafeStore, match="synchronous is"):
            demand_full_syncing(connection)


def test_a_new_store_has_large_pages(path: Path) -> None:
    with closing(sqlite3.connect(made(path))) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (8192,)


def test_the_scripts_make_the_tables_that_the_code_knows(path: Path) -> None:
    with Store.create(url(path)) as store, store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "target_metadata": metadata, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
        assert context.get_current_heads() == (SCHEMA,)


def test_there_is_one_newest_script_and_the_code_asks_for_it() -> None:
    config = Config()
    config.set_main_option("script_location", "indicium.infrastructure:migrations")

    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_several_processes_may_make_one_store_at_once(path: Path) -> None:
    code = "import sys; from indicium.infrastructure.store import Store; Store.create(sys.argv[1]).close()"
    makers = [children.start(code, url(path)) for _ in range(3)]

    for maker in makers:
        _, err = maker.communicate(timeout=60)
        assert maker.returncode == 0, err
    with Store.open(url(path)) as store:
        assert store.chains() == []


def test_reading_only_writes_nothing_and_sees_what_another_process_saves(path: Path) -> None:
    with Store.open(url(made(path))) as writer, Store.open(url(path), read_only=True) as reader:
        writer.save(Changes([SealedRecord(CHAIN, 2, "made", b"record", None, None)]))

        assert reader.chains() == [(CHAIN, 2)]
        with pytest.raises(StoreFailed, match="readonly database"):
            reader.save(Changes([SealedRecord(CHAIN, 3, "made", b"record", None, None)]))


READER = """
import os, sys
from indicium.domain.errors import StoreNotUsable
from indicium.infrastructure.store import Store

if os.getuid() == 0:
    os.setuid(65534)  # for root no folder is read-only
try:
    with Store.open(sys.argv[1], read_only=sys.argv[2] == "reading") as store:
        print([(each.sequence, each.line) for chain, _ in store.chains() for each in store.records(chain)])
except StoreNotUsable as error:
    print(error)
"""


@pytest.fixture
def sealed_folder() -> Iterator[Path]:
    """Give a folder that anybody may read, and that nobody may write to once it is `0o555`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_copy_in_a_read_only_folder_can_be_read_and_not_opened_for_writing(sealed_folder: Path) -> None:
    path = made(sealed_folder / "ledger.db")
    path.chmod(0o444)
    sealed_folder.chmod(0o555)

    assert children.run(READER, url(path), "reading") == ["[(1, b'record')]"]
    assert children.run(READER, url(path), "writing") == [f"The store cannot be used: {path} is write-protected."]
    assert list(sealed_folder.iterdir()) == [path]


def test_a_copy_whose_newest_records_are_still_in_the_log_is_not_read_without_them(
    tmp_path: Path, sealed_folder: Path
) -> None:
    with Store.open(url(made(tmp_path / "ledger.db"))) as store:
        store.save(Changes([SealedRecord(CHAIN, 2, "made", b"newest", None, None)]))
        for name in ("ledger.db", "ledger.db-wal"):
            shutil.copy(tmp_path / name, sealed_folder / name)
    sealed_folder.chmod(0o555)

    path = sealed_folder / "ledger.db"
    assert children.run(READER, url(path), "reading") == [
        f"The store cannot be used: {path}: unable to open database file."
    ]
