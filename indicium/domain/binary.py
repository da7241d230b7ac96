"""Numbers and texts in bytes, each in one form: what the compact form of an item is made of."""

from typing import Final

from indicium.domain.amounts import LARGEST
from indicium.domain.errors import NotAnItem

_MORE: Final = 0x80
_LONGEST_NUMBER: Final = 8
"""Bytes of the longest number, 2^53 - 1."""


def number(value: int) -> bytes:
    """Write a number of 0 to 2^53 - 1: seven bits a byte, the lowest first, the top bit says that more follow."""
    written = bytearray()
    while value >= _MORE:
        written.append(value & (_MORE - 1) | _MORE)
        value >>= 7
    written.append(value)
    return bytes(written)


def counted(content: bytes) -> bytes:
    """Write bytes behind their number."""
    return number(len(content)) + content


class Reader:
    """Reads from left to right what was written so. Every method raises `NotAnItem`."""

    def __init__(self, data: bytes) -> None:
        """Begin at the first byte."""
        self._data, self._place = data, 0

    def byte(self) -> int:
        """Read one byte."""
        if self._place == len(self._data):
            raise NotAnItem(why="it ends early")
        self._place += 1
        return self._data[self._place - 1]

    def take(self, count: int) -> bytes:
        """Read so many bytes."""
        end = self._place + count
        if end > len(self._data):
            raise NotAnItem(why="it ends early")
        taken, self._place = self._data[self._place : end], end
        return taken

    def number(self) -> int:
        """Read a number, which has one form: the shortest."""
        value = 0
        for place in range(_LONGEST_NUMBER):
            byte = self.byte()
            value |= (byte & (_MORE - 1)) << 7 * place
            if byte < _MORE:
                if byte == 0 and place:
                    raise NotAnItem(why="a number in it is longer than it must be")
                if value > LARGEST:
                    break
                return value
        raise NotAnItem(why="a number in it is too large")

    def counted(self) -> bytes:
        """Read bytes behind their number."""
        return self.take(self.number())

    def text(self) -> str:
        """Read UTF-8 behind the number of its bytes."""
        try:
            return self.counted().decode()
        except UnicodeDecodeError:
            raise NotAnItem(why="a text in it is not UTF-8") from None

    def end(self) -> None:
        """Demand that nothing is left."""
        if self._place != len(self._data):
            raise NotAnItem(why="bytes follow behind it")
