"""The loss statement: what recoveries redid and discarded, and who does not know of it yet."""

from pathlib import Path

from indicium.app import Ledger
from indicium.infrastructure.store import Store
from indicium.projections.losses import Statement, loss_statement
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import LETTER, STORE, clone_of, put_back, rows_of
from tests.entrypoints.command import Terminal


def statement_of(home: Path) -> Statement:
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        return loss_statement(store)


def test_where_nothing_was_recovered_nothing_is_stated(home: Path) -> None:
    assert statement_of(home) == Statement((), ())


def test_what_was_redone_is_in_doubt_until_its_client_comes_back(home: Path, tmp_path: Path) -> None:
    older = clone_of(home, tmp_path / "older")
    seams.print_twice(home)
    seams.print_sheet(home)
    put_back(home, older, STORE)
    Ledger.open(home).close()

    said = statement_of(home)
    assert [(loss.fate, loss.request, loss.value, loss.customer) for loss in said.losses] == [
        ("redone", "job-1", 330, "Ada"),
        ("redone", "job-2", 550, "Ada"),
        ("redone", "sheet-1", 1210, "Ada"),
    ]
    assert all(loss.item_sha256 for loss in said.losses)
    assert (said.in_doubt, said.discarded) == (said.losses, 0)

    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.11", LETTER, "job-3")
    assert statement_of(home).in_doubt == ()


def test_what_was_discarded_is_named_with_its_value_and_is_in_doubt_until_it_is_asked_again(home: Path) -> None:
    assert seams.killed(seams.print_twice, home, seams.AFTER_MEMORY)
    Ledger.open(home).close()
    (loss,) = statement_of(home).losses
    (lost,) = [row for row in rows_of(home) if row.event == "indicium-created"]
    assert (loss.fate, loss.request, loss.value, loss.sequence) == ("discarded", "job-1", 330, lost.sequence)
    assert statement_of(home).discarded == 330
    assert not loss.came_back

    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.44", LETTER, "another")
        assert len(statement_of(home).in_doubt) == 1
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    assert statement_of(home).in_doubt == ()


def test_the_statement_opens_no_module_and_reads_as_text_and_as_json(home: Path, terminal: Terminal) -> None:
    assert seams.killed(seams.print_twice, home, seams.AFTER_MEMORY)
    with Ledger.open(home):  # it is open all the while
        status, text, _ = terminal.run("recover", "--statement", "--home", home)
        assert status == 0
        assert "1 discarded, worth 0.33; 0 redone; 1 in doubt." in text
        said = terminal.json("recover", "--statement", "--home", home)
    assert (said["discarded"], said["in_doubt"], said["abandoned"]) == (330, 1, [])
    assert said["losses"][0]["request"] == "job-1"
