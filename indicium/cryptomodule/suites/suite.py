"""What a suite is: the operations that the module needs of cryptography, as protocols.

Everything outside this folder speaks to these names alone, so that a module is made for one suite or another by the
object that it is given. Keys are bytes when they rest and objects when they work.
"""

from datetime import date, datetime
from typing import Protocol


class NotAuthentic(Exception):  # it names what was found; the module raises the rule's own error
    """A MAC, tag, signature or certificate does not verify."""


class MacKey(Protocol):
    """A key for MACs, prepared once."""

    def mac(self, data: bytes) -> bytes:
        """Give the MAC."""

    def verify(self, data: bytes, mac: bytes) -> None:
        """Compare in constant time; raise `NotAuthentic`."""


class SealKey(Protocol):
    """A key that encrypts and authenticates, together with associated data."""

    def seal(self, plain: bytes, associated: bytes) -> bytes:
        """Give the token."""

    def open(self, token: bytes, associated: bytes) -> bytes:
        """Give the plain text; raise `NotAuthentic`."""


class VerifyKey(Protocol):
    """The public half of a signing key."""

    def verify(self, data: bytes, signature: bytes) -> None:
        """Check a signature; raise `NotAuthentic`."""

    @property
    def der(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""

    @property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo in PEM."""


class SigningKey(Protocol):
    """A private key for signatures."""

    def sign(self, data: bytes) -> bytes:
        """Give a signature."""

    def public(self) -> VerifyKey:
        """Give the public half."""

    @property
    def der(self) -> bytes:
        """PKCS#8 in DER, unencrypted: for sealing only."""


class Certificate(Protocol):
    """An X.509 certificate of a PSD's or a module's public key."""

    device: str
    """The subject's common name; empty if it has none, or several."""
    serial: str
    """Serial number in hex."""
    public_key: bytes
    """SubjectPublicKeyInfo in DER."""

    def verify(self, authority: bytes, now: datetime) -> None:
        """Check issuer, signature and dates against an authority's certificate in DER; raise `NotAuthentic`."""

    @property
    def expires(self) -> date:
        """Last day of the key (G-112)."""


class Suite(Protocol):
    """A suite's operations. Keys and nonces come from the Entropy port."""

    @property
    def name(self) -> str:
        """The suite's name, as records and packages say it."""

    def random(self, size: int) -> bytes:
        """Give random bytes: for challenges, identifiers and keys."""

    def generate_key(self) -> bytes:
        """Draw a new symmetric key, for MACs or sealing."""

    def mac_key(self, key: bytes) -> MacKey:
        """Prepare a MAC key."""

    def seal_key(self, key: bytes) -> SealKey:
        """Prepare a sealing key."""

    def derive(self, key: bytes, purpose: str) -> bytes:
        """Derive a symmetric key for one purpose."""

    def generate_signing_key(self) -> SigningKey:
        """Draw a new signing key."""

    def load_signing_key(self, der: bytes) -> SigningKey:
        """Load a signing key from PKCS#8 in DER, as this suite wrote it. Raises `KeyNotUsable`."""

    def load_verify_key(self, der: bytes, what: str) -> VerifyKey:
        """Load a public key from SubjectPublicKeyInfo in DER; `what` it is goes into `KeyNotUsable`."""

    def load_authority(self, der: bytes) -> None:
        """Check that a CA certificate can be used (E-105). Raises `KeyNotUsable`."""

    def certificate(self, der: bytes) -> Certificate:
        """Parse a certificate. Raises `NotAuthentic`."""

    def generate_exchange_key(self) -> bytes:
        """Draw a private key that others encrypt to."""

    def exchange_public(self, private: bytes) -> bytes:
        """Give its public half."""

    def agree(self, private: bytes, public: bytes) -> bytes:
        """Agree on a secret (J-02). Raises `KeyNotUsable` for a public key that yields none."""

    def seal_to(self, public: bytes, plain: bytes, info: bytes) -> bytes:
        """Encrypt to a public exchange key, bound to `info`. Raises `KeyNotUsable`."""

    def open_sealed(self, private: bytes, sealed: bytes, info: bytes) -> bytes:
        """Decrypt what `seal_to` made. Raises `NotAuthentic`."""

    def slow_hash(self, password: bytes, salt: bytes) -> bytes:
        """Hash a password so that guessing is slow."""

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compare in constant time."""
