"""How a ledger is to be: one frozen value, built by the caller. The engine reads no environment variable."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from indicium.domain.amounts import LARGEST
from indicium.domain.device_numbers import LAST_NUMBER, DeviceRange
from indicium.domain.errors import BadSetting, LedgerMissing
from indicium.domain.identity import SuiteName
from indicium.domain.switches import Checkpoints, Switches
from indicium.domain.wording import first_fault

DEFAULT_SERIAL = "34576590"
"""Serial number of a first module: row 1 of the seed's own module table (G-402)."""

SETTINGS_FILE = "indicium.toml"
"""Where a home keeps its settings; paths in it are relative to the home, so a home can be copied."""

COPY_FILE_BYTES = 256 * 1024 * 1024
"""Length of a file of the audit copy, in bytes: some 300,000 records."""

COPY_PATIENCE_SECONDS = 30

_Mills = Annotated[int, Field(ge=1, le=LARGEST)]
_RANGE = "device_range"
_PATH = "path"
_DeviceNumber = Annotated[int, Field(ge=0, le=LAST_NUMBER)]


class Settings(BaseModel):
    """Settings of one ledger. Switches of table M carry their number; the defaults are the seed's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    """Folder of the ledger."""
    store: str = "ledger.db"
    """The event store: a file, relative to the home, or a database URL."""
    serial: Annotated[str, Field(pattern=r"^[0-9]{1,16}$")] = DEFAULT_SERIAL
    """Serial number of the module (G-306)."""
    suite: SuiteName = "modern"
    """Algorithm suite of a module that is yet to be initialized; from then on it keeps its suite (docs/suites.md)."""
    minimum_value: _Mills = 1
    """Least value of an indicium, in mills (E-104, M-61)."""
    maximum_value: _Mills = 100_000
    """Largest value of an indicium, in mills (E-104, M-61)."""
    dr_limit: _Mills = 500_000
    """Most that a DR may hold, in mills (E-1006, M-61)."""
    ar_limit: _Mills = 10_000_000_000
    """Most that an AR may reach, in mills (E-1006, M-61)."""
    redating_days: Annotated[int, Field(ge=0, le=3650)] = 30
    """Days after the day that an item bears within which the server redates it (M-79)."""
    ring: Annotated[int, Field(ge=2, le=5)] = 3
    """Checkpoints that the module's memory keeps (M-16); two at least, for one must be older than the newest."""
    compared: Annotated[int, Field(ge=1, le=5)] = 3
    """Checkpoints that the store's head is compared with, the newest among them (O-05, M-16): with 3 the module goes
    back to one of the two older ones by itself, with 1 to none."""
    signature_interval: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Every record whose sequence is a multiple of this is signed (M-87)."""
    group_limit: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Most requests that are saved together."""
    copy_file_bytes: Annotated[int, Field(ge=4096)] = COPY_FILE_BYTES
    """Length from which on a file of the audit copy is closed, behind a signed record, and a new one begun (P-14)."""
    copy_patience_seconds: Annotated[int, Field(ge=0, le=3600)] = COPY_PATIENCE_SECONDS
    """How long a write to the audit copy may take; one that hangs longer counts as one that failed (O-19).

    0: for ever, and in the thread that asks for it."""
    generate_dormant_mks: bool = False
    """Whether an Operational module may generate a second, dormant Master Key Set (M-09)."""
    collect_more_shares: bool = False
    """Whether a module that has too few shares to combine goes on collecting them (M-83)."""
    shutdown_threshold: Annotated[int, Field(ge=1, le=1000)] = 2
    """Failed modules of the vault at which the whole system is shut down (M-28, O-08).

    1 is what the seed prefers. By default one failed module stops alone: its meters are at home nowhere else, so nobody
    else can issue what is theirs. The second is no accident of one memory: then the database is in doubt (O-03)."""
    first_device: _DeviceNumber | None = None
    """The first device number that the module gives out (M-60); without one a free range of the store is chosen."""
    last_device: Annotated[_DeviceNumber | None, Field(validate_default=True)] = None
    """The last device number that the module gives out, if there is a first."""

    @field_validator("home")
    @classmethod
    def _is_utf8(cls, home: Path) -> Path:
        try:  # with all the folders that it lies in: the store is named by a URL, which is text
            str(home.absolute()).encode()
        except UnicodeEncodeError:
            why = "its path is no UTF-8: name another folder, or work in one that is"
            raise PydanticCustomError(_PATH, why) from None
        return home

    @field_validator("last_device")
    @classmethod
    def _ends_the_range(cls, last: int | None, info: ValidationInfo) -> int | None:
        if "first_device" in info.data:  # it is not where that one broke its own rule
            first = info.data["first_device"]
            if (first is None) != (last is None):
                raise PydanticCustomError(_RANGE, "first_device and last_device are given both or not at all")
            if first is not None and last is not None and last < first:
                raise PydanticCustomError(_RANGE, "it is below first_device")
        return last

    @classmethod
    def of(cls, home: Path | str, **changes: object) -> Self:
        """Build settings for a home; raises `BadSetting` where pydantic would say so in its own words."""
        try:
            return cls.model_validate({"home": Path(home), **changes})
        except ValidationError as error:
            fault = first_fault(error)
            raise BadSetting(name=fault.where, why=fault.why) from None

    @classmethod
    def read(cls, home: Path | str) -> Self:
        """Read the settings that a home was made with. Raises `LedgerMissing` or `BadSetting`."""
        path = Path(home) / SETTINGS_FILE
        try:
            with path.open("rb") as file:
                return cls.of(home, **tomllib.load(file))
        except FileNotFoundError:
            raise LedgerMissing(home=str(home)) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise BadSetting(name=str(path), why=str(error)) from None

    def as_toml(self) -> str:
        """Write the settings for `SETTINGS_FILE`."""
        values = self.model_dump(exclude={"home"}, exclude_none=True)
        # A number is written alike in TOML and JSON, and so is a text, with its quotes and backslashes.
        return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())

    @property
    def switches(self) -> Switches:
        """What the module is told to do otherwise than by default."""
        return Switches(self.generate_dormant_mks, self.collect_more_shares, self.shutdown_threshold)

    @property
    def checkpoints(self) -> Checkpoints:
        """How many checkpoints the module keeps, and how many are compared."""
        return Checkpoints(self.ring, self.compared)

    @property
    def devices(self) -> DeviceRange | None:
        """The range of device numbers that was asked for."""
        if self.first_device is None or self.last_device is None:
            return None
        return DeviceRange(self.first_device, self.last_device)

    @property
    def store_is_apart(self) -> bool:
        """Whether the store is named by a URL, and does not lie in the home."""
        return "://" in self.store

    @property
    def store_url(self) -> str:
        """The store as a database URL."""
        return self.store if self.store_is_apart else f"sqlite:///{quote(str((self.home / self.store).absolute()))}"
