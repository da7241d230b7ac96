"""The suite `modern` with nothing left to chance that does not come from its Entropy port.

Signatures are those of RFC 6979. HPKE is the one operation for which the library draws by itself, so the sender's half
is done here (RFC 9180, base mode); the module opens what comes with the library, as always.
"""

import hashlib
import hmac
from typing import Final

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites import Modern
from indicium.cryptomodule.suites.curve25519 import KEY_BYTES, SessionOffer
from indicium.cryptomodule.suites.symmetric import NONCE_BYTES, SealKey

_KEM: Final = b"KEM" + bytes.fromhex("0020")
_HPKE: Final = b"HPKE" + bytes.fromhex("0020 0001 0002")
"""X25519, HKDF-SHA256 and AES-256-GCM, as `curve25519` has them."""


class Replayed(Modern):
    """The suite `modern` of a simulated machine."""

    _tested: bool = False

    def __init__(self, entropy: Entropy) -> None:
        """Draw from `entropy`, and from nothing else."""
        super().__init__(entropy, deterministic=True)

    def seal_to(self, public: bytes, plain: bytes, info: bytes) -> bytes:
        """Encrypt to an X25519 key, bound to `info`: RFC 9180, 4.1 and 5.1, with an ephemeral key of the port's."""
        offer = SessionOffer(self._entropy.random(KEY_BYTES))
        shared = _labeled_extract(_KEM, b"", b"eae_prk", offer.secret(public))
        secret = _labeled_expand(_KEM, shared, b"shared_secret", offer.host_key + public, KEY_BYTES)
        context = (
            b"\x00"
            + _labeled_extract(_HPKE, b"", b"psk_id_hash", b"")
            + _labeled_extract(_HPKE, b"", b"info_hash", info)
        )
        schedule = _labeled_extract(_HPKE, secret, b"secret", b"")
        key = _labeled_expand(_HPKE, schedule, b"key", context, KEY_BYTES)
        nonce = _labeled_expand(_HPKE, schedule, b"base_nonce", context, NONCE_BYTES)
        return offer.host_key + SealKey(key, _Given(nonce)).seal(plain, b"")[NONCE_BYTES:]

    def slow_hash(self, password: bytes, salt: bytes) -> bytes:
        """Hash a password at once: nobody guesses here, and people log on thousands of times."""
        return hashlib.sha256(salt + password).digest()

    def self_test(self) -> None:
        """Run the known answers once in a process: a simulated module is powered up thousands of times."""
        if not Replayed._tested:
            super().self_test()
            Replayed._tested = True


class _Given:
    """A nonce that was derived."""

    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce

    def random(self, _size: int) -> bytes:
        return self._nonce


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, hashlib.sha256)


def _labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """One block of HKDF is enough: 32 bytes at most."""
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labeled + b"\x01", hashlib.sha256)[:length]
