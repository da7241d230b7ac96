"""The original: its files are read before and after a drill, so that the evidence can say that they are the same."""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import orjson
from sqlalchemy import make_url

from indicium.domain.errors import BadFile
from indicium.domain.identity import DeviceId
from indicium.drill.judging import Shown
from indicium.infrastructure.files import reason
from indicium.infrastructure.home import Home
from indicium.settings import Settings

_BLOCK_BYTES: Final = 1 << 20
_INDEX: Final = "-shm"
"""How the name of SQLite's index of a write-ahead log ends: all who read share it, and it holds nothing."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Print(NamedTuple):
    """A file's fingerprint."""

    path: str
    """Relative to the home, where it lies in it."""
    size: int
    sha256: str
    private: bool
    """Whether only its owner may read it: of a secret not even the hash is told."""


class Kept(NamedTuple):
    """A file of the original, before and after."""

    path: str
    before: Print | None
    after: Print | None

    @property
    def same(self) -> bool:
        """Whether it is the same, byte for byte."""
        return self.before is not None and self.after is not None and self.before.sha256 == self.after.sha256

    def as_json(self) -> dict[str, object]:
        """Give size and hash before and after; of a secret only whether they are the same."""
        shown = {"path": self.path, "same": self.same}
        if any(found is not None and found.private for found in (self.before, self.after)):
            return shown
        return {**shown, "before": _shown(self.before), "after": _shown(self.after)}


def prints(settings: Settings) -> dict[str, Print]:
    """Read all files of a home, and its store. Raises `BadFile`."""
    found: dict[str, Print] = {}
    for path in sorted(settings.home.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.endswith(_INDEX):
            named = str(path.relative_to(settings.home))
            if (printed := _print(path, named)) is not None:
                found[named] = printed
    store = Path(make_url(settings.store_url).database or "")
    if settings.store_url.startswith("sqlite") and not store.is_relative_to(settings.home.absolute()):
        for path in (store, store.with_name(f"{store.name}-wal")):
            if (printed := _print(path, str(path))) is not None:
                found[str(path)] = printed
    return found


def compared(before: dict[str, Print], after: dict[str, Print]) -> tuple[Kept, ...]:
    """Give each file before and after."""
    return tuple(Kept(path, before.get(path), after.get(path)) for path in sorted(before.keys() | after.keys()))


def shown(home: Home) -> Iterator[Shown]:
    """Give what the clients of this home's customers were shown last. Nothing secret of theirs is kept."""
    for name in home.customer_names():
        try:
            kept = orjson.loads(home.customer(name) or b"")
            yield Shown(kept["customer"], DeviceId(kept["device"]), kept["version"], kept["record"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue  # it is no witness


def _print(path: Path, named: str) -> Print | None:
    """Read a file; None for one that is not there, or not there any more."""
    digest, size = hashlib.sha256(), 0
    try:
        private = not (path.stat().st_mode & _OTHERS and path.parent.stat().st_mode & _OTHERS)
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFile(path=str(path), why=reason(error)) from None
    return Print(named, size, digest.hexdigest(), private)


def _shown(found: Print | None) -> dict[str, object] | None:
    return None if found is None else {"size": found.size, "sha256": found.sha256}
