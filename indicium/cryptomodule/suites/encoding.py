"""How keys and certificates are written, whatever their algorithm: PKCS#8, SubjectPublicKeyInfo, X.509."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Generic, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from indicium.cryptomodule.suites.suite import NotAuthentic
from indicium.domain.errors import KeyNotUsable

Public = TypeVar("Public", bound=PublicKeyTypes)
Private = TypeVar("Private", bound=PrivateKeyTypes)

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,  # where the host makes errors of warnings
)
"""What the library says of a key or certificate that is none, or of a kind it does not know."""

_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def public_der(key: PublicKeyTypes) -> bytes:
    """Write a public key as SubjectPublicKeyInfo in DER."""
    return key.public_bytes(serialization.Encoding.DER, _SPKI)


def public_pem(key: PublicKeyTypes) -> bytes:
    """Write a public key as SubjectPublicKeyInfo in PEM."""
    return key.public_bytes(serialization.Encoding.PEM, _SPKI)


def private_der(key: PrivateKeyTypes) -> bytes:
    """Write a private key as PKCS#8 in DER, unencrypted: for sealing only."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_public(der: bytes, what: str) -> PublicKeyTypes:
    """Read a public key of any kind from SubjectPublicKeyInfo in DER. Raises `KeyNotUsable`."""
    try:
        return serialization.load_der_public_key(der)
    except UNREADABLE:
        raise KeyNotUsable(what=what, why="it is not a public key in DER") from None


def read_private(der: bytes, what: str) -> PrivateKeyTypes:
    """Read a private key of any kind from PKCS#8 in DER. Raises `KeyNotUsable`."""
    try:
        return serialization.load_der_private_key(der, None)
    except UNREADABLE:
        raise KeyNotUsable(what=what, why="it is not a private key in DER") from None


class PublicHalf(Generic[Public]):
    """A loaded public key, and how it is written."""

    __slots__ = ("_key",)

    def __init__(self, key: Public) -> None:
        """Take a loaded key."""
        self._key = key

    @property
    def der(self) -> bytes:
        """SubjectPublicKeyInfo in DER, with the group of the key where its kind has several."""
        return public_der(self._key)

    @property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo in PEM."""
        return public_pem(self._key)


class PrivateHalf(Generic[Private]):
    """A loaded private key, and how it is written."""

    __slots__ = ("_key",)

    def __init__(self, key: Private) -> None:
        """Take a loaded key."""
        self._key = key

    @property
    def der(self) -> bytes:
        """PKCS#8 in DER, unencrypted: for sealing only."""
        return private_der(self._key)


class Certificate:
    """An X.509 certificate of a PSD's or a module's public key."""

    def __init__(self, der: bytes) -> None:
        """Parse it; raises `NotAuthentic` if it is none."""
        try:
            self._certificate = x509.load_der_x509_certificate(der)
            names = self._certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            self.device = str(names[0].value) if len(names) == 1 else ""
            self.serial = f"{self._certificate.serial_number:x}"
            self.public_key = self._certificate.public_key().public_bytes(serialization.Encoding.DER, _SPKI)
        except UNREADABLE:
            raise NotAuthentic from None

    def issued_by(self, authority: bytes) -> None:
        """Check issuer and signature against the CA's certificate, whatever the time; raise `NotAuthentic`."""
        issuer = x509.load_der_x509_certificate(authority)
        try:
            self._certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, *UNREADABLE):
            raise NotAuthentic from None

    def verify(self, authority: bytes, now: datetime) -> None:
        """Check issuer, signature and dates against the CA's certificate (E-301); raise `NotAuthentic`."""
        self.issued_by(authority)
        if not self._certificate.not_valid_before_utc <= now <= self._certificate.not_valid_after_utc:
            raise NotAuthentic

    @property
    def begins(self) -> date:
        """First day of the key."""
        return self._certificate.not_valid_before_utc.date()

    @property
    def expires(self) -> date:
        """Last day of the key (G-112)."""
        return self._certificate.not_valid_after_utc.date()


def check_authority(der: bytes, load: Callable[[bytes, str], object]) -> None:
    """Check that a CA certificate is one, and that `load` takes its key (E-105). Raises `KeyNotUsable`."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        key = certificate.public_key().public_bytes(serialization.Encoding.DER, _SPKI)
    except UNREADABLE:
        raise KeyNotUsable(what="CA certificate", why="it is not the certificate of an authority") from None
    if not authority:
        raise KeyNotUsable(what="CA certificate", why="it is not the certificate of an authority")
    load(key, "CA certificate")
