"""X25519: the agreement on a session, and HPKE with it for what is encrypted to a key that rests."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.known_answers import KnownAnswers
from indicium.cryptomodule.suites.suite import Agreed, NotAuthentic
from indicium.domain.errors import KeyNotUsable

KEY_BYTES: Final = 32
"""Length of a private key, a public key and a secret."""

_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SessionOffer:
    """The host's half of an X25519 agreement."""

    def __init__(self, private: bytes) -> None:
        """Take a new private key: 32 bytes."""
        self._private = private

    @property
    def host_key(self) -> bytes:
        """The public half: 32 bytes."""
        return public_half(self._private)

    def secret(self, module_key: bytes) -> bytes:
        """Agree on a secret of 32 bytes (J-02, M-26). Raises `KeyNotUsable`."""
        return _agree(self._private, module_key)


def answer(entropy: Entropy, host_key: bytes) -> Agreed:
    """Agree by an ephemeral key of the module's own. Raises `KeyNotUsable`."""
    private = entropy.random(KEY_BYTES)
    return Agreed(public_half(private), _agree(private, host_key))


def public_half(private: bytes) -> bytes:
    """Give the public half of a private key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def demand_large_order(public: bytes, what: str) -> None:
    """Refuse a point that leads to the same secret with every key, or is none. Raises `KeyNotUsable`."""
    try:
        X25519PrivateKey.from_private_bytes(_SCALAR).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise KeyNotUsable(what=what, why="it is not a point of large order") from None


def seal_to(public: bytes, plain: bytes, info: bytes) -> bytes:
    """Encrypt to a public key (HPKE, RFC 9180): 48 bytes longer than the plain text. Raises `KeyNotUsable`."""
    try:
        return bytes(_HPKE.encrypt(plain, X25519PublicKey.from_public_bytes(public), info))
    except ValueError:
        raise KeyNotUsable(what="exchange key", why="it is not a point of large order") from None


def open_sealed(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """Decrypt what `seal_to` made. Raises `NotAuthentic`."""
    try:
        return bytes(_HPKE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info))
    except (InvalidTag, ValueError):
        raise NotAuthentic from None


def _agree(private: bytes, public: bytes) -> bytes:
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise KeyNotUsable(what="session key", why="it is not a point of large order") from None


_SCALAR = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
_POINT = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
_SHARED = bytes.fromhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
_SEALED = bytes.fromhex(
    "ecc98ee745116add84b8d9340a5e4a8dfe3e6741373c5b9546015bcc353fff4a"
    "1e7e57d1126e0f1d3fcd8a94995df184b0dec42a969feb58869042ccdc53a6"
)
"""Sealed once to `_SCALAR`: the RFC's own ciphertexts carry associated data, which nothing here has."""

KNOWN_ANSWERS: Final[KnownAnswers] = {
    "X25519": lambda: _agree(_SCALAR, _POINT) == _SHARED,  # RFC 7748, 5.2
    "HPKE with X25519": lambda: open_sealed(_SCALAR, _SEALED, b"truth beauty") == b"Beauty is truth",
}
