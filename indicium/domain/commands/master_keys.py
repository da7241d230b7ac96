"""Key management: a Master Key Set (MKS) leaves a module in shares, enters another, becomes active, is deleted (H)."""

from indicium.domain.commands.base import Command


class ExportTransportPublicKey(Command):
    """Give out the key that shares for this module are encrypted under (B-05)."""


class CreateMksShares(Command):
    """Split an exportable MKS and go to Exporting Shares (B-06, C-07)."""


class ExportMksShare(Command):
    """Give one share to its custodian; the last one ends the export (B-07, C-08)."""


class AbortExport(Command):
    """Leave Exporting Shares; shares given out may be useless (B-08, C-09)."""


class StartImportingMks(Command):
    """Go to Importing Shares for a replacement MKS (B-09, C-10)."""


class ImportMksShare(Command):
    """Take one share from its custodian (B-10)."""


class CombineMksShares(Command):
    """Make the MKS from the shares taken; the shares are destroyed (B-11, C-11)."""


class ActivateMks(Command):
    """Make the dormant MKS the active one (B-12)."""


class DeleteDormantMks(Command):
    """Destroy the dormant MKS (B-13)."""
