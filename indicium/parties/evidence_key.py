"""Somebody's own key, to sign evidence with: an auditor's, or an operator's. It is none of the ledger's."""

import hashlib
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from indicium.domain.errors import BadFile
from indicium.infrastructure.files import reason


class EvidenceKey:
    """A private key for ECDSA or RSA. `openssl dgst -sha256 -verify` verifies what it signs."""

    def __init__(self, path: Path) -> None:
        """Read it: PEM, without a passphrase, for nobody is there to type one. Raises `BadFile`."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadFile(path=str(path), why=reason(error)) from None
        try:
            key = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadFile(path=str(path), why="it is no private key in PEM without a passphrase") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise BadFile(path=str(path), why="its key is for neither ECDSA nor RSA")
        self._key = key

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public half's SubjectPublicKeyInfo, in hex."""
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return hashlib.sha256(self._key.public_key().public_bytes(serialization.Encoding.DER, spki)).hexdigest()

    def sign(self, content: bytes) -> bytes:
        """Give a signature over the SHA-256 of the content: DER for ECDSA, PKCS #1 v1.5 for RSA."""
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return self._key.sign(content, ec.ECDSA(hashes.SHA256()))
