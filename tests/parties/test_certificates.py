"""Certificates (Y-13; E-301 … E-305, P-02): of the right authority, for the right device and key, or refused."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from indicium.cryptomodule.suites import Modern, NotAuthentic
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.errors import (
    BadValue,
    CertificateForOtherDevice,
    CertificateForOtherKey,
    CertificateNotAuthentic,
    CryptoCardAlreadyInitialized,
    KeyNotUsable,
    Refusal,
)
from indicium.domain.fig6 import Role
from indicium.infrastructure.devices import SystemEntropy
from indicium.parties.authority import CertificateAuthority
from tests.harness import BEGINNING, World, flipped, load_private_key

SUITE = Modern(SystemEntropy())


def self_signed(key: ec.EllipticCurvePrivateKey, device: str, *names: str) -> bytes:
    """Make a certificate that its own key signs."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in (device, *names)]
    name = x509.Name(attributes)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(BEGINNING).not_valid_after(BEGINNING.replace(year=2030))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def refusal(world: World, certificate: bytes) -> type[Refusal]:
    before = world.snapshot()
    with pytest.raises(Refusal) as refused:
        world.authorize("raw", certificate)
    assert world.snapshot() == before
    return refused.type


def test_the_right_certificate_makes_a_meter_unleased(world: World) -> None:
    reply = world.authorize("raw", world.certify(world.meters["raw"], world.public_key("raw")))

    assert reply.state == "unleased"
    moving = world.moving("raw")
    assert moving.key_expires == "2029-03-01"
    assert moving.certificate


def test_each_wrong_certificate_has_its_own_refusal(world: World) -> None:
    device, key = world.meters["raw"], world.public_key("raw")
    stranger = world.other_authority()
    meter_key = ec.generate_private_key(ec.SECP256R1())

    assert refusal(world, world.certify(world.meters["ada"], key)) is CertificateForOtherDevice
    assert refusal(world, world.certify(device, world.public_key("ada"))) is CertificateForOtherKey
    assert refusal(world, world.certify(device, key, authority=stranger)) is CertificateNotAuthentic
    assert refusal(world, self_signed(meter_key, device)) is CertificateNotAuthentic
    assert refusal(world, world.authority.certificate) in (CertificateNotAuthentic, CertificateForOtherDevice)
    assert refusal(world, b"garbage") is CertificateNotAuthentic


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # the library's word on an altered serial number
def test_every_altered_byte_of_a_certificate_is_refused_without_harm(world: World) -> None:
    genuine = world.certify(world.meters["raw"], world.public_key("raw"))
    said = what_it_says(genuine)
    for place in range(len(genuine)):
        for altered in (flipped(genuine, place), genuine[:place], genuine[:place] + b"\xff" + genuine[place + 1 :]):
            try:
                SUITE.certificate(altered).verify(world.authority.certificate, BEGINNING)
            except NotAuthentic:
                continue
            assert what_it_says(altered) == said  # one bit beside the signature proper says nothing


def what_it_says(certificate: bytes) -> tuple[object, ...]:
    read = SUITE.certificate(certificate)
    return read.device, read.serial, read.public_key, read.expires


def test_a_certificate_must_name_one_device(world: World) -> None:
    key = load_private_key(world.keys.authority)

    assert SUITE.certificate(self_signed(key, "1000000001", "1000000002")).device == ""


def test_the_authority_certifies_only_what_its_vendor_asks_for(world: World) -> None:
    key = world.public_key("raw")
    with pytest.raises(CertificateNotAuthentic):
        world.authority.issue(world.meters["raw"], key, world.provider._key.sign(b"anything"), BEGINNING)
    with pytest.raises(CertificateNotAuthentic):
        world.authority.issue(world.meters["raw"], key, b"garbage", BEGINNING)


def card(world: World, **changes: object) -> InitializeCryptoCard:
    fields: dict[str, object] = {
        "minimum_value": 1,
        "maximum_value": 100,
        "dr_limit": 100,
        "ar_limit": 100,
        "ca_certificate": world.authority.certificate,
        "provider_key": world.provider.public_key,
        "first_device": 1,
        "last_device": 2,
    }
    return InitializeCryptoCard.model_validate(fields | changes)


def initialize(world: World, command: InitializeCryptoCard) -> None:
    """Send the command to a module that is Operational without a crypto-card."""
    inner = world.inner
    world.write_memory(inner.hot, inner.cold.model_copy(update={"card": None}))
    world.reboot()
    officer = world.plan.of(Role.SECURITY_OFFICER)
    operator = world.operator()
    operator.logon(officer.name, officer.passphrase)
    operator.send(command)


def test_the_crypto_card_takes_only_limits_that_make_sense(world: World) -> None:
    for changes in ({"minimum_value": 101}, {"first_device": 3}):
        with pytest.raises(BadValue):
            initialize(world, card(world, **changes))
    assert world.inner.cold.card is None

    initialize(world, card(world, minimum_value=100, first_device=2))
    assert world.inner.cold.card is not None


def test_the_crypto_card_is_initialized_once(world: World) -> None:
    officer = world.plan.of(Role.SECURITY_OFFICER)
    with world.operator() as operator:
        operator.logon(officer.name, officer.passphrase)
        with pytest.raises(CryptoCardAlreadyInitialized):
            operator.send(card(world))


def foreign_keys() -> list[bytes]:
    """Public keys of other kinds, and what is none."""
    keys = (
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
    )
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return [key.public_bytes(serialization.Encoding.DER, form) for key in keys] + [b"garbage"]


def test_the_crypto_card_takes_only_keys_that_it_can_use(world: World) -> None:
    for key in foreign_keys():
        with pytest.raises(KeyNotUsable):
            initialize(world, card(world, provider_key=key))
    leaf = world.certify(world.meters["raw"], world.public_key("raw"))
    bare = self_signed(ec.generate_private_key(ec.SECP256R1()), "CA")
    for certificate in (leaf, bare, b"garbage"):
        with pytest.raises(KeyNotUsable):
            initialize(world, card(world, ca_certificate=certificate))


def test_an_authority_of_another_kind_of_key_is_not_usable() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(BEGINNING).not_valid_after(BEGINNING.replace(year=2030))
    authority = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, None)
    with pytest.raises(KeyNotUsable):
        SUITE.load_authority(authority.public_bytes(serialization.Encoding.DER))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_no_altered_authority_or_key_does_any_harm(world: World) -> None:
    genuine, key = world.authority.certificate, world.provider.public_key
    for place in range(len(genuine)):
        try:
            SUITE.load_authority(flipped(genuine, place))
        except KeyNotUsable:
            continue
    for place in range(len(key)):
        try:
            SUITE.load_verify_key(flipped(key, place), "provider key")
        except KeyNotUsable:
            continue


def test_a_signing_key_of_another_curve_is_not_loaded() -> None:
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(KeyNotUsable):
        SUITE.load_signing_key(other)


def test_the_authoritys_own_certificate_verifies_itself() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = CertificateAuthority.establish(key, "CA", BEGINNING).public_bytes(serialization.Encoding.DER)
    SUITE.load_authority(certificate)
    SUITE.certificate(certificate).verify(certificate, BEGINNING)
