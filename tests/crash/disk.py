"""A disk as a recording of system calls leaves it: what is surely on it, and what a power loss may keep, lose or tear.

Only a sync makes anything sure: a file's for its content, its folder's for names. That is less than file systems in use
promise, and all that they have in common.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.crash.tracing import NAMES, SYNCS, Call

SECTOR_BYTES: Final = 512
"""What a disk writes whole or not at all."""

_REBUILT: Final = "-shm"
"""How names of files end that SQLite makes anew when it opens a database that nobody has open."""

Image = Mapping[str, bytes]
"""Files by their path within the home."""


@dataclass(frozen=True)
class Write:
    """Bytes that were written and not synced, or, with none, a file's new size."""

    offset: int
    data: bytes | None

    def on(self, content: bytes) -> bytes:
        """Give the content after it."""
        if self.data is None:
            return content[: self.offset].ljust(self.offset, b"\0")
        head = content[: self.offset].ljust(self.offset, b"\0")
        return head + self.data + content[self.offset + len(self.data) :]


@dataclass
class File:
    """One file, whatever its names."""

    sure: bytes = b""
    pending: list[Write] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        """What whoever reads it sees."""
        return _after(self.sure, self.pending)


Renaming = tuple[Path, File | None]
"""A name, and the file that it is from then on; None where it is taken away."""


def _after(content: bytes, writes: Sequence[Write]) -> bytes:
    for write in writes:
        content = write.on(content)
    return content


class Disk:
    """The files of a home while a command is at work."""

    def __init__(self, home: Path) -> None:
        """Take a home that nobody has open: all of it is sure."""
        self._home = home
        self._names = {path: File(path.read_bytes()) for path in home.rglob("*") if path.is_file()}
        self._sure = dict(self._names)
        self._renamed: list[tuple[Path, Sequence[Renaming]]] = []
        """Folder, and what was done to names in it in one step, that no sync of the folder has followed yet."""

    @property
    def unsure(self) -> bool:
        """Whether a power loss may lose anything just now."""
        return bool(self._renamed) or any(file.pending for file in self._names.values())

    def take(self, call: Call) -> None:
        """Let a system call that succeeded do what it did."""
        if call.result is None or call.result < 0 or not call.path.is_relative_to(self._home):
            return
        if call.name in SYNCS:
            self._sync(call.path)
        elif call.name in NAMES:
            self._rename(call)
        elif call.name == "openat":
            if call.path not in self._names:
                self._step(call.path, [(call.path, File())])
            assert "O_TRUNC" not in call.arguments
        elif (file := self._names.get(call.path)) is not None and (write := _written(call, file)) is not None:
            file.pending.append(write)

    def images(self, chance: random.Random) -> dict[str, Image]:
        """Give what may be on the disk after a power loss now, by how it is made."""
        return {
            "kept": self._image(list, lambda steps: steps),
            "dropped": self._image(lambda _: [], lambda _: 0),
            "torn": self._image(_torn, lambda steps: steps),
            "holed": self._image(_holed, lambda steps: steps),
            "zeroed": self._image(_zeroed, lambda steps: steps),
            "reordered": self._image(
                lambda writes: [write for write in writes if chance.random() < 0.5],
                lambda steps: chance.randint(0, steps),
            ),
        }

    def _image(self, keep: Callable[[list[Write]], list[Write]], steps: Callable[[int], int]) -> Image:
        """Keep of each file's writes what `keep` does, and of each folder's renamings as many as `steps` says."""
        names = dict(self._sure)
        for folder in {folder for folder, _ in self._renamed}:
            done = [renamings for where, renamings in self._renamed if where == folder]
            for renamings in done[: steps(len(done))]:
                _give(names, renamings)
        return {
            str(path.relative_to(self._home)): _after(file.sure, keep(file.pending))
            for path, file in sorted(names.items())
            if not path.name.endswith(_REBUILT)
        }

    def _sync(self, path: Path) -> None:
        if (file := self._names.get(path)) is not None:
            file.sure, file.pending = file.content, []
            return
        for folder, renamings in self._renamed:
            if folder == path:
                _give(self._sure, renamings)
        self._renamed = [step for step in self._renamed if step[0] != path]

    def _rename(self, call: Call) -> None:
        if call.name in {"mkdir", "mkdirat"}:  # a folder without files is nothing that anybody misses
            return
        assert call.name in {"rename", "unlink"}, call
        paths = [Path(name.decode()) for name in call.strings]
        assert len({path.parent for path in paths}) == 1, call
        moved = [(paths[1], self._names[paths[0]])] if call.name == "rename" else []
        self._step(paths[0], [(paths[0], None), *moved])

    def _step(self, path: Path, renamings: Sequence[Renaming]) -> None:
        _give(self._names, renamings)
        self._renamed.append((path.parent, renamings))


def _give(names: dict[Path, File], renamings: Sequence[Renaming]) -> None:
    for path, file in renamings:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def _written(call: Call, file: File) -> Write | None:
    """Read what a call wrote; None for one that changes no content."""
    if call.name == "pwrite64":
        return Write(int(call.arguments.rpartition(", ")[2]), call.strings[1][: call.result])
    if call.name == "write":  # all of these append
        return Write(len(file.content), call.strings[1][: call.result])
    if call.name == "ftruncate":
        return Write(int(call.arguments.rpartition(", ")[2]), None)
    assert re.fullmatch(r"f?chmod(at)?", call.name), call
    return None


def _torn(writes: list[Write]) -> list[Write]:
    """Keep half of the last write: whole sectors where it has several."""
    if not writes:
        return writes
    *before, last = writes
    if last.data is None:
        return writes
    half = len(last.data) // 2
    whole = half - half % SECTOR_BYTES
    return [*before, Write(last.offset, last.data[: whole or half])]


def _holed(writes: list[Write]) -> list[Write]:
    """Keep the later sectors of each write and lose the earlier ones, which read as zeros then."""
    return [write if write.data is None else Write(write.offset, _without_beginning(write.data)) for write in writes]


def _without_beginning(data: bytes) -> bytes:
    half = len(data) // 2
    lost = half - half % SECTOR_BYTES or half
    return bytes(lost) + data[lost:]


def _zeroed(writes: list[Write]) -> list[Write]:
    """Keep sizes and lose content: the file system knew of the file's growth before its data arrived."""
    return [write if write.data is None else Write(write.offset, bytes(len(write.data))) for write in writes]
