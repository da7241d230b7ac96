"""What befalls the files that an audit server reads and keeps, and how long it is an alarm (A-52, I-21, I-29)."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from indicium.cryptomodule.verifier import Verdict, load_key
from indicium.entrypoints.file_server import FileServer
from indicium.entrypoints.watching import Bounds
from tests.entrypoints.audit_site import LINES, NAME, Site, lines_on, what
from tests.infrastructure import children
from tests.vectors.making import KEY, file_of, public_pem, relay


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
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # a busy disk may take longer than a second
    site.write(2)
    site.look()
    answers = threading.Event()

    def hang(_descriptor: int) -> None:
        answers.wait()

    site.write(3)
    monkeypatch.setattr(os, "fsync", hang)
    found = site.look()
    assert (found.verdict, what(found)) == (
        Verdict.INCOMPLETE,
        f"archive {site.shelf}: it did not answer within 1 seconds",
    )
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
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
        from tests.entrypoints.audit_site import LINES, Site, what

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
        from tests.entrypoints.audit_site import LINES, Site

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
