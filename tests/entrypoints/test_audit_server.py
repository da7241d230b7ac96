"""`indicium audit-server`: copies are verified as they grow, and moved to storage of its own (A-52, I-21, I-29)."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict, Walk, load_key, overall
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.record import line_hash
from indicium.entrypoints import audit
from indicium.entrypoints.file_server import FileServer, Round
from indicium.entrypoints.watching import Bounds, Watch
from indicium.infrastructure.segments import Segment
from tests.app.homes import LETTER, rows_of
from tests.entrypoints.command import COMMAND, Terminal, environment
from tests.infrastructure import children
from tests.mail_server import MailServer, mail_server
from tests.vectors.generate import CHAIN, KEY, SECOND, SERIAL, file_of, public_pem, relay

NAME = f"{SERIAL}-{CHAIN}"
LINES = relay(announced={30: SECOND}, count=60)
"""Every fourth is signed, and 30, which announces another key, and 31."""


class Site:
    """The folder that a ledger writes, that of the file server, and its mirror."""

    def __init__(self, folder: Path) -> None:
        self.drive, self.shelf, self.mirror = folder / "drive", folder / "shelf", folder / "mirror"
        self.drive.mkdir()
        self.open = self.drive / f"{NAME}.audit"
        self.server = self.started()
        self.moved = 0
        """How many records are in files that were closed."""

    def started(self, *, segment: int = 8, keys: Sequence[bytes] = (public_pem(KEY),)) -> FileServer:
        """Start a server on the folders as they are."""
        return FileServer(self.drive, [self.shelf, self.mirror], [load_key(key) for key in keys], Bounds(segment, 30))

    def restart(self) -> None:
        self.server.close()
        self.server = self.started()

    def write(self, upto: int) -> None:
        """Have the open file grow to this record."""
        first = self.moved + (self.open.read_bytes().count(b"\n") if self.open.exists() else 0)
        with self.open.open("ab") as file:
            file.write(file_of(LINES[first:upto]))

    def roll(self, first: int, last: int) -> Path:
        """Close the open file, as the ledger does behind a signed record."""
        closed = self.drive / f"{NAME}.{first}-{last}.audit"
        self.open.rename(closed)
        self.moved = last
        return closed

    def look(self) -> Round:
        return self.server.round()

    def archived(self) -> list[bytes]:
        """What the shelf holds; the mirror must hold the same, file by file."""
        assert {path.name: path.read_bytes() for path in self.shelf.iterdir()} == {
            path.name: path.read_bytes() for path in self.mirror.iterdir()
        }
        return lines_on(self.shelf)

    def ranges(self) -> list[str]:
        """The ranges of the segments."""
        names = sorted(path.name.split(".") for path in self.shelf.glob("*.audit") if path.name.count(".") == 3)
        return sorted((parts[1] for parts in names), key=lambda said: int(said.partition("-")[0]))


def lines_on(shelf: Path) -> list[bytes]:
    """The lines of the segments on a shelf, and then those of the open file."""
    segments = [path for path in shelf.glob("*.audit") if path.name.count(".") == 3]
    ordered = sorted(segments, key=lambda path: int(path.name.split(".")[1].partition("-")[0]))
    return b"".join(path.read_bytes() for path in [*ordered, shelf / f"{NAME}.audit"]).splitlines()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.server.close()


def what(found: Round) -> str:
    """The one thing that is wrong, without the chain's name."""
    (problem,) = found.problems
    return problem.what.partition(f"chain {CHAIN}: ")[2]


def test_lines_are_verified_as_they_come_and_kept_at_once_on_every_shelf(site: Site) -> None:
    for upto in (1, 2, 7, 12, 31, 60):
        site.write(upto)
        found = site.look()
        assert (found.verdict, found.chains[0].verified) == (Verdict.PASS, upto)
        assert site.archived() == LINES[:upto]
    assert site.ranges() == ["1-8", "9-16", "17-24", "25-32", "33-40", "41-48", "49-56"]
    assert overall(audit.verify(str(site.shelf), [key_file(site)], None, lambda _done, _all: None)) is Verdict.PASS


def key_file(site: Site) -> Path:
    path = site.drive.parent / "key.pem"
    path.write_bytes(public_pem(KEY))
    return path


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


def tamper(site: Site) -> None:
    site.open.write_bytes(site.open.read_bytes() + file_of(LINES[20:24]).replace(b"entry 24", b"entry 2x"))


def strip(site: Site) -> None:
    site.open.write_bytes(site.open.read_bytes() + file_of([*LINES[20:23], LINES[23].partition(b"\t")[0]]))


