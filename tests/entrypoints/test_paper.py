"""The paper at a ceremony's end: what people compare, note and sign."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict
from indicium.domain.flow import Head
from indicium.entrypoints.ceremony_page import as_pdf
from indicium.parties.summary import LONGEST_LINE, PaperSize, Signer, grouped, summarize
from indicium.settings import Settings
from tests.app.homes import LETTER, rows_of
from tests.entrypoints.command import Terminal

MEDIA = {"a4": "595.2756 841.8898", "letter": "612 792"}
"""Width and height in points."""


def test_it_says_what_anybody_can_check(home: Path, terminal: Terminal) -> None:
    status, paper, err = terminal.run("module", "paper", "--home", home)
    assert (status, err) == (0, "")
    (chain,) = {row.chain for row in rows_of(home)}
    key = orjson.loads(rows_of(home)[0].line.partition(b"\t")[0])["key"]
    root = x509.load_pem_x509_certificate((home / "keys" / "manufacturer.pem").read_bytes())
    said = paper.replace("\n    ", " ")
    for digits in (chain, key, root.fingerprint(hashes.SHA256()).hex()):
        assert grouped(digits) in said
    for name in ("officer", "custodian-1", "custodian-2", "administrator", "auditor"):
        assert re.search(rf"  {name} +_+\n", paper)
    assert max(map(len, paper.splitlines())) <= LONGEST_LINE


def test_its_head_verifies_what_came_later(home: Path, terminal: Terminal) -> None:
    paper = terminal.json("module", "paper", "--home", home)
    noted = Head(**paper["head"])
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER)
        assert ledger.audit(noted).verdict is Verdict.PASS
        assert ledger.audit(Head(noted.sequence, "0" * 64)).verdict is Verdict.FAIL


@pytest.mark.parametrize("size", list(MEDIA))
def test_as_pdf_it_holds_the_same_on_one_page(size: str, home: Path, terminal: Terminal, tmp_path: Path) -> None:
    pdf = tmp_path / "paper.pdf"
    said = terminal.run("module", "paper", "--home", home, "--pdf", pdf, "--size", size)
    assert said == (0, f"The paper: {pdf}\n", "")
    content = pdf.read_bytes().decode("latin-1")
    assert re.findall(r"/MediaBox \[ 0 0 ([0-9. ]+) \]", content) == [MEDIA[size]]
    facts = terminal.json("module", "paper", "--home", home)
    for text in (
        *(grouped(digest[:32]) for digest in facts["fingerprints"].values()),
        *(signer["name"] for signer in facts["signers"]),
        f"{facts['head']['sequence']}:{facts['head']['hash']}",
        *map(grouped, facts["mks"]),
    ):
        assert f"({text})" in content


def test_a_name_that_the_fonts_do_not_hold_is_still_told(home: Path) -> None:
    summary = summarize(Settings.read(home), datetime.now(UTC))
    signers = (Signer("Auditor", "Zoë"), Signer("Auditor", "Łukasz (with a bracket"))
    content = as_pdf(summary._replace(signers=signers), PaperSize.A4)
    assert b"(Zo\\353)" in content
    assert rb"(\\u0141ukasz \(with a bracket)" in content


def test_neither_text_nor_pdf_is_written_over_another_file(home: Path, terminal: Terminal, tmp_path: Path) -> None:
    for option in ("--out", "--pdf"):
        path = tmp_path / option.strip("-")
        path.write_text("mine")
        assert "is left as it is" in terminal.refused("module", "paper", "--home", home, option, path, status=3)
        assert path.read_text() == "mine"
    assert terminal.run("module", "paper", "--home", home, "--out", tmp_path / "paper.txt")[0] == 0
    shown = terminal.run("module", "paper", "--home", home)[1]
    written = (tmp_path / "paper.txt").read_text()
    assert [line for line in written.splitlines() if "Paper written" not in line] == [
        line for line in shown.splitlines() if "Paper written" not in line
    ]


def test_before_the_ceremony_is_finished_there_is_nothing_to_sign(new: Path, terminal: Terminal) -> None:
    refused = terminal.refused("module", "paper", "--home", new, status=3)
    goes_on = f"'indicium module ceremony --home {new}' goes on with it."
    assert refused == f"The key ceremony in {new} is not finished: {goes_on}"


def test_without_its_extra_that_is_said_before_anybody_begins(
    home: Path, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "reportlab", None)
    refused = terminal.refused("module", "paper", "--home", home, "--pdf", tmp_path / "paper.pdf", status=3)
    assert refused == "This needs the extra 'ceremony': pip install 'indicium[ceremony]'."
    assert list(tmp_path.glob("*.pdf")) == []
