"""Transactions of one PSD (table E)."""

from typing import Literal

from indicium.domain.events.base import Data, Event, Hex64, Value
from indicium.domain.vbi import ItemBody


class PackageFields(Value):
    """The moving part of the package that the event made; the same members as `package.MovingPart`."""

    psd: str
    version: int
    home: str
    state: str
    suite: str
    mks: str
    static: Hex64
    ar: int
    dr: int
    customer: str | None
    license_zip: str | None
    dr_limit: int | None
    certificate: str | None
    key_expires: str | None
    last_at: str
    client_challenge: str | None


class Checkpoint(Value):
    """The checkpoint record of a PSD transaction (G3): G-301 … G-311."""

    psd: str
    """PSD meter ID (G-301)."""
    transaction: str
    """Transaction type (G-302): the event's name."""
    value: int
    """Transaction amount in mills (G-303)."""
    ar: int
    """PSD AR value in mills (G-304)."""
    dr: int
    """PSD DR value in mills (G-305)."""
    module: str
    """Module serial number (G-306)."""
    at: str
    """Date and time (G-307)."""
    downloaded: int
    """Module total amount reset, in mills (G-308)."""
    printed: int
    """Module total amount printed, in mills (G-309)."""
    refunded: int
    """Module total amount refunded, in mills (G-310)."""
    mac: Hex64
    """MAC under MK_chkpt over chain, sequence, previous and these fields (G-311)."""


class PsdData(Data):
    """What every PSD record says."""

    package: PackageFields
    request: str | None
    """Request id; None for initialize PSD, for a translation and for a hand-over."""
    content: Hex64 | None
    """SHA-256 of what was asked for."""
    authenticated_as: str
    """The role that the command's own checks established; `default` if none."""
    checkpoint: Checkpoint
    user: str | None = None
    """Which user of the meter asked (K-21); None: its customer, or nobody who is a user."""


class IndiciumData(PsdData):
    """A value-bearing item: its data elements and its hash, never its signature."""

    vbi: ItemBody
    item_sha256: Hex64


class PsdEvent(Event):
    """A transaction of one PSD."""

    data: PsdData


class PsdInitialized(PsdEvent):
    """A PSD package was created (E2)."""

    event: Literal["psd-initialized"]


class PsdAuthorized(PsdEvent):
    """The PSD's certificate was loaded (E3)."""

    event: Literal["psd-authorized"]


class PsdConfigured(PsdEvent):
    """The PSD was assigned to a customer (E4)."""

    event: Literal["psd-configured"]


class CustomerAuthorized(PsdEvent):
    """The meter was leased (E5)."""

    event: Literal["customer-authorized"]


class PostageValueDownloaded(PsdEvent):
    """Paid value was loaded into DR (E10)."""

    event: Literal["postage-value-downloaded"]


class IndiciumCreated(PsdEvent):
    """Value left the meter as a signed item (E6)."""

    event: Literal["indicium-created"]
    data: IndiciumData


class PostageCorrectionCreated(PsdEvent):
    """Value left the meter as a signed correction of an item (E7, M-78)."""

    event: Literal["postage-correction-created"]
    data: IndiciumData


class RefundIndiciumCreated(PsdEvent):
    """The whole DR left the meter as a refund, and the meter was withdrawn (E9)."""

    event: Literal["refund-indicium-created"]
    data: IndiciumData


class SheetCreated(PsdEvent):
    """Value left the meter as a sheet of items under one signature; the record has the tree's root, and no item."""

    event: Literal["sheet-created"]
    data: IndiciumData


class PsdTranslated(PsdEvent):
    """The PSD's key tokens and secrets were put under another Master Key Set (H-06); they are the same as before."""

    event: Literal["psd-translated"]


class HomeNamed(Value):
    """A module as the home of meters."""

    module: str
    """Serial number."""
    chain: str


class GivenData(PsdData):
    """To which module a meter was given."""

    to: HomeNamed


class HandedOver(HomeNamed):
    """The record by which another module gave a meter away."""

    record: Hex64
    """Its hash: the version before this one."""


class TakenData(PsdData):
    """From which module a meter was taken."""

    given_by: HandedOver


class MeterGiven(PsdEvent):
    """The meter was given to another home module; nobody processes it until that one takes it (ADR 0024)."""

    event: Literal["meter-given"]
    data: GivenData


class MeterTaken(PsdEvent):
    """The meter is at home here from now on."""

    event: Literal["meter-taken"]
    data: TakenData


class MeterAdopted(PsdEvent):
    """The meter of a dead module is at home here from now on; `given_by` names its last record there (ADR 0025)."""

    event: Literal["meter-adopted"]
    data: TakenData


Transaction = (
    PsdInitialized
    | PsdAuthorized
    | PsdConfigured
    | CustomerAuthorized
    | PostageValueDownloaded
    | IndiciumCreated
    | PostageCorrectionCreated
    | RefundIndiciumCreated
    | SheetCreated
    | PsdTranslated
    | MeterGiven
    | MeterTaken
    | MeterAdopted
)
"""Every transaction of a PSD."""
