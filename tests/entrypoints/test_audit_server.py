"""`indicium audit-server`: copies are verified as they grow, and moved to storage of its own (A-52, I-21, I-29)."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict, Walk, overall
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.record import line_hash
from indicium.entrypoints import audit
from indicium.entrypoints.watching import Watch
from indicium.infrastructure.segments import Segment
from tests.app.homes import LETTER, rows_of
from tests.entrypoints.audit_site import LINES, NAME, Site, key_file, lines_on, what
from tests.entrypoints.command import COMMAND, Terminal, environment
from tests.mail_server import MailServer, mail_server
from tests.vectors.making import file_of


def test_lines_are_verified_as_they_come_and_kept_at_once_on_every_shelf(site: Site) -> None:
    for upto in (1, 2, 7, 12, 31, 60):
        site.write(upto)
        found = site.look()
        assert (found.verdict, found.chains[0].verified) == (Verdict.PASS, upto)
        assert site.archived() == LINES[:upto]
    assert site.ranges() == ["1-8", "9-16", "17-24", "25-32", "33-40", "41-48", "49-56"]
    assert overall(audit.verify(str(site.shelf), [key_file(site)], None, lambda _done, _all: None)) is Verdict.PASS


def test_a_segment_ends_with_a_signed_record_and_its_name_says_what_is_in_it(site: Site) -> None:
    site.server.close()
    site.server = site.started(segment=6)
    site.write(12)
    (segment,) = site.look().chains[0].segments
    assert segment == f"{NAME}.1-8.{line_hash(LINES[0])[:16]}-{line_hash(LINES[7])[:16]}.audit"
    assert (site.shelf / segment).read_bytes() == file_of(LINES[:8])
    assert b"\t" in LINES[7]


def test_a_closed_file_is_moved_when_the_ledger_has_gone_on_behind_it(site: Site) -> None:
    site.write(20)
    site.look()
    closed = site.roll(1, 20)
    assert site.look().chains[0].moved == []
    assert closed.exists()
    site.write(21)
    assert site.look().chains[0].moved == [closed.name]
    assert not closed.exists()
    assert site.archived() == LINES[:21]
    site.write(44)
    site.roll(21, 44)
    site.write(50)
    site.look()
    assert sorted(path.name for path in site.drive.iterdir()) == [site.open.name]
    assert site.archived() == LINES[:50]
    assert site.ranges() == ["1-8", "9-16", "17-20", "21-28", "29-36", "37-44"]


def test_a_file_that_is_closed_while_the_server_looks_at_it_is_no_alarm(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger renames its file between the moment in which the server finds it and that in which it opens it."""
    site.write(20)
    site.look()
    find, closed = Watch._find, list[Path]()

    def find_late(watch: Watch, walk: Walk) -> Segment | None:
        found = find(watch, walk)
        if not closed:
            closed.append(site.roll(1, 20))
            site.write(22)
        return found

    monkeypatch.setattr(Watch, "_find", find_late)
    found = site.look()
    assert (found.verdict, found.chains[0].verified, found.chains[0].moved) == (Verdict.PASS, 22, [closed[0].name])
    assert site.archived() == LINES[:22]


def test_what_was_verified_is_not_read_again_after_a_restart_either(site: Site) -> None:
    """The beginning of the ledger's file is made unreadable for a verifier, and nobody looks."""
    site.write(20)
    site.look()
    with site.open.open("r+b") as file:
        file.write(b"#" * 500)
    for upto in (24, 41):
        site.restart()
        site.write(upto)
        assert site.look().verdict is Verdict.PASS
        assert site.archived() == LINES[:upto]


def test_without_the_key_nothing_is_kept_or_moved(site: Site) -> None:
    site.write(8)
    site.server.close()
    site.server = site.started(keys=[])
    found = site.look()
    assert (found.verdict, what(found)) == (Verdict.INCOMPLETE, "no key that is here verifies it")
    assert lines_on(site.shelf) == []


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def test_a_52_p_14_a_ledger_at_work_its_server_and_the_whole_chain_on_the_shelf(
    home: Path, tmp_path: Path, terminal: Terminal, mails: MailServer
) -> None:
    """The ledger writes, the server verifies and moves in a process of its own, and neither waits for the other."""
    settings = home / "indicium.toml"
    settings.write_text(settings.read_text().replace("copy_file_bytes = 268435456", "copy_file_bytes = 4096"))
    shelf, told = tmp_path / "shelf", ["--notify", "officer@example.org", "--smtp", mails.named]
    command = [*COMMAND, "audit-server", home, "--to", shelf, "--segment", "20", "--every", "1s", "--json", *told]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    try:
        assert orjson.loads(process.stdout.readline())["verdict"] == "PASS"
        for session in range(2):
            with Ledger.open(home) as ledger:
                ledger.execute_all([CreateAuditEntry(text=f"{number}") for number in range(40)])
                ledger.meter("Ada").print("0.33", LETTER, f"job-{session}")
        verified = 0
        while verified < len(rows_of(home)):
            verified = orjson.loads(process.stdout.readline())["chains"][0]["verified"]
        (open_file,) = (home / "audit").glob("*.audit")  # the closed ones were moved
        os.truncate(open_file, 10)
        assert orjson.loads(process.stdout.readline())["mail"] == "sent"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 1
    finally:
        process.kill()
        process.communicate()
    (mail,) = mails.mails
    assert "ends before record" in mail.get_content()
    key = home / "keys" / "34576590.audit.pem"
    found = terminal.json("verify", shelf, "--key", key)
    assert (found["verdict"], found["chains"][0]["records"]) == ("PASS", len(rows_of(home)))
    assert terminal.json("audit-server", home, "--to", shelf, status=1)["chains"][0]["alarms"][0]["verdict"] == "FAIL"


def test_a_missing_segment_is_incomplete_and_says_its_range(site: Site, terminal: Terminal) -> None:
    site.write(60)
    site.look()
    next(site.shelf.glob("*.17-24.*")).unlink()
    found = terminal.json("verify", site.shelf, "--key", key_file(site), status=2)
    assert found["chains"][0]["missing"] == ["records 17 to 24"]
    assert (found["chains"][0]["records"], found["chains"][0]["range"]) == (52, [1, 60])


def test_a_folder_that_is_not_there_is_said(terminal: Terminal, tmp_path: Path) -> None:
    refused = terminal.refused("audit-server", tmp_path / "none", "--to", tmp_path / "shelf", status=3)
    assert refused == f"{tmp_path / 'none'}: No such file or directory."
    assert not (tmp_path / "shelf").exists()
