"""A file of lines that only ever grows, and whose every append is durable before it returns, or fails in time."""

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from indicium.domain.errors import StoreFailed
from indicium.infrastructure.files import reason, sync_folder
from indicium.infrastructure.patience import Patience
from indicium.settings import COPY_PATIENCE_SECONDS

_BLOCK_BYTES = 1 << 16
_CLOSED = -1


class AppendOnlyFile:
    """One file, open. What does not end with a newline is torn: it is no line, and nothing is appended after it.

    It has one writer at a time. A write that was given up because it did not return is a writer yet: so nobody opens
    the file anew, and writes the same lines again, before it has returned.
    """

    def __init__(
        self, path: Path, place: str, *, create: bool, patience_seconds: float = COPY_PATIENCE_SECONDS
    ) -> None:
        """Open the file, and make it if `create`. `place` is what errors call it. Raises `StoreFailed`."""
        self._path = path
        self._place = place
        self._broken = ""
        self._patience = Patience(place, patience_seconds)
        try:
            self._descriptor = self._patience.do(lambda: _open(path, create=create), late=os.close)
            try:
                size = os.fstat(self._descriptor).st_size
                self._lines_end = self._after_newline(size)
                self._size = size
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            self._patience.end(_nothing)
            raise StoreFailed(place=place, why=f"{path.name}: {reason(error)}") from None
        except BaseException:
            self._patience.end(_nothing)
            raise

    @property
    def size(self) -> int:
        """How long the file is, in bytes, with what is torn."""
        return self._size

    def append(self, content: bytes) -> None:
        """Write whole lines at the end and sync them. Raises `StoreFailed`; then the file is as it was.

        If it cannot be put back, or a sync failed (nobody knows what of it is on the disk), this object appends nothing
        any more: the file has to be opened, and compared, anew. The same where the write did not return in time.
        """
        self._patience.do(lambda: self._append(content))

    def _append(self, content: bytes) -> None:
        self._demand_as_left()
        try:
            rest = memoryview(content)
            while rest:
                # A short write is the beginning of a full disk: the next one gets the reason.
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._put_back()
            raise StoreFailed(place=self._place, why=reason(error)) from None
        except BaseException:
            self._put_back()
            raise
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self._put_back()
            self._broken = "an earlier sync failed"
            raise StoreFailed(place=self._place, why=reason(error)) from None
        self._size += len(content)
        self._lines_end = self._size

    def torn(self) -> bytes:
        """Give what stands after the last newline."""
        return self._read(self._lines_end, self._size)

    def cut_torn(self) -> None:
        """Cut what stands after the last newline, durably. Raises `StoreFailed`."""
        self._patience.do(self._cut_torn)

    def _cut_torn(self) -> None:
        self._demand_as_left(torn=True)
        try:
            os.ftruncate(self._descriptor, self._lines_end)
            os.fsync(self._descriptor)
        except OSError as error:
            self._broken = "its torn line could not be cut"
            raise StoreFailed(place=self._place, why=reason(error)) from None
        self._size = self._lines_end

    def last_line(self) -> bytes | None:
        """Give the last whole line without its newline, None if there is none; reads no more of the file than that."""
        if not self._lines_end:
            return None
        end = self._lines_end - 1
        return self._read(self._after_newline(end), end)

    def end(self, size: int) -> bytes:
        """Give the last bytes, so many of them, what is torn too; all if there are fewer."""
        return self._read(max(0, self._size - size), self._size)

    def cut_end(self, size: int) -> None:
        """Cut so many of the last bytes, from the beginning of a line on, durably. Raises `StoreFailed`."""
        self._lines_end = self._size - size
        self._patience.do(self._cut_torn)

    def lines(self) -> Iterator[bytes]:
        """Give the whole lines in order, without their newlines, a block at a time."""
        offset, rest = 0, b""
        while offset < self._lines_end:
            block = self._read(offset, min(offset + _BLOCK_BYTES, self._lines_end))
            offset += len(block)
            *whole, rest = (rest + block).split(b"\n")
            yield from whole

    def rename(self, path: Path) -> None:
        """Give the file another name in its folder; then it is as good as closed. Raises `StoreFailed`."""
        self._patience.do(lambda: self._rename(path))

    def _rename(self, path: Path) -> None:
        self._demand_as_left()
        self._broken = "it was given another name"
        try:
            self._path.rename(path)
            sync_folder(path.parent)
        except OSError as error:
            raise StoreFailed(place=self._place, why=reason(error)) from None

    def close(self) -> None:
        """Close the file; one that is closed stays so."""
        if self._descriptor != _CLOSED:
            descriptor, self._descriptor = self._descriptor, _CLOSED
            self._patience.end(lambda: os.close(descriptor))

    def _demand_as_left(self, *, torn: bool = False) -> None:
        """Refuse to write to a file that is not the one we wrote: deleted, replaced, longer or shorter."""
        if self._broken:
            raise StoreFailed(place=self._place, why=self._broken)
        if self._size != self._lines_end and not torn:
            raise StoreFailed(place=self._place, why="its last line is torn")
        try:
            ours, named = os.fstat(self._descriptor), self._path.lstat()
        except OSError as error:
            raise StoreFailed(place=self._place, why=f"it is gone: {reason(error)}") from None
        if (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino):
            raise StoreFailed(place=self._place, why="another file was put in its place")
        if ours.st_size != self._size:
            raise StoreFailed(place=self._place, why="somebody else wrote to it")

    def _put_back(self) -> None:
        """Cut off what a failed append left. Not synced: until somebody appends, what is left is only a torn line."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._broken = "the rest of a failed write could not be cut off"

    def _after_newline(self, end: int) -> int:
        """Find where the last newline before `end` ends, looking backwards; 0 if there is none."""
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            found = self._read(start, end).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _read(self, start: int, end: int) -> bytes:
        content = b""
        try:
            while len(content) < end - start:
                block = os.pread(self._descriptor, end - start - len(content), start + len(content))
                if not block:
                    raise StoreFailed(place=self._place, why="it became shorter while it was read")
                content += block
        except OSError as error:
            raise StoreFailed(place=self._place, why=reason(error)) from None
        return content


def _open(path: Path, *, create: bool) -> int:
    """Open a regular file for appending, never through a symbolic link that leads elsewhere. Raises OSError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        if not create:
            raise
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
        os.fchmod(descriptor, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            msg = "not a regular file"
            raise OSError(msg)
        _lock(descriptor)
        # Also for a file that was there: whoever made it may have been killed before its name was durable.
        sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int) -> None:
    """Keep other writers out until the descriptor is closed. Raises OSError where there is one."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = "another writer has it open, or an earlier write has not returned"
        raise OSError(msg) from None


def _nothing() -> None:
    """Have nothing left to do."""
