"""The audit copy only grows, and says so when it did not."""

import base64
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from indicium.domain.errors import HeadsDisagree, StoreFailed
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import Package
from indicium.infrastructure.audit_copy import AuditCopy
from tests.infrastructure import children

SERIAL = Serial("34576590")
CHAIN = ChainId("0123456789abcdef" * 2)
NAME = f"{SERIAL}-{CHAIN}"


def line(sequence: int, *, signed: bool = False) -> bytes:
    record = b'{"format":1,"sequence":%d,"data":{"text":"a record"}}' % sequence
    return record + b"\tMEUCIQ==" if signed else record


def head(record: bytes, sequence: int) -> Head:
    return Head(sequence, hashlib.sha256(record).hexdigest())


def package(psd_id: str, version: int, static: bytes) -> Package:
    return Package(DeviceId(psd_id), version, static, b"{}", bytes(32), bytes(32))


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[AuditCopy]:
    copy = AuditCopy.open(tmp_path, SERIAL, CHAIN)
    yield copy
    copy.close()


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    return tmp_path / f"{NAME}.audit"


def reopened(folder: Path) -> AuditCopy:
    return AuditCopy.open(folder, SERIAL, CHAIN, create=False)


def test_a_new_copy_is_empty_and_anybody_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        copy = AuditCopy.open(tmp_path, SERIAL, CHAIN)
    finally:
        os.umask(before)

    assert (copy.head(), copy.torn(), list(copy.lines())) == (None, b"", [])
    copy.close()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {f"{NAME}.audit": 0o644, f"{NAME}.sealed": 0o644}


def test_lines_are_appended_each_with_a_newline(copy: AuditCopy, audit: Path) -> None:
    copy.append([line(1), line(2, signed=True)])
    copy.append([line(3)])

    assert audit.read_bytes() == line(1) + b"\n" + line(2, signed=True) + b"\n" + line(3) + b"\n"
    assert list(copy.lines()) == [line(1), line(2, signed=True), line(3)]
    assert list(copy.lines(after=2)) == [line(3)]
    assert list(copy.lines(after=3)) == []


def test_the_head_is_the_last_line_with_its_signature(copy: AuditCopy, tmp_path: Path) -> None:
    copy.append([line(1), line(2, signed=True)])

    assert copy.head() == head(line(2, signed=True), 2)
    copy.close()
    again = reopened(tmp_path)
    assert again.head() == head(line(2, signed=True), 2)
    again.append([line(3)])
    assert again.head() == head(line(3), 3)
    again.close()


@pytest.mark.parametrize("size", [1, 65534, 65535, 65536, 65537, 200_000])
def test_lines_of_any_length_are_read_whole(copy: AuditCopy, size: int) -> None:
    lines = [line(1), b'{"sequence":2,"data":"%s"}' % (b"x" * size), b'{"sequence":3,"data":"%s"}' % (b"y" * size)]
    copy.append(lines)

    assert copy.head() == head(lines[-1], 3)
    assert list(copy.lines()) == lines


def test_new_static_parts_stand_beside_in_lines_of_their_own(copy: AuditCopy, tmp_path: Path) -> None:
    copy.append([line(1)], [package("1000000001", 4, b"sealed"), package("1000000002", 1, b"other")])
    copy.append([line(2)])

    kept = [json.loads(each) for each in (tmp_path / f"{NAME}.sealed").read_bytes().splitlines()]
    assert [(each["psd"], each["version"], base64.b64decode(each["static"])) for each in kept] == [
        ("1000000001", 4, b"sealed"),
        ("1000000002", 1, b"other"),
    ]
    assert kept[0]["digest"] == hashlib.sha256(b"sealed").hexdigest()


