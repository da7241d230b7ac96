"""The suite `post_quantum`: ML-DSA-65, ML-KEM-768 with X25519; symmetric algorithms and printed items as in `modern`.

A signature of ML-DSA-65 has 3309 bytes, and the largest QR code holds 2953: what is printed stays ECDSA P-256. Nobody
gains from forging an old item with a machine of the future, for an item is spent once and its key is good for three
years; a record, a device's certificate and an encrypted share must stand for longer.
"""

from typing import Final

from indicium.cryptomodule.suites import elliptic, known_answers, lattice, symmetric
from indicium.cryptomodule.suites.encoding import check_authority
from indicium.cryptomodule.suites.lattice import SessionOffer, SigningKey, VerifyKey
from indicium.cryptomodule.suites.suite import Agreed


class PostQuantum(symmetric.Symmetric):
    """The suite's operations. Keys and nonces come from the Entropy port."""

    name: Final = "post_quantum"

    def generate_signing_key(self) -> SigningKey:
        """Draw a new ML-DSA-65 key."""
        return lattice.generate(self._entropy)

    def load_signing_key(self, der: bytes) -> SigningKey:
        """Load an ML-DSA-65 key from PKCS#8 in DER, as this suite wrote it. Raises `KeyNotUsable`."""
        return lattice.load(der)

    def load_verify_key(self, der: bytes, what: str) -> VerifyKey:
        """Load a public ML-DSA-65 key from SubjectPublicKeyInfo in DER. Raises `KeyNotUsable`."""
        return lattice.load_public(der, what)

    def generate_indicia_key(self) -> elliptic.SigningKey:
        """Draw a new P-256 key: its signatures fit a label."""
        return elliptic.generate(self._entropy, deterministic=self._deterministic)

    def load_indicia_key(self, der: bytes) -> elliptic.SigningKey:
        """Load a P-256 key from PKCS#8 in DER, as this suite wrote it. Raises `KeyNotUsable`."""
        return elliptic.load(der, deterministic=self._deterministic)

    def load_indicia_public(self, der: bytes, what: str) -> elliptic.VerifyKey:
        """Load a public P-256 key from SubjectPublicKeyInfo in DER. Raises `KeyNotUsable`."""
        return elliptic.load_public_of_items(der, what)

    def load_authority(self, der: bytes) -> None:
        """Check that a CA certificate can be used (E-105): of P-256, as what it certifies. Raises `KeyNotUsable`."""
        check_authority(der, elliptic.load_public)

    def generate_exchange_key(self) -> bytes:
        """Draw an exchange key: the seeds of ML-KEM-768 and an X25519 key, 96 bytes."""
        return self._entropy.random(lattice.EXCHANGE_KEY_BYTES)

    def exchange_public(self, private: bytes) -> bytes:
        """Give its public half: 1216 bytes."""
        return lattice.public_half(private)

    def seal_to(self, public: bytes, plain: bytes, info: bytes) -> bytes:
        """Encrypt to a public exchange key (HPKE), bound to `info`. Raises `KeyNotUsable`."""
        return lattice.seal_to(public, plain, info)

    def open_sealed(self, private: bytes, sealed: bytes, info: bytes) -> bytes:
        """Decrypt what `seal_to` made. Raises `NotAuthentic`."""
        return lattice.open_sealed(private, sealed, info)

    def offer_session(self) -> SessionOffer:
        """Draw an exchange key for one session."""
        return SessionOffer(self.generate_exchange_key())

    def answer_session(self, host_key: bytes) -> Agreed:
        """Draw the session's secret and encrypt it to the host. Raises `KeyNotUsable`."""
        return lattice.answer(self._entropy, host_key)

    def self_test(self) -> None:
        """Run a known answer for every algorithm. Raises `SelfTestFailed`."""
        known_answers.demand(symmetric.KNOWN_ANSWERS, elliptic.KNOWN_ANSWERS, lattice.KNOWN_ANSWERS)
