"""The lines of a chain in files of a bounded length: what is closed may be taken away, and nobody is disturbed.

Behind a signed record, once a file is long enough, it is closed by renaming it after its range, and a new one is begun.
The new one gets a line at once: so whoever takes closed files away knows that the one before is needed no more when the
next holds a line.
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain as one_after_the_other
from itertools import islice
from pathlib import Path

from indicium.domain.errors import StoreFailed
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.files import reason
from indicium.infrastructure.segments import closed_name, open_file, segments_of, sequence_of


class RollingFile:
    """A chain's open file, and the closed ones that are still beside it."""

    def __init__(  # a file's name has three parts, and its length and its slowness are bounded
        self,
        folder: Path,
        serial: Serial,
        chain: ChainId,
        place: str,
        *,
        create: bool,
        file_bytes: int,
        patience_seconds: float,
    ) -> None:
        """Open the open file, and make it if `create`. Raises `StoreFailed`."""
        self._folder, self._serial, self._chain, self._place = folder, serial, chain, place
        self._file_bytes, self._patience_seconds = file_bytes, patience_seconds
        self._file = self._opened(create=create)

    def append(self, content: bytes) -> None:
        """Write whole lines at the end and sync them; first begin a new file if it is time.

        Raises `StoreFailed`; then a beginning of the lines is there, or none of them.
        """
        if self._file.size >= self._file_bytes:
            content = self._roll(content)
        if content:
            self._file.append(content)

    def torn(self) -> bytes:
        """Give what stands after the last newline."""
        return self._file.torn()

    def cut_torn(self) -> None:
        """Cut what stands after the last newline, durably. Raises `StoreFailed`."""
        self._file.cut_torn()

    def last_line(self) -> bytes | None:
        """Give the last whole line, of the newest closed file where the open one has none yet."""
        line = self._file.last_line()
        if line is not None:
            return line
        closed = [file for file in segments_of(self._folder, self._serial, self._chain) if not file.is_open]
        newest = max(closed, key=lambda file: file.last, default=None)
        return None if newest is None else _last_line(newest.path, self._place)

    def end(self, size: int) -> bytes:
        """Give the last bytes of the open file: what is closed was synced before."""
        return self._file.end(size)

    def cut_end(self, size: int) -> None:
        """Cut so many of the last bytes, from the beginning of a line on, durably. Raises `StoreFailed`."""
        self._file.cut_end(size)

    def lines(self) -> Iterator[bytes]:
        """Give the whole lines in order, each once, beginning with the first that is still here."""
        held = 0
        for file in segments_of(self._folder, self._serial, self._chain):
            lines = self._file.lines() if file.is_open else _lines(file.path, self._place)
            first = next(lines, None)
            if first is None:
                continue
            begins = sequence_of(first) or held + 1
            for line in islice(one_after_the_other([first], lines), max(0, held + 1 - begins), None):
                held = max(held + 1, begins)
                yield line

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _opened(self, *, create: bool) -> AppendOnlyFile:
        path = open_file(self._folder, self._serial, self._chain)
        return AppendOnlyFile(path, self._place, create=create, patience_seconds=self._patience_seconds)

    def _roll(self, content: bytes) -> bytes:
        """Begin a new file where the open one ends with a signed record, or can be made to; give what is left to write.

        A crash here leaves a chain without an open file: the next to open it makes one, and finds the head in the
        closed one.
        """
        signed_end = content.find(b"\n", content.find(b"\t")) + 1 if b"\t" in content else 0
        last = self._file.last_line() or b""
        if b"\t" not in last:  # L2267: a TAB is before a signature and nowhere else
            if 0 < signed_end < len(content):
                self._file.append(content[:signed_end])
                last = self._file.last_line() or b""
                content = content[signed_end:]
            else:
                return content
        first = next(self._file.lines(), b"")
        ends = sequence_of(first), sequence_of(last)
        if ends[0] is None or ends[1] is None:
            return content
        closed = self._folder / closed_name(self._serial, self._chain, ends[0], ends[1])
        if closed.exists():  # put there by hand: nothing may be written over
            return content
        full = self._file
        full.rename(closed)
        try:
            self._file = self._opened(create=True)
        finally:
            full.close()
        return content


def _lines(path: Path, place: str) -> Iterator[bytes]:
    """Give the whole lines of a closed file. Raises `StoreFailed`."""
    try:
        with path.open("rb") as file:
            yield from (line[:-1] for line in file if line.endswith(b"\n"))
    except OSError as error:
        raise StoreFailed(place=place, why=f"{path.name}: {reason(error)}") from None


def _last_line(path: Path, place: str) -> bytes | None:
    """Give the last whole line of a closed file."""
    newest = deque(_lines(path, place), maxlen=1)
    return newest[0] if newest else None