def test_a_torn_line_is_no_line_and_nothing_is_written_after_it(audit: Path, tmp_path: Path) -> None:
    audit.write_bytes(line(1) + b"\n" + line(2)[:20])
    copy = reopened_with_sealed(tmp_path)

    assert copy.torn() == line(2)[:20]
    assert copy.head() == head(line(1), 1)
    assert list(copy.lines()) == [line(1)]
    with pytest.raises(StoreFailed, match="torn"):
        copy.append([line(2)])

    copy.cut_torn()
    assert (copy.torn(), audit.read_bytes()) == (b"", line(1) + b"\n")
    copy.append([line(2)])
    copy.close()
    assert audit.read_bytes() == line(1) + b"\n" + line(2) + b"\n"


def reopened_with_sealed(folder: Path) -> AuditCopy:
    (folder / f"{NAME}.sealed").touch()
    return reopened(folder)


def test_a_first_line_that_is_torn_leaves_no_head(audit: Path, tmp_path: Path) -> None:
    audit.write_bytes(line(1)[:-1])
    copy = reopened_with_sealed(tmp_path)

    assert (copy.head(), copy.torn(), list(copy.lines())) == (None, line(1)[:-1], [])
    copy.cut_torn()
    assert audit.read_bytes() == b""
    copy.close()


def test_a_whole_line_without_its_newline_is_torn_too(audit: Path, tmp_path: Path) -> None:
    audit.write_bytes(line(1) + b"\n" + line(2))
    copy = reopened_with_sealed(tmp_path)

    assert (copy.head(), copy.torn()) == (head(line(1), 1), line(2))
    copy.close()


def test_a_torn_static_part_is_cut_for_its_record_was_never_written(tmp_path: Path, copy: AuditCopy) -> None:
    copy.append([line(1)], [package("1000000001", 1, b"sealed")])
    sealed = tmp_path / f"{NAME}.sealed"
    whole = sealed.read_bytes()
    sealed.write_bytes(whole + whole[:30])

    copy.close()
    again = reopened(tmp_path)
    again.append([line(2)], [package("1000000001", 1, b"sealed")])
    again.close()

    assert sealed.read_bytes() == whole + whole


@pytest.mark.parametrize(
    "last", [b"", b"{}", b"[1]", b"no json", b'{"sequence":0}', b'{"sequence":"2"}', b'{"sequence":true}', b"[" * 99999]
)
def test_a_last_line_that_is_no_record_inhibits(audit: Path, tmp_path: Path, last: bytes) -> None:
    audit.write_bytes(line(1) + b"\n" + last + b"\n")
    copy = reopened_with_sealed(tmp_path)

    with pytest.raises(HeadsDisagree) as caught:
        copy.head()

    copy.close()
    assert (caught.value.serial, caught.value.place, caught.value.sequence) == (SERIAL, "audit copy", 2)


