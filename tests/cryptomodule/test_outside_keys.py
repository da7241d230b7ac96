"""Keys from outside are looked at before they are used: wrong curves and low orders are refused (N-06, E-105).

Four come from outside: the provider's, the authority's, a client's, and the host's of a session.
"""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.sessions import OpenSession
from indicium.domain.errors import KeyNotUsable, SecretsNotReadable
from indicium.infrastructure.devices import SystemEntropy
from tests.harness import BEGINNING, World

SUITE = Modern(SystemEntropy())

LOW_ORDER = {
    "zero": "00" * 32,
    "one": "01" + "00" * 31,
    "order 8": "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "order 8 again": "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "p - 1": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "p": "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "p + 1": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}
"""The points of X25519 that yield no secret (RFC 7748, 6.1, and the list of its authors)."""

P256_HEADER = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""SubjectPublicKeyInfo of a point of P-256, up to the point."""

POINTS = {
    "off the curve": b"\x04" + bytes([7]) * 64,
    "at infinity": b"\x00" + bytes(64),
    "zero": b"\x04" + bytes(64),
    "compressed to nothing": b"\x02" + bytes([255]) * 32 + bytes(32),
}


def der(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


WRONG_KIND = {
    "P-384": der(ec.generate_private_key(ec.SECP384R1()).public_key()),
    "P-192": der(ec.generate_private_key(ec.SECP192R1()).public_key()),
    "secp256k1": der(ec.generate_private_key(ec.SECP256K1()).public_key()),
    "RSA": der(rsa.generate_private_key(65537, 2048).public_key()),
    "Ed25519": der(ed25519.Ed25519PrivateKey.generate().public_key()),
}


def authority_on(curve: ec.EllipticCurve) -> bytes:
    """Make the certificate of an authority whose key lies on any curve."""
    key = ec.generate_private_key(curve)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(BEGINNING).not_valid_after(BEGINNING + timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("kind", WRONG_KIND)
def test_a_providers_key_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(KeyNotUsable, match="provider key"):
        SUITE.load_verify_key(WRONG_KIND[kind], "provider key")


@pytest.mark.parametrize("point", POINTS)
def test_a_providers_key_that_is_no_point_of_its_curve_is_refused(point: str) -> None:
    with pytest.raises(KeyNotUsable, match="provider key"):
        SUITE.load_verify_key(P256_HEADER + POINTS[point], "provider key")


def test_a_point_of_the_curve_is_taken() -> None:
    """The header above is that of a key that is in order."""
    genuine = SUITE.generate_signing_key().public().der
    assert genuine.startswith(P256_HEADER)
    assert SUITE.load_verify_key(genuine, "provider key").der == genuine


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_an_authority_on_another_curve_is_refused(curve: ec.EllipticCurve) -> None:
    with pytest.raises(KeyNotUsable, match="CA certificate"):
        SUITE.load_authority(authority_on(curve))


def test_an_authority_on_the_suites_curve_is_taken() -> None:
    SUITE.load_authority(authority_on(ec.SECP256R1()))


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_host_key_of_low_order_opens_no_session(world: World, point: str) -> None:
    with pytest.raises(KeyNotUsable, match="large order"):
        world.execute(OpenSession(host_key=bytes.fromhex(LOW_ORDER[point])))

    with world.operator():
        assert world.module._core.session is not None


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_clients_secrets_under_a_key_of_low_order_are_not_read(world: World, point: str) -> None:
    """G-905: the client's ephemeral key is the beginning of what it sends."""
    customer = world.customers["unleased"]
    world.ask("unleased")
    command = customer.configure("configure")
    hostile = command.model_copy(update={"secrets": bytes.fromhex(LOW_ORDER[point]) + command.secrets[32:]})

    with pytest.raises(SecretsNotReadable):
        world.execute(hostile)

    world.register("unleased")


@pytest.mark.parametrize("point", LOW_ORDER)
def test_nothing_is_encrypted_to_a_key_of_low_order(point: str) -> None:
    with pytest.raises(KeyNotUsable):
        SUITE.seal_to(bytes.fromhex(LOW_ORDER[point]), b"share", b"info")
