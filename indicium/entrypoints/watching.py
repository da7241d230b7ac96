"""One chain as the audit file server sees it: new lines are verified as they come, shelved, and sealed (I-29).

The ledger's files are only read, until a closed one is wholly on every shelf: then it is taken away (L599-607).
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from indicium.cryptomodule.keyring import said_first
from indicium.cryptomodule.lines import BLOCK, LINE_LIMIT, lines_in
from indicium.cryptomodule.verifier import AuditKey, Bad, Verdict, Walk, load_key
from indicium.domain.errors import BadFile, BadRecord, StoreFailed
from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import line_hash
from indicium.entrypoints.inspection import Problem
from indicium.entrypoints.shelves import Shelf, Standing
from indicium.infrastructure.files import reason, remove_durably
from indicium.infrastructure.patience import Patience
from indicium.infrastructure.segments import Segment, sealed_name, segments_of, sequence_of

TORN_SECONDS: Final = 5.0
"""How long the last line may be without its end: an append takes a moment."""

_KEEP: Final = "Keep the files as they are, let the module rest, and compare them with the store and with the archive."
_PUT_BACK: Final = "Put back the file that was there; the archive holds what was verified before."
_SEE: Final = "See to the disk; what was not kept is taken up again by itself."
_GIVE_KEY: Final = "Give its audit verification key with --key; until then nothing of it is kept or moved."


class Alarm(NamedTuple):
    """Something that is not as it should be."""

    problem: Problem
    verdict: Verdict


class Progress(NamedTuple):
    """How far a chain is."""

    serial: Serial
    chain: ChainId
    verified: int
    """Records that were verified, up to and with this one."""
    sealed: int
    """Of them those that stand in segments."""
    new: int
    """How many of them are new in this round."""
    segments: Sequence[str]
    """Segments that this round sealed."""
    moved: Sequence[str]
    """Files of the ledger that this round took away."""
    alarms: Sequence[Alarm]


class Bounds(NamedTuple):
    """What bounds the work on one chain."""

    segment_records: int
    """Least records of a segment of the open file."""
    patience_seconds: float
    """How long a disk may be silent."""


class _Wrong(Exception):  # it ends a chain's round; an alarm says it to others
    def __init__(self, remedy: str, what: str, verdict: Verdict = Verdict.FAIL) -> None:
        super().__init__(what)
        self.what, self.remedy, self.verdict = what, remedy, verdict


class _Place(NamedTuple):
    """Where in the ledger's files the next line is."""

    first: int
    """First record of the file."""
    offset: int
    identity: tuple[int, int] | None = None
    """Device and number of the file; None before it was looked at."""


