"""The suite `modern`, the default: ECDSA P-256 with SHA-256, HMAC-SHA-256, AES-256-GCM, HKDF, X25519, HPKE, Argon2id.

It stands for the seed's own algorithms (table L): DSA, DES MAC, triple DES, SHA-1, Diffie-Hellman, RSA.
"""

from typing import Final

from indicium.cryptomodule.suites import curve25519, elliptic, known_answers, symmetric
from indicium.cryptomodule.suites.curve25519 import SessionOffer
from indicium.cryptomodule.suites.elliptic import SigningKey, VerifyKey
from indicium.cryptomodule.suites.encoding import check_authority
from indicium.cryptomodule.suites.suite import Agreed


class Modern(symmetric.Symmetric):
    """The suite's operations. Keys and nonces come from the Entropy port."""

    name: Final = "modern"

    def generate_signing_key(self) -> SigningKey:
        """Draw a new signing key."""
        return elliptic.generate(self._entropy, deterministic=self._deterministic)

    def load_signing_key(self, der: bytes) -> SigningKey:
        """Load a signing key from PKCS#8 in DER, as this suite wrote it. Raises `KeyNotUsable`."""
        return elliptic.load(der, deterministic=self._deterministic)

    def load_verify_key(self, der: bytes, what: str) -> VerifyKey:
        """Load a public key from SubjectPublicKeyInfo in DER. Raises `KeyNotUsable`."""
        return elliptic.load_public(der, what)

    generate_indicia_key = generate_signing_key
    load_indicia_key = load_signing_key

    def load_indicia_public(self, der: bytes, what: str) -> VerifyKey:
        """Load a public key of a meter, which takes an item's signature in one form. Raises `KeyNotUsable`."""
        return elliptic.load_public_of_items(der, what)

    def load_authority(self, der: bytes) -> None:
        """Check that a CA certificate can be used (E-105). Raises `KeyNotUsable`."""
        check_authority(der, elliptic.load_public)

    def generate_exchange_key(self) -> bytes:
        """Draw an X25519 private key: 32 bytes."""
        return self._entropy.random(curve25519.KEY_BYTES)

    def exchange_public(self, private: bytes) -> bytes:
        """Give the public half of an X25519 key: 32 bytes."""
        return curve25519.public_half(private)

    def seal_to(self, public: bytes, plain: bytes, info: bytes) -> bytes:
        """Encrypt to an X25519 key (HPKE, RFC 9180), bound to `info`. Raises `KeyNotUsable`."""
        return curve25519.seal_to(public, plain, info)

    def open_sealed(self, private: bytes, sealed: bytes, info: bytes) -> bytes:
        """Decrypt what `seal_to` made. Raises `NotAuthentic`."""
        return curve25519.open_sealed(private, sealed, info)

    def offer_session(self) -> SessionOffer:
        """Draw an ephemeral X25519 key."""
        return SessionOffer(self._entropy.random(curve25519.KEY_BYTES))

    def answer_session(self, host_key: bytes) -> Agreed:
        """Agree by an ephemeral key of the module's own. Raises `KeyNotUsable` for a point of low order."""
        return curve25519.answer(self._entropy, host_key)

    def self_test(self) -> None:
        """Run a known answer for every algorithm. Raises `SelfTestFailed`."""
        known_answers.demand(symmetric.KNOWN_ANSWERS, elliptic.KNOWN_ANSWERS, curve25519.KNOWN_ANSWERS)
