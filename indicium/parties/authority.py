"""An emulated Certificate Authority (A-61): certifies the meters of vendors it knows (P-02)."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from indicium.domain.errors import CertificateNotAuthentic, KeyNotUsable
from indicium.domain.messages import certificate_request

METER_DAYS = 3 * 365
"""How long a meter's certificate is valid (G-112)."""

AUTHORITY_DAYS = 20 * 365
"""How long the authority's own certificate is valid."""

_SHA256 = hashes.SHA256()


class CertificateAuthority:
    """Signs certificates for the meters of one vendor."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, vendor_key: bytes) -> None:
        """Take the CA's key and certificate, and the public key of the vendor's smartcard (F-30, DER)."""
        self._key, self._certificate = key, certificate
        self._vendor = _public(vendor_key)

    @staticmethod
    def establish(key: ec.EllipticCurvePrivateKey, name: str, now: datetime) -> x509.Certificate:
        """Make the authority's own certificate, signed by itself (F-26)."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _dated(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        return builder.add_extension(constraints, critical=True).sign(key, _SHA256)

    @property
    def certificate(self) -> bytes:
        """The authority's certificate in DER."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    def issue(self, device: str, public_key: bytes, signature: bytes, now: datetime) -> bytes:
        """Verify the vendor's request and certify device ID and public key (G-908): a certificate in DER."""
        try:
            self._vendor.verify(signature, certificate_request(device, public_key), ec.ECDSA(_SHA256))
        except InvalidSignature:
            raise CertificateNotAuthentic(psd_id=device) from None
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
        meter_key = _public(public_key)
        builder = _dated(subject, self._certificate.subject, meter_key, now, METER_DAYS)
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        signed = builder.add_extension(constraints, critical=True).sign(self._key, _SHA256)
        return signed.public_bytes(serialization.Encoding.DER)


def _public(der: bytes) -> ec.EllipticCurvePublicKey:
    key = serialization.load_der_public_key(der)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise KeyNotUsable(what="public key", why="it is not of an elliptic curve")
    return key


def _dated(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    """Begin a certificate that is valid from a minute ago, for clocks that differ a little."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=days))
    )
