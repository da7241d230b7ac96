"""The Auditor archives and deletes verified logs; signed records say which (M-57, I-33, A-52)."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.app.homes import data_of, rows_of
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import AUDITOR, OFFICER, SERIAL, Script
from tests.entrypoints.running_module import module_of


@pytest.fixture
def served(new: Path, script: Script, terminal: Terminal) -> Iterator[Path]:
    """A running module that five people brought up, and its chain on a shelf of the file server, in segments."""
    with module_of(new):
        script.users(new)
        script.done("generate", "--home", new, by=[OFFICER])
        script.finished(new)
        serve(new, terminal)
        yield new


def serve(home: Path, terminal: Terminal) -> None:
    shelf = home.parent / "shelf"
    assert terminal.run("audit-server", home, "--to", shelf, "--to", home.parent / "mirror", "--segment", "1")[0] == 0


def segments(folder: Path) -> list[Path]:
    """The segments in a folder, in their order."""
    found = [path for path in folder.glob("*.audit") if path.name.count(".") == 3]
    return sorted(found, key=lambda path: int(path.name.split(".")[1].partition("-")[0]))


def digest(paths: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def verdict(home: Path, folder: Path, terminal: Terminal) -> tuple[str, list[str]]:
    status, out, _ = terminal.run("verify", folder, "--key", home / "keys" / f"{SERIAL}.audit.pem", "--json")
    found = orjson.loads(out)
    assert status == {"PASS": 0, "INCOMPLETE": 2}[found["verdict"]]
    return found["verdict"], found["chains"][0]["missing"]


def test_verified_records_are_archived_then_deleted_and_the_rest_goes_on(
    served: Path, script: Script, terminal: Terminal, tmp_path: Path
) -> None:
    shelf, mirror, archive = tmp_path / "shelf", tmp_path / "mirror", tmp_path / "archive"
    first = segments(shelf)
    assert len(first) > 1
    last = int(first[-1].name.split(".")[1].partition("-")[2])
    said = orjson.loads(script.done("archive-log", shelf, "--to", archive, "--home", served, "--json", by=[AUDITOR]))
    assert (said["first"], said["last"], said["digest"]) == (1, last, digest(first))
    assert [path.read_bytes() for path in segments(archive)] == [path.read_bytes() for path in first]

    gone: list[str | Path] = [shelf, mirror, "--archive", archive, "--upto", str(last - 1), "--home", served]
    said = orjson.loads(script.done("delete-log", *gone, "--json", by=[AUDITOR]))
    assert (said["first"], said["files"]) == (1, [path.name for path in first[:-1]])
    assert segments(shelf) == first[-1:]
    assert len(segments(mirror)) == 1
    assert verdict(served, archive, terminal) == ("PASS", [])
    begins = int(first[-1].name.split(".")[1].partition("-")[0])
    assert verdict(served, shelf, terminal) == ("INCOMPLETE", [f"the records before {begins}"])

    records = {row.event: row for row in rows_of(served)}
    for event, upto, files in (("log-archived", last, first), ("log-deleted", begins - 1, segments(archive)[:-1])):
        record = orjson.loads(records[event].line.partition(b"\t")[0])
        assert (record["user"], record["role"]) == (AUDITOR, "auditor")
        assert b"\t" in records[event].line
        if event == "log-deleted":
            assert data_of(records[event]) == {
                "chain": record["chain"], "first": 1, "last": upto, "digest": digest(files)
            }  # fmt: skip

    serve(served, terminal)
    assert verdict(served, shelf, terminal)[0] == "INCOMPLETE"
    script.done("archive-log", shelf, "--to", archive, "--home", served, by=[AUDITOR])
    assert verdict(served, archive, terminal) == ("PASS", [])


def test_nobody_but_the_auditor(served: Path, script: Script, tmp_path: Path) -> None:
    """J-13: whoever is logged on, and the module refuses it in the chain."""
    shelf, archive = tmp_path / "shelf", tmp_path / "archive"
    refused = script.refused("archive-log", shelf, "--to", archive, "--home", served, "--user", OFFICER, by=[OFFICER])
    assert refused.startswith("This is for the Auditor")
    assert [row.event for row in rows_of(served)].count("command-refused") == 1


def test_what_does_not_pass_is_not_archived(served: Path, script: Script, tmp_path: Path) -> None:
    shelf, archive = tmp_path / "shelf", tmp_path / "archive"
    path = segments(shelf)[0]
    path.write_bytes(path.read_bytes().replace(b'"reason":0', b'"reason":9'))
    refused = script.refused("archive-log", shelf, "--to", archive, "--home", served, by=[AUDITOR])
    assert "neither archived nor deleted, for it does not pass: record" in refused
    assert not archive.exists()
    assert not any(row.event == "log-archived" for row in rows_of(served))


def test_what_is_not_whole_in_the_archive_is_not_deleted(served: Path, script: Script, tmp_path: Path) -> None:
    shelf, archive = tmp_path / "shelf", tmp_path / "archive"
    asked: list[str | Path] = ["delete-log", shelf, "--archive", archive, "--home", served]
    archive.mkdir()
    for path in segments(shelf):
        shutil.copy(path, archive)
    assert "no record says that it was archived" in script.refused(*asked, by=[AUDITOR])
    for path in segments(archive):
        path.unlink()
    script.done("archive-log", shelf, "--to", archive, "--home", served, by=[AUDITOR])
    held = segments(archive)
    held[-1].rename(tmp_path / "away")
    assert f"{archive} does not hold it" in script.refused(*asked, by=[AUDITOR])
    (tmp_path / "away").rename(held[-1])
    held[0].unlink()
    assert "does not pass: missing: the records before" in script.refused(*asked, by=[AUDITOR])
    assert len(segments(shelf)) == len(held)
    assert not any(row.event == "log-deleted" for row in rows_of(served))


def test_where_nothing_waits_it_is_said(served: Path, script: Script, tmp_path: Path) -> None:
    shelf, archive = tmp_path / "shelf", tmp_path / "archive"
    asked: list[str | Path] = ["archive-log", shelf, "--to", archive, "--home", served]
    script.done(*asked, by=[AUDITOR])
    assert "no segment up to there" in script.refused(*asked, by=[AUDITOR], status=3)
    gone: list[str | Path] = ["delete-log", tmp_path / "none", "--archive", archive, "--home", served]
    assert "no segment ends at or before it" in script.refused(*gone, by=[AUDITOR], status=3)
