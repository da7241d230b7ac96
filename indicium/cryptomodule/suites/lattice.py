"""ML-DSA-65 (FIPS 204), and HPKE with ML-KEM-768 (FIPS 203) and X25519 together, of which one must hold.

A private key rests as the seeds that it is made from. The library hedges signatures and draws an encapsulation's
randomness itself, so a simulated run replays this suite's keys, and not its signatures.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites import curve25519
from indicium.cryptomodule.suites.encoding import PrivateHalf, PublicHalf, read_private, read_public
from indicium.cryptomodule.suites.known_answers import KnownAnswers, refuses
from indicium.cryptomodule.suites.suite import Agreed, NotAuthentic
from indicium.domain.errors import KeyNotUsable

_SIGNING_SEED_BYTES = 32
_KEM_SEED_BYTES = 64
_KEM_PUBLIC_BYTES = 1184

EXCHANGE_KEY_BYTES: Final = _KEM_SEED_BYTES + curve25519.KEY_BYTES
"""Length of a private exchange key: the seed of ML-KEM (d and z), then the X25519 key."""

_SECRET_BYTES = 32
_SESSION = b"indicium session"
_HPKE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class VerifyKey(PublicHalf[MLDSA65PublicKey]):
    """A public key for ML-DSA-65."""

    __slots__ = ()

    def verify(self, data: bytes, signature: bytes) -> None:
        """Check a signature of 3309 bytes; raise `NotAuthentic`."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            raise NotAuthentic from None


class SigningKey(PrivateHalf[MLDSA65PrivateKey]):
    """A private key for ML-DSA-65."""

    __slots__ = ()

    def sign(self, data: bytes) -> bytes:
        """Give a signature: 3309 bytes."""
        return self._key.sign(data)

    def public(self) -> VerifyKey:
        """Give the public half."""
        return VerifyKey(self._key.public_key())


def generate(entropy: Entropy) -> SigningKey:
    """Draw a private key."""
    return SigningKey(MLDSA65PrivateKey.from_seed_bytes(entropy.random(_SIGNING_SEED_BYTES)))


def load(der: bytes) -> SigningKey:
    """Load a private key from PKCS#8 in DER. Raises `KeyNotUsable`."""
    key = read_private(der, "signing key")
    if not isinstance(key, MLDSA65PrivateKey):
        raise KeyNotUsable(what="signing key", why="it is not of ML-DSA-65")
    return SigningKey(key)


def load_public(der: bytes, what: str) -> VerifyKey:
    """Load a public key from SubjectPublicKeyInfo in DER. Raises `KeyNotUsable`."""
    key = read_public(der, what)
    if not isinstance(key, MLDSA65PublicKey):
        raise KeyNotUsable(what=what, why="it is not of ML-DSA-65")
    return VerifyKey(key)


class SessionOffer:
    """The host's half: a key that is used for one session, to which the module encrypts the session's secret."""

    def __init__(self, private: bytes) -> None:
        """Take a new private exchange key."""
        self._private = private

    @property
    def host_key(self) -> bytes:
        """The public half: 1216 bytes."""
        return public_half(self._private)

    def secret(self, module_key: bytes) -> bytes:
        """Decrypt the module's secret of 32 bytes. Raises `KeyNotUsable`."""
        try:
            return open_sealed(self._private, module_key, _SESSION)
        except NotAuthentic:
            raise KeyNotUsable(what="session key", why="it does not answer this session's offer") from None


def answer(entropy: Entropy, host_key: bytes) -> Agreed:
    """Draw the session's secret and encrypt it to the host. Raises `KeyNotUsable`."""
    secret = entropy.random(_SECRET_BYTES)
    return Agreed(seal_to(host_key, secret, _SESSION), secret)


def public_half(private: bytes) -> bytes:
    """Give the public half of an exchange key: that of ML-KEM, then that of X25519."""
    kem = MLKEM768PrivateKey.from_seed_bytes(private[:_KEM_SEED_BYTES])
    return kem.public_key().public_bytes_raw() + curve25519.public_half(private[_KEM_SEED_BYTES:])


