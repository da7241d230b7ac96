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
