"""The loss statement: what recoveries redid and discarded, and who does not know of it yet."""

import re
from datetime import UTC, datetime
from pathlib import Path

import orjson

from indicium.app import Ledger
from indicium.domain.record import line_hash
from indicium.entrypoints.losses import write_losses
from indicium.infrastructure.store import Store
from indicium.parties.summary import PaperSize
from indicium.projections.losses import Abandoned, Loss, Read, Statement, loss_statement
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import LETTER, STORE, clone_of, put_back, rows_of
from tests.entrypoints.command import Terminal


def statement_of(home: Path) -> Statement:
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        return loss_statement(store)


def test_where_nothing_was_recovered_nothing_is_stated(home: Path) -> None:
    said = statement_of(home)
    newest = rows_of(home)[-1]
    assert said == Statement((), (), (Read("34576590", newest.chain, newest.sequence, line_hash(newest.line)),))


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
        assert "1 discarded, worth 0.33; 0 redone, worth 0.00; 1 in doubt, worth 0.33" in text
        said = terminal.json("recover", "--statement", "--home", home)
    assert (said["discarded"], said["redone"], said["in_doubt"], said["in_doubt_value"]) == (330, 0, 1, 330)
    assert said["abandoned"] == []
    assert said["losses"][0]["request"] == "job-1"
    assert said["read"][0]["sequence"] == rows_of(home)[-1].sequence


LOSS = Loss("redone", "34576590", "0" * 32, 7, "2026-01-02T03:04:05.678901Z", "1000000001", "Łódź & <Söhne>", "job-1",
            "indicium-created", 330, "ab" * 32, came_back=False)  # fmt: skip


def test_the_name_of_the_file_says_the_form(home: Path, terminal: Terminal, tmp_path: Path) -> None:
    assert seams.killed(seams.print_twice, home, seams.AFTER_MEMORY)
    Ledger.open(home).close()
    statement = ("recover", "--statement", "--home", home)
    for form in ("json", "txt", "pdf"):
        said = terminal.run(*statement, "--out", tmp_path / f"losses.{form}")
        assert said == (0, f"The statement: {tmp_path / f'losses.{form}'}\n", "")
    assert orjson.loads((tmp_path / "losses.json").read_bytes()) == terminal.json(*statement)
    assert (tmp_path / "losses.txt").read_text() == terminal.run(*statement)[1]
    page = (tmp_path / "losses.pdf").read_bytes().decode("latin-1")
    (loss,) = statement_of(home).losses
    assert loss.item_sha256 is not None
    for text in (
        "Discarded",
        "1, worth 0.33",
        "0.33",
        "job-1",
        loss.item_sha256[:32],
        loss.item_sha256[32:],
        "Auditor",
    ):
        assert f"({text})" in page
    assert "Their answers are lost" not in page

    assert "is left as it is" in terminal.refused(*statement, "--out", tmp_path / "losses.pdf", status=3)
    assert ".json, .txt or .pdf" in terminal.refused(*statement, "--out", tmp_path / "losses", status=3)
    assert "--statement" in terminal.refused("recover", "--home", home, "--out", tmp_path / "l.txt", status=3)


def test_a_page_of_many_losses_goes_on_with_its_head_and_shows_names_as_they_are(tmp_path: Path) -> None:
    many = tuple(LOSS._replace(sequence=number, request=f"job-{number}") for number in range(100))
    statement = Statement(
        many, (Abandoned("34576590", "0" * 32, 7, 9, 12),), (Read("34576590", "0" * 32, 99, "f" * 64),)
    )
    write_losses(statement, tmp_path / "losses.pdf", datetime(2026, 1, 2, tzinfo=UTC), PaperSize.LETTER)
    page = (tmp_path / "losses.pdf").read_bytes().decode("latin-1")
    pages = page.count("/Type /Page\n")
    assert pages > 2
    assert page.count("(item that may be out)") == pages - 1  # the last one has what was read, and the lines to sign
    assert r"(\\u0141\363d\\u017a &)" in page
    assert r"(S\366hne)" in page  # ReportLab writes what was escaped apart: here the two brackets
    assert "and 80 more of the above" in " ".join(re.findall(r"\((.*?)\) Tj", page))