def leave_out(site: Site) -> None:
    site.open.write_bytes(site.open.read_bytes() + file_of(LINES[21:23]))


def shorten(site: Site) -> None:
    os.truncate(site.open, 1000)


def empty(site: Site) -> None:
    os.truncate(site.open, 0)


def delete(site: Site) -> None:
    site.open.unlink()


def replace_by_another(site: Site) -> None:
    other = site.open.with_name("other")
    other.write_bytes(file_of(relay(announced={}, count=60, data={5: {"text": "other"}})))
    other.rename(site.open)


def take_records_away(site: Site) -> None:
    site.open.unlink()
    site.open.write_bytes(file_of(LINES[24:30]))


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize(
    ("change", "alarm"),
    [
        (tamper, f"{NAME}.audit: record 24: the signature does not verify"),
        (strip, f"{NAME}.audit: record 24: it must be signed, and is not"),
        (leave_out, f"{NAME}.audit: record 22: it stands where record 21 belongs"),
        (shorten, f"{NAME}.audit ends before record 20, which was verified"),
        (empty, "its open file ends before record 20, which was verified"),
        (delete, "its open file is gone"),
        (take_records_away, "records 21 to 24 are missing from the ledger's files"),
    ],
)
def test_whatever_befalls_the_ledgers_file_is_an_alarm_for_as_long_as_it_is_so(
    change: Callable[[Site], None], alarm: str, *, restarted: bool, site: Site
) -> None:
    site.write(20)
    site.look()
    kept = site.open.read_bytes()
    change(site)
    for _ in range(2):
        if restarted:
            site.restart()
        found = site.look()
        assert (found.verdict, what(found)) == (Verdict.FAIL, alarm)
    assert site.archived()[:20] == LINES[:20]
    site.open.write_bytes(kept + file_of(LINES[20:40]))
    site.look()  # another file than before, and it says so once
    assert site.look().verdict is Verdict.PASS
    assert site.archived() == LINES[:40]


def test_another_file_in_its_place_is_an_alarm_also_with_the_same_bytes(site: Site) -> None:
    site.write(20)
    site.look()
    other = site.open.with_name("other")
    shutil.copy(site.open, other)
    other.rename(site.open)
    found = site.look()
    assert (found.verdict, what(found)) == (Verdict.FAIL, f"another file was put in the place of {NAME}.audit")
    assert site.look().verdict is Verdict.PASS


def test_what_a_later_record_belies_stays_an_alarm_until_somebody_has_decided(site: Site) -> None:
    """Behind the last signed record nothing but its successors vouches for one: no file is believed by itself."""
    site.write(20)
    good = site.open.read_bytes()
    site.open.write_bytes(good + file_of(LINES[20:22]).replace(b"entry 22", b"entry 2x"))
    assert site.look().verdict is Verdict.PASS
    site.open.write_bytes(site.open.read_bytes() + file_of(LINES[22:24]))
    alarm = f"{NAME}.audit: record 22: it is not what record 23 says it was"
    assert what(site.look()) == alarm
    site.open.write_bytes(good + file_of(LINES[20:24]))
    assert site.look().verdict is Verdict.FAIL
    for shelf in (site.shelf, site.mirror):
        (shelf / f"{NAME}.audit").unlink()
    assert site.look().verdict is Verdict.PASS
    assert site.archived() == LINES[:24]


def test_another_history_in_its_place_fails(site: Site) -> None:
    site.write(20)
    site.look()
    replace_by_another(site)
    assert "is not the one that was verified" in site.look().problems[-1].what
    assert site.archived() == LINES[:20]


def test_a_copy_that_the_ledger_made_anew_from_its_store_is_taken_up_behind_the_last_record(site: Site) -> None:
    site.write(20)
    site.roll(1, 20)
    site.write(22)
    site.look()
    site.open.write_bytes(file_of(LINES[:26]))
    found = site.look()
    assert "begins with record 1: another was there before" in found.problems[0].what
    site.look()
    assert site.archived() == LINES[:26]


def test_a_line_that_stays_torn_is_an_alarm_and_one_that_is_being_written_is_none(site: Site) -> None:
    site.write(20)
    with site.open.open("ab") as file:
        file.write(LINES[20][:50])
    assert site.look().verdict is Verdict.PASS
    os.utime(site.open, (0, 0))
    found = site.look()
    assert (found.verdict, what(found)) == (Verdict.INCOMPLETE, f"{NAME}.audit: record 21 stays torn")
    with site.open.open("ab") as file:
        file.write(LINES[20][50:] + b"\n")
    assert (site.look().verdict, site.archived()) == (Verdict.PASS, LINES[:21])


