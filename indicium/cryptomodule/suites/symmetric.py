"""HMAC-SHA-256, AES-256-GCM, HKDF, Argon2id: what `modern` and `post_quantum` have in common."""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.common import Common
from indicium.cryptomodule.suites.known_answers import KnownAnswers, refuses
from indicium.cryptomodule.suites.suite import NotAuthentic

KEY_BYTES = 32
"""Length of every symmetric key of these suites."""

NONCE_BYTES = 12
"""Length of an AES-GCM nonce; drawn at random for each sealing."""

_SHA256 = hashes.SHA256()


class MacKey:
    """A key for HMAC-SHA-256, prepared once."""

    __slots__ = ("_prepared",)

    def __init__(self, key: bytes) -> None:
        """Prepare the key: any length, 32 bytes here."""
        self._prepared = HMAC(key, _SHA256)

    def mac(self, data: bytes) -> bytes:
        """Give the MAC: 32 bytes."""
        running = self._prepared.copy()
        running.update(data)
        return running.finalize()

    def verify(self, data: bytes, mac: bytes) -> None:
        """Compare in constant time; raise `NotAuthentic`."""
        if not hmac.compare_digest(self.mac(data), mac):
            raise NotAuthentic


class SealKey:
    """A key for AES-256-GCM: what it seals is encrypted and authenticated, together with associated data."""

    __slots__ = ("_aead", "_entropy")

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        """Prepare the key: 32 bytes."""
        self._aead = AESGCM(key)
        self._entropy = entropy

    def seal(self, plain: bytes, associated: bytes) -> bytes:
        """Give nonce, ciphertext and tag: 28 bytes longer than the plain text."""
        nonce = self._entropy.random(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, associated)

    def open(self, token: bytes, associated: bytes) -> bytes:
        """Give the plain text; raise `NotAuthentic`."""
        try:
            return self._aead.decrypt(token[:NONCE_BYTES], token[NONCE_BYTES:], associated)
        except (InvalidTag, ValueError):
            raise NotAuthentic from None


class Symmetric(Common):
    """The operations of a suite that need no key pair."""

    def generate_key(self) -> bytes:
        """Draw a symmetric key: 32 bytes."""
        return self._entropy.random(KEY_BYTES)

    def mac_key(self, key: bytes) -> MacKey:
        """Prepare a MAC key."""
        return MacKey(key)

    def client_key(self, hmk: bytes) -> MacKey:
        """Prepare HMK (F-24): an HMAC key like any other here."""
        return MacKey(hmk)

    def seal_key(self, key: bytes) -> SealKey:
        """Prepare a sealing key."""
        return SealKey(key, self._entropy)

    def token_key(self, mek: bytes, mak: bytes) -> SealKey:
        """Prepare what seals key tokens: one key derived from MEK and MAK both, for one AEAD (M-34)."""
        return SealKey(self.derive(mek + mak, "indicium key token"), self._entropy)

    def derive(self, key: bytes, purpose: str) -> bytes:
        """Derive a key of 32 bytes for one purpose (HKDF-SHA-256)."""
        return HKDF(_SHA256, KEY_BYTES, None, purpose.encode()).derive(key)

    def slow_hash(self, password: bytes, salt: bytes) -> bytes:
        """Hash a password so that guessing is slow (Argon2id, 19 MiB, two passes): 32 bytes."""
        return Argon2id(salt=salt, length=KEY_BYTES, iterations=2, lanes=1, memory_cost=19 * 1024).derive(password)


def _sha256_answers() -> bool:
    """FIPS 180-2, B.1."""
    digest = hashes.Hash(_SHA256)
    digest.update(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    return hashlib.sha256(b"abc").hexdigest() == known == digest.finalize().hex()


def _hmac_answers() -> bool:
    """RFC 4231, 4.3."""
    key, data = MacKey(b"Jefe"), b"what do ya want for nothing?"
    mac = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    key.verify(data, mac)
    return refuses(key.verify, data[:-1], mac)


def _aes_gcm_answers() -> bool:
    """NIST's gcmEncryptExtIV256, 408 bits of text and 160 of associated data, count 0."""
    plain = bytes.fromhex(
        "27f348f9cdc0c5bd5e66b1ccb63ad920ff2219d14e8d631b3872265cf117ee86757accb158bd9abb3868fdc0d0b074b5f01b2c"
    )
    token = bytes.fromhex(
        "9ff18563b978ec281b3f2794"
        "eb7cb754c824e8d96f7c6d9b76c7d26fb874ffbf1d65c6f64a698d839b0b06145dae82057ad55994cf59ad7f67c0fa5e85fab8"
        "bc95c532fecc594c36d1550286a7a3f0"
    )
    associated = bytes.fromhex("adb5ec720ccf9898500028bf34afccbcaca126ef")
    key = SealKey(
        bytes.fromhex("24501ad384e473963d476edcfe08205237acfd49b5b8f33857f8114e863fec7f"), _Fixed(token[:NONCE_BYTES])
    )
    sealed_right = key.seal(plain, associated) == token and key.open(token, associated) == plain
    return sealed_right and refuses(key.open, token, associated[:-1])


class _Fixed:
    """A nonce that is known."""

    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce

    def random(self, _size: int) -> bytes:
        return self._nonce


def _hkdf_answers() -> bool:
    """RFC 5869, A.3, without salt and info, as far as this suite's length."""
    known = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    return HKDF(_SHA256, KEY_BYTES, None, b"").derive(b"\x0b" * 22).hex() == known


def _argon2id_answers() -> bool:
    """The reference implementation's own test (`src/test.c`: t=2, m=2^8, p=1).

    One lane, as the suite has it: the answers of RFC 9106 need four, whose threads fail where two modules of a process
    start at the same moment.
    """
    slow = Argon2id(salt=b"somesalt", length=KEY_BYTES, iterations=2, lanes=1, memory_cost=256)
    return slow.derive(b"password").hex() == "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"


KNOWN_ANSWERS: Final[KnownAnswers] = {
    "SHA-256": _sha256_answers,
    "HMAC-SHA-256": _hmac_answers,
    "AES-256-GCM": _aes_gcm_answers,
    "HKDF-SHA-256": _hkdf_answers,
    "Argon2id": _argon2id_answers,
}
