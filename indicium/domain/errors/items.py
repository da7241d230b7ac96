"""What a value-bearing item is refused for when it is verified (B-56, E-1104)."""

from dataclasses import dataclass

from indicium.domain.errors.base import Refusal


@dataclass(eq=False)
class ItemCertificateNotAuthentic(Refusal):
    """The certificate that is to prove an item is none of the authority's."""

    sentence = "The certificate that came with the item is not one of the meters' Certificate Authority."


@dataclass(eq=False)
class ItemOfOtherCertificate(Refusal):
    """The item names another meter, or another certificate, than the one that is to prove it."""

    sentence = "The item names meter {named} and its certificate {serial}; this is not that certificate."
    named: str
    serial: str


@dataclass(eq=False)
class ItemOutsideCertificate(Refusal):
    """The day that the item bears lies outside the certificate's (M-72)."""

    sentence = "The item bears the date {date}; the certificate of meter {psd_id} is valid from {first} to {last}."
    psd_id: str
    date: str
    first: str
    last: str


@dataclass(eq=False)
class ItemNotGenuine(Refusal):
    """The meter's signature under the item does not verify."""

    sentence = "The item does not bear the signature of meter {psd_id}: it is forged, or something in it was changed."
    psd_id: str


@dataclass(eq=False)
class ItemNotRecorded(Refusal):
    """No record of the ledger names these very bytes as an item of the meter."""

    sentence = "This ledger recorded no such item of meter {psd_id}."
    psd_id: str


@dataclass(eq=False)
class ItemNotRedatable(Refusal):
    """Only what is mailed on a day can be mailed on another (E8)."""

    sentence = "An item of the kind {kind} is not redated: only postage is."
    kind: str


@dataclass(eq=False)
class ItemTooOld(Refusal):
    """The item's own day is longer ago than the server redates (M-79)."""

    sentence = "The item bears the date {date}: it is redated within {days} days only."
    date: str
    days: int


@dataclass(eq=False)
class RedatingDayUnfit(Refusal):
    """The new day is past, or too long after the item's own (M-79)."""

    sentence = "The item can be given a day from {first} to {last}."
    first: str
    last: str


@dataclass(eq=False)
class ItemCertificateMissing(Refusal):
    """Nobody knows yet: the certificate of the item's meter is not at hand."""

    sentence = "The certificate {serial} of meter {device} is not at hand: give it, or a form of the item that has it."
    device: str
    serial: str


@dataclass(eq=False)
class ItemDatedAhead(Refusal):
    """The item is of a day that has not come yet."""

    sentence = "The item is of {day}, which is yet to come: do not take it."
    day: str


@dataclass(eq=False)
class ItemExpired(Refusal):
    """The last day of the item is past."""

    sentence = "The item was good until {day}."
    day: str


@dataclass(eq=False)
class ItemNeedsLedger(Refusal):
    """Nobody knows yet: an IBI-Lite has no signature."""

    sentence = "An IBI-Lite has no signature: only the ledger says whether it is genuine. Name its home or its store."


@dataclass(eq=False)
class ItemOfOtherLedger(Refusal):
    """Nobody knows yet: this ledger has no such meter."""

    sentence = "This ledger has no meter {device}: ask the ledger that the item comes from."
    device: str


@dataclass(eq=False)
class ItemShownBefore(Refusal):
    """The item was shown before: this is a copy, or that was one."""

    sentence = "The item was shown before, {at} at {place}: it is good once."
    at: str
    place: str


@dataclass(eq=False)
class SheetByItself(Refusal):
    """What a module signs for a sheet is good for nothing by itself: its items are."""

    sentence = "This is what the items of a sheet bear, and none of them: it is good for nothing by itself."
