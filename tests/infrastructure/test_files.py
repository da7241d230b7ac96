"""Small files are there whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from indicium.domain.errors import StoreFailed
from indicium.infrastructure.files import write_atomically
from tests.infrastructure import children


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_atomically(tmp_path / "settings", b"old")
    write_atomically(tmp_path / "settings", b"new")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("settings", b"new")]


def test_a_file_has_the_mode_it_was_given_whatever_the_umask_and_the_mode_before(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "public", b"")
        (tmp_path / "secret").write_bytes(b"")
        (tmp_path / "secret").chmod(0o666)
        write_atomically(tmp_path / "secret", b"", mode=0o600)
    finally:
        os.umask(before)

    assert (tmp_path / "public").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    said = children.run(
        """
        import resource, sys
        from pathlib import Path
        from indicium.domain.errors import StoreFailed
        from indicium.infrastructure.files import write_atomically

        path = Path(sys.argv[1])
        write_atomically(path, b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            write_atomically(path, bytes(2000))
        except StoreFailed as error:
            print(error.why)
        """,
        tmp_path / "ring",
    )

    assert said == ["File too large"]
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("ring", b"old")]


def test_a_rename_that_fails_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)

    with pytest.raises(StoreFailed, match="directory"):
        write_atomically(tmp_path / "taken", b"content")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="No such file or directory"):
        write_atomically(tmp_path / "nowhere" / "file", b"content")


def test_a_sync_that_fails_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "file", b"old")

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreFailed, match="Input/output error"):
        write_atomically(tmp_path / "file", b"new")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_failed_write_whose_temporary_file_cannot_be_removed_either_says_why_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails a sync may fail the clearing away, too."""

    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(StoreFailed, match=f"file {tmp_path / 'file'} .*Input/output error"):
        write_atomically(tmp_path / "file", b"new")
