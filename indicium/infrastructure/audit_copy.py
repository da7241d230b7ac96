"""The audit copy: the module's lines once more, in a file that only grows and that anybody can check.

One file for each chain, `<serial>-<chain>.audit`, and where that grew long, closed ones before it (`rolling`). Beside
them, append-only too, `.sealed` holds each static part that was ever made, so that packages can be made again from the
lines.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain as one_after_the_other
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import orjson

from indicium.domain.errors import HeadsDisagree
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.record import line_hash
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.ports import LineFile
from indicium.infrastructure.rolling import RollingFile
from indicium.infrastructure.segments import open_file, sequence_of
from indicium.settings import COPY_FILE_BYTES, COPY_PATIENCE_SECONDS, Settings

_PLACE = "audit copy"


class Bounds(NamedTuple):
    """What bounds a copy."""

    file_bytes: int = COPY_FILE_BYTES
    """Length from which on a file of lines is closed, behind a signed record."""
    patience_seconds: float = COPY_PATIENCE_SECONDS
    """How long a write may take."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take them from a ledger's settings."""
        return cls(settings.copy_file_bytes, settings.copy_patience_seconds)


AS_USUAL = Bounds()


class StaticPart(Protocol):
    """A meter's sealed static part, as a package has it, or whatever else brings one."""

    @property
    def psd_id(self) -> DeviceId:
        """The meter."""

    @property
    def version(self) -> int:
        """The version of the meter that made it, or that it was seen in."""

    @property
    def static(self) -> bytes:
        """The part."""


class AuditCopy:
    """The copy of one chain, open for appending. One process at a time: the module's memory is locked by it."""

    def __init__(self, serial: Serial, lines: LineFile, sealed: LineFile, *, lost_parts: bool = False) -> None:
        """Take the two files. Callers use `open`."""
        self._serial = serial
        self._lines = lines
        self._sealed = sealed
        self.lost_parts = lost_parts
        """Whether the file of the sealed parts was gone when this was opened, and the lines were there."""

    @classmethod
    def open(
        cls, folder: Path, serial: Serial, chain: ChainId, *, create: bool = True, bounds: Bounds = AS_USUAL
    ) -> Self:
        """Open the copy of a chain, and make its files (mode 0644) if `create`. Raises `StoreFailed`."""
        seconds = bounds.patience_seconds
        lines = RollingFile(
            folder, serial, chain, _PLACE, create=create, file_bytes=bounds.file_bytes, patience_seconds=seconds
        )
        try:
            path = open_file(folder, serial, chain).with_suffix(".sealed")
            lost_parts = not path.exists() and lines.last_line() is not None
            sealed = AppendOnlyFile(path, _PLACE, create=create, patience_seconds=seconds)
            try:
                # A crash while a static part was written: its record is not in the copy yet, and when it is completed
                # from the store, so is this.
                if sealed.torn():
                    sealed.cut_torn()
            except BaseException:
                sealed.close()
                raise
        except BaseException:
            lines.close()
            raise
        return cls(serial, lines, sealed, lost_parts=lost_parts)

    def head(self) -> Head | None:
        """Give sequence and hash of the last whole line, None if there is none.

        Raises `HeadsDisagree` if that line is not a record, `StoreFailed` if it cannot be read.
        """
        line = self._lines.last_line()
        if line is None:
            return None
        sequence = sequence_of(line)
        if sequence is None:
            raise HeadsDisagree(
                serial=self._serial,
                place=_PLACE,
                sequence=sum(1 for _ in self.lines()),
                why="its last line is not a record",
                remedy="Verify it with 'indicium verify' and put the good one back.",
            )
        return Head(sequence, line_hash(line))

    def last_line(self) -> bytes | None:
        """Give the last whole line; None if there is none."""
        return self._lines.last_line()

    def torn(self) -> bytes:
        """Give what stands after the last newline: the beginning of a line that a crash cut off, or empty."""
        return self._lines.torn()

    def cut_torn(self) -> None:
        """Cut that off, durably. Raises `StoreFailed`."""
        self._lines.cut_torn()

    def end(self, size: int) -> bytes:
        """Give the last bytes of the open file of lines, so many of them; all if there are fewer."""
        return self._lines.end(size)

    def cut_end(self, size: int) -> None:
        """Cut so many of them, from the beginning of a line on, durably. Raises `StoreFailed`."""
        self._lines.cut_end(size)

    def append(self, lines: Sequence[bytes], static: Sequence[StaticPart] = ()) -> None:
        """Append records, and before them the static parts that they made; both are durable on return.

        Raises `StoreFailed`; then a beginning of the lines is in the copy, or none of them.
        """
        # A crash between the two leaves a static part too many, which does no harm; the other way round a record would
        # be there whose package nobody can make again.
        if static:
            self._sealed.append(b"".join(map(_sealed_line, static)))
        if lines:
            self._lines.append(b"".join(line + b"\n" for line in lines))

    def lines(self, *, after: int = 0) -> Iterator[bytes]:
        """Give the whole lines in order, from record `after` + 1 on.

        Raises `HeadsDisagree` where that one was moved elsewhere with the file that it stood in.
        """
        lines = self._lines.lines()
        first = next(lines, None)
        if first is None:
            return iter(())
        begins = sequence_of(first) or 1
        if begins > after + 1:
            raise HeadsDisagree(
                serial=self._serial,
                place=_PLACE,
                sequence=after + 1,
                why=f"its records before {begins} were moved elsewhere",
                remedy="Put the segments that hold them back beside it, from where the audit file server keeps them.",
            )
        return islice(one_after_the_other([first], lines), after + 1 - begins, None)

    def static_parts(self) -> Iterator[tuple[DeviceId, bytes]]:
        """Give all sealed static parts that lie beside the lines, the oldest first, each with its meter.

        A line that is none is passed over: one with zeros was not synced when the power went, and another was cut short
        or put back in part. Whoever misses what stood there says so by its digest (`StaticPartMissing`).
        """
        for line in self._sealed.lines():
            try:
                part = orjson.loads(line)
                yield DeviceId(part["psd"]), base64.b64decode(part["static"], validate=True)
            except (ValueError, TypeError, KeyError):
                continue

    def close(self) -> None:
        """Close the files."""
        self._sealed.close()
        self._lines.close()


def _sealed_line(part: StaticPart) -> bytes:
    line = {
        "psd": part.psd_id,
        "version": part.version,
        "digest": hashlib.sha256(part.static).hexdigest(),
        "static": base64.b64encode(part.static).decode(),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
