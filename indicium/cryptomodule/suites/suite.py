"""What a suite is: the operations that the module needs of cryptography, as protocols.

Everything outside this folder speaks to these names alone, so that a module is made for one suite or another by the
object that it is given. Keys are bytes when they rest and objects when they work.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol


class NotAuthentic(Exception):  # it names what was found; the module raises the rule's own error
    """A MAC, tag, signature or certificate does not verify."""


class SelfTestFailed(Exception):
    """An algorithm does not give its known answer: nothing that it says may be believed."""

    def __init__(self, algorithm: str) -> None:
        """Name the algorithm."""
        super().__init__(algorithm)
        self.algorithm = algorithm


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


@dataclass(frozen=True, slots=True)
class Agreed:
    """The module's half of an agreement: what the host is sent, and what both then know."""

    module_key: bytes
    secret: bytes = field(repr=False)


class SessionOffer(Protocol):
    """The host's half of an agreement on a session's secret (J-02): made for one session, used once."""

    @property
    def host_key(self) -> bytes:
        """What the module is sent."""

    def secret(self, module_key: bytes) -> bytes:
        """Give the secret that the module's answer leads to. Raises `KeyNotUsable`."""


class Certificate(Protocol):
    """An X.509 certificate of a PSD's or a module's public key."""

    device: str
    """The subject's common name; empty if it has none, or several."""
    serial: str
    """Serial number in hex."""
    public_key: bytes
    """SubjectPublicKeyInfo in DER."""

    def issued_by(self, authority: bytes) -> None:
        """Check issuer and signature against an authority's certificate in DER, whatever the time.

        Raises `NotAuthentic`.
        """

    def verify(self, authority: bytes, now: datetime) -> None:
        """Check issuer, signature and dates against an authority's certificate in DER; raise `NotAuthentic`."""

    @property
    def begins(self) -> date:
        """First day of the key."""

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
        """Prepare a MAC key of this suite: one that was generated or derived."""

    def client_key(self, hmk: bytes) -> MacKey:
        """Prepare HMK (F-24, L-04), which a client draws: 32 bytes; its MACs are 16 bytes at least."""

    def seal_key(self, key: bytes) -> SealKey:
        """Prepare a sealing key of this suite: one that was generated or derived."""

    def token_key(self, mek: bytes, mak: bytes) -> SealKey:
        """Prepare what seals key tokens under a Master Key Set (F-05, F-06, M-34)."""

    def derive(self, key: bytes, purpose: str) -> bytes:
        """Derive a symmetric key for one purpose from any secret."""

    def generate_signing_key(self) -> SigningKey:
        """Draw a key of those that sign for the module and its parties: audit, device, provider, VDSK_ipost (F-15)."""

    def load_signing_key(self, der: bytes) -> SigningKey:
        """Load such a key from PKCS#8 in DER, as this suite wrote it. Raises `KeyNotUsable`."""

    def load_verify_key(self, der: bytes, what: str) -> VerifyKey:
        """Load its public half from SubjectPublicKeyInfo in DER; `what` it is goes into `KeyNotUsable`."""

    def generate_indicia_key(self) -> SigningKey:
        """Draw a key of those that sign what is printed: V_psd (F-20), and the authority that certifies it (F-29)."""

    def load_indicia_key(self, der: bytes) -> SigningKey:
        """Load such a key from PKCS#8 in DER, as this suite wrote it. Raises `KeyNotUsable`."""

    def load_indicia_public(self, der: bytes, what: str) -> VerifyKey:
        """Load its public half from SubjectPublicKeyInfo in DER; `what` it is goes into `KeyNotUsable`.

        It takes a signature in one form only, so that an item has one.
        """

    def load_authority(self, der: bytes) -> None:
        """Check that a CA certificate can be used (E-105). Raises `KeyNotUsable`."""

    def certificate(self, der: bytes) -> Certificate:
        """Parse a certificate. Raises `NotAuthentic`."""

    def generate_exchange_key(self) -> bytes:
        """Draw a private key that others encrypt to: registration (F-17) and transport (F-07)."""

    def exchange_public(self, private: bytes) -> bytes:
        """Give its public half."""

    def seal_to(self, public: bytes, plain: bytes, info: bytes) -> bytes:
        """Encrypt to a public exchange key, bound to `info`. Raises `KeyNotUsable`."""

    def open_sealed(self, private: bytes, sealed: bytes, info: bytes) -> bytes:
        """Decrypt what `seal_to` made. Raises `NotAuthentic`."""

    def offer_session(self) -> SessionOffer:
        """Begin an agreement, as the host does (J-02)."""

    def answer_session(self, host_key: bytes) -> Agreed:
        """Answer a host's offer, as the module does. Raises `KeyNotUsable` for a key that yields no secret."""

    def slow_hash(self, password: bytes, salt: bytes) -> bytes:
        """Hash a password so that guessing is slow."""

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compare in constant time."""

    def self_test(self) -> None:
        """Run a known answer for every algorithm (F-01, J): raises `SelfTestFailed`, and ends within 150 ms."""
