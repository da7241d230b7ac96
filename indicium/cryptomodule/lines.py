"""The lines of an audit file, a block at a time: memory does not grow with the file, whatever it holds."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from indicium.domain.errors import BadRecord

BLOCK: Final = 1024 * 1024
"""How much of a file is read at once, in bytes."""

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Longest line that is read from a file, in bytes, so that a file without line ends does not fill the memory."""


def lines_of(lines: Iterable[bytes] | BinaryIO) -> Iterator[bytes]:
    """Give the lines of a binary stream without their ends, or lines as they are. Raises `BadRecord`."""
    read = getattr(lines, "read", None)
    if read is None:
        yield from lines
        return
    rest = b""
    while block := read(min(BLOCK, LINE_LIMIT)):
        *whole, rest = (rest + block).split(b"\n")  # several times faster than a line at a time
        if whole and len(whole[0]) > LINE_LIMIT:  # the others lie in one block
            raise BadRecord(why="the line is too long")
        yield from whole
        if len(rest) > LINE_LIMIT:
            raise BadRecord(why="the line is too long")
    if rest:
        raise BadRecord(why="the last line has no end")


def lines_in(path: Path) -> Iterator[bytes]:
    """Give the lines of a file, which is closed when they are over. Raises OSError, `BadRecord`."""
    with path.open("rb") as file:
        yield from lines_of(file)
