"""Whether an item is genuine: by its own bytes, the meter's certificate and the authority's, and nothing else (E-1104).

1. the certificate is one of the authority's,
2. it is the one that the item names: of its meter, by its serial number,
3. it was valid on the day that the item bears,
4. the signature under the item is the meter's.
"""

from datetime import date

from indicium.cryptomodule.suites import NotAuthentic, Suite
from indicium.domain.errors import (
    ItemCertificateNotAuthentic,
    ItemNotGenuine,
    ItemOfOtherCertificate,
    ItemOutsideCertificate,
)
from indicium.domain.vbi import SignedItem


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
    if (proof.device, proof.serial) != (body.device, body.certificate):  # 2
        raise ItemOfOtherCertificate(named=body.device, serial=body.certificate)
    if not proof.begins <= date.fromisoformat(body.date) <= proof.expires:  # 3: by days, as M-72 counts them
        first, last = proof.begins.isoformat(), proof.expires.isoformat()
        raise ItemOutsideCertificate(psd_id=body.device, date=body.date, first=first, last=last)
    try:  # 4
        suite.load_indicia_public(proof.public_key, "meter's key").verify(item.signed, item.signature)
    except NotAuthentic:
        raise ItemNotGenuine(psd_id=body.device) from None
