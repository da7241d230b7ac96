"""The suite `modern`, the default: ECDSA P-256 with SHA-256, HMAC-SHA-256, AES-256-GCM, HKDF, X25519, HPKE, Argon2id.

It stands for the seed's own algorithms (table L): DSA, DES MAC, triple DES, SHA-1, Diffie-Hellman, RSA.
"""

import hmac
from datetime import date, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.suite import NotAuthentic
from indicium.domain.errors import KeyNotUsable

KEY_BYTES = 32
"""Length of every symmetric key of this suite."""

NONCE_BYTES = 12
"""Length of an AES-GCM nonce; drawn at random for each sealing."""

_SHA256 = hashes.SHA256()
_CURVE = ec.SECP256R1()
_ECDSA = ec.ECDSA(_SHA256)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HIGH_S_BYTES = 33
"""Length of s in DER from 2^255 on, where it is surely above half the order."""
_DOUBTFUL = 0x7F
"""First byte of an s of 32 bytes that may be above half the order, 7F FF FF FF 80 …"""
_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_SURPLUS = 16
"""Random bytes beyond the key's length, so that reducing them modulo the order has no bias (FIPS 186-5, A.2.1)."""


_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library says of a key or certificate that is none, or of a kind it does not know."""


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


class VerifyKey:
    """A public key for ECDSA P-256 with SHA-256."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        """Take a loaded key."""
        self._key = key

    def verify(self, data: bytes, signature: bytes) -> None:
        """Check a DER signature; raise `NotAuthentic`."""
        try:
            self._key.verify(signature, data, _ECDSA)
        except InvalidSignature:
            raise NotAuthentic from None

    @property
    def der(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo in PEM."""
        return self._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class SigningKey:
    """A private key for ECDSA P-256 with SHA-256."""

    __slots__ = ("_algorithm", "_key")

    def __init__(self, key: ec.EllipticCurvePrivateKey, *, deterministic: bool) -> None:
        """Take a loaded key; `deterministic` chooses RFC 6979, so that a simulated run replays bit for bit."""
        self._key = key
        self._algorithm = ec.ECDSA(_SHA256, deterministic_signing=deterministic)

    def sign(self, data: bytes) -> bytes:
        """Give a DER signature with low s, so that it has one form."""
        signature = self._key.sign(data, self._algorithm)
        if signature[5 + signature[3]] < _HIGH_S_BYTES and signature[6 + signature[3]] < _DOUBTFUL:
            return signature
        r, s = decode_dss_signature(signature)
        return signature if s <= _ORDER // 2 else encode_dss_signature(r, _ORDER - s)

    def public(self) -> VerifyKey:
        """Give the public half."""
        return VerifyKey(self._key.public_key())

    @property
    def der(self) -> bytes:
        """PKCS#8 in DER, unencrypted: for sealing only."""
        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class Certificate:
    """An X.509 certificate of a PSD's public key."""

    def __init__(self, der: bytes) -> None:
        """Parse it; raises `NotAuthentic` if it is none."""
        try:
            self._certificate = x509.load_der_x509_certificate(der)
            names = self._certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            self.device = str(names[0].value) if len(names) == 1 else ""
            self.serial = f"{self._certificate.serial_number:x}"
            self.public_key = self._certificate.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        except _UNREADABLE:
            raise NotAuthentic from None

    def verify(self, authority: bytes, now: datetime) -> None:
        """Check issuer, signature and dates against the CA's certificate (E-301); raise `NotAuthentic`."""
        issuer = x509.load_der_x509_certificate(authority)
        try:
            self._certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, *_UNREADABLE):
            raise NotAuthentic from None
        if not self._certificate.not_valid_before_utc <= now <= self._certificate.not_valid_after_utc:
            raise NotAuthentic

    @property
    def expires(self) -> date:
        """Last day of the key (G-112)."""
        return self._certificate.not_valid_after_utc.date()


