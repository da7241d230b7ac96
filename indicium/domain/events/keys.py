"""Events in the life of a Master Key Set (H): what became of it, and who had a part of it in hands.

The custodian of a share is the envelope's user. Nothing here helps anybody to a key.
"""

from typing import Literal

from indicium.domain.events.base import Data, Event, Hex64, NoData, Value


class MksData(Data):
    """A Master Key Set, by its identifier."""

    mks: str
    master: bool
    """True where it was generated, false where it was imported."""
    suite: str | None = None
    """Its algorithm suite, where that is not the module's own."""


class TransportKeyData(Data):
    """A transport key pair (F-07, F-08), by its public half."""

    transport_key: Hex64
    """SHA-256 of U_TPK."""


class ModuleNamed(Value):
    """A module at the other end of an export, in one of its lives."""

    module: str
    """Serial number."""
    chain: str


class SharesData(Data):
    """The shares that an MKS was split into (M-11)."""

    mks: str
    export: str
    """Names the export: 16 hex digits."""
    count: int
    threshold: int


class ShareData(SharesData):
    """One of them."""

    number: int
    retained: bool
    """Whether the destination may not export the MKS itself (H-12)."""


class ShareExportedData(ShareData):
    """A share that went to its custodian."""

    destination: ModuleNamed
    transport_key: Hex64
    """SHA-256 of the destination's U_TPK."""


class ShareImportedData(ShareData):
    """A share that came from its custodian."""

    source: ModuleNamed


class ExportAbortedData(SharesData):
    """An export that was given up; so many of its shares were out by then."""

    given: int


class CombinedData(Data):
    """An MKS that came out of its shares (C-11)."""

    mks: str
    export: str
    source: ModuleNamed
    exportable: bool
    active: bool
    """Whether it became active at once, as a module's first does (M-48)."""


class NotCombinedData(Data):
    """Shares that made no MKS (M-05, M-83)."""

    code: str
    """Stable code of the error."""
    taken: int
    """So many shares were destroyed."""
    mks: str | None
    export: str | None
    """None if no share was taken."""


class ActivatedData(Data):
    """The MKS that is active from now on (H-04)."""

    mks: str
    dormant: str | None
    """The other one; None where there is none, and nothing changed (M-48)."""


class DeletedData(Data):
    """A dormant MKS that is no more (H-07)."""

    mks: str
    forced: bool
    meters: int
    """So many meters of the module lay under it, and are lost (M-51)."""


class MasterKeySetGenerated(Event):
    """The module is a master with its own Master Key Set (C-03)."""

    event: Literal["master-key-set-generated"]
    data: MksData


class TransportKeyPairGenerated(Event):
    """The module is no master: it waits for shares (C-04)."""

    event: Literal["transport-key-pair-generated"]
    data: TransportKeyData


class TransportPublicKeyExported(Event):
    """A signed statement of the transport public key went to a custodian (M-14)."""

    event: Literal["transport-public-key-exported"]
    data: TransportKeyData


class MksSharesCreated(Event):
    """The active MKS was split, and waits for its custodians (C-07)."""

    event: Literal["mks-shares-created"]
    data: SharesData


class MksShareExported(Event):
    """The envelope's user got a share; with the last one the export is complete (C-08)."""

    event: Literal["mks-share-exported"]
    data: ShareExportedData


class MksExportAborted(Event):
    """The export ended before its last share: by command (C-09), or by a boot (M-03)."""

    event: Literal["mks-export-aborted"]
    data: ExportAbortedData


class MksImportStarted(Event):
    """The module waits for the shares of a replacement MKS (C-10)."""

    event: Literal["mks-import-started"]
    data: NoData


class MksShareImported(Event):
    """The envelope's user brought a share."""

    event: Literal["mks-share-imported"]
    data: ShareImportedData


class MksSharesCombined(Event):
    """The shares made an MKS, and were destroyed (C-11)."""

    event: Literal["mks-shares-combined"]
    data: CombinedData


class MksSharesNotCombined(Event):
    """The shares made none, and were destroyed (C-12, M-83)."""

    event: Literal["mks-shares-not-combined"]
    data: NotCombinedData


class MksActivated(Event):
    """Active and dormant MKS changed places."""

    event: Literal["mks-activated"]
    data: ActivatedData


class DormantMksDeleted(Event):
    """The dormant MKS was destroyed."""

    event: Literal["dormant-mks-deleted"]
    data: DeletedData


KeyEvent = (
    MasterKeySetGenerated
    | TransportKeyPairGenerated
    | TransportPublicKeyExported
    | MksSharesCreated
    | MksShareExported
    | MksExportAborted
    | MksImportStarted
    | MksShareImported
    | MksSharesCombined
    | MksSharesNotCombined
    | MksActivated
    | DormantMksDeleted
)
"""Every event of key management."""
