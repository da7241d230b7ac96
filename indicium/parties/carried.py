"""Files that people carry from one module to another: statements and shares, each on a medium of its bearer's."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from indicium.domain.commands.crypto_card import KeyTokens
from indicium.domain.errors import BadFile, FileTaken
from indicium.domain.statements import TransportKey, read
from indicium.infrastructure.files import reason, sync_folder

LONGEST: Final = 32_768
"""Bytes that a module takes of a statement or a share."""


@contextmanager
def new_file(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Make a file that was not there, readable by its owner only, to be written once; unwritten it goes again.

    It is made before the module is asked, for a share that finds no place is lost: each custodian gets one once (M-53).
    Raises `FileTaken` and `BadFile`.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise FileTaken(path=str(path)) from None
    except OSError as error:
        raise BadFile(path=str(path), why=f"it cannot be made ({reason(error)})") from None
    written = False

    def write(content: bytes) -> None:
        nonlocal written
        try:
            while content:
                content = content[os.write(descriptor, content) :]
            os.fsync(descriptor)
            sync_folder(path.parent)
        except OSError as error:
            raise BadFile(path=str(path), why=f"it cannot be written ({reason(error)})") from None
        written = True

    try:
        yield write
    finally:
        os.close(descriptor)
        if not written:
            with suppress(OSError):  # the medium is gone, and the file with it
                path.unlink()


def brought(path: Path) -> bytes:
    """Read what somebody brought. Raises `BadFile` where there is nothing, or more than any statement holds."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise BadFile(path=str(path), why=f"it cannot be read ({reason(error)})") from None
    if not content.strip():
        raise BadFile(path=str(path), why="it is empty")
    if len(content) > LONGEST:
        raise BadFile(path=str(path), why="it is longer than anything that a module gives out")
    return content


def transport_key_of(statement: bytes) -> str:
    """Give the fingerprint of a transport key as it was brought, for people to compare. Raises `BadStatement`.

    Whether it is genuine the module finds out, by the signature (M-14).
    """
    return hashlib.sha256(read(statement, TransportKey)[0].key).hexdigest()


def brought_tokens(path: Path) -> KeyTokens:
    """Read the key tokens that another module of the same Master Key Set gave out. Raises `BadFile`."""
    try:
        return KeyTokens.model_validate_json(brought(path))
    except ValidationError:
        raise BadFile(path=str(path), why="it holds no key tokens") from None
