"""Small files that are there whole or not at all, and folders whose entries survive a power loss."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indicium.domain.errors import StoreFailed


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file durably: after the return it holds `content`, after a crash that or what it held before.

    `mode` holds from the first byte on: a secret is never readable for a moment. Raises `StoreFailed`; then the file
    is as it was, and no temporary one is left where it can be removed.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise StoreFailed(place=f"file {path}", why=reason(error)) from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
        # A rename that is not synced may be undone by a power loss, long after others built on the new content.
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):  # what made the write fail may keep it from being cleared away, too
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreFailed(place=f"file {path}", why=reason(error)) from None
        raise


def demand_room(path: Path) -> None:
    """See that `write_atomically` could begin: a file is made beside this one, and removed. Raises `StoreFailed`."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        Path(name).unlink()
    except OSError as error:
        raise StoreFailed(place=f"file {path}", why=reason(error)) from None


def remove_durably(path: Path) -> None:
    """Remove a file so that it stays removed; one that is not there is fine. Raises `StoreFailed`."""
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreFailed(place=f"file {path}", why=reason(error)) from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for a lock that one process, and one thread of it, has at a time; whoever is killed has it no more.

    The file at `path` is made and stays: one that is removed while somebody waits for it would lock nobody out.
    Raises `StoreFailed`.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreFailed(place=f"file {path}", why=reason(error)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """Say in one line what the operating system said."""
    return error.strerror or str(error)
