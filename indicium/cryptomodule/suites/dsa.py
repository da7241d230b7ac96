"""DSA with 1024 bits and SHA-1 (FIPS 186): all keys in one group, so that nobody waits for parameters.

The group is the one that Java's default provider has published with its seed since 1997; a test derives it anew from
that seed as FIPS 186 says, so nobody chose it.
"""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.encoding import PrivateHalf, PublicHalf, read_private, read_public
from indicium.cryptomodule.suites.known_answers import KnownAnswers, refuses
from indicium.cryptomodule.suites.rsa_engine import modular_exponentiation
from indicium.cryptomodule.suites.suite import NotAuthentic
from indicium.domain.errors import KeyNotUsable

GROUP: Final = dsa.DSAParameterNumbers(
    p=int(
        "fd7f53811d75122952df4a9c2eece4e7f611b7523cef4400c31e3f80b6512669"
        "455d402251fb593d8d58fabfc5f5ba30f6cb9b556cd7813b801d346ff26660b7"
        "6b9950a5a49f9fe8047b1022c24fbba9d7feb7c61bf83b57e7c6a8a6150f04fb"
        "83f6d3c51ec3023554135a169132f675f3ae2b61d72aeff22203199dd14801c7",
        16,
    ),
    q=0x9760508F15230BCCB292B982A2EB840BF0581CF5,
    g=int(
        "f7e1a085d69b3ddecbbcab5c36b857b97994afbbfa3aea82f9574c0b3d078267"
        "5159578ebad4594fe67107108180b449167123e84c281613b7cf09328cc8a6e1"
        "3c167a8b547c8d28e0a3ae1e2bb3a675916ea37f0bfa213562f1fb627a01243b"
        "cca4f1bea8519089a883dfe15ae59f06928b665e807b552564014c3bfecf492a",
        16,
    ),
)
"""p has 1024 bits, q 160; g is 2^((p-1)/q)."""

_SHA1 = hashes.SHA1()  # noqa: S303  # the seed's (L-05), for study
_SCALAR_BYTES = 20
_SURPLUS = 16
"""Random bytes beyond the key's length, so that reducing them modulo q has no bias."""


class VerifyKey(PublicHalf[dsa.DSAPublicKey]):
    """A public key for DSA with SHA-1."""

    __slots__ = ()

    def verify(self, data: bytes, signature: bytes) -> None:
        """Check a DER signature; raise `NotAuthentic`."""
        try:
            self._key.verify(signature, data, _SHA1)
        except InvalidSignature:
            raise NotAuthentic from None


class SigningKey(PrivateHalf[dsa.DSAPrivateKey]):
    """A private key for DSA with SHA-1."""

    __slots__ = ("_deterministic",)

    def __init__(self, key: dsa.DSAPrivateKey, *, deterministic: bool) -> None:
        """Take a loaded key; `deterministic` chooses RFC 6979, so that a simulated run replays bit for bit."""
        super().__init__(key)
        self._deterministic = deterministic

    def sign(self, data: bytes) -> bytes:
        """Give a DER signature. It has one form: unlike ECDSA's, no other value of s verifies with the same r."""
        if self._deterministic:
            return encode_dss_signature(*_signed(self._key.private_numbers(), data))
        return self._key.sign(data, _SHA1)

    def public(self) -> VerifyKey:
        """Give the public half."""
        return VerifyKey(self._key.public_key())


def generate(entropy: Entropy, *, deterministic: bool) -> SigningKey:
    """Draw a private key."""
    x = int.from_bytes(entropy.random(_SCALAR_BYTES + _SURPLUS), "big") % (GROUP.q - 1) + 1
    y = modular_exponentiation(GROUP.g, x, GROUP.p)
    numbers = dsa.DSAPrivateNumbers(x, dsa.DSAPublicNumbers(y, GROUP))
    return SigningKey(numbers.private_key(), deterministic=deterministic)


def load(der: bytes, *, deterministic: bool) -> SigningKey:
    """Load a private key from PKCS#8 in DER. Raises `KeyNotUsable`."""
    key = read_private(der, "signing key")
    if not isinstance(key, dsa.DSAPrivateKey) or key.parameters().parameter_numbers() != GROUP:
        raise KeyNotUsable(what="signing key", why="it is not of the suite's DSA group")
    return SigningKey(key, deterministic=deterministic)


