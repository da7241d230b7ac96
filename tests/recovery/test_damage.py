"""Places that are missing, cut off, torn, another ledger's or a clone's: each is named, and nothing is issued before.

A clone is a copy of the whole home that somebody went on with: it has the same keys, and its records are as authentic.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from indicium.app import Ledger
from indicium.domain.errors import LedgerRolledBack
from indicium.infrastructure.store import Store
from indicium.settings import Settings
from tests.app.homes import (
    COPY,
    CUSTOMERS,
    LETTER,
    MEMORY,
    STORE,
    assert_whole,
    audit_file,
    clone_of,
    copy_of,
    make_leased,
    put_back,
    rows_of,
    shared,
)
from tests.entrypoints.command import Terminal
from tests.recovery.histories import GROUPS, History, Kind, Tail
from tests.recovery.table import COMPLETED

KIND = Kind(3, Tail.BOTH)
CLONED = 2
"""How many groups ago the clone was made."""


@pytest.fixture(scope="session")
def history(history_of: Callable[[Kind], History]) -> History:
    """A history of four groups."""
    return history_of(KIND)


@pytest.fixture(scope="session")
def other(history: History, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another ledger, whose module has the same serial number and whose meters have the same device numbers."""
    assert history.lengths[0] > 0
    return shared(tmp_path_factory, "other-ledger", make_leased)


