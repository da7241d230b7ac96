"""Key management: a Master Key Set (MKS) leaves a module in shares, enters another, becomes active, is deleted (H)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Command

MOST_SHARES = 16
"""Most shares of one export: a share for each custodian."""


class ExportTransportPublicKey(Command):
    """Give out the key that shares for this module are encrypted under (B-05)."""


class CreateMksShares(Command):
    """Split the active MKS, if it is exportable, and go to Exporting Shares (B-06, C-07, G-918)."""

    share_count: Annotated[int, Field(ge=2, le=MOST_SHARES)]
    """How many shares, one for each custodian (M-11)."""
    threshold: Annotated[int, Field(ge=2, le=MOST_SHARES)]
    """How many of them make the MKS again; at most `share_count` (M-11)."""


class ExportMksShare(Command):
    """Give one share to the custodian who is logged on; the last one ends the export (B-07, C-08)."""

    transport_key: Annotated[bytes, Field(min_length=1, max_length=32_768)]
    """The destination's signed export of its transport public key (M-14)."""
    retained: bool = True
    """Whether the destination may not export the MKS itself (H-12); the same for all shares (M-52)."""


class AbortExport(Command):
    """Leave Exporting Shares; shares given out may be useless (B-08, C-09)."""


class StartImportingMks(Command):
    """Go to Importing Shares for a replacement MKS (B-09, C-10)."""


class ImportMksShare(Command):
    """Take one share from its custodian (B-10)."""

    share: Annotated[bytes, Field(min_length=1, max_length=32_768)]
    """The share envelope (G7) as Export MKS Share gave it."""


class CombineMksShares(Command):
    """Make the MKS from the shares taken; the shares are destroyed (B-11, C-11)."""


class ActivateMks(Command):
    """Make the dormant MKS the active one (B-12)."""


class DeleteDormantMks(Command):
    """Destroy the dormant MKS (B-13)."""

    forced: bool = False
    """Whether it goes although meters of this module still lie under it: they are lost then (M-51)."""
