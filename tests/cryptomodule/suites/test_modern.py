"""What the suite `modern` puts in the place of the seed's algorithms (table L), computed again by other hands."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from indicium.cryptomodule.suites import Modern, NotAuthentic
from indicium.domain.record import line_hash
from indicium.infrastructure.devices import SystemEntropy
from tests.harness import flipped

SUITE = Modern(SystemEntropy())


def test_aes_256_gcm_stands_for_des_and_triple_des() -> None:
    """L-01, L-02: a nonce of 12 bytes, the cipher text, a tag of 16."""
    key = SUITE.generate_key()
    token = SUITE.seal_key(key).seal(b"a secret", b"for one purpose")

    assert len(key) == 32
    assert len(token) == 12 + len(b"a secret") + 16
    assert AESGCM(key).decrypt(token[:12], token[12:], b"for one purpose") == b"a secret"
    for hostile, label in ((flipped(token), b"for one purpose"), (token, b"for another"), (b"", b"for one purpose")):
        with pytest.raises(NotAuthentic):
            SUITE.seal_key(key).open(hostile, label)


def test_hmac_with_sha_256_stands_for_des_mac_and_for_the_hmac_of_figure_5() -> None:
    """L-03, L-04: 32 bytes, none of which may be left out."""
    key = SUITE.generate_key()
    mac = SUITE.mac_key(key).mac(b"a message")

    assert mac == hmac.new(key, b"a message", hashlib.sha256).digest()
    for hostile in (flipped(mac), mac[:-1], b""):
        with pytest.raises(NotAuthentic):
            SUITE.mac_key(key).verify(b"a message", hostile)


def test_sha_256_stands_for_sha_1_in_chain_and_derivation() -> None:
    """L-05, L-14: HKDF (RFC 5869) with no salt, one block, the purpose as its info."""
    assert line_hash(b"a record") == hashlib.sha256(b"a record").hexdigest()

    secret = hmac.new(bytes(32), b"V_psd", hashlib.sha256).digest()
    assert SUITE.derive(b"V_psd", "MK_psd") == hmac.new(secret, b"MK_psd\x01", hashlib.sha256).digest()
    assert SUITE.derive(b"V_psd", "MK_psd") != SUITE.derive(b"V_psd", "replies")


def test_ecdsa_over_p_256_stands_for_dsa() -> None:
    """L-06: with SHA-256, and keys that any library reads."""
    key = SUITE.generate_signing_key()
    public = serialization.load_der_public_key(key.public().der)

    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    public.verify(key.sign(b"a record"), b"a record", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(NotAuthentic):
        key.public().verify(b"another record", key.sign(b"a record"))


def test_hpke_with_x25519_stands_for_rsa_in_encryption() -> None:
    """L-07: the sender's key of 32 bytes, the cipher text, a tag of 16; bound to what it is for."""
    private = SUITE.generate_exchange_key()
    public = SUITE.exchange_public(private)
    sealed = SUITE.seal_to(public, b"HMK and PW", b"of ada")

    assert public == X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    assert len(sealed) == 32 + len(b"HMK and PW") + 16
    assert SUITE.open_sealed(private, sealed, b"of ada") == b"HMK and PW"
    for hostile, info in ((flipped(sealed), b"of ada"), (sealed, b"of ben"), (b"", b"of ada")):
        with pytest.raises(NotAuthentic):
            SUITE.open_sealed(private, hostile, info)
