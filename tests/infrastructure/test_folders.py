import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indicium.domain.errors import ExportFailed, ExportFolderTaken
from indicium.infrastructure.folders import written_whole

OURS = ["a", "b"]


def write(folder: Path, content: str, *, replace: bool = False) -> None:
    with written_whole(folder, OURS, replace=replace) as unfinished:
        (unfinished / "a").write_text(content)


def content_of(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_folder_is_there_only_when_all_of_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with written_whole(folder, OURS, replace=False) as unfinished:
        (unfinished / "a").write_text("one")
        assert not folder.exists()
    assert content_of(folder) == {"a": "one"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_empty_folder_is_filled_and_a_full_one_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder, "one")
    with pytest.raises(ExportFolderTaken):
        write(folder, "two")
    assert content_of(folder) == {"a": "one"}


def test_an_older_one_is_replaced_if_it_holds_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, "one")
    write(folder, "two", replace=True)
    assert content_of(folder) == {"a": "two"}
    (folder / "mine").write_text("kept")
    with pytest.raises(ExportFolderTaken, match="folder"):
        write(folder, "three", replace=True)
    assert content_of(folder) == {"a": "two", "mine": "kept"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_is_put_there_meanwhile_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"

    def late() -> None:
        with written_whole(folder, OURS, replace=False):
            folder.mkdir()
            (folder / "a").write_text("another's")

    with pytest.raises(ExportFolderTaken):
        late()
    assert content_of(folder) == {"a": "another's"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_file_or_a_link_is_no_folder_to_write_into(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("file", "link"):
        with pytest.raises(ExportFolderTaken):
            write(tmp_path / name, "one", replace=True)
    assert (tmp_path / "file").read_text() == "kept"
    with pytest.raises(ExportFailed, match="No such file or directory"):
        write(tmp_path / "missing" / "folder", "one")
    with pytest.raises(ExportFailed, match="Not a directory"):
        write(tmp_path / "file" / "folder", "one")


def test_after_an_error_everything_is_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, "one")

    def interrupted() -> None:
        with written_whole(folder, OURS, replace=True) as unfinished:
            (unfinished / "a").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert content_of(folder) == {"a": "one"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


KILLED = """
import os, signal, sys
from pathlib import Path
from indicium.infrastructure.folders import written_whole
with written_whole(Path(sys.argv[1]), ["a"], replace=True) as unfinished:
    (unfinished / "a").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_swept_away_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, "one")
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, folder], check=False, env=environment)
    assert done.returncode == -signal.SIGKILL
    assert content_of(folder) == {"a": "one"}
    assert len(list(tmp_path.iterdir())) == 2
    with written_whole(folder, OURS, replace=True) as unfinished:
        assert list(unfinished.iterdir()) == []
        (unfinished / "b").write_text("two")
    assert content_of(folder) == {"b": "two"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_two_never_write_the_same_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with written_whole(folder, OURS, replace=False) as unfinished:
        (unfinished / "a").write_text("first")
        with pytest.raises(ExportFailed, match="another process"):
            write(folder, "second")
    assert content_of(folder) == {"a": "first"}


def test_a_link_in_the_place_of_the_folder_beside_empties_nothing(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("kept")
    (tmp_path / ".folder.unfinished").symlink_to(elsewhere)

    with pytest.raises(ExportFailed):
        write(tmp_path / "folder", "one")

    assert content_of(elsewhere) == {"mine": "kept"}