def seal_to(public: bytes, plain: bytes, info: bytes) -> bytes:
    """Encrypt to a public exchange key: 1136 bytes longer than the plain text. Raises `KeyNotUsable`."""
    point = public[_KEM_PUBLIC_BYTES:]
    curve25519.demand_large_order(point, "exchange key")  # the combination itself would not look
    try:
        kem = MLKEM768PublicKey.from_public_bytes(public[:_KEM_PUBLIC_BYTES])
    except ValueError:
        raise KeyNotUsable(what="exchange key", why="it is not of ML-KEM-768") from None
    key = MLKEM768X25519PublicKey(kem, X25519PublicKey.from_public_bytes(point))
    return bytes(_HPKE.encrypt(plain, key, info))


def open_sealed(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """Decrypt what `seal_to` made. Raises `NotAuthentic`."""
    try:
        return bytes(_HPKE.decrypt(sealed, _private(private), info))
    except (InvalidTag, ValueError):
        raise NotAuthentic from None


def _private(private: bytes) -> MLKEM768X25519PrivateKey:
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(private[:_KEM_SEED_BYTES]),
        X25519PrivateKey.from_private_bytes(private[_KEM_SEED_BYTES:]),
    )


def _signature_answers() -> bool:
    """FIPS 204's key of a known seed (NIST's KAT 0), and a signature of it: these are never twice the same."""
    key = SigningKey(MLDSA65PrivateKey.from_seed_bytes(_KNOWN_SEED))
    public, signature = MLDSA65PrivateKey.from_seed_bytes(_KNOWN_SEED).public_key(), key.sign(b"sample")
    key.public().verify(b"sample", signature)
    right = hashlib.sha256(public.public_bytes_raw()).hexdigest() == _KNOWN_PUBLIC
    return right and refuses(key.public().verify, b"Sample", signature)


def _kem_answers() -> bool:
    """FIPS 203's key of a known seed (NIST's KAT 0), what it makes of a foreign ciphertext, and of a right one."""
    key = MLKEM768PrivateKey.from_seed_bytes(_KNOWN_KEM_SEED)
    secret, ciphertext = key.public_key().encapsulate()
    return (
        hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest() == _KNOWN_KEM_PUBLIC
        and key.decapsulate(hashlib.shake_256(b"foreign").digest(len(ciphertext))).hex() == _KNOWN_REJECTION
        and key.decapsulate(ciphertext) == secret
    )


def _hybrid_answers() -> bool:
    private = _KNOWN_KEM_SEED + _KNOWN_SEED
    sealed = seal_to(public_half(private), b"truth", b"beauty")
    opened = open_sealed(private, sealed, b"beauty") == b"truth"
    return opened and refuses(lambda token, info: open_sealed(private, token, info), sealed, b"Beauty")


_KNOWN_SEED = bytes.fromhex("f696484048ec21f96cf50a56d0759c448f3779752f0383d37449690694cf7a68")
_KNOWN_PUBLIC = "ab0f27cfe4f84d2a9fa74d48467439df9e5dd8401f8715f82ed70e43a371400a"
_KNOWN_KEM_SEED = bytes.fromhex(
    "6dbbc4375136df3b07f7c70e639e223e177e7fd53b161b3f4d57791794f12624"
    "f696484048ec21f96cf50a56d0759c448f3779752f0383d37449690694cf7a68"
)
_KNOWN_KEM_PUBLIC = "4bec4730f26273c6319ef7387dd4758315240a9394cd89264b148b9113060b61"
_KNOWN_REJECTION = "bbc710df3ffdccb21ad3d46eddb6557b738469c3da798bf1f4dc7f24f7dc1f54"
"""SHAKE-256 over z and the ciphertext (FIPS 203, algorithm 18)."""

KNOWN_ANSWERS: Final[KnownAnswers] = {
    "ML-DSA-65": _signature_answers,
    "ML-KEM-768": _kem_answers,
    "HPKE with ML-KEM-768 and X25519": _hybrid_answers,
}
