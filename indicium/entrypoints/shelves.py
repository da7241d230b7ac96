"""Where the audit file server keeps a chain: sealed segments, and the lines that were verified since (A-52, I-21).

A shelf is a folder that the ledger does not write. For each chain it holds the segments, whose names say what is in
them and which never change; the open file with what was verified since the last of them; and `.state`, which says how
the chain stood there: so nothing that was sealed is verified a second time. The open file and the segments together
are the chain: `indicium verify` reads the folder as it is.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from indicium.cryptomodule.verifier import AuditKey, InForce, Opening, Walk, load_key
from indicium.domain.errors import BadFile, StoreFailed
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.files import reason, remove_durably, sync_folder, write_atomically
from indicium.infrastructure.patience import Patience
from indicium.infrastructure.segments import Segment, open_file, sealed_name, segments_of, sequence_of

_PLACE: Final = "archive"


class Standing(BaseModel):
    """How a chain stands behind a sealed segment, and where in the ledger's own file the next line is."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    opening: Opening
    in_force: InForce
    given: str
    """The auditor's key, in PEM."""
    at: Head
    source_first: int
    """First record of the ledger's file."""
    source_offset: int
    """Bytes of it that are sealed."""

    @classmethod
    def of(  # one for each member
        cls, opening: Opening, in_force: InForce, given: AuditKey, at: Head, first: int, offset: int
    ) -> Self:
        """Say how a walk stands."""
        pem = given.pem.decode()
        return cls(opening=opening, in_force=in_force, given=pem, at=at, source_first=first, source_offset=offset)

    def walk(self) -> Walk:
        """Give a walk that stands there."""
        return Walk.resumed(load_key(self.given.encode()), None, self.opening, self.in_force, self.at)


class Shelf:
    """One chain's place in one folder. One server at a time: the open file is locked."""

    def __init__(self, folder: Path, serial: Serial, chain: ChainId, patience_seconds: float) -> None:
        """Open it, and make it if it is not there. Raises `StoreFailed`, `BadFile`."""
        self.folder, self._serial, self._chain, self._seconds = folder, serial, chain, patience_seconds
        self._path = open_file(folder, serial, chain)
        self._state_path = self._path.with_suffix(".state")
        self._patience = Patience(f"{_PLACE} {folder}", patience_seconds)
        self._file = self._opened()
        try:
            self._patience.do(self._sweep)
            if self._file.torn():
                self._file.cut_torn()  # a crash while lines were kept: they are taken once more
            self.standing = self._read_standing()
            self.lines = self._unsealed()
            """What was verified since the last segment."""
        except BaseException:
            self.close()
            raise

    def keep(self, lines: Sequence[bytes]) -> None:
        """Keep lines that were verified, durably. Raises `StoreFailed`."""
        if lines:
            self._file.append(b"".join(line + b"\n" for line in lines))
            self.lines += lines

    def segments(self) -> list[Segment]:
        """Give the segments that it holds, in their order."""
        return [file for file in segments_of(self.folder, self._serial, self._chain) if not file.is_open]

    def seal(self, lines: Sequence[bytes], standing: Standing) -> None:
        """Make a segment of all lines since the last one. Raises `StoreFailed`.

        A crash before the state is written: the same segment is made again, under the same name. A crash behind it,
        before the open file is emptied: what is sealed is left out when the shelf is opened.
        """
        segment = self.folder / sealed_name(self._serial, self._chain, lines)
        content = b"".join(line + b"\n" for line in lines)
        if not segment.exists() or segment.stat().st_size != len(content):
            self._patience.do(lambda: write_atomically(segment, content))
        self._set(standing, [])

    def take_over(self, other: Self) -> None:
        """Come to hold what another shelf holds, segment by segment. Raises `StoreFailed`."""
        ours = {file.path.name for file in self.segments()}
        for file in other.segments():
            if file.path.name not in ours:
                self._patience.do(partial(_copy, file.path, self.folder / file.path.name))
        if (self.standing, self.lines) != (other.standing, other.lines):
            self._set(other.standing, other.lines)

    def close(self) -> None:
        """Close its files."""
        self._file.close()
        self._patience.end(_nothing)

    def _sweep(self) -> None:
        """Remove what a killed server left unfinished."""
        for path in self.folder.glob(f".{self._serial}-{self._chain}.*"):
            remove_durably(path)

    def _set(self, standing: Standing | None, lines: Sequence[bytes]) -> None:
        if standing is not None:
            text = standing.model_dump_json(indent=1) + "\n"
            self._patience.do(lambda: write_atomically(self._state_path, text.encode()))
        self._file.close()
        content = b"".join(line + b"\n" for line in lines)
        self._patience.do(lambda: write_atomically(self._path, content))
        self._file = self._opened()
        self.standing, self.lines = standing, list(lines)

    def _opened(self) -> AppendOnlyFile:
        def make_folder() -> None:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True)
                sync_folder(self.folder.parent)

        try:
            self._patience.do(make_folder)
        except OSError as error:
            raise StoreFailed(place=f"{_PLACE} {self.folder}", why=reason(error)) from None
        place = f"{_PLACE} {self.folder}"
        return AppendOnlyFile(self._path, place, create=True, patience_seconds=self._seconds)

    def _read_standing(self) -> Standing | None:
        try:
            return Standing.model_validate_json(self._state_path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadFile(path=str(self._state_path), why=reason(error)) from None
        except ValidationError:
            raise BadFile(path=str(self._state_path), why="it does not say how a chain stands") from None

    def _unsealed(self) -> list[bytes]:
        sealed = 0 if self.standing is None else self.standing.at.sequence
        return [line for line in self._file.lines() if (sequence_of(line) or 0) > sealed]


def _copy(path: Path, to: Path) -> None:
    write_atomically(to, path.read_bytes())


def _nothing() -> None:
    """Have nothing left to do."""
