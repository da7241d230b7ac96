"""What a PSD may be asked (D-11, M-18): its status and its public key; nothing changes, nothing is recorded."""

import base64

import orjson
import pytest

from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd
from indicium.domain.errors import ModuleNotAuthentic, PsdStateForbids
from indicium.domain.flow import Changes
from indicium.domain.replies import PackageStatus, parse_reply
from tests.harness import BEGINNING, LETTER, SERIAL, World, flipped

CHALLENGE = "c" * 32
BEFORE_A_CUSTOMER = ("raw", "unleased")
IN_USE = ("assigned", "ada")


@pytest.mark.parametrize("name", [*BEFORE_A_CUSTOMER, *IN_USE])
def test_asking_changes_nothing_and_leaves_no_record(world: World, name: str) -> None:
    """B-52, B-53: no record; E-008: nothing within operating packages is affected."""
    before = world.snapshot()
    for question in (RetrievePsdStatus, RetrieveUdskPsd):
        dispatched = world.dispatch([question(psd_id=world.meters[name], client_challenge=CHALLENGE)])

        assert dispatched.refusals == (None,)
        assert dispatched.changes == Changes([], (), ())
        world.save(dispatched)
    assert world.snapshot() == before


def test_the_status_says_what_the_package_holds_and_nothing_secret(world: World) -> None:
    ada = world.customers["ada"]
    line = world.execute(ada.ask_status())
    told = ada.answered(line)

    assert (told.state, told.ar, told.dr, told.version) == ("leased", 0, 100_000, 5)
    moving = world.moving("ada")
    assert told.package == PackageStatus(
        home=SERIAL,
        suite="modern",
        mks=moving.mks,
        customer="ada",
        license_zip="94107",
        dr_limit=500_000,
        certificate=moving.certificate,
        key_expires=moving.key_expires,
        last_at="2026-03-02T09:00:00.000000Z",
    )
    assert moving.static.encode() not in line
    told_names = {*orjson.loads(line.partition(b"\t")[0])} | {*PackageStatus.model_fields}
    assert {"psd", "version", "state", "ar", "dr"} | PackageStatus.model_fields.keys() == set(moving._fields) - {
        "static",
        "client_challenge",
    }
    assert "static" not in told_names


def test_the_public_key_comes_with_the_certificate_that_the_authority_issued(world: World) -> None:
    """B-53, M-71: UDSKpsd is U_psd; a client puts the certificate beside what it prints."""
    ada = world.customers["ada"]
    told = ada.answered(world.execute(ada.ask_public_key()))

    assert told.public_key is not None
    assert told.certificate is not None
    assert base64.b64decode(told.public_key) == world.public_key("ada")
    certificate = world.suite.certificate(base64.b64decode(told.certificate))
    certificate.verify(world.authority.certificate, BEGINNING)
    assert (certificate.device, certificate.serial) == (world.meters["ada"], world.moving("ada").certificate)
    item = world.spend("ada", 330, "a").item
    assert item is not None
    body, _, signature = item.encode().partition(b"\t")
    key = world.suite.load_verify_key(certificate.public_key, "U_psd")
    key.verify(body, base64.b64decode(signature))


def test_a_key_that_is_not_certified_yet_is_given_out_without_a_certificate(world: World) -> None:
    told = parse_reply(world.execute(RetrieveUdskPsd(psd_id=world.meters["raw"], client_challenge=CHALLENGE)))

    assert (told.state, told.certificate) == ("raw", None)
    assert told.public_key == base64.b64encode(world.public_key("raw")).decode()


@pytest.mark.parametrize("name", ["unleased", "assigned", "ada"])
def test_answers_are_authenticated_as_any_reply_is(world: World, name: str) -> None:
    """Under HMK, or under VDSK_ipost while the meter has none (E-406): altered ones are not believed."""
    customer = world.customers[name]
    for question in (customer.ask_status, customer.ask_public_key):
        line = world.execute(question())
        body, _, authenticator = line.partition(b"\t")

        assert customer.answered(line).client_challenge is not None
        with pytest.raises(ModuleNotAuthentic):
            customer.answered(flipped(body, 10) + b"\t" + authenticator)
        question()
        with pytest.raises(ModuleNotAuthentic):  # another question was asked since
            customer.answered(line)


def test_a_challenge_that_came_with_an_answer_serves_the_next_request(world: World) -> None:
    ada = world.customers["ada"]
    ada.state = ada.state.model_copy(update={"module_challenge": ""})
    ada.answered(world.execute(ada.ask_status()))

    assert world.spend("ada", 330, "a").ar == 330


def test_a_withdrawn_meter_says_nothing(world: World) -> None:
    """M-18: it is read by the server, from the database record."""
    world.execute(world.provider.refund(world.ask("ada"), "refund"))

    for question in (RetrievePsdStatus, RetrieveUdskPsd):
        with pytest.raises(PsdStateForbids):
            world.execute(question(psd_id=world.meters["ada"], client_challenge=CHALLENGE))
    assert (world.moving("ada").state, world.moving("ada").ar) == ("withdrawn", 100_000)


def test_a_group_asks_and_prints_and_each_sees_what_came_before_it(world: World) -> None:
    ada = world.customers["ada"]
    printing = ada.create_indicium("a", 330, LETTER)
    status = RetrievePsdStatus(psd_id=world.meters["ada"], client_challenge=CHALLENGE)

    before, _, after = world.run([status, printing, status])

    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert [parse_reply(line).ar for line in (before, after)] == [0, 330]
