"""Whether an item is genuine: by its own bytes, the meter's certificate and the authority's, and nothing else (E-1104).

1. the certificate is one of the authority's,
2. it is the one that the item names: of its meter, by its serial number,
3. it was valid on the day that the item bears,
4. the signature under the item is the meter's.
"""

from typing import NamedTuple

from indicium.cryptomodule.suites import Certificate, NotAuthentic, Suite, VerifyKey, dsa, elliptic, encoding
from indicium.domain.errors import (
    ItemCertificateMissing,
    ItemCertificateNotAuthentic,
    ItemNotGenuine,
    ItemOfOtherCertificate,
    ItemOutsideCertificate,
    KeyNotUsable,
)
from indicium.domain.vbi import ItemBody, SignedItem


def demand_genuine(suite: Suite, item: SignedItem, certificate: bytes, authority: bytes) -> None:
    """Verify an item; `certificate` is the meter's and `authority` the CA's, both X.509 in DER.

    Raises `ItemCertificateNotAuthentic`, `ItemOfOtherCertificate`, `ItemOutsideCertificate`, `ItemNotGenuine`.
    """
    body = item.body
    try:  # 1
        proof = suite.certificate(certificate)
        proof.issued_by(authority)
    except NotAuthentic:
        raise ItemCertificateNotAuthentic from None
    _demand_named(proof, body)  # 2
    _demand_day(body, *_days(proof))  # 3
    try:  # 4
        suite.load_indicia_public(proof.public_key, "meter's key").verify(item.signed, item.signature)
    except NotAuthentic:
        raise ItemNotGenuine(psd_id=body.device) from None


def _demand_named(proof: Certificate, body: ItemBody) -> None:
    if (proof.device, proof.serial) != (body.device, body.certificate):
        raise ItemOfOtherCertificate(named=body.device, serial=body.certificate)


def _days(proof: Certificate) -> tuple[str, str]:
    return proof.begins.isoformat(), proof.expires.isoformat()


def _demand_day(body: ItemBody, first: str, last: str) -> None:
    """Compare by days, as M-72 counts them."""
    if not first <= body.date <= last:
        raise ItemOutsideCertificate(psd_id=body.device, date=body.date, first=first, last=last)


def _load(der: bytes, what: str) -> VerifyKey:
    """Load a key of those that sign what is printed, whichever suite it is of. Raises `KeyNotUsable`."""
    try:
        return elliptic.load_public_of_items(der, what)
    except KeyNotUsable:
        return dsa.load_public(der, what)


class _Certified(NamedTuple):
    """A meter's key, and the days for which it is certified."""

    key: VerifyKey
    first: str
    last: str


class ItemCheck:
    """Verifies many items, as whoever takes them does: of all meters that one authority certified, of every suite.

    No secret is needed for it. A certificate is examined once, however many items of its meter follow.
    """

    def __init__(self, authority: bytes) -> None:
        """Take the authority's certificate, X.509 in DER. Raises `KeyNotUsable`."""
        encoding.check_authority(authority, _load)
        self._authority = authority
        self._certified: dict[tuple[str, str], _Certified] = {}

    def knows(self, body: ItemBody) -> bool:
        """Whether the certificate that an item names is at hand."""
        return (body.device, body.certificate) in self._certified

    def learn(self, der: bytes, body: ItemBody | None = None) -> None:
        """Take the certificate of a meter, X.509 in DER; `body` is what it came with, if it came with an item.

        Raises `ItemCertificateNotAuthentic` unless it is the authority's, `ItemOfOtherCertificate`.
        """
        try:  # 1
            proof = encoding.Certificate(der)
            proof.issued_by(self._authority)
            key = _load(proof.public_key, "meter's key")
        except (NotAuthentic, KeyNotUsable):
            raise ItemCertificateNotAuthentic from None
        if body is not None:
            _demand_named(proof, body)  # 2
        self._certified[proof.device, proof.serial] = _Certified(key, *_days(proof))

    def check(self, item: SignedItem) -> None:
        """Verify an item.

        Raises `ItemCertificateMissing`, `ItemOutsideCertificate`, `ItemNotGenuine`.
        """
        body = item.body
        certified = self._certified.get((body.device, body.certificate))
        if certified is None:
            raise ItemCertificateMissing(device=body.device, serial=body.certificate)
        key, first, last = certified
        _demand_day(body, first, last)  # 3
        try:  # 4
            key.verify(item.signed, item.signature)
        except NotAuthentic:
            raise ItemNotGenuine(psd_id=body.device) from None
