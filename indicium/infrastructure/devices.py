"""The emulated module's surroundings: clock, random numbers, and the key that seals its memory."""

import os
from datetime import UTC, datetime
from pathlib import Path

from indicium.cryptomodule.ports import PPD_KEY_BYTES
from indicium.domain.errors import MemoryNotAuthentic
from indicium.infrastructure.files import write_atomically


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Give the time."""
        return datetime.now(UTC)


class SystemEntropy:
    """The operating system's generator (M-23)."""

    def random(self, size: int) -> bytes:
        """Give `size` unpredictable bytes."""
        return os.urandom(size)


class PpdKeyFile:
    """The PPD key in a file of mode 0600, apart from the memory it seals. Losing it is zeroization."""

    def __init__(self, path: Path) -> None:
        """Name the file; it need not be there yet."""
        self._path = path

    def load(self) -> bytes:
        """Give the key. Raises `MemoryNotAuthentic` if it is not there."""
        try:
            key = self._path.read_bytes()
        except OSError as error:
            raise MemoryNotAuthentic(path=str(self._path), why=f"its key cannot be read: {error.strerror}") from None
        if len(key) != PPD_KEY_BYTES:
            raise MemoryNotAuthentic(path=str(self._path), why="its key has not 32 bytes")
        return key

    def renew(self, key: bytes) -> None:
        """Replace the key durably."""
        write_atomically(self._path, key, mode=0o600)
