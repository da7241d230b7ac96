"""Files that people carry: never over another one, readable by their bearer, whole or not there."""

import os
from pathlib import Path

import pytest

from indicium.domain.errors import BadFile, FileTaken
from indicium.parties.carried import LONGEST, brought, new_file


def test_what_was_written_is_there_for_its_bearer_alone(tmp_path: Path) -> None:
    path = tmp_path / "share"
    with new_file(path) as write:
        write(b"a share\n")
    assert path.read_bytes() == b"a share\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "share"
    path.write_bytes(b"somebody's")
    with pytest.raises(FileTaken) as refused, new_file(path):
        pytest.fail("nobody gets so far")
    assert str(refused.value) == f"{path} exists already, and is left as it is: name another file."
    assert path.read_bytes() == b"somebody's"


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "share").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileTaken), new_file(tmp_path / "share"):
        pytest.fail("nobody gets so far")


def test_a_file_for_which_nothing_came_goes_again(tmp_path: Path) -> None:
    path = tmp_path / "share"

    def refused() -> None:
        with new_file(path):
            assert path.stat().st_size == 0  # the place is taken before the module is asked
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        refused()
    assert not path.exists()


def test_a_folder_that_is_not_there_is_said_before_the_module_is_asked(tmp_path: Path) -> None:
    there_is_none = r"it cannot be made \(No such file or directory\)"
    with pytest.raises(BadFile, match=there_is_none), new_file(tmp_path / "usb" / "share"):
        pytest.fail("nobody gets so far")


def test_a_medium_that_is_full_is_said_and_nothing_half_stays(tmp_path: Path) -> None:
    """/dev/full takes no byte; it stands for the medium, and is no file that could go."""
    path = tmp_path / "share"

    def write_to_a_full_medium() -> None:
        with new_file(path) as write:
            full = os.open("/dev/full", os.O_WRONLY)
            for descriptor in range(full):
                if _is(descriptor, path):
                    os.dup2(full, descriptor)
            os.close(full)
            write(b"a share\n")

    with pytest.raises(BadFile, match=r"it cannot be written \(No space left on device\)"):
        write_to_a_full_medium()
    assert not path.exists()


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, r"it cannot be read \(No such file or directory\)"),
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"x" * (LONGEST + 1), "it is longer than anything that a module gives out"),
    ],
    ids=["missing", "empty", "blank", "too long"],
)
def test_what_is_no_statement_is_refused_before_the_module_sees_it(
    content: bytes | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "share"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadFile, match=why):
        brought(path)


def test_what_was_brought_is_given_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "share").write_bytes(b"x" * LONGEST)
    assert brought(tmp_path / "share") == b"x" * LONGEST
