"""A copy of one moment: taken while others write, and without a trace."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from indicium.cryptomodule.ports import MemoryUpdate
from indicium.domain.errors import BadFile, LedgerMissing, MemoryOfOtherVersion, NoQuietMoment
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.home import Home
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.moment import Moment, copy_store, memory_in, take
from indicium.infrastructure.segments import open_file
from indicium.infrastructure.store import Store
from indicium.settings import Settings

CHAIN = ChainId("a" * 32)
SERIAL = Serial("7")
SHORT_SECONDS = 0.2


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with an empty store, a memory that says record 0, and two lines in its copy."""
    settings = Settings.of(tmp_path / "home", serial=SERIAL)
    home = Home(settings.home)
    home.make(settings)
    Store.create(settings.store_url).close()
    memory = MemoryFile(home.memory(SERIAL))
    memory.write(MemoryUpdate(hot(0), None, b"cold"))
    memory.close()
    open_file(home.audit, SERIAL, CHAIN).write_bytes(b"one\ntwo\n")
    return settings


def hot(sequence: int) -> bytes:
    return orjson.dumps([CHAIN, sequence])


def said(content: bytes) -> tuple[str, Head]:
    chain, sequence = orjson.loads(content)
    return chain, Head(sequence, "")


def taken(settings: Settings, to: Path, what: Callable[[bytes], tuple[str, Head]] = said) -> Moment:
    audit = to / "audit"
    audit.mkdir(parents=True)
    home = Home(settings.home)
    return take(home, SERIAL, settings.store_url, what, to / "ledger.db", audit, SHORT_SECONDS)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_ledger_that_nobody_has_open_gets_no_files_beside_its_own(settings: Settings, tmp_path: Path) -> None:
    before = names(settings.home)
    moment = taken(settings, tmp_path / "to")
    assert (moment.chain, moment.memory.hot, moment.at_rest) == (CHAIN, hot(0), False)  # the store has no record yet
    assert names(settings.home) == before
    assert (tmp_path / "to" / "audit" / f"7-{CHAIN}.audit").read_bytes() == b"one\ntwo\n"
    Store.open(f"sqlite:///{tmp_path / 'to' / 'ledger.db'}").close()


def test_what_is_written_meanwhile_is_not_in_the_copy(settings: Settings, tmp_path: Path) -> None:
    copy = open_file(Home(settings.home).audit, SERIAL, CHAIN)
    memory = MemoryFile(Home(settings.home).memory(SERIAL))
    tries: list[bytes] = []

    def said_late(content: bytes) -> tuple[str, Head]:
        tries.append(content)
        if len(tries) == 1:  # a group comes in between
            memory.write(MemoryUpdate(hot(1), None))
            copy.write_bytes(b"one\ntwo\nthree\n")
        return said(content)

    moment = taken(settings, tmp_path / "to", said_late)
    memory.close()
    assert tries[:2] == [hot(0), hot(1)]
    assert moment.memory.hot == hot(1)
    assert (tmp_path / "to" / "audit" / copy.name).read_bytes() == b"one\ntwo\nthree\n"


def test_a_memory_that_is_written_without_a_pause_has_no_moment(settings: Settings, tmp_path: Path) -> None:
    memory = MemoryFile(Home(settings.home).memory(SERIAL))
    written = 0

    def said_never(content: bytes) -> tuple[str, Head]:
        nonlocal written
        written += 1
        memory.write(MemoryUpdate(hot(written), None))
        return said(content)

    with pytest.raises(NoQuietMoment, match="wrote without a pause"):
        taken(settings, tmp_path / "to", said_never)
    memory.close()
    assert not (tmp_path / "to" / "ledger.db").exists()


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerMissing):
        copy_store(f"sqlite:///{tmp_path / 'nowhere.db'}", tmp_path / "copy.db")
    with pytest.raises(BadFile, match="No such file"):
        memory_in(tmp_path / "nowhere.memory")
    (tmp_path / "text").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(BadFile, match="not a database"):
        memory_in(tmp_path / "text")


def test_a_memory_of_another_version_is_refused_as_that(settings: Settings, tmp_path: Path) -> None:
    path = Home(settings.home).memory(SERIAL)
    with closing(sqlite3.connect(path)) as memory:
        memory.execute("PRAGMA user_version = 2")
    for read in (lambda: memory_in(path), lambda: taken(settings, tmp_path / "to")):
        with pytest.raises(MemoryOfOtherVersion, match="has form 2"):
            read()


def test_no_writer_waits_while_it_is_read(settings: Settings, tmp_path: Path) -> None:
    """Read transactions alone: a module's write goes through at once, and is of a later moment."""
    home = Home(settings.home)
    memory = MemoryFile(home.memory(SERIAL))
    memory.write(MemoryUpdate(hot(0), None))

    def said_busily(content: bytes) -> tuple[str, Head]:
        with closing(sqlite3.connect(settings.home / settings.store, timeout=0, isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")
            store.execute("INSERT INTO tracking VALUES ('somebody', 1) ON CONFLICT DO NOTHING")
            store.execute("COMMIT")
        return said(content)

    assert taken(settings, tmp_path / "to", said_busily).memory.hot == hot(0)
    memory.close()