def load_public(der: bytes, what: str) -> VerifyKey:
    """Load a public key from SubjectPublicKeyInfo in DER: of the suite's group, and of order q. Raises `KeyNotUsable`.

    A key that is 1, or of another group, would take anybody's signatures.
    """
    key = read_public(der, what)
    if not isinstance(key, dsa.DSAPublicKey) or key.parameters().parameter_numbers() != GROUP:
        raise KeyNotUsable(what=what, why="it is not of the suite's DSA group")
    y = key.public_numbers().y
    if not 1 < y < GROUP.p or modular_exponentiation(y, GROUP.q, GROUP.p) != 1:
        raise KeyNotUsable(what=what, why="it is not of the order of the suite's DSA group")
    return VerifyKey(key)


def _nonce(x: int, q: int, digest: bytes) -> int:
    """Derive k from the private key and the message's SHA-1 (RFC 6979, 3.2, for a q as long as the digest)."""
    seed = x.to_bytes(_SCALAR_BYTES, "big") + (int.from_bytes(digest, "big") % q).to_bytes(_SCALAR_BYTES, "big")
    key, value = bytes(_SCALAR_BYTES), b"\1" * _SCALAR_BYTES
    for step in (b"\0", b"\1"):
        key = _mac(key, value + step + seed)
        value = _mac(key, value)
    while True:
        value = _mac(key, value)
        k = int.from_bytes(value, "big")
        if 1 <= k < q:
            return k
        key = _mac(key, value + b"\0")
        value = _mac(key, value)


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha1")


def _signed(key: dsa.DSAPrivateNumbers, data: bytes) -> tuple[int, int]:
    """Sign with the nonce of RFC 6979, which the library has for elliptic curves only."""
    group = key.public_numbers.parameter_numbers
    digest = hashlib.sha1(data).digest()  # noqa: S324  # the seed's (L-05), for study
    k = _nonce(key.x, group.q, digest)
    r = modular_exponentiation(group.g, k, group.p) % group.q
    return r, pow(k, -1, group.q) * (int.from_bytes(digest, "big") + key.x * r) % group.q


def rfc_6979_key() -> SigningKey:
    """Give the key of RFC 6979, A.2.1, in its own group; it signs as that says."""
    public = dsa.DSAPublicNumbers(modular_exponentiation(_RFC_GROUP.g, _RFC_X, _RFC_GROUP.p), _RFC_GROUP)
    return SigningKey(dsa.DSAPrivateNumbers(_RFC_X, public).private_key(), deterministic=True)


def _answers() -> bool:
    """RFC 6979, A.2.1, "sample"."""
    key = rfc_6979_key()
    signature, verifying = key.sign(b"sample"), key.public()
    verifying.verify(b"sample", signature)
    return decode_dss_signature(signature) == (_RFC_R, _RFC_S) and refuses(verifying.verify, b"Sample", signature)


_RFC_GROUP = dsa.DSAParameterNumbers(
    p=int(
        "86f5ca03dcfeb225063ff830a0c769b9dd9d6153ad91d7ce27f787c43278b447"
        "e6533b86b18bed6e8a48b784a14c252c5be0dbf60b86d6385bd2f12fb763ed88"
        "73abfd3f5ba2e0a8c0a59082eac056935e529daf7c610467899c77adedfc846c"
        "881870b7b19b2b58f9be0521a17002e3bdd6b86685ee90b3d9a1b02b782b1779",
        16,
    ),
    q=0x996F967F6C8E388D9E28D01E205FBA957A5698B1,
    g=int(
        "07b0f92546150b62514bb771e2a0c0ce387f03bda6c56b505209ff25fd3c133d"
        "89bbcd97e904e09114d9a7defdeadfc9078ea544d2e401aeecc40bb9fbbf78fd"
        "87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca4"
        "17be5dce2f40d10a46a3a3943f26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd",
        16,
    ),
)
_RFC_X = 0x411602CB19A6CCC34494D79D98EF1E7ED5AF25F7
_RFC_R = 0x2E1A0C2562B2912CAAF89186FB0F42001585DA55
_RFC_S = 0x29EFB6B0AFF2D7A68EB70CA313022253B9A88DF5

KNOWN_ANSWERS: Final[KnownAnswers] = {"DSA": _answers}