class Modern:
    """The suite's operations. Keys and nonces come from the Entropy port."""

    name = "modern"

    def __init__(self, entropy: Entropy, *, deterministic: bool = False) -> None:
        """Draw from `entropy`; `deterministic` signatures are for simulated runs."""
        self._entropy = entropy
        self._deterministic = deterministic

    def random(self, size: int) -> bytes:
        """Give random bytes: for challenges, identifiers and keys."""
        return self._entropy.random(size)

    def generate_key(self) -> bytes:
        """Draw a symmetric key: 32 bytes."""
        return self._entropy.random(KEY_BYTES)

    def mac_key(self, key: bytes) -> MacKey:
        """Prepare a MAC key."""
        return MacKey(key)

    def seal_key(self, key: bytes) -> SealKey:
        """Prepare a sealing key."""
        return SealKey(key, self._entropy)

    def derive(self, key: bytes, purpose: str) -> bytes:
        """Derive a key of 32 bytes for one purpose (HKDF-SHA-256)."""
        return HKDF(_SHA256, KEY_BYTES, None, purpose.encode()).derive(key)

    def generate_signing_key(self) -> SigningKey:
        """Draw a new signing key."""
        scalar = int.from_bytes(self._entropy.random(KEY_BYTES + _SURPLUS), "big") % (_ORDER - 1) + 1
        return SigningKey(ec.derive_private_key(scalar, _CURVE), deterministic=self._deterministic)

    def load_signing_key(self, der: bytes) -> SigningKey:
        """Load a signing key from PKCS#8 in DER, as this suite wrote it."""
        key = serialization.load_der_private_key(der, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyNotUsable(what="signing key", why="it is not of the curve P-256")
        return SigningKey(key, deterministic=self._deterministic)

    def load_verify_key(self, der: bytes, what: str) -> VerifyKey:
        """Load a public key from SubjectPublicKeyInfo in DER. Raises `KeyNotUsable`."""
        try:
            key = serialization.load_der_public_key(der)
        except _UNREADABLE:
            raise KeyNotUsable(what=what, why="it is not a public key in DER") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyNotUsable(what=what, why="it is not of the curve P-256")
        return VerifyKey(key)

    def load_authority(self, der: bytes) -> None:
        """Check that a CA certificate can be used (E-105). Raises `KeyNotUsable`."""
        try:
            certificate = x509.load_der_x509_certificate(der)
            key = certificate.public_key()
            authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except _UNREADABLE:
            raise KeyNotUsable(what="CA certificate", why="it is not the certificate of an authority") from None
        if not authority or not isinstance(key, ec.EllipticCurvePublicKey):
            raise KeyNotUsable(what="CA certificate", why="it is not the certificate of an authority")

    def certificate(self, der: bytes) -> Certificate:
        """Parse a PSD's certificate. Raises `NotAuthentic`."""
        return Certificate(der)

    def generate_exchange_key(self) -> bytes:
        """Draw an X25519 private key: 32 bytes."""
        return self._entropy.random(KEY_BYTES)

    def exchange_public(self, private: bytes) -> bytes:
        """Give the public half of an X25519 key: 32 bytes."""
        return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def agree(self, private: bytes, public: bytes) -> bytes:
        """Agree on a secret of 32 bytes (J-02, M-26). Raises `KeyNotUsable` for a point of low order."""
        try:
            return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise KeyNotUsable(what="session key", why="it is not a point of large order") from None

    def seal_to(self, public: bytes, plain: bytes, info: bytes) -> bytes:
        """Encrypt to an X25519 key (HPKE, RFC 9180), bound to `info`."""
        return bytes(_HPKE.encrypt(plain, X25519PublicKey.from_public_bytes(public), info))

    def open_sealed(self, private: bytes, sealed: bytes, info: bytes) -> bytes:
        """Decrypt what `seal_to` made. Raises `NotAuthentic`."""
        try:
            return bytes(_HPKE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info))
        except (InvalidTag, ValueError):
            raise NotAuthentic from None

    def slow_hash(self, password: bytes, salt: bytes) -> bytes:
        """Hash a password so that guessing is slow (Argon2id, 19 MiB, two passes): 32 bytes."""
        return Argon2id(salt=salt, length=KEY_BYTES, iterations=2, lanes=1, memory_cost=19 * 1024).derive(password)

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(left, right)
