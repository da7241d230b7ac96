"""The audit copy in files of a bounded length, and writes to it that hang (P-14, O-19)."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indicium.domain.errors import HeadsDisagree, StoreFailed
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import line_hash
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.audit_copy import AuditCopy, Bounds

SERIAL, CHAIN = Serial("34576590"), ChainId("0123456789abcdef0123456789abcdef")
NAME = f"{SERIAL}-{CHAIN}"


def record(sequence: int) -> bytes:
    """A line of 100 bytes; every fourth is signed."""
    body = b'{"sequence":%d,"text":"' % sequence
    signature = b"\tMEUC" if sequence % 4 == 0 else b""
    return body + b"x" * (97 - len(body) - len(signature)) + b'"}' + signature


def opened(folder: Path, **bounds: int) -> AuditCopy:
    return AuditCopy.open(folder, SERIAL, CHAIN, bounds=Bounds(**{"file_bytes": 500, "patience_seconds": 30} | bounds))


def files(folder: Path) -> dict[str, int]:
    """How many lines each file holds, by what stands behind the chain's name."""
    return {path.name.removeprefix(NAME): path.read_bytes().count(b"\n") for path in folder.glob("*.audit")}


def test_a_file_that_is_long_enough_is_closed_behind_a_signed_record(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    for sequence in range(1, 18):
        copy.append([record(sequence)])
    assert files(tmp_path) == {".1-8.audit": 8, ".9-16.audit": 8, ".audit": 1}
    assert list(copy.lines()) == [record(sequence) for sequence in range(1, 18)]
    assert list(copy.lines(after=12)) == [record(sequence) for sequence in range(13, 18)]
    copy.close()


def test_a_group_is_cut_behind_its_first_signed_record(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.append([record(sequence) for sequence in range(1, 7)])
    copy.append([record(sequence) for sequence in range(7, 20)])
    assert files(tmp_path) == {".1-8.audit": 8, ".audit": 11}
    copy.close()


def test_the_head_is_in_the_closed_file_where_a_crash_left_no_open_one(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.append([record(sequence) for sequence in range(1, 9)])
    copy.close()
    (tmp_path / f"{NAME}.audit").rename(tmp_path / f"{NAME}.1-8.audit")
    copy = opened(tmp_path)
    assert copy.head() == Head(8, line_hash(record(8)))
    copy.append([record(9)])
    assert list(copy.lines()) == [record(sequence) for sequence in range(1, 10)]
    copy.close()


def test_closed_files_may_be_taken_away_and_the_copy_goes_on(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    for sequence in range(1, 10):
        copy.append([record(sequence)])
    (tmp_path / f"{NAME}.1-8.audit").unlink()
    copy.append([record(10)])
    assert copy.head() == Head(10, line_hash(record(10)))
    assert list(copy.lines(after=8)) == [record(9), record(10)]
    with pytest.raises(HeadsDisagree, match=r"from record 4 on .*records before 9 were moved .*Put the segments"):
        copy.lines(after=3)
    copy.close()


def test_a_file_with_the_range_of_another_is_never_written_over(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    (tmp_path / f"{NAME}.1-8.audit").write_bytes(b"put there by hand\n")
    for sequence in range(1, 10):
        copy.append([record(sequence)])
    assert files(tmp_path) == {".1-8.audit": 1, ".audit": 9}
    copy.close()


def test_a_copy_has_one_writer(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    with pytest.raises(StoreFailed, match="another writer has it open"):
        opened(tmp_path)
    copy.close()
    opened(tmp_path).close()


@contextmanager
def hanging(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Let a system call of this process hang until the block ends, as on a disk that does not answer."""
    real, answers = getattr(os, name), threading.Event()

    def hang(*arguments: object) -> object:
        answers.wait()
        return real(*arguments)

    monkeypatch.setattr(os, name, hang)
    try:
        yield
    finally:
        monkeypatch.undo()
        answers.set()


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_write_that_hangs_fails_in_time_and_nobody_writes_before_it_has_returned(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = opened(tmp_path, patience_seconds=1)
    copy.append([record(1)])
    with hanging(monkeypatch, call):
        with pytest.raises(StoreFailed, match=r"audit copy .*did not answer within 1 seconds"):
            copy.append([record(2)])
        with pytest.raises(StoreFailed, match="asked before has not returned"):
            copy.append([record(2)])
        copy.close()
        monkeypatch.undo()  # the disk answers others; the write is still under way
        with pytest.raises(StoreFailed, match="an earlier write has not returned"):
            opened(tmp_path)
    again = settled(tmp_path)
    assert again.head() == Head(2, line_hash(record(2)))
    assert list(again.lines()) == [record(1), record(2)]
    again.close()


def settled(folder: Path) -> AuditCopy:
    """Open the copy when the write that hung has returned."""
    path = folder / f"{NAME}.audit"
    while True:
        try:
            AppendOnlyFile(path, "audit copy", create=False).close()
        except StoreFailed:
            continue
        return opened(folder)
