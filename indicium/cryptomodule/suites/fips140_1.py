"""The suite `fips140_1`: the seed's own algorithms at the seed's strength (table L), for study.

DSA and RSA of 1024 bits, Diffie-Hellman over 1024 bits, triple DES, the triple-DES MAC, SHA-1. None of it may guard
value today: whoever makes this suite is warned. The chain's links stay SHA-256, for record format 1 says so.
"""

import logging
import warnings
from typing import Final

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites import diffie_hellman, dsa, known_answers, rsa_oaep, sha1, triple_des
from indicium.cryptomodule.suites.common import Common
from indicium.cryptomodule.suites.diffie_hellman import SessionOffer
from indicium.cryptomodule.suites.dsa import SigningKey, VerifyKey
from indicium.cryptomodule.suites.encoding import check_authority
from indicium.cryptomodule.suites.suite import Agreed
from indicium.cryptomodule.suites.triple_des import KEY_BYTES, MacKey, SealKey

_log = logging.getLogger("indicium.cryptomodule.suites")
_WARNING = "the suite fips140_1 is for study: its algorithms are those of the year 2000, and guard no value today"


class ForStudyOnly(UserWarning):
    """A suite was made that may not guard value."""


class Fips1401(Common):
    """The suite's operations. Keys and initialization vectors come from the Entropy port."""

    name: Final = "fips140_1"

    def __init__(self, entropy: Entropy, *, deterministic: bool = False) -> None:
        """Warn, and draw from `entropy`; `deterministic` signatures are for simulated runs."""
        warnings.warn(_WARNING, ForStudyOnly, stacklevel=3)
        _log.warning(_WARNING)
        super().__init__(entropy, deterministic=deterministic)

    def generate_key(self) -> bytes:
        """Draw a key for triple DES: 24 bytes. MAK too (F-06), of which the seed would have taken 8."""
        return self._entropy.random(KEY_BYTES)

    def mac_key(self, key: bytes) -> MacKey:
        """Prepare a key for the triple-DES MAC."""
        return MacKey(key)

    def client_key(self, hmk: bytes) -> sha1.MacKey:
        """Prepare HMK (F-24): HMAC-SHA-1, as FIG. 5 draws message 507 (L-04)."""
        return sha1.MacKey(hmk)

    def seal_key(self, key: bytes) -> SealKey:
        """Prepare a sealing key: of one key two are derived, to encrypt and to MAC."""
        encryption, mac = self.derive(key, "indicium sealing encryption"), self.derive(key, "indicium sealing MAC")
        return SealKey(encryption, mac, self._entropy)

    def token_key(self, mek: bytes, mak: bytes) -> SealKey:
        """Prepare what seals key tokens: MACed under MAK, then encrypted under MEK (L1187, M-34).

        Both for tokens only: the same keys serve arbitrary buffers, and no token is to be opened as one.
        """
        purpose = "indicium key token"
        return SealKey(self.derive(mek, purpose), self.derive(mak, purpose), self._entropy)

    def derive(self, key: bytes, purpose: str) -> bytes:
        """Derive a key of 24 bytes for one purpose (ANSI X9.63 with SHA-1)."""
        return sha1.derive(key, purpose, KEY_BYTES)

    def generate_signing_key(self) -> SigningKey:
        """Draw a new DSA key."""
        return dsa.generate(self._entropy, deterministic=self._deterministic)

    def load_signing_key(self, der: bytes) -> SigningKey:
        """Load a DSA key from PKCS#8 in DER, as this suite wrote it. Raises `KeyNotUsable`."""
        return dsa.load(der, deterministic=self._deterministic)

    def load_verify_key(self, der: bytes, what: str) -> VerifyKey:
        """Load a public DSA key from SubjectPublicKeyInfo in DER. Raises `KeyNotUsable`."""
        return dsa.load_public(der, what)

    generate_indicia_key = generate_signing_key
    load_indicia_key = load_signing_key
    load_indicia_public = load_verify_key

    def load_authority(self, der: bytes) -> None:
        """Check that a CA certificate can be used (E-105). Raises `KeyNotUsable`."""
        check_authority(der, dsa.load_public)

    def generate_exchange_key(self) -> bytes:
        """Draw an RSA key: PKCS#8 in DER."""
        return rsa_oaep.generate(self._entropy)

    def exchange_public(self, private: bytes) -> bytes:
        """Give the public half of an RSA key: SubjectPublicKeyInfo in DER."""
        return rsa_oaep.public_half(private)

    def seal_to(self, public: bytes, plain: bytes, info: bytes) -> bytes:
        """Encrypt to an RSA key, bound to `info`. Raises `KeyNotUsable`."""
        return rsa_oaep.seal_to(public, plain, info, self._entropy)

    def open_sealed(self, private: bytes, sealed: bytes, info: bytes) -> bytes:
        """Decrypt what `seal_to` made. Raises `NotAuthentic`."""
        return rsa_oaep.open_sealed(private, sealed, info, self._entropy)

    def offer_session(self) -> SessionOffer:
        """Draw an ephemeral Diffie-Hellman key (F-11)."""
        return diffie_hellman.offer(self._entropy)

    def answer_session(self, host_key: bytes) -> Agreed:
        """Agree by an ephemeral key of the module's own. Raises `KeyNotUsable`."""
        return diffie_hellman.answer(self._entropy, host_key)

    def slow_hash(self, password: bytes, salt: bytes) -> bytes:
        """Hash a password so that guessing is slow (PBKDF2 with HMAC-SHA-1): 20 bytes."""
        return sha1.slow_hash(password, salt)

    def self_test(self) -> None:
        """Run a known answer for every algorithm. Raises `SelfTestFailed`."""
        known_answers.demand(
            sha1.KNOWN_ANSWERS,
            triple_des.KNOWN_ANSWERS,
            dsa.KNOWN_ANSWERS,
            diffie_hellman.KNOWN_ANSWERS,
            rsa_oaep.KNOWN_ANSWERS,
        )