class Watch:
    """Keeps up with one chain."""

    def __init__(self, chain: Segment, folders: Sequence[Path], keys: Sequence[AuditKey], bounds: Bounds) -> None:
        """Name the chain by one of its files, and the folders of the shelves; the first shelf leads."""
        self._source, self._serial, self._chain = chain.path.parent, chain.serial, chain.chain
        self._folders, self._keys, self._bounds = folders, keys, bounds
        self._patience = Patience(f"audit copy {self._source}", bounds.patience_seconds)
        self._shelves: list[Shelf] = []
        self._walk: Walk | None = None
        self._place = _Place(1, 0)
        self._alarms: list[Alarm] = []
        self._segments: list[str] = []
        self._known = (0, 0)

    def step(self) -> Progress:
        """Take what is new, seal what is due, and take away what is archived; say what is wrong, and raise nothing."""
        self._alarms, self._segments = [], []
        moved: list[str] = []
        began = self._known[0]
        try:
            if self._walk is None:
                self._walk = self._load()
                began = began or self._walk.sequence
            self._open_others()
            while self._take(self._walk):
                pass
            moved = self._release(self._walk)
        except _Wrong as wrong:
            self._alarm(wrong.what, wrong.remedy, wrong.verdict)
        except StoreFailed as error:
            self._alarm(f"{error.place}: {error.why}", _SEE, Verdict.INCOMPLETE)
        except BadFile as error:
            self._alarm(str(error), _SEE, Verdict.INCOMPLETE)
        except OSError as error:
            self._alarm(f"{error.filename or self._source}: {reason(error)}", _SEE, Verdict.INCOMPLETE)
        if self._walk is not None:
            stands = self._shelves[0].standing
            self._known = self._walk.sequence, 0 if stands is None else stands.at.sequence
        if self._alarms:
            self.close()  # what is on the shelves counts, not what is believed of them: they are read anew
        verified, sealed = self._known
        new = max(0, verified - began)
        return Progress(self._serial, self._chain, verified, sealed, new, self._segments, moved, self._alarms)

    def close(self) -> None:
        """Let go of the shelves."""
        for shelf in self._shelves:
            shelf.close()
        self._shelves, self._walk = [], None

    def _alarm(self, what: str, remedy: str, verdict: Verdict = Verdict.FAIL) -> None:
        where = f"module {self._serial}, chain {self._chain}"
        self._alarms.append(Alarm(Problem(f"{where}: {what}", remedy), verdict))

    def _load(self) -> Walk:
        """Stand where the leading shelf stands, with the lines that were verified since its last segment."""
        lead = Shelf(self._folders[0], self._serial, self._chain, self._bounds.patience_seconds)
        self._shelves = [lead]
        stands = lead.standing
        if stands is None:
            self._given, self._place = self._key_of(lead.lines), _Place(1, 0)
            walk = Walk(self._given, None)
        else:
            self._given, self._place = (
                load_key(stands.given.encode()),
                _Place(stands.source_first, stands.source_offset),
            )
            walk = stands.walk()
        for line in lead.lines:
            _check(walk, line, f"archive {lead.folder}")
        offset = self._place.offset + sum(len(line) + 1 for line in lead.lines)
        self._place = self._place._replace(offset=offset)
        return walk

    def _open_others(self) -> None:
        """Have the other shelves hold what the leading one holds (I-21). One that cannot is said, and left out."""
        lead, *others = self._shelves
        for folder in set(self._folders[1:]) - {shelf.folder for shelf in others}:
            with self._said():
                other = Shelf(folder, self._serial, self._chain, self._bounds.patience_seconds)
                self._shelves.append(other)
                with self._left_out(other):
                    other.take_over(lead)

    def _key_of(self, kept: Sequence[bytes]) -> AuditKey:
        """Give the auditor's key that the chain's first record names."""
        files = segments_of(self._source, self._serial, self._chain)
        named = said_first(lambda: iter(kept) if kept or not files else lines_in(files[0].path), "key")
        found = next((key for key in self._keys if key.fingerprint == named), None)
        if found is None:
            raise _Wrong(_GIVE_KEY, "no key that is here verifies it", Verdict.INCOMPLETE)
        return found

    def _take(self, walk: Walk) -> bool:
        """Verify one block of what is new, and keep it; tell whether there may be more."""
        file = self._patience.do(lambda: self._find(walk))
        if file is None:
            return False
        read = self._patience.do(lambda: self._read(file, walk))
        if read is None:
            return True
        block, size = read
        *lines, torn = block.split(b"\n")
        fresh: list[bytes] = []
        offset = self._place.offset
        try:
            for line in lines:
                _check(walk, line, file.path.name)
                fresh.append(line)
                offset += len(line) + 1
                full = len(self._shelves[0].lines) + len(fresh) >= self._bounds.segment_records
                over = offset == size and not file.is_open
                if b"\t" in line and (full or over):
                    place = _Place(walk.sequence + 1, 0) if over else self._place._replace(offset=offset)
                    self._seal([*self._shelves[0].lines, *fresh], walk, place)
                    fresh = []
        finally:
            self._on_all(lambda shelf: shelf.keep(fresh))
            self._place = self._place._replace(offset=offset)
        if offset == size and not file.is_open:
            if (kept := self._shelves[0].lines) and b"\t" in kept[-1]:
                self._seal(kept, walk, _Place(walk.sequence + 1, 0))  # it was closed after they were kept
            if self._shelves[0].lines or walk.sequence != file.last:
                raise _Wrong(_KEEP, f"{file.path.name} does not end with record {file.last}, and that signed")
            self._place = _Place(walk.sequence + 1, 0)
            return True
        if torn and offset + len(torn) == size and time.time() - file.path.stat().st_mtime > TORN_SECONDS:
            raise _Wrong(_KEEP, f"{file.path.name}: record {walk.sequence + 1} stays torn", Verdict.INCOMPLETE)
        return bool(lines)

    def _seal(self, lines: Sequence[bytes], walk: Walk, place: _Place) -> None:
        """Make a segment; `place` is where the line behind it is."""
        if walk.opening is not None:
            stands = Standing.of(walk.opening, walk.in_force, self._given, walk.head, place.first, place.offset)
            self._on_all(lambda shelf: shelf.seal(lines, stands))
            self._segments.append(sealed_name(self._serial, self._chain, lines))

    def _on_all(self, do: Callable[[Shelf], None]) -> None:
        """Do something on the leading shelf, then on each other; one that cannot is said, and left out."""
        lead, *others = self._shelves
        do(lead)
        for shelf in others:
            with self._said(), self._left_out(shelf):
                do(shelf)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except StoreFailed as error:
            self._alarm(f"{error.place}: {error.why}", _SEE, Verdict.INCOMPLETE)

    @contextmanager
    def _left_out(self, shelf: Shelf) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._shelves.remove(shelf)
            shelf.close()
            raise

    def _find(self, walk: Walk) -> Segment | None:
        """Find the file with the next line; None while there is none."""
        following = walk.sequence + 1
        files = [(file, _first_of(file)) for file in segments_of(self._source, self._serial, self._chain)]
        for file, first in files:
            if first == self._place.first and (file.is_open or file.last >= walk.sequence):
                return file
        for file, first in files:
            if first is not None and first <= following and (file.is_open or file.last >= following):
                self._alarm(f"{file.path.name} begins with record {first}: another was there before", _PUT_BACK)
                self._place = _Place(first, _offset_of(file.path, following - first))
                return file
        later = min((first for _, first in files if first is not None and first > following), default=None)
        if later is not None:
            raise _Wrong(_PUT_BACK, f"records {following} to {later - 1} are missing from the ledger's files")
        if not any(file.is_open or file.last == walk.sequence for file, _ in files):
            raise _Wrong(_PUT_BACK, "its open file is gone")
        if self._place.offset:
            raise _Wrong(_PUT_BACK, f"its open file ends before record {walk.sequence}, which was verified")
        return None

    def _read(self, file: Segment, walk: Walk) -> tuple[bytes, int] | None:
        """Read on in a file, whole lines if it can be; give its length too. None where it was just given another name.

        The ledger may close the file at any moment: then the name is that of the next one, or of none yet.
        """
        try:
            opened = file.path.open("rb")
        except FileNotFoundError:
            return None
        with opened:
            if file.is_open and _first_in(opened) != self._place.first:
                return None
            found = os.fstat(opened.fileno())
            identity, offset = (found.st_dev, found.st_ino), self._place.offset
            if found.st_size < offset:
                raise _Wrong(_PUT_BACK, f"{file.path.name} ends before record {walk.sequence}, which was verified")
            if identity != self._place.identity:
                if self._place.identity is not None:
                    self._alarm(f"another file was put in the place of {file.path.name}", _PUT_BACK)
                if offset and line_hash(_line_before(opened, offset)) != walk.head.hash:
                    raise _Wrong(_KEEP, f"{file.path.name}: record {walk.sequence} is not the one that was verified")
                self._place = self._place._replace(identity=identity)
            opened.seek(offset)
            block = opened.read(BLOCK)
            while b"\n" not in block and (more := opened.read(BLOCK)):
                block += more
                if len(block) > LINE_LIMIT:
                    raise _Wrong(_KEEP, f"{file.path.name}: record {walk.sequence + 1} is too long")
            return block, found.st_size

    def _release(self, walk: Walk) -> list[str]:
        """Take away the closed files that are on every shelf, and behind which the ledger has gone on."""
        stands = self._shelves[0].standing
        if stands is None or len(self._shelves) < len(self._folders):
            return []
        moved: list[str] = []
        for file in segments_of(self._source, self._serial, self._chain):
            if not file.is_open and file.last <= stands.at.sequence and file.last < walk.sequence:
                ours = [own for own in self._shelves[0].segments() if file.first <= own.first and own.last <= file.last]
                if self._digest([file.path]) != self._digest([own.path for own in ours]):
                    raise _Wrong(_KEEP, f"{file.path.name} is not what was archived of it")
                self._patience.do(partial(remove_durably, file.path))
                moved.append(file.path.name)
        return moved

    def _digest(self, paths: Sequence[Path]) -> bytes:
        digest = hashlib.sha256()
        for path in paths:
            with self._patience.do(partial(FileIO, path)) as file:
                while block := self._patience.do(partial(file.read, BLOCK)):
                    digest.update(block)
        return digest.digest()


