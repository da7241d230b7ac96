"""How a ledger is to be: one frozen value, built by the caller. The engine reads no environment variable."""

import tomllib
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indicium.domain.amounts import LARGEST
from indicium.domain.errors import BadSetting, LedgerMissing

DEFAULT_SERIAL = "34576590"
"""Serial number of a first module: row 1 of the seed's own module table (G-402)."""

FIRST_DEVICE = 1_000_000_001
"""The first device number that a new module gives out (M-60)."""

LAST_DEVICE = 1_999_999_999
"""The last device number that a new module gives out."""

SETTINGS_FILE = "indicium.toml"
"""Where a home keeps its settings; paths in it are relative to the home, so a home can be copied."""

_Mills = Annotated[int, Field(ge=1, le=LARGEST)]


class Settings(BaseModel):
    """Settings of one ledger. Switches of table M carry their number; the defaults are the seed's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    """Folder of the ledger."""
    store: str = "ledger.db"
    """The event store: a file, relative to the home, or a database URL."""
    serial: Annotated[str, Field(pattern=r"^[0-9]{1,16}$")] = DEFAULT_SERIAL
    """Serial number of the module (G-306)."""
    minimum_value: _Mills = 1
    """Least value of an indicium, in mills (E-104, M-61)."""
    maximum_value: _Mills = 100_000
    """Largest value of an indicium, in mills (E-104, M-61)."""
    dr_limit: _Mills = 500_000
    """Most that a DR may hold, in mills (E-1006, M-61)."""
    ar_limit: _Mills = 10_000_000_000
    """Most that an AR may reach, in mills (E-1006, M-61)."""
    ring: Annotated[int, Field(ge=2, le=5)] = 3
    """Checkpoints that the module's memory keeps (M-16); two at least, for one must be older than the newest."""
    signature_interval: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Every record whose sequence is a multiple of this is signed (M-87)."""
    group_limit: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Most requests that are saved together."""

    @classmethod
    def of(cls, home: Path | str, **changes: object) -> Self:
        """Build settings for a home; raises `BadSetting` where pydantic would say so in its own words."""
        try:
            return cls.model_validate({"home": Path(home), **changes})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            raise BadSetting(name=".".join(map(str, first["loc"])), why=first["msg"]) from None

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
        values = self.model_dump(exclude={"home"})
        rows = [
            f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in values.items()
        ]
        return "\n".join(rows) + "\n"

    @property
    def store_url(self) -> str:
        """The store as a database URL."""
        return self.store if "://" in self.store else f"sqlite:///{quote(str((self.home / self.store).absolute()))}"
