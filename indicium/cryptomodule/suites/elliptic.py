"""ECDSA on the curve P-256 with SHA-256: what `modern` signs with, and what is printed under `post_quantum` too."""

from functools import cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.encoding import PrivateHalf, PublicHalf, read_private, read_public
from indicium.cryptomodule.suites.known_answers import KnownAnswers, refuses
from indicium.cryptomodule.suites.suite import NotAuthentic
from indicium.domain.errors import KeyNotUsable

_SHA256 = hashes.SHA256()
_CURVE = ec.SECP256R1()
_ECDSA = ec.ECDSA(_SHA256)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

HALF_ORDER: Final = _ORDER // 2
"""Of the two values of s that verify, a signature carries the one up to here."""

_SCALAR_BYTES = 32
_SURPLUS = 16
"""Random bytes beyond the key's length, so that reducing them modulo the order has no bias (FIPS 186-5, A.2.1)."""
_HIGH_S_BYTES = 33
"""Length of s in DER from 2^255 on, where it is surely above half the order."""
_DOUBTFUL = 0x7F
"""First byte of an s of 32 bytes that may be above half the order, 7F FF FF FF 80 …"""


def _is_surely_low(signature: bytes) -> bool:
    """Whether the length and the first byte of s in a DER signature show that it is up to half the order."""
    return signature[5 + signature[3]] < _HIGH_S_BYTES and signature[6 + signature[3]] < _DOUBTFUL


class VerifyKey(PublicHalf[ec.EllipticCurvePublicKey]):
    """A public key for ECDSA P-256 with SHA-256."""

    __slots__ = ()

    def verify(self, data: bytes, signature: bytes) -> None:
        """Check a DER signature; raise `NotAuthentic`."""
        try:
            self._key.verify(signature, data, _ECDSA)
        except InvalidSignature:
            raise NotAuthentic from None


class OneForm(VerifyKey):
    """A public key that takes each signature in one form only: with the lower of the two values of s, as `sign` does.

    Else whoever has an item could write it in another way, and show it a second time.
    """

    __slots__ = ()

    def verify(self, data: bytes, signature: bytes) -> None:
        """Check a DER signature; raise `NotAuthentic`."""
        super().verify(data, signature)  # which takes shortest DER only
        if _is_surely_low(signature):
            return
        if decode_dss_signature(signature)[1] > HALF_ORDER:
            raise NotAuthentic


class SigningKey(PrivateHalf[ec.EllipticCurvePrivateKey]):
    """A private key for ECDSA P-256 with SHA-256."""

    __slots__ = ("_algorithm",)

    def __init__(self, key: ec.EllipticCurvePrivateKey, *, deterministic: bool) -> None:
        """Take a loaded key; `deterministic` chooses RFC 6979, so that a simulated run replays bit for bit."""
        super().__init__(key)
        self._algorithm = _algorithm(deterministic=deterministic)

    def sign(self, data: bytes) -> bytes:
        """Give a DER signature with low s, so that it has one form."""
        signature = self._key.sign(data, self._algorithm)
        if _is_surely_low(signature):
            return signature
        r, s = decode_dss_signature(signature)
        return signature if s <= HALF_ORDER else encode_dss_signature(r, _ORDER - s)

    def public(self) -> VerifyKey:
        """Give the public half."""
        return VerifyKey(self._key.public_key())


@cache
def _algorithm(*, deterministic: bool) -> ec.ECDSA:
    """Give the algorithm; making one asks the library what it can do, which is too much for each key that is loaded."""
    return ec.ECDSA(_SHA256, deterministic_signing=deterministic)


def generate(entropy: Entropy, *, deterministic: bool) -> SigningKey:
    """Draw a private key."""
    scalar = int.from_bytes(entropy.random(_SCALAR_BYTES + _SURPLUS), "big") % (_ORDER - 1) + 1
    return SigningKey(ec.derive_private_key(scalar, _CURVE), deterministic=deterministic)


def load(der: bytes, *, deterministic: bool) -> SigningKey:
    """Load a private key from PKCS#8 in DER. Raises `KeyNotUsable`."""
    key = read_private(der, "signing key")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyNotUsable(what="signing key", why="it is not of the curve P-256")
    return SigningKey(key, deterministic=deterministic)


def load_public(der: bytes, what: str) -> VerifyKey:
    """Load a public key from SubjectPublicKeyInfo in DER; the library takes no point off the curve.

    Raises `KeyNotUsable`.
    """
    return VerifyKey(_read_public(der, what))


def load_public_of_items(der: bytes, what: str) -> OneForm:
    """Load a key as `load_public` does, for what may have one form only. Raises `KeyNotUsable`."""
    return OneForm(_read_public(der, what))


def _read_public(der: bytes, what: str) -> ec.EllipticCurvePublicKey:
    key = read_public(der, what)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyNotUsable(what=what, why="it is not of the curve P-256")
    return key


def _answers() -> bool:
    """RFC 6979, A.2.5, "sample"; of its two values of s the lower."""
    key = SigningKey(ec.derive_private_key(_SCALAR, _CURVE), deterministic=True)
    signature, public = key.sign(b"sample"), key.public()
    public.verify(b"sample", signature)
    return decode_dss_signature(signature) == (_R, _ORDER - _S) and refuses(public.verify, b"Sample", signature)


_SCALAR = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
_R = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
_S = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8

KNOWN_ANSWERS: Final[KnownAnswers] = {"ECDSA P-256": _answers}
