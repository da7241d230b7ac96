"""Folders that are there whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from errno import EBUSY, EPERM
from pathlib import Path

from indicium.domain.errors import ExportFailed, ExportFolderTaken
from indicium.infrastructure.files import reason, sync_folder


@contextmanager
def written_whole(folder: Path, ours: Collection[str], *, replace: bool) -> Iterator[Path]:
    """Give an empty folder to write into; when the block ends it stands, synced, where `folder` is said to be.

    If the block raises, or its process is killed, `folder` is what it was before; what a killed process left is swept
    away by the next one. `ours` are the names that a folder may hold which `replace` puts a new one in the place of.
    Raises `ExportFolderTaken` for any other that is not empty, and `ExportFailed`.
    """
    folder = folder.absolute()
    beside = folder.with_name(f".{folder.name}.unfinished")
    try:
        _demand_free(folder, ours, replace=replace)
        with _locked(beside):
            try:
                yield beside
                sync_folder(beside)
                _demand_free(folder, ours, replace=replace)
                _put_in_place(beside, folder)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise ExportFailed(folder=str(folder), why=reason(error)) from None


def _demand_free(folder: Path, ours: Collection[str], *, replace: bool) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ExportFolderTaken(folder=str(folder))
    if folder.exists():
        held = {path.name for path in folder.iterdir()}
        if held and not (replace and held <= set(ours)):
            raise ExportFolderTaken(folder=str(folder))


@contextmanager
def _locked(beside: Path) -> Iterator[None]:
    """Make the folder beside, empty, and keep others out of it. A killed process's lock is gone with it."""
    beside.mkdir(exist_ok=True)
    # Whoever may write beside the folder could have put a link there that leads to what is not to be emptied.
    descriptor = os.open(beside, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise OSError(EPERM, "somebody else made the folder beside it")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(EBUSY, "another process is writing it") from None
        if not beside.exists() or not os.path.samestat(beside.stat(), os.fstat(descriptor)):
            # The one who held it has just put it in its place: it is not ours to empty.
            raise OSError(EBUSY, "another process has just written it")
        for path in beside.iterdir():
            path.unlink()
        yield
    finally:
        os.close(descriptor)


def _put_in_place(beside: Path, folder: Path) -> None:
    """Rename the new folder over an empty one, or after the older one has been taken away."""
    older = folder.with_name(f".{folder.name}.older")
    with suppress(FileNotFoundError):
        shutil.rmtree(older)
    if folder.exists() and any(folder.iterdir()):
        folder.rename(older)  # a crash here leaves both beside each other, the older one whole under this name
    beside.rename(folder)
    sync_folder(folder.parent)
    shutil.rmtree(older, ignore_errors=True)
