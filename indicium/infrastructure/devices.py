"""The emulated module's surroundings: clock, random numbers, its device key, and the key that seals its memory."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indicium.cryptomodule.ports import PPD_KEY_BYTES, DeviceIdentity
from indicium.domain.errors import BadFile, MemoryNotAuthentic
from indicium.infrastructure.files import remove_durably, write_atomically

UNNAMED_SENSOR = "a sensor that it does not name"
LONGEST_SENSOR = 64
"""Characters of a sensor's name that are repeated."""


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


class _DeviceFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    key: Annotated[bytes, Field(repr=False)]
    certificate: bytes
    root: bytes


class DeviceKeyFile:
    """Device key, certificate and root in a file of mode 0600, as the emulated manufacturer wrote it."""

    def __init__(self, path: Path) -> None:
        """Name the file; it need not be there."""
        self._path = path

    def install(self, identity: DeviceIdentity) -> None:
        """Write all of it durably: what the manufacturer does, once."""
        content = _DeviceFile(**identity._asdict()).model_dump_json()
        write_atomically(self._path, content.encode(), mode=0o600)

    def load(self) -> DeviceIdentity | None:
        """Give key and certificate; None if there are none. Raises `BadFile` if the file is none of these."""
        try:
            kept = _DeviceFile.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            raise BadFile(path=str(self._path), why="it is not a module's device key") from None
        return DeviceIdentity(kept.key, kept.certificate, kept.root)

    def destroy(self) -> None:
        """Destroy the certification, durably."""
        remove_durably(self._path)


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

    def destroy(self) -> None:
        """Remove the key, durably. A disk may keep the bytes of a file that is gone: this module is emulated."""
        remove_durably(self._path)


class TamperFile:
    """The emulated sensors: whoever writes this file has triggered the one that its first line names."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is not there until a sensor is triggered."""
        self._path = path

    def triggered(self) -> str | None:
        """Name the sensor; a file that cannot be read is a trigger too."""
        if not self._path.exists():
            return None
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return UNNAMED_SENSOR
        named = lines[0].strip()[:LONGEST_SENSOR] if lines else ""
        return named if named and named.isprintable() else UNNAMED_SENSOR

    def arm(self) -> None:
        """Remove the file, durably."""
        remove_durably(self._path)
