"""Triple DES: encryption in CBC mode, and the triple-DES MAC (L-02, L-03).

The MAC is the triple-DES CBC-MAC whose first block says the message's length: ISO/IEC 9797-1, MAC algorithm 1 with
padding method 3. That is the seed's Triple-DES MAC (L326), and the one of its choices that holds: CBC-MAC without the
length is forged from two messages of different lengths, and the DES MAC that the seed prefers for MAK (L1112) falls to
a search for 56 bits, in its retail form (algorithm 3) as well once 2^32 MACs are known. What is left is the block of
64 bits: a MAC has 8 bytes.
"""

import hmac
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.known_answers import KnownAnswers, refuses
from indicium.cryptomodule.suites.suite import NotAuthentic

KEY_BYTES: Final = 24
"""Length of a key: three of DES, whose parity bits count for nothing."""

BLOCK_BYTES: Final = 8
"""Length of a block, of a MAC and of an initialization vector."""


class MacKey:
    """A key for the triple-DES MAC."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """Prepare the key: 24 bytes."""
        self._cipher = Cipher(TripleDES(key), modes.CBC(bytes(BLOCK_BYTES)))

    def mac(self, data: bytes) -> bytes:
        """Give the MAC: 8 bytes."""
        length = (8 * len(data)).to_bytes(BLOCK_BYTES, "big")
        return self._cipher.encryptor().update(length + _whole(data))[-BLOCK_BYTES:]

    def verify(self, data: bytes, mac: bytes) -> None:
        """Compare in constant time; raise `NotAuthentic`."""
        if not hmac.compare_digest(self.mac(data), mac):
            raise NotAuthentic


class SealKey:
    """Two keys: what it seals is MACed with one and then encrypted with the other, in this order (L1187, M-34)."""

    __slots__ = ("_encryption", "_entropy", "_mac")

    def __init__(self, encryption: bytes, mac: bytes, entropy: Entropy) -> None:
        """Prepare the keys: 24 bytes each."""
        self._encryption = TripleDES(encryption)
        self._mac = MacKey(mac)
        self._entropy = entropy

    def seal(self, plain: bytes, associated: bytes) -> bytes:
        """Give a random IV and the ciphertext of length, text and MAC: 24 to 31 bytes longer than the plain text."""
        padded = len(plain).to_bytes(BLOCK_BYTES, "big") + _whole(plain)
        iv = self._entropy.random(BLOCK_BYTES)
        mac = self._mac.mac(_together(associated, padded))
        return iv + Cipher(self._encryption, modes.CBC(iv)).encryptor().update(padded + mac)

    def open(self, token: bytes, associated: bytes) -> bytes:
        """Give the plain text; raise `NotAuthentic`. The MAC covers the padding, so no answer tells about it."""
        iv, sealed = token[:BLOCK_BYTES], token[BLOCK_BYTES:]
        if len(sealed) < 2 * BLOCK_BYTES or len(sealed) % BLOCK_BYTES:
            raise NotAuthentic
        opened = Cipher(self._encryption, modes.CBC(iv)).decryptor().update(sealed)
        padded, mac = opened[:-BLOCK_BYTES], opened[-BLOCK_BYTES:]
        self._mac.verify(_together(associated, padded), mac)
        return padded[BLOCK_BYTES : BLOCK_BYTES + int.from_bytes(padded[:BLOCK_BYTES], "big")]


def _whole(data: bytes) -> bytes:
    """Fill up the last block with zeros."""
    return data + bytes(-len(data) % BLOCK_BYTES)


def _together(associated: bytes, padded: bytes) -> bytes:
    """Give what the MAC of a sealed text covers; where the one ends and the other begins is said."""
    return len(associated).to_bytes(BLOCK_BYTES, "big") + associated + padded


def _mac_answers() -> bool:
    """ISO/IEC 9797-1, annex A: algorithm 1, padding method 3; triple DES with one key three times is DES."""
    key, mac = MacKey(bytes.fromhex("0123456789abcdef") * 3), bytes.fromhex("b1ecd6fc8b37c392")
    key.verify(b"Now is the time for it", mac)
    return refuses(key.verify, b"Now is the time for us", mac)


def _cbc_answers() -> bool:
    """NIST's TCBCMMT3, encryption, count 0."""
    key = bytes.fromhex("b5cb1504802326c73df186e3e352a20de643b0d63ee30e37")
    cipher = Cipher(TripleDES(key), modes.CBC(bytes.fromhex("43f791134c5647ba")))
    plain, sealed = bytes.fromhex("dcc153cef81d6f24"), bytes.fromhex("92538bd8af18d3ba")
    return cipher.encryptor().update(plain) == sealed and cipher.decryptor().update(sealed) == plain


def _seal_answers() -> bool:
    key = SealKey(bytes(range(24)), bytes(range(24, 48)), _Zeros())
    token = key.seal(b"truth", b"beauty")
    return key.open(token, b"beauty") == b"truth" and refuses(key.open, token, b"Beauty")


class _Zeros:
    """An initialization vector that is known."""

    def random(self, size: int) -> bytes:
        return bytes(size)


KNOWN_ANSWERS: Final[KnownAnswers] = {
    "triple DES": _cbc_answers,
    "triple-DES MAC": _mac_answers,
    "MAC, then triple DES": _seal_answers,
}
