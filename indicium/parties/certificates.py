"""X.509 as the emulated authorities make it: their own root, and what they issue under it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, mldsa
from cryptography.x509.oid import NameOID

from indicium.domain.errors import BadFile, KeyNotUsable

ROOT_DAYS = 20 * 365
"""How long an authority's own certificate is valid."""

AuthorityKey = ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | mldsa.MLDSA65PrivateKey
"""What authorities sign with, each suite with its own."""

Numbers = Callable[[], int]
"""Where an authority draws the serial numbers of its certificates: positive, at most 159 bits."""

_PublicKey = ec.EllipticCurvePublicKey | dsa.DSAPublicKey | mldsa.MLDSA65PublicKey


def root(key: AuthorityKey, name: str, now: datetime, numbers: Numbers = x509.random_serial_number) -> x509.Certificate:
    """Make an authority's own certificate, signed by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _dated(subject, subject, key.public_key(), now, ROOT_DAYS).serial_number(numbers())
    return _signed(builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True), key)


def issue(
    key: AuthorityKey,
    authority: x509.Certificate,
    name: str,
    public_key: bytes,
    now: datetime,
    *,
    days: int,
    numbers: Numbers = x509.random_serial_number,
) -> bytes:
    """Certify that a public key (DER) is that of `name`, the subject's common name: a certificate in DER."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _dated(subject, authority.subject, _public_key(public_key), now, days).serial_number(numbers())
    constraints = x509.BasicConstraints(ca=False, path_length=None)
    signed = _signed(builder.add_extension(constraints, critical=True), key)
    return signed.public_bytes(serialization.Encoding.DER)


def certificate_der(content: bytes, path: str) -> bytes:
    """Give a certificate that is written in PEM or in DER, in DER. Raises `BadFile`; nothing of it is checked."""
    try:
        read = x509.load_pem_x509_certificate if content.startswith(b"-----") else x509.load_der_x509_certificate
        return read(content).public_bytes(serialization.Encoding.DER)
    except ValueError:
        raise BadFile(path=path, why="it is not a certificate in PEM or DER") from None


def in_der(certificate: x509.Certificate) -> bytes:
    """Write a certificate in DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def from_der(der: bytes) -> x509.Certificate:
    """Read a certificate that `in_der` rendered."""
    return x509.load_der_x509_certificate(der)


def load_private_key(der: bytes, what: str) -> AuthorityKey:
    """Load an authority's key from PKCS#8 in DER. Raises `KeyNotUsable`."""
    key = serialization.load_der_private_key(der, None)
    if not isinstance(key, AuthorityKey):
        raise KeyNotUsable(what=what, why="it is not of a kind that a suite signs with")
    return key


def _public_key(der: bytes) -> _PublicKey:
    key = serialization.load_der_public_key(der)
    if not isinstance(key, _PublicKey):
        raise KeyNotUsable(what="public key", why="it is not of a kind that a suite signs with")
    return key


def _signed(builder: x509.CertificateBuilder, key: AuthorityKey) -> x509.Certificate:
    """Sign with the key's own hash: ML-DSA has one inside, the others take SHA-256 (X.509 has no use for SHA-1).

    ECDSA as RFC 6979 has it: an authority signs rarely, and then needs no luck with its generator.
    """
    algorithm = None if isinstance(key, mldsa.MLDSA65PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm, ecdsa_deterministic=isinstance(key, ec.EllipticCurvePrivateKey) or None)


def _dated(subject: x509.Name, issuer: x509.Name, key: _PublicKey, now: datetime, days: int) -> x509.CertificateBuilder:
    """Begin a certificate that is valid from a minute ago, for clocks that differ a little."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=days))
    )
