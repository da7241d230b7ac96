"""An emulated manufacturer of modules (M-86): gives each its device key, certified under the manufacturer's root."""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from indicium.cryptomodule.ports import DeviceIdentity
from indicium.cryptomodule.suites import Suite
from indicium.domain.identity import Serial
from indicium.parties.certificates import Numbers, issue, load_private_key, root

DEVICE_DAYS = 20 * 365
"""How long a module's certificate is valid: its useful life (F-01)."""


class Manufacturer:
    """Holds the root key that certifies modules."""

    def __init__(
        self, key: bytes, certificate: bytes, suite: Suite, numbers: Numbers = x509.random_serial_number
    ) -> None:
        """Take the root's key (PKCS#8 in DER) and certificate (DER)."""
        self._key = load_private_key(key, "manufacturer's key")
        self._certificate = x509.load_der_x509_certificate(certificate)
        self._root = certificate
        self._suite, self._numbers = suite, numbers

    @staticmethod
    def establish(key: bytes, now: datetime) -> bytes:
        """Make the root certificate of a key (PKCS#8 in DER): X.509 in DER."""
        certificate = root(load_private_key(key, "manufacturer's key"), "Indicium emulated manufacturer", now)
        return certificate.public_bytes(serialization.Encoding.DER)

    def make(self, serial: Serial, now: datetime) -> DeviceIdentity:
        """Give a module its key pair, its certificate, and the root that it believes."""
        key = self._suite.generate_signing_key()
        public = key.public().der
        certificate = issue(self._key, self._certificate, serial, public, now, days=DEVICE_DAYS, numbers=self._numbers)
        return DeviceIdentity(key.der, certificate, self._root)
