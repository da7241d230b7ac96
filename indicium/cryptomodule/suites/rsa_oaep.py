"""RSA with 1024 bits and OAEP with SHA-1 (L-07; PKCS#1 2.0): what is encrypted to a key that rests.

A text that is too long for one block is sealed with triple DES under a key that is.
"""

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites import triple_des
from indicium.cryptomodule.suites.encoding import private_der, public_der, read_private, read_public
from indicium.cryptomodule.suites.known_answers import KnownAnswers, refuses
from indicium.cryptomodule.suites.rsa_engine import Register
from indicium.cryptomodule.suites.rsa_keys import PUBLIC_EXPONENT, generate_rsa
from indicium.cryptomodule.suites.suite import NotAuthentic
from indicium.domain.errors import KeyNotUsable

BITS: Final = 1024
"""Length of the modulus."""

BLOCK_BYTES: Final = 128
"""Length of what one encryption gives."""

LONGEST: Final = 86
"""Most bytes that one block takes: two digests and two bytes less than its length."""

_SHA1 = hashes.SHA1()  # noqa: S303  # the seed's, for study
_MASK = MGF1(_SHA1)


def generate(entropy: Entropy) -> bytes:
    """Draw a private key: PKCS#8 in DER."""
    drawn = generate_rsa(BITS, entropy.random)
    operands = drawn.operands()
    numbers = rsa.RSAPrivateNumbers(
        p=drawn.p,
        q=drawn.q,
        d=drawn.d,
        dmp1=operands[Register.B_P],
        dmq1=operands[Register.B_Q],
        iqmp=operands[Register.U],
        public_numbers=rsa.RSAPublicNumbers(PUBLIC_EXPONENT, drawn.n),
    )
    return private_der(numbers.private_key())


def public_half(private: bytes) -> bytes:
    """Give the public half of a private key: SubjectPublicKeyInfo in DER."""
    return public_der(_private(private).public_key())


def seal_to(public: bytes, plain: bytes, info: bytes, entropy: Entropy) -> bytes:
    """Encrypt to a public key: one block, or one block and a token. Raises `KeyNotUsable`."""
    key = read_public(public, "exchange key")
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != BITS or key.public_numbers().e != PUBLIC_EXPONENT:
        raise KeyNotUsable(what="exchange key", why=f"it is not of RSA with {BITS} bits and exponent {PUBLIC_EXPONENT}")
    if len(plain) <= LONGEST:
        return key.encrypt(plain, _padding(b"text", info))
    keys = entropy.random(2 * triple_des.KEY_BYTES)
    return key.encrypt(keys, _padding(b"keys", info)) + _sealing(keys, entropy).seal(plain, info)


def open_sealed(private: bytes, sealed: bytes, info: bytes, entropy: Entropy) -> bytes:
    """Decrypt what `seal_to` made. Raises `NotAuthentic`."""
    key, block, token = _private(private), sealed[:BLOCK_BYTES], sealed[BLOCK_BYTES:]
    try:
        if not token:
            return key.decrypt(block, _padding(b"text", info))
        keys = key.decrypt(block, _padding(b"keys", info))
    except ValueError:
        raise NotAuthentic from None
    if len(keys) != 2 * triple_des.KEY_BYTES:
        raise NotAuthentic
    return _sealing(keys, entropy).open(token, info)


def _private(der: bytes) -> rsa.RSAPrivateKey:
    key = read_private(der, "exchange key")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyNotUsable(what="exchange key", why="it is not of RSA")
    return key


def _padding(holds: bytes, info: bytes) -> OAEP:
    """Give the padding, whose label binds the block to `info` and says what is in it."""
    return OAEP(_MASK, _SHA1, holds + b"\n" + info)


def _sealing(keys: bytes, entropy: Entropy) -> triple_des.SealKey:
    return triple_des.SealKey(keys[: triple_des.KEY_BYTES], keys[triple_des.KEY_BYTES :], entropy)


def _answers() -> bool:
    """RSA Laboratories' oaep-vect, example 1.1; then a text of two lengths of our own."""
    n, phi = _P * _Q, (_P - 1) * (_Q - 1)
    d = pow(PUBLIC_EXPONENT, -1, phi)
    parts = (d % (_P - 1), d % (_Q - 1), pow(_Q, -1, _P))
    key = rsa.RSAPrivateNumbers(_P, _Q, d, *parts, rsa.RSAPublicNumbers(PUBLIC_EXPONENT, n)).private_key()
    if key.decrypt(_SEALED, OAEP(_MASK, _SHA1, None)) != _MESSAGE:
        return False
    private, entropy = private_der(key), _Zeros()
    for plain in (bytes(LONGEST), bytes(LONGEST + 1)):
        sealed = seal_to(public_half(private), plain, b"beauty", entropy)
        if open_sealed(private, sealed, b"beauty", entropy) != plain:
            return False
    return refuses(lambda token, info: open_sealed(private, token, info, entropy), sealed, b"Beauty")


class _Zeros:
    """Entropy that is known."""

    def random(self, size: int) -> bytes:
        return bytes(size)


_P = int(
    "d32737e7267ffe1341b2d5c0d150a81b586fb3132bed2f8d5262864a9cb9f30a"
    "f38be448598d413a172efb802c21acf1c11c520c2f26a471dcad212eac7ca39d",
    16,
)
_Q = int(
    "cc8853d1d54da630fac004f471f281c7b8982d8224a490edbeb33d3e3d5cc93c"
    "4765703d1dd791642f1f116a0dd852be2419b2af72bfe9a030e860b0288b5d77",
    16,
)
_MESSAGE = bytes.fromhex("6628194e12073db03ba94cda9ef9532397d50dba79b987004afefe34")
_SEALED = bytes.fromhex(
    "354fe67b4a126d5d35fe36c777791a3f7ba13def484e2d3908aff722fad468fb"
    "21696de95d0be911c2d3174f8afcc201035f7b6d8e69402de5451618c21a535f"
    "a9d7bfc5b8dd9fc243f8cf927db31322d6e881eaa91a996170e657a05a266426"
    "d98c88003f8477c1227094a0d9fa1e8c4024309ce1ecccb5210035d47ac72e8a"
)

KNOWN_ANSWERS: Final[KnownAnswers] = {"RSA with OAEP": _answers}
