"""Verifying one audit file with several processes: the report is that of `verify_chain`, to the letter.

The file is cut behind any line. That line's sequence and hash are where the stretch behind the cut begins; whether it
is a good record is for the stretch that it ends. Stretches are joined in their order, each one only if it began where
the one before ended, and the first that has a bad record ends the report. So a cut needs no signature, and a process
gets a range of the file, never lines.

A stretch is begun with the key that was in force as far as it was known by then. Where a stretch before it turns out to
announce another, it is examined once more: keys change rarely.
"""

import errno
import os
import re
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from indicium.cryptomodule.lines import BLOCK
from indicium.cryptomodule.verifier import (
    AuditKey,
    ChainReport,
    InForce,
    Opening,
    Stretch,
    Walk,
    load_key,
    verify_chain,
)
from indicium.domain.flow import Head
from indicium.domain.record import line_hash

STRETCH: Final = 16 * 1024 * 1024
"""What one process is given at once, in bytes: some 80 ms of work."""

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are verified."""

_SEQUENCE: Final = re.compile(
    rb'\{"format":1,"previous":"[0-9a-f]{64}","chain":"[0-9a-f]{32}","module":"[0-9]{1,16}","sequence":([0-9]{1,16}),'
)


class Task(NamedTuple):
    """A stretch of a file that is to be verified, as it travels to a process."""

    path: Path
    identity: tuple[int, int]
    """Device and number of the file that was cut."""
    start: int
    end: int | None
    """Where it ends, in bytes; None for wherever the file does."""
    key: bytes | None
    """The auditor's, in PEM."""
    noted: Head | None
    opening: Opening
    in_force: InForce
    """The key that the record before it left in force."""
    at: Head
    """The record before it."""


def verify_file(
    path: Path, key: AuditKey | None, head: Head | None = None, *, workers: int = 1, progress: Progress | None = None
) -> ChainReport:
    """Verify the chain of an audit file as `verify_chain` does, with so many processes where the file is long enough.

    The processes are started anew, not forked, so the caller's program needs the usual `if __name__ == "__main__"`.
    Raises OSError.
    """
    progress = progress or _untold
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if workers == 1 or size <= STRETCH:
            return verify_chain(cast("BinaryIO", Range(file, None, lambda read: progress(read, size))), key, head)
        with _crew(workers) as pool:
            return spread(path, file, key, head, pool, ahead=2 * workers, progress=progress)


def spread(
    path: Path,
    file: BinaryIO,
    key: AuditKey | None,
    head: Head | None,
    pool: Executor,
    *,
    ahead: int,
    progress: Progress,
) -> ChainReport:
    """Cut an open file and let a pool verify the stretches, `ahead` of them at a time. Raises OSError."""
    walk = Walk(key, head)
    first = file.readline(BLOCK)
    if not first.endswith(b"\n"):
        file.seek(0)
        return verify_chain(file, key, head)
    first_bad = walk.take_all([first[:-1]])
    opening = walk.opening
    if first_bad is not None or opening is None:
        return walk.report(first_bad)
    found = os.fstat(file.fileno())
    pem = None if key is None else key.pem
    task = Task(path, (found.st_dev, found.st_ino), len(first), None, pem, head, opening, walk.in_force, walk.head)
    stretches = (cut._replace(in_force=walk.in_force) for cut in _stretches(file, found.st_size, task))
    for stretch, future in _begun(stretches, pool, ahead):
        done = _outcome(future) if (stretch.in_force, stretch.at) == (walk.in_force, walk.head) else None
        if done is None:  # its process was killed, another key was announced, or somebody writes to the file
            done = examine(stretch._replace(in_force=walk.in_force, at=walk.head))
        walk.join(done)
        if done.first_bad is not None:
            return walk.report(done.first_bad)
        progress(stretch.end or found.st_size, found.st_size)
    return walk.report(None)


def examine(task: Task) -> Stretch:
    """Verify one stretch. Raises OSError, also if the path names another file by now."""
    with task.path.open("rb") as file:
        found = os.fstat(file.fileno())
        if (found.st_dev, found.st_ino) != task.identity:
            raise OSError(errno.ESTALE, "another file was put in its place", str(task.path))
        file.seek(task.start)
        key = None if task.key is None else load_key(task.key)
        walk = Walk.resumed(key, task.noted, task.opening, task.in_force, task.at)
        length = None if task.end is None else task.end - task.start
        return walk.stretch(walk.take_all(cast("BinaryIO", Range(file, length, _unread))))


class Range:
    """What is left of a range of a file, as a binary stream that tells how far it was read."""

    def __init__(self, file: BinaryIO, length: int | None, tell: Callable[[int], None]) -> None:
        """Read so many bytes from where the file stands; None for all that follow."""
        self._file, self._left, self._tell = file, length, tell
        self._read = 0

    def read(self, limit: int) -> bytes:
        """Read a block."""
        block = self._file.read(limit if self._left is None else min(limit, self._left - self._read))
        self._read += len(block)
        self._tell(self._read)
        return block


def _stretches(file: BinaryIO, size: int, first: Task) -> Iterator[Task]:
    """Cut the file near every multiple of a stretch's length."""
    open_task = first
    for near in range(first.start + STRETCH, size, STRETCH):
        cut = cut_behind(file, near)
        if cut is None or cut.offset <= open_task.start:
            continue  # no line ends there that says where it stands: the stretch is longer, or finds it bad
        yield open_task._replace(end=cut.offset)
        open_task = open_task._replace(start=cut.offset, at=cut.at)
    yield open_task


class Cut(NamedTuple):
    """A place between two lines."""

    offset: int
    at: Head
    """What the line before it says that it is."""
    line: bytes
    """The line before it."""


def cut_behind(file: BinaryIO, near: int) -> Cut | None:
    """Find the end of the first whole line behind an offset, and read of that line which record it is."""
    file.seek(near)
    block = file.read(BLOCK)
    begin = block.find(b"\n") + 1
    end = block.find(b"\n", begin)
    said = _SEQUENCE.match(block, begin, max(end, begin))
    if not begin or end < 0 or said is None:
        return None
    line = block[begin:end]
    return Cut(near + end + 1, Head(int(said[1]), line_hash(line)), line)


def _begun(tasks: Iterator[Task], pool: Executor, ahead: int) -> Iterator[tuple[Task, "Future[Stretch] | None"]]:
    """Give the stretches in their order, with so many of them begun ahead."""
    begun: deque[tuple[Task, Future[Stretch] | None]] = deque()
    for task in tasks:
        begun.append((task, _begin(pool, task)))
        if len(begun) >= ahead:
            yield begun.popleft()
    yield from begun


def _begin(pool: Executor, task: Task) -> "Future[Stretch] | None":
    # A process inherits the mask: Ctrl-C, which the terminal sends to all, is for the one that waits for the others.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(examine, task)
    except BrokenExecutor:
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _outcome(future: "Future[Stretch] | None") -> Stretch | None:
    try:
        return None if future is None else future.result()
    except BrokenExecutor:
        return None


@contextmanager
def _crew(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Run processes that end with the work, with an error, and with the process that they work for."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for, args=(parent.sentinel,), daemon=True).start()


def _wait_for(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _untold(_done: int, _size: int) -> None:
    """Tell nobody how far it is."""


def _unread(_read: int) -> None:
    """Tell nobody how far a process is."""
