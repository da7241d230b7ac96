"""What two modules say to each other when a meter goes from one home to another (N-19, ADR 0024).

The module that would be a home says so: its *offer*. The one that gives a meter away answers with a *hand-over*, which
the other one believes and nothing else. Both are MACed under keys that only modules of one Master Key Set have; whoever
carries them can lose them, and get the same ones again.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from indicium.domain.events.base import Hex64

_Device = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
SerialNumber = Annotated[str, Field(pattern=r"^[0-9]{1,16}$")]
"""Serial number of a module (G-306)."""

ChainName = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""A chain (M-90): a module that was reset is another home."""

Mac = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2}){8,64}$")]
"""A MAC in hex."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class HomeOffer(_Said):
    """A module's word that meters may come to it. It is good as long as the module's chain."""

    module: SerialNumber
    chain: ChainName
    sets: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")], ...], Field(min_length=1, max_length=2)]
    """The Master Key Sets that it holds (G-604)."""
    mac: Mac
    """Under MK_chkpt, which modules have that hold the same keys of the crypto-card (E-102)."""

    def message(self) -> bytes:
        """Give what the MAC covers."""
        return f"indicium home offer\n{self.module}\n{self.chain}\n{' '.join(self.sets)}".encode()


class HandOver(_Said):
    """A module's word that a meter is given away: its record is saved, and never discarded."""

    psd_id: _Device
    version: int
    """Version of the package that names the new home."""
    record: Hex64
    """Hash of the giver's record."""
    giver: SerialNumber
    chain: ChainName
    """The giver's chain."""
    taker: ChainName
    """The chain that the meter goes to."""
    mac: Mac
    """Under MK_psd, the key of the meter's own package."""

    def message(self) -> bytes:
        """Give what the MAC covers."""
        where = f"{self.psd_id}\n{self.version}\n{self.record}\n{self.giver}\n{self.chain}\n{self.taker}"
        return f"indicium hand-over\n{where}".encode()