def test_a_copy_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="No such file"):
        reopened(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_was_deleted_is_noticed_when_the_next_line_comes(copy: AuditCopy, audit: Path) -> None:
    copy.append([line(1)])
    audit.unlink()

    with pytest.raises(StoreFailed, match="it is gone"):
        copy.append([line(2)])
    assert not audit.exists()


def test_a_copy_that_was_replaced_is_noticed_also_by_the_same_bytes(copy: AuditCopy, audit: Path) -> None:
    copy.append([line(1)])
    other = audit.with_name("other")
    other.write_bytes(audit.read_bytes())
    other.rename(audit)

    with pytest.raises(StoreFailed, match="another file"):
        copy.append([line(2)])
    assert audit.read_bytes() == line(1) + b"\n"


@pytest.mark.parametrize("size", [0, len(line(1)), len(line(1)) + 40])
def test_a_copy_that_became_shorter_or_longer_is_noticed(copy: AuditCopy, audit: Path, size: int) -> None:
    copy.append([line(1)])
    os.truncate(audit, size)

    with pytest.raises(StoreFailed, match="somebody else"):
        copy.append([line(2)])
    assert audit.stat().st_size == size


def test_no_symbolic_link_leads_the_copy_elsewhere(tmp_path: Path, audit: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    audit.symlink_to(elsewhere)

    with pytest.raises(StoreFailed, match="symbolic link"):
        AuditCopy.open(tmp_path, SERIAL, CHAIN)
    assert elsewhere.read_bytes() == b""


def test_only_a_regular_file_is_a_copy(tmp_path: Path, audit: Path) -> None:
    os.mkfifo(audit)

    with pytest.raises(StoreFailed, match="not a regular file"):
        AuditCopy.open(tmp_path, SERIAL, CHAIN)


def test_a_full_disk_leaves_no_part_of_a_line_and_the_copy_goes_on_when_there_is_room(
    tmp_path: Path, audit: Path
) -> None:
    said = children.run(
        """
        import resource, sys
        from pathlib import Path
        from indicium.domain.errors import StoreFailed
        from indicium.infrastructure.audit_copy import AuditCopy

        path = Path(sys.argv[1])
        copy = AuditCopy.open(path.parent, *path.stem.split("-"))
        copy.append([b'{"sequence":1}'])
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        try:
            copy.append([b'{"sequence":2,"text":"%s"}' % bytes(200)])
        except StoreFailed as error:
            print(error.place, error.why, sep=": ")
        print(path.stat().st_size)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        copy.append([b'{"sequence":2}'])
        copy.close()
        """,
        audit,
    )

    assert said == ["audit copy: File too large", "15"]
    assert audit.read_bytes() == b'{"sequence":1}\n{"sequence":2}\n'
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".audit", ".sealed"]


def fail(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_after_a_sync_that_failed_nothing_is_appended_until_the_copy_is_opened_anew(
    copy: AuditCopy, audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy.append([line(1)])
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(StoreFailed, match="Input/output error"):
            copy.append([line(2)])
    assert audit.read_bytes() == line(1) + b"\n"

    with pytest.raises(StoreFailed, match="an earlier sync failed"):
        copy.append([line(2)])

    copy.close()
    again = reopened(tmp_path)
    again.append([line(2)])
    again.close()
    assert audit.read_bytes() == line(1) + b"\n" + line(2) + b"\n"


def test_what_cannot_be_cut_off_after_a_failed_write_ends_the_appending(
    copy: AuditCopy, audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def half(descriptor: int, content: memoryview) -> int:
        if len(content) < len(line(2)):
            fail()
        return write(descriptor, content[: len(content) // 2])

    copy.append([line(1)])
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", half)
        broken.setattr(os, "ftruncate", fail)
        with pytest.raises(StoreFailed, match="Input/output error"):
            copy.append([line(2)])

    with pytest.raises(StoreFailed, match="could not be cut off"):
        copy.append([line(2)])

    copy.close()
    again = reopened(tmp_path)
    assert audit.read_bytes() == line(1) + b"\n" + again.torn()
    assert again.torn()
    assert line(2).startswith(again.torn())
    again.close()


def test_a_static_part_that_cannot_be_kept_keeps_its_record_out_too(
    copy: AuditCopy, audit: Path, tmp_path: Path
) -> None:
    (tmp_path / f"{NAME}.sealed").unlink()

    with pytest.raises(StoreFailed):
        copy.append([line(1)], [package("1000000001", 1, b"sealed")])

    assert audit.read_bytes() == b""


def test_a_line_is_on_the_disk_before_the_append_returns_and_a_static_part_before_its_line(
    copy: AuditCopy, audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-21, I-36."""
    fsync, synced = os.fsync, list[tuple[str, int, int]]()

    def watch(descriptor: int) -> None:
        fsync(descriptor)
        name = Path(f"/proc/self/fd/{descriptor}").readlink().suffix
        synced.append((name, (tmp_path / f"{NAME}.sealed").stat().st_size, audit.stat().st_size))

    monkeypatch.setattr(os, "fsync", watch)
    copy.append([line(1), line(2)], [package("1000000001", 1, b"sealed")])
    copy.append([line(3)])

    part = (tmp_path / f"{NAME}.sealed").stat().st_size
    two = len(line(1)) + len(line(2)) + 2
    assert synced == [(".sealed", part, 0), (".audit", part, two), (".audit", part, two + len(line(3)) + 1)]