def test_a_closed_file_that_is_not_what_was_archived_stays_where_it_is(site: Site) -> None:
    site.write(20)
    site.look()
    closed = site.roll(1, 20)
    site.look()
    closed.write_bytes(closed.read_bytes().replace(b"entry 3", b"entry X"))
    site.write(22)
    found = site.look()
    assert (found.verdict, what(found)) == (Verdict.FAIL, f"{closed.name} is not what was archived of it")
    assert closed.exists()


def test_i_21_a_mirror_that_fails_is_said_and_nothing_is_moved_until_it_holds_everything(site: Site) -> None:
    site.mirror.write_text("no folder")
    site.write(20)
    site.roll(1, 20)
    site.write(30)
    found = site.look()
    assert found.verdict is Verdict.INCOMPLETE
    assert f"archive {site.mirror}" in what(found)
    assert (found.chains[0].verified, found.chains[0].moved) == (30, [])
    assert lines_on(site.shelf) == LINES[:30]
    site.mirror.unlink()
    found = site.look()
    assert (found.verdict, found.chains[0].moved) == (Verdict.PASS, [f"{NAME}.1-20.audit"])
    assert site.archived() == LINES[:30]


def test_a_disk_that_hangs_is_an_alarm_and_what_was_not_kept_is_taken_up_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.server.close()
    site.server = FileServer(site.drive, [site.shelf, site.mirror], [load_key(public_pem(KEY))], Bounds(8, 1))
    site.write(2)
    site.look()
    fsync, answers = os.fsync, threading.Event()

    def hang(descriptor: int) -> None:
        answers.wait()
        fsync(descriptor)

    site.write(3)
    monkeypatch.setattr(os, "fsync", hang)
    found = site.look()
    assert (found.verdict, what(found)) == (
        Verdict.INCOMPLETE,
        f"archive {site.shelf}: it did not answer within 1 seconds",
    )
    monkeypatch.undo()
    assert "an earlier write has not returned" in what(site.look())
    answers.set()
    while site.look().verdict is not Verdict.PASS:
        pass
    assert site.archived() == LINES[:3]


def test_a_full_disk_is_an_alarm_and_the_server_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """I-29; RLIMIT_FSIZE is as good as a full disk."""
    said = children.run(
        """
        import resource, sys
        from pathlib import Path
        from tests.entrypoints.test_audit_server import LINES, Site, what

        site = Site(Path(sys.argv[1]))
        site.write(20)
        site.look()
        site.write(60)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
        found = site.look()
        print(found.verdict, "File too large" in what(found), site.archived() == LINES[:20])
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(site.look().verdict, site.archived() == LINES)
        site.server.close()
        """,
        tmp_path,
    )
    assert said == ["INCOMPLETE True True", "PASS True"]


def test_a_server_that_is_killed_at_any_system_call_loses_no_segment_and_makes_none_twice(tmp_path: Path) -> None:
    """One process a call: write, sync, rename or removal number k of two rounds is its last; then another goes on."""
    said = children.run(
        """
        import os, sys
        from pathlib import Path
        from tests.entrypoints.test_audit_server import LINES, Site

        def killed_at(call, site):
            left = [call]
            for name in ("write", "fsync", "rename", "replace", "unlink", "ftruncate"):
                def counted(*arguments, real=getattr(os, name), **named):
                    left[0] -= 1
                    if left[0] == 0:
                        os._exit(9)
                    return real(*arguments, **named)
                setattr(os, name, counted)
            site.server = site.started()
            site.look()
            site.look()
            os._exit(0)

        call = 0
        while True:
            call += 1
            folder = Path(sys.argv[1], str(call))
            folder.mkdir()
            site = Site(folder)
            site.write(12)
            site.roll(1, 12)
            site.write(14)
            child = os.fork() or killed_at(call, site)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            site.server = site.started()
            verdicts = {site.look().verdict, site.look().verdict}
            assert verdicts == {"PASS"}, (call, verdicts)
            assert site.archived() == LINES[:14], call
            assert site.ranges() == ["1-8", "9-12"], (call, site.ranges())
            assert [path.name for path in site.drive.iterdir()] == [site.open.name], call
            site.server.close()
            if ended == 0:
                break
        print(call)
        """,
        tmp_path,
    )
    assert int(said[0]) > 30


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
