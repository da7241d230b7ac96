"""`examples/questions.py` answers from a real ledger, and from its export, what its records say."""

import re
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from indicium.app import Ledger
from indicium.domain.kinds import Voucher, postage
from indicium.entrypoints import audit, export
from indicium.entrypoints.columns import TABLES
from indicium.infrastructure.store import Store
from indicium.settings import Settings
from tests.app.homes import shared

ROOT = Path(__file__).parents[2]


def make(folder: Path) -> None:
    """A ledger of two customers, and its export: Ada sends a letter twelve times, and once one that is far dearer."""
    home = folder / "home"
    with Ledger.create(home) as ledger:
        ada, ben = (ledger.lease(customer, "40505") for customer in ("Ada", "Ben"))
        ada.refill("100.00")
        for number in range(12):
            ada.print("0.33", postage("40505", "95567", "first-class letter", 1), f"letter-{number}")
        ada.print("9.99", postage("40505", "10001", "first-class letter", 70), "dear")
        ben.refill("20.00")
        ben.print("5.00", postage("40505", "10002", "priority", 16), "parcel")
        ben.print("1.50", Voucher(purpose="a cup of tea"), "tea")
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        keys = audit.keys_of(home)
        export.export(store, folder / "export", keys, lambda _done, _all: None, noted=None, fresh=False)


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `home` and `export`. Not to be changed."""
    return shared(tmp_path_factory, "asked", make)


def answers(source: Path, status: int = 0) -> dict[str, list[list[str]]]:
    """The tables below each question, cells by cells."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "questions.py"), source],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (status, "")
    blocks = [block.splitlines() for block in done.stdout.split("\n\n")]
    return {first: [re.split(r" {2,}", line.strip()) for line in rest] for first, *rest in blocks}


def test_five_questions_and_the_tie_out_are_answered_from_a_home_and_from_an_export(asked: Path) -> None:
    found = answers(asked / "export")
    assert found == answers(asked / "home")
    verdict, *questions = found
    assert verdict.startswith("PASS")
    assert len(questions) == 6
    (day,) = {row[0] for row in found["What was spent per day and mail class?"][1:]}
    assert [row[1:] for row in found["What was spent per day and mail class?"]] == [
        ["class", "items", "spent"],
        ["first-class letter", "13", "13.950"],
        ["priority", "1", "5.000"],
        ["voucher", "1", "1.500"],
    ]
    assert found["Who spends most, and for how many days will it last?"][1:] == [
        ["Ada", "13.950", "13.950", "86.050", "6"],
        ["Ben", "6.500", "6.500", "13.500", "2"],
    ]
    monday = date.fromisoformat(day) - timedelta(days=date.fromisoformat(day).weekday())
    assert found["What comes in and goes out a week, and how much is held for customers?"][1:] == [
        [str(monday), "120.000", "20.450", "99.550"]
    ]
    assert found["Which destinations grow?"][1:] == [
        ["100", "14.990", "0.000", "14.990"],
        ["955", "3.960", "0.000", "3.960"],
    ]
    unusual = [row[:5] for row in found["What is unusual?"][1:]]
    assert unusual == [
        ["above 3 sigma", "Ada", "dear", "first-class letter", "9.990"],
        *(["12 times the same", "Ada", f"letter-{number}", "first-class letter", "0.330"] for number in range(8)),
    ]
    assert found["Do transactions and registers tie out?"][1:] == [
        ["spent", "20.450", "20.450"],
        ["still held", "99.550", "99.550"],
    ]


def test_what_is_no_pass_is_said_first(asked: Path, tmp_path: Path) -> None:
    home = shutil.copytree(asked / "home", tmp_path / "home")
    shutil.rmtree(home / "keys")
    first = next(iter(answers(home, status=1)))
    assert first.startswith("INCOMPLETE")


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_asked_for_by_its_plain_name(table: str, asked: Path) -> None:
    file = asked / "export" / f"{table}.parquet"
    with duckdb.connect() as database:
        database.read_parquet(str(file)).create_view(table)
        for column in TABLES[table]:
            plain, quoted = column.name, f'"{column.name}"'
            unlike = database.view(table).filter(f"{plain} IS DISTINCT FROM {quoted}").count("*")
            assert unlike.fetchall() == [(0,)], column.name


def test_a_folder_that_is_neither_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "questions.py"), tmp_path], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path} holds no ledger: 'indicium init --home {tmp_path}' makes one, ")
