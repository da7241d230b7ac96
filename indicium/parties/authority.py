"""An emulated Certificate Authority (A-61): certifies the meters of vendors it knows (P-02)."""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from indicium.cryptomodule.suites import NotAuthentic, VerifyKey
from indicium.domain.errors import CertificateNotAuthentic
from indicium.domain.messages import certificate_request
from indicium.parties.certificates import AuthorityKey, Numbers, issue, root

METER_DAYS = 3 * 365
"""How long a meter's certificate is valid (G-112)."""


class CertificateAuthority:
    """Signs certificates for the meters of one vendor."""

    def __init__(
        self,
        key: AuthorityKey,
        certificate: x509.Certificate,
        vendor: VerifyKey,
        numbers: Numbers = x509.random_serial_number,
    ) -> None:
        """Take the CA's key and certificate, and the public key of the vendor's smartcard (F-30)."""
        self._key, self._certificate, self._vendor, self._numbers = key, certificate, vendor, numbers

    @staticmethod
    def establish(
        key: AuthorityKey, name: str, now: datetime, numbers: Numbers = x509.random_serial_number
    ) -> x509.Certificate:
        """Make the authority's own certificate, signed by itself (F-26)."""
        return root(key, name, now, numbers)

    @property
    def certificate(self) -> bytes:
        """The authority's certificate in DER."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    def issue(self, device: str, public_key: bytes, signature: bytes, now: datetime) -> bytes:
        """Verify the vendor's request and certify device ID and public key (G-908): a certificate in DER."""
        try:
            self._vendor.verify(certificate_request(device, public_key), signature)
        except NotAuthentic:
            raise CertificateNotAuthentic(psd_id=device) from None
        return issue(self._key, self._certificate, device, public_key, now, days=METER_DAYS, numbers=self._numbers)