def _check(walk: Walk, line: bytes, where: str) -> None:
    """Verify the next line. Raises `_Wrong`."""
    try:
        walk.take(line)
    except Bad as found:
        bad = found.first_bad
        raise _Wrong(_KEEP, f"{where}: record {bad.sequence}: {bad.reason}") from None
    except BadRecord as error:
        raise _Wrong(_KEEP, f"{where}: record {walk.sequence + 1}: {error.why}") from None


def _first_of(file: Segment) -> int | None:
    """Give the first record of a file; None while the open one has none. Raises OSError."""
    if not file.is_open:
        return file.first
    with suppress(FileNotFoundError), file.path.open("rb") as opened:
        return _first_in(opened)
    return None


def _first_in(opened: BinaryIO) -> int | None:
    line = opened.readline(LINE_LIMIT)
    return sequence_of(line[:-1]) or 1 if line.endswith(b"\n") else None


def _offset_of(path: Path, lines: int) -> int:
    """Give where so many lines end, or the file does. Raises OSError."""
    with path.open("rb") as opened:
        return sum(len(line) for line in islice(opened, lines))


def _line_before(file: BinaryIO, end: int) -> bytes:
    """Give the line that ends there, without its end. Raises OSError."""
    content, start = b"", end
    while start > 0 and b"\n" not in content[:-1]:
        start = max(0, start - BLOCK)
        file.seek(start)
        content = file.read(end - start)
    return content[content[:-1].rfind(b"\n") + 1 : -1]
