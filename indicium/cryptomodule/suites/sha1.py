"""SHA-1 and what is made of it: HMAC for HMK (L-04), one-way derivation (L-14), the hash of a password (L-05)."""

import hmac
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

from indicium.cryptomodule.suites.known_answers import KnownAnswers, refuses
from indicium.cryptomodule.suites.suite import NotAuthentic

DIGEST_BYTES: Final = 20
"""Length of a SHA-1, and of a MAC made with it."""

ITERATIONS: Final = 20_000
"""Rounds that a password's hash takes."""

_SHA1 = hashes.SHA1()  # noqa: S303  # the seed's, for study


class MacKey:
    """A key for HMAC-SHA-1, prepared once."""

    __slots__ = ("_prepared",)

    def __init__(self, key: bytes) -> None:
        """Prepare the key: any length."""
        self._prepared = HMAC(key, _SHA1)

    def mac(self, data: bytes) -> bytes:
        """Give the MAC: 20 bytes."""
        running = self._prepared.copy()
        running.update(data)
        return running.finalize()

    def verify(self, data: bytes, mac: bytes) -> None:
        """Compare in constant time; raise `NotAuthentic`."""
        if not hmac.compare_digest(self.mac(data), mac):
            raise NotAuthentic


def derive(key: bytes, purpose: str, size: int) -> bytes:
    """Derive `size` bytes: SHA-1 over the secret, a counter and the purpose (ANSI X9.63; L1136, L1144, M-21)."""
    return X963KDF(_SHA1, size, purpose.encode()).derive(key)


def slow_hash(password: bytes, salt: bytes, iterations: int = ITERATIONS) -> bytes:
    """Hash a password so that guessing is slow (PBKDF2 with HMAC-SHA-1, PKCS#5 of the seed's time): 20 bytes."""
    return PBKDF2HMAC(_SHA1, DIGEST_BYTES, salt, iterations).derive(password)


def _digest_answers() -> bool:
    """FIPS 180-1, appendix A."""
    digest = hashes.Hash(_SHA1)
    digest.update(b"abc")
    return digest.finalize().hex() == "a9993e364706816aba3e25717850c26c9cd0d89d"


def _hmac_answers() -> bool:
    """RFC 2202, test case 2."""
    key, data = MacKey(b"Jefe"), b"what do ya want for nothing?"
    mac = bytes.fromhex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
    key.verify(data, mac)
    return refuses(key.verify, data[:-1], mac)


def _derive_answers() -> bool:
    """NIST's ansx963_2001, SHA-1, count 0."""
    secret = bytes.fromhex("1c7d7b5f0597b03d06a018466ed1a93e30ed4b04dc64ccdd")
    return derive(secret, "", 16).hex() == "bf71dffd8f4d99223936beb46fee8ccc"


def _slow_hash_answers() -> bool:
    """RFC 6070, with two rounds."""
    return slow_hash(b"password", b"salt", 2).hex() == "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"


KNOWN_ANSWERS: Final[KnownAnswers] = {
    "SHA-1": _digest_answers,
    "HMAC-SHA-1": _hmac_answers,
    "derivation with SHA-1": _derive_answers,
    "PBKDF2 with SHA-1": _slow_hash_answers,
}
