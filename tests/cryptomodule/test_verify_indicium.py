"""Verify indicium (B-56, E-1104): by the item and the meter's certificate alone, each check with its own error."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from indicium.cryptomodule import suites
from indicium.cryptomodule.item_check import demand_genuine
from indicium.domain.commands.inquiries import VerifyIndicium
from indicium.domain.errors import (
    BadValue,
    ItemCertificateNotAuthentic,
    ItemNotGenuine,
    ItemOfOtherCertificate,
    ItemOutsideCertificate,
    NotAnItem,
    Refusal,
)
from indicium.domain.flow import Changes, Gathered
from indicium.domain.replies import parse_verified
from indicium.domain.vbi import parse_item
from indicium.infrastructure.devices import SystemEntropy
from tests.harness import LETTER, World, flipped


def certificate_of(world: World, name: str) -> bytes:
    customer = world.customers[name]
    told = customer.answered(world.execute(customer.ask_public_key()))
    return base64.b64decode(told.certificate or "")


def printed(world: World, name: str = "ada", value: int = 330) -> str:
    item = world.spend(name, value, f"of {name}".replace(" ", "-")).item
    assert item is not None
    return item


def resigned(world: World, item: str, old: str, new: str, name: str = "ada") -> str:
    """Change an item and sign it with the meter's own key, as nobody could."""
    body = item.partition("\t")[0].replace(old, new).encode()
    assert old in item
    assert world.inner.desk is not None
    key = world.inner.desk.vault.load(world.package(name).static).signing_key
    return f"{body.decode()}\t{base64.b64encode(key.sign(body)).decode()}"


def test_a_genuine_item_is_said_to_be_so_under_the_modules_signature(world: World) -> None:
    item = printed(world)
    line = world.execute(VerifyIndicium(item=item, certificate=certificate_of(world, "ada")))
    body, _, signature = line.partition(b"\t")

    assert world.born is not None
    key = world.suite.load_verify_key(world.born.card.challenge_key, "UDSK_ipost")
    key.verify(body, base64.b64decode(signature))
    told = parse_verified(line)
    assert told.item_sha256 == parse_item(item.encode()).sha256
    assert (told.body.value, told.body.device, told.body.elements) == (330, world.meters["ada"], LETTER)


def test_it_needs_no_meter_and_leaves_no_record(world: World) -> None:
    """Also of a meter that was withdrawn meanwhile, and of one whose package nobody has any more."""
    question = VerifyIndicium(item=printed(world), certificate=certificate_of(world, "ada"))
    world.execute(world.provider.refund(world.ask("ada"), "refund"))
    before = world.snapshot()
    dispatched = world.dispatch([question], Gathered(world.gather([]).head))

    assert dispatched.refusals == (None,)
    assert dispatched.changes == Changes([], (), ())
    assert world.snapshot() == before


def with_high_s(item: str) -> str:
    """Write the same signature in its other form: it is an item that was not shown yet, unless that is refused."""
    body, _, signature = item.partition("\t")
    r, s = decode_dss_signature(base64.b64decode(signature))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return f"{body}\t{base64.b64encode(encode_dss_signature(r, order - s)).decode()}"


FAULTS: dict[str, tuple[type[Refusal], Callable[[World, str, bytes], tuple[str, bytes]]]] = {
    "a certificate of another authority": (
        ItemCertificateNotAuthentic,
        lambda world, item, _: (
            item,
            world.certify(world.meters["ada"], world.public_key("ada"), authority=world.other_authority()),
        ),
    ),
    "no certificate at all": (ItemCertificateNotAuthentic, lambda _world, item, _: (item, b"certificate")),
    "an altered certificate": (ItemCertificateNotAuthentic, lambda _world, item, der: (item, flipped(der))),
    "another meter's certificate": (
        ItemOfOtherCertificate,
        lambda world, item, _: (item, certificate_of(world, "ben")),
    ),
    "a later certificate of the same key": (
        ItemOfOtherCertificate,
        lambda world, item, _: (item, world.certify(world.meters["ada"], world.public_key("ada"))),
    ),
    "a day before the certificate": (
        ItemOutsideCertificate,
        lambda world, item, der: (resigned(world, item, '"date":"2026-03-02"', '"date":"2026-03-01"'), der),
    ),
    "a day after the certificate": (
        ItemOutsideCertificate,
        lambda world, item, der: (resigned(world, item, '"date":"2026-', '"date":"2046-'), der),
    ),
    "another value": (ItemNotGenuine, lambda _world, item, der: (item.replace('"value":330', '"value":331'), der)),
    "another destination": (ItemNotGenuine, lambda _world, item, der: (item.replace("04973", "04974"), der)),
    "a signature of another meter": (
        ItemNotGenuine,
        lambda world, item, der: (f"{item.partition(chr(9))[0]}\t{printed(world, 'ben').partition(chr(9))[2]}", der),
    ),
    "the same signature written with the other s": (ItemNotGenuine, lambda _world, item, der: (with_high_s(item), der)),
    "a signature that is none": (
        ItemNotGenuine,
        lambda _world, item, der: (f"{item.partition(chr(9))[0]}\tAAAA", der),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_way_of_not_being_genuine_has_its_own_error(world: World, fault: str) -> None:
    error, spoil = FAULTS[fault]
    item, certificate = spoil(world, printed(world), certificate_of(world, "ada"))
    before = world.snapshot()

    with pytest.raises(error):
        world.execute(VerifyIndicium(item=item, certificate=certificate))
    assert world.snapshot() == before


def test_the_day_is_that_of_the_item_and_not_todays(world: World) -> None:
    """An item is genuine for ever; its certificate need only have been valid when it was made."""
    question = VerifyIndicium(item=printed(world), certificate=certificate_of(world, "ada"))
    world.clock.pass_by(days=20 * 365)

    assert parse_verified(world.execute(question)).body.value == 330


def test_an_item_of_the_first_and_of_the_last_day_of_the_certificate_is_genuine(world: World) -> None:
    """M-72 counts days: on the key's last day the meter still prints, whatever the hour."""
    certificate = certificate_of(world, "ada")
    first = printed(world)
    last = resigned(world, first, '"date":"2026-03-02"', f'"date":"{world.moving("ada").key_expires}"')

    for item in (first, last):
        demand_genuine(world.suite, parse_item(item.encode()), certificate, world.authority.certificate)


@pytest.mark.parametrize("spoiled", ["item", "{}\tAAAA", '{"vbi":2}\tAAAA'])
def test_what_is_no_item_is_not_verified(world: World, spoiled: str) -> None:
    with pytest.raises(NotAnItem):
        world.execute(VerifyIndicium(item=spoiled, certificate=certificate_of(world, "ada")))


def test_what_is_no_answer_is_a_bad_value() -> None:
    with pytest.raises(BadValue):
        parse_verified(b'{"item_sha256":""}\t')


@pytest.mark.parametrize("name", ["modern", "fips140_1", "post_quantum"])
@pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")
def test_every_suite_verifies_what_its_meters_sign(name: str) -> None:
    suite = suites.make(name, SystemEntropy())
    key = suite.generate_indicia_key()
    public = suite.load_indicia_public(key.public().der, "key")

    public.verify(b"item", key.sign(b"item"))
    with pytest.raises(suites.NotAuthentic):
        public.verify(b"other", key.sign(b"item"))
