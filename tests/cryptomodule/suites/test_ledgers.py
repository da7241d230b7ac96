"""A ledger under each suite (F-01 … F-30, F-34): ceremony, session, meter, registration, refill, item, restart."""

import base64

import pytest
from cryptography import x509

from indicium.cryptomodule import suites
from indicium.cryptomodule.suites import lattice
from indicium.cryptomodule.vault import StaticPart
from indicium.domain.record import split
from indicium.infrastructure.devices import SystemEntropy
from tests.harness import World, flipped

pytestmark = pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")

QR_BYTES = 2_953
"""What the largest QR code holds (ISO/IEC 18004, version 40, level L): more than any other symbol on a label."""


def static_part(world: World) -> StaticPart:
    return StaticPart.model_validate_json(world.package("ada").static)


def test_value_goes_into_a_meter_and_out_of_it(ledger: World) -> None:
    ledger.download("ada", 10_000, "first")
    ledger.spend("ada", 330, "letter")
    ledger.reboot()
    ledger.spend("ada", 330, "another")

    moving = ledger.moving("ada")
    assert (moving.ar, moving.dr) == (660, 9_340)
    assert moving.suite == ledger.suite.name


def test_an_item_is_signed_by_the_certified_key(ledger: World) -> None:
    """F-20, F-21, F-29: the authority's certificate leads to the key that verifies the item, and to no other item."""
    ledger.download("ada", 10_000, "first")
    item = ledger.spend("ada", 330, "letter").item
    assert item is not None
    body, signature = split(item.encode())
    assert signature is not None
    assert ledger.inner.desk is not None
    public = ledger.inner.desk.vault.load(ledger.package("ada").static).signing_key.public()
    certified = static_part(ledger).certificate
    assert certified is not None

    public.verify(body, base64.b64decode(signature))
    with pytest.raises(suites.NotAuthentic):
        public.verify(flipped(body), base64.b64decode(signature))
    certificate = x509.load_der_x509_certificate(certified)
    certificate.verify_directly_issued_by(x509.load_der_x509_certificate(ledger.authority.certificate))
    assert ledger.suite.certificate(certified).public_key == public.der


def test_the_records_and_the_packages_say_the_suite(ledger: World) -> None:
    assert ledger.inner.cold.active is not None
    assert ledger.inner.cold.active.suite == ledger.suite.name
    said = f'"suite":"{ledger.suite.name}"'.encode()
    assert all(said in record.line for record in ledger.records())


def test_a_label_has_room_for_what_is_printed(ledger: World) -> None:
    """Why `post_quantum` prints as `modern` does: a signature of ML-DSA-65 alone has 3309 bytes."""
    ledger.download("ada", 10_000, "first")
    item = ledger.spend("ada", 330, "letter").item

    assert item is not None
    assert len(item) < 600
    assert len(lattice.generate(SystemEntropy()).sign(b"item")) == 3_309 > QR_BYTES
