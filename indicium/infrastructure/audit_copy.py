"""The audit copy: the module's lines once more, in a file that only grows and that anybody can check.

One file for each chain, `<serial>-<chain>.audit`. Beside it, append-only too, `.sealed` holds each static part that was
ever made, so that packages can be made again from the lines.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Self

import orjson

from indicium.domain.errors import HeadsDisagree, StoreFailed
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import Package
from indicium.domain.record import line_hash
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.ports import LineFile

_PLACE = "audit copy"


class AuditCopy:
    """The copy of one chain, open for appending. One process at a time: the module's memory is locked by it."""

    def __init__(self, serial: Serial, lines: LineFile, sealed: LineFile) -> None:
        """Take the two files. Callers use `open`."""
        self._serial = serial
        self._lines = lines
        self._sealed = sealed

    @classmethod
    def open(cls, folder: Path, serial: Serial, chain: ChainId, *, create: bool = True) -> Self:
        """Open the copy of a chain, and make its files (mode 0644) if `create`. Raises `StoreFailed`."""
        path = folder / f"{serial}-{chain}.audit"
        lines = AppendOnlyFile(path, _PLACE, create=create)
        try:
            sealed = AppendOnlyFile(path.with_suffix(".sealed"), _PLACE, create=create)
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
        return cls(serial, lines, sealed)

    def head(self) -> Head | None:
        """Give sequence and hash of the last whole line, None if there is none.

        Raises `HeadsDisagree` if that line is not a record, `StoreFailed` if it cannot be read.
        """
        line = self._lines.last_line()
        if line is None:
            return None
        try:
            sequence = json.loads(line.partition(b"\t")[0])["sequence"]
        except (ValueError, TypeError, KeyError, RecursionError):
            sequence = None
        if type(sequence) is not int or sequence < 1:
            raise HeadsDisagree(
                serial=self._serial,
                place=_PLACE,
                sequence=sum(1 for _ in self.lines()),
                why="its last line is not a record",
                remedy="Verify it with 'indicium verify' and put the good one back.",
            )
        return Head(sequence, line_hash(line))

    def torn(self) -> bytes:
        """Give what stands after the last newline: the beginning of a line that a crash cut off, or empty."""
        return self._lines.torn()

    def cut_torn(self) -> None:
        """Cut that off, durably. Raises `StoreFailed`."""
        self._lines.cut_torn()

    def append(self, lines: Sequence[bytes], static: Sequence[Package] = ()) -> None:
        """Append records, and before them the static parts that they made; both are durable on return.

        Raises `StoreFailed`; then no line of these is in the copy.
        """
        # A crash between the two leaves a static part too many, which does no harm; the other way round a record would
        # be there whose package nobody can make again.
        if static:
            self._sealed.append(b"".join(map(_sealed_line, static)))
        if lines:
            self._lines.append(b"".join(line + b"\n" for line in lines))

    def lines(self, *, after: int = 0) -> Iterator[bytes]:
        """Give the whole lines in order, without those up to number `after`: line n of a chain's copy is record n."""
        return islice(self._lines.lines(), after, None)

    def static_parts(self) -> Iterator[tuple[DeviceId, bytes]]:
        """Give all sealed static parts that lie beside the lines, the oldest first, each with its meter.

        Raises `StoreFailed` where a line is none.
        """
        for line in self._sealed.lines():
            try:
                part = orjson.loads(line)
                yield DeviceId(part["psd"]), base64.b64decode(part["static"], validate=True)
            except (ValueError, TypeError, KeyError):
                raise StoreFailed(place=_PLACE, why="a line of its sealed parts cannot be read") from None

    def close(self) -> None:
        """Close the files."""
        self._sealed.close()
        self._lines.close()


def _sealed_line(package: Package) -> bytes:
    line = {
        "psd": package.psd_id,
        "version": package.version,
        "digest": hashlib.sha256(package.static).hexdigest(),
        "static": base64.b64encode(package.static).decode(),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