@pytest.fixture(scope="session")
def clone(history: History, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the home of two groups ago, in which Ben has printed twice since."""

    def make(folder: Path) -> None:
        with Ledger.open(copy_of(history.at(CLONED), folder)) as ledger:
            ledger.meter("Ben").print("0.11", LETTER, "clone-1")
            ledger.meter("Ben").print("0.22", LETTER, "clone-2")

    return shared(tmp_path_factory, "clone", make)


def memory_of(home: Path) -> Path:
    return home / MEMORY


def key_of(home: Path) -> Path:
    return home / "secrets" / "34576590.ppd"


def store_of(home: Path) -> Path:
    return home / STORE


def parts_of(home: Path) -> Path:
    """Give the file of sealed static parts beside the copy."""
    return audit_file(home).with_suffix(".sealed")


def missing(path: Path) -> None:
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()


def emptied(path: Path) -> None:
    missing(path)
    path.touch()


def truncated(path: Path) -> None:
    content = path.read_bytes()
    missing(path)
    path.write_bytes(content[: len(content) // 2])


def torn(path: Path) -> None:
    """Grown, and its last bytes never came to the disk."""
    content = path.read_bytes()
    missing(path)
    path.write_bytes(content[: -len(content) // 3] + bytes(len(content) // 3))


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    missing(path)
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


class Damage(NamedTuple):
    """A file, what befell it, and what a person is told."""

    file: Callable[[Path], Path]
    befell: Callable[[Path], None]
    status: int
    code: str
    words: str = ""

    def __str__(self) -> str:
        """Name it, in a test's name."""
        return f"{self.file.__name__.removesuffix('_of')}-{self.befell.__name__}"


NOT_AUTHENTIC, NOT_USABLE = "memory-not-authentic", "store-not-usable"

DAMAGES = (
    Damage(memory_of, missing, 1, NOT_AUTHENTIC, "it is empty, and the ledger is not"),
    Damage(memory_of, emptied, 1, NOT_AUTHENTIC, "it is empty, and the ledger is not"),
    Damage(memory_of, truncated, 1, NOT_AUTHENTIC, "malformed"),
    Damage(memory_of, torn, 1, NOT_AUTHENTIC),
    Damage(key_of, missing, 1, NOT_AUTHENTIC),
    Damage(key_of, flipped, 1, NOT_AUTHENTIC, "its MAC does not verify"),
    Damage(store_of, missing, 3, "store-missing", "'indicium store create'"),
    Damage(store_of, emptied, 3, NOT_USABLE, "is not a store of this program"),
    Damage(store_of, truncated, 3, "store-spoilt", "malformed"),
    Damage(store_of, torn, 3, "store-spoilt", "malformed"),
)


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_a_file_of_memory_or_store_that_is_not_whole_is_one_sentence_until_it_is_put_back(
    damage: Damage, history: History, tmp_path: Path, terminal: Terminal
) -> None:
    """F-09: memory is not begun anew either; the copy is as it was."""
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    newest = copy_of(home, tmp_path / "newest")
    for database in (home / MEMORY, home / STORE):  # one file each, as an orderly end leaves them
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file, before = damage.file(home), audit_file(home).read_bytes()
    damage.befell(file)
    for _ in range(2):
        said = terminal.json("recover", "--home", home, status=damage.status)
        assert said["error"] == damage.code
        assert damage.words in said["sentence"]
    assert audit_file(home).read_bytes() == before

    for path in damage.file(newest).parent.glob(f"{file.name}*"):
        shutil.copy2(path, file.parent)
    assert terminal.json("recover", "--home", home) == {"done": []}
    assert_whole(home, KIND.spent(GROUPS))


@pytest.mark.parametrize("befell", [missing, emptied, truncated, torn], ids=lambda befell: befell.__name__)
def test_a_copy_that_is_not_whole_is_completed(
    befell: Callable[[Path], None], history: History, tmp_path: Path, terminal: Terminal
) -> None:
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    before = audit_file(home).read_bytes()
    befell(audit_file(home))
    assert terminal.json("recover", "--home", home) == {"done": [COMPLETED]}
    assert audit_file(home).read_bytes().startswith(before)
    assert_whole(home, KIND.spent(GROUPS))


def test_sealed_parts_whose_file_is_gone_are_written_again_and_a_lost_store_is_redone_with_them(
    history: History, tmp_path: Path, terminal: Terminal
) -> None:
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    kept = newest_parts(home)
    parts_of(home).unlink()
    assert terminal.json("recover", "--home", home) == {"done": [COMPLETED]}
    assert newest_parts(home) == kept
    assert terminal.json("recover", "--home", home) == {"done": []}

    missing(store_of(home))
    assert_filled_from_the_copy(home, terminal)


def test_a_store_that_is_lost_for_good_is_made_empty_and_filled_from_the_copy(
    history: History, tmp_path: Path, terminal: Terminal
) -> None:
    """Y-14: nothing is lost but the replies, and the days that the server gave (M-79), which stand in no record."""
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    missing(store_of(home))
    assert_filled_from_the_copy(home, terminal)
    assert "nothing to do" in terminal.run("store", "create", "--home", home)[1]


def newest_parts(home: Path) -> dict[str, str]:
    lines = map(orjson.loads, parts_of(home).read_bytes().splitlines())
    return {line["psd"]: line["static"] for line in lines}


def assert_filled_from_the_copy(home: Path, terminal: Terminal) -> None:
    lines = audit_file(home).read_bytes().splitlines()
    assert terminal.json("store", "create", "--home", home) == {"records": 0}
    (done,) = terminal.json("recover", "--home", home)["done"]
    assert done == "give the store again what it lost, from the audit copy"
    assert [row.line for row in rows_of(home)][: len(lines)] == lines
    with Ledger.open(home) as ledger:
        assert ledger.meter("Ada").print("0.05", LETTER, "job-next").reply.version == 8
    assert_whole(home)


class Strange(NamedTuple):
    """Places that are not this ledger's own, and what is said of them."""

    places: Sequence[str]
    named: str
    """The place; empty where nothing inside can tell."""
    moment: int = CLONED
    """Behind the head of so many groups ago the stories part; `BEGINNING` for the first record."""

    def __str__(self) -> str:
        """Name it, in a test's name."""
        return "+".join(place.partition(".")[0].rpartition("/")[2] for place in self.places)


BEGINNING = -1

OF_A_CLONE = (
    Strange([MEMORY], "module memory"),
    Strange([STORE], "store"),
    Strange([COPY], "audit copy"),
    Strange([MEMORY, STORE], "audit copy"),
    Strange([MEMORY, COPY], "store"),
    Strange([STORE, COPY], "module memory"),
)


@pytest.mark.parametrize("strange", OF_A_CLONE, ids=str)
def test_a_clones_place_is_named_with_the_record_where_it_went_its_own_way(
    strange: Strange, history: History, clone: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """Of two that agree the third is named; the newest places put back end it, and nothing is lost."""
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    newest = clone_of(home, tmp_path / "newest")
    put_back(home, clone, *strange.places)
    first = history.head(CLONED).sequence + 1
    for _ in range(2):
        said = terminal.refused("recover", "--home", home, status=1)
        assert said.startswith(f"Module 34576590 is inhibited: the {strange.named} disagrees from record {first} on (")

    put_back(home, newest, *strange.places)
    assert terminal.json("recover", "--home", home) == {"done": []}
    assert_whole(home, KIND.spent(GROUPS))


def test_a_clone_in_all_three_places_is_found_out_by_the_customers_that_it_does_not_know(
    history: History, clone: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """M-58: nothing inside can tell. Ben was served by the clone, and finds more than he was shown by the other."""
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    put_back(home, clone, MEMORY, STORE, COPY)
    assert terminal.json("recover", "--home", home) == {"done": []}
    with Ledger.open(home) as ledger:
        for customer in ("Ada", "Cy"):
            with pytest.raises(LedgerRolledBack):
                ledger.meter(customer).ask()
        assert ledger.meter("Ben").ask().ar == KIND.spent(GROUPS - CLONED)["Ben"] + 330


def test_another_ledgers_memory_is_not_authentic_under_this_ones_key(
    history: History, other: Path, tmp_path: Path, terminal: Terminal
) -> None:
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    put_back(home, other, MEMORY)
    assert terminal.json("recover", "--home", home, status=1)["error"] == NOT_AUTHENTIC


def test_another_ledgers_store_is_named_and_gets_nothing(
    history: History, other: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """Its meters have the numbers of ours: what comes back from the copy would meet theirs."""
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    newest = clone_of(home, tmp_path / "newest")
    put_back(home, other, STORE)
    theirs = (home / STORE).read_bytes(), rows_of(home)
    for _ in range(2):
        said = terminal.refused("recover", "--home", home, status=1)
        assert re.match(
            r"Module 34576590 is inhibited: the store disagrees from record 1 on \(.*: meter 100000000[123], version",
            said,
        )
    assert rows_of(home) == theirs[1]
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        assert store.failed_modules() == []

    put_back(home, newest, STORE)
    assert terminal.json("recover", "--home", home) == {"done": []}
    assert_whole(home, KIND.spent(GROUPS))


def test_another_ledgers_copy_under_this_ones_name_disagrees_from_the_beginning(
    history: History, other: Path, tmp_path: Path, terminal: Terminal
) -> None:
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    audit_file(home).write_bytes(audit_file(other).read_bytes())
    said = terminal.refused("recover", "--home", home, status=1)
    assert "the audit copy disagrees from record 1 on" in said


def test_another_ledgers_store_and_copy_hold_nothing_of_this_module(
    history: History, other: Path, tmp_path: Path, terminal: Terminal
) -> None:
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    put_back(home, other, STORE, COPY)
    said = terminal.refused("recover", "--home", home, status=1)
    assert "the store disagrees from record 1 on (neither it nor the audit copy holds a record of this module)" in said
    assert "'indicium module recover'" not in said  # it could do nothing


def test_without_its_memory_a_module_is_reset_and_its_old_chain_can_still_be_verified(
    history: History, tmp_path: Path, terminal: Terminal
) -> None:
    """The key of the chain that ends is published, though nobody but the chain itself knows it any more (M-90)."""
    home = history.found(tmp_path / "home", memory=0, store=0, copy=0)
    missing(memory_of(home))
    assert terminal.run("module", "reset", "--yes", "--home", home)[0] == 0
    assert terminal.run("init", "--home", home)[0] == 0
    status, out, _ = terminal.run("verify", home)
    assert (status, out.count("PASS module 34576590")) == (0, 2)
    meters = {meter["customer"]: meter["ar"] for meter in terminal.json("meters", "--home", home)["meters"]}
    assert {name: meters[name] for name in CUSTOMERS} == KIND.spent(GROUPS)
    assert Settings.read(home).serial == "34576590"
