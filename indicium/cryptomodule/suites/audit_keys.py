"""What an auditor holds: the public half of an audit signing key (F-04), of whichever suite; the suite follows from it.

A signature has one form in each: DER with the lower of the two values of s (ECDSA), DER (DSA), its bytes (ML-DSA).
"""

import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa as dsa_keys
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from indicium.cryptomodule.suites import dsa, elliptic, lattice
from indicium.cryptomodule.suites.encoding import UNREADABLE, public_der
from indicium.cryptomodule.suites.fips140_1 import Fips1401
from indicium.cryptomodule.suites.modern import Modern
from indicium.cryptomodule.suites.post_quantum import PostQuantum
from indicium.cryptomodule.suites.suite import NotAuthentic, VerifyKey
from indicium.domain.errors import BadRecord, KeyNotUsable
from indicium.domain.record import decode_signature

_WHAT: Final = "audit key"


class AuditKey(NamedTuple):
    """An audit verification key (F-04), with the suite that follows from its type."""

    suite: str
    fingerprint: str
    """SHA-256 in hex over the key's SubjectPublicKeyInfo in DER."""
    public: VerifyKey

    @property
    def pem(self) -> bytes:
        """The key as `load_key` takes it."""
        return self.public.pem


def load_key(pem: bytes) -> AuditKey:
    """Load the auditor's key. Raises `KeyNotUsable` unless it is a public key of a suite in PEM."""
    try:
        public = serialization.load_pem_public_key(pem)
    except UNREADABLE:
        raise KeyNotUsable(what=_WHAT, why="it is not a public key in PEM") from None
    der = public_der(public)
    for kind, suite, load in _KINDS:
        if isinstance(public, kind):
            return AuditKey(suite, hashlib.sha256(der).hexdigest(), load(der, _WHAT))
    raise KeyNotUsable(what=_WHAT, why="it is of no suite: neither of the curve P-256, nor of DSA or ML-DSA-65")


def verify_signature(key: AuditKey, body: bytes, signature: bytes) -> None:
    """Check a signature in strict base64 over the JSON object's bytes. Raises `BadRecord`."""
    decoded = decode_signature(signature)
    _ONE_FORM[key.suite](decoded)
    try:
        key.public.verify(body, decoded)
    except NotAuthentic:
        raise BadRecord(why="the signature does not verify") from None


def _is_der(signature: bytes) -> int:
    """Demand DER, strict: shortest lengths and integers, nothing behind. Give s."""
    try:
        return decode_dss_signature(signature)[1]
    except ValueError:
        raise BadRecord(why="the signature is not DER") from None


def _has_low_s(signature: bytes) -> None:
    if _is_der(signature) > elliptic.HALF_ORDER:
        raise BadRecord(why="the signature has a high s")


def _is_anything(_signature: bytes) -> None:
    """Demand nothing: another length does not verify, and whoever lacks the key makes no other of these bytes."""


_KINDS: Final[tuple[tuple[type, str, Callable[[bytes, str], VerifyKey]], ...]] = (
    (ec.EllipticCurvePublicKey, Modern.name, elliptic.load_public),
    (dsa_keys.DSAPublicKey, Fips1401.name, dsa.load_public),
    (MLDSA65PublicKey, PostQuantum.name, lattice.load_public),
)

_ONE_FORM: Final[dict[str, Callable[[bytes], object]]] = {
    Modern.name: _has_low_s,
    Fips1401.name: _is_der,
    PostQuantum.name: _is_anything,
}
