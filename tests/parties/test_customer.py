"""FIG. 5 from the client's side and against it (Y-25, Y-26, G8), and the customer as a witness."""

import base64
import string
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.errors import (
    ChallengeMismatch,
    ClientHasSeenOther,
    ClientNotAuthentic,
    LedgerRolledBack,
    ModuleNotAuthentic,
    SecretsNotReadable,
)
from indicium.domain.kinds import Voucher
from indicium.domain.replies import parse_reply
from indicium.parties.customer import CardKeys, Customer, CustomerState
from tests.harness import LETTER, World, flipped, remac


def ada(world: World) -> Customer:
    return world.customers["ada"]


def indicium(world: World, request_id: str = "a", value: int = 330) -> CreateIndicium:
    return ada(world).create_indicium(request_id, value, LETTER)


def test_a_customer_prints_with_the_challenge_of_the_reply_before(world: World) -> None:
    """M-58: a fresh exchange first, then the chained challenge."""
    ada(world).state = ada(world).state.model_copy(update={"module_challenge": ""})
    world.ask("ada")
    for step in range(3):
        assert world.spend("ada", 330, f"{step}").ar == 330 * (step + 1)


def test_a_wrong_challenge_is_refused_even_with_the_right_mac(world: World) -> None:
    request = indicium(world).model_copy(update={"module_challenge": "0" * 32})

    with pytest.raises(ChallengeMismatch):
        world.execute(remac(ada(world), request))


def test_a_challenge_is_used_once(world: World) -> None:
    first, second = indicium(world, "a"), indicium(world, "b")
    world.execute(first)

    with pytest.raises(ChallengeMismatch):
        world.execute(second)


def test_a_challenge_from_before_a_refill_is_used_up_by_it(world: World) -> None:
    request = indicium(world)
    world.download("ben", 100, "ben")
    shown = world.ask("ada")
    world.execute(world.provider.download(shown, "refill", 100))  # type: ignore[arg-type]

    with pytest.raises(ChallengeMismatch):
        world.execute(request)
    world.ask("ada")
    assert world.spend("ada", 330, "b").dr == 100_000 + 100 - 330


ALTERED = {
    "value": 331,
    "elements": Voucher(purpose="a coffee"),
    "client_challenge": "0" * 32,
    "shown_ar": 1,
    "shown_dr": 1,
    "shown_record": "0" * 64,
    "request_id": "other",
}


@pytest.mark.parametrize("field", [*ALTERED, "mac"])
def test_the_mac_covers_everything_that_messages_505_and_506_say(world: World, field: str) -> None:
    request = indicium(world)
    altered = request.model_copy(update={field: flipped(request.mac) if field == "mac" else ALTERED[field]})

    with pytest.raises(ClientNotAuthentic):
        world.execute(altered)
    assert parse_reply(world.execute(request)).ar == 330


def test_the_covered_fields_are_all_of_the_command() -> None:
    """The others are checked before the MAC: the meter's number, the module's challenge, and that the user is one."""
    assert {*ALTERED, "mac", "psd_id", "module_challenge", "user"} == set(CreateIndicium.model_fields)


def test_another_hmk_is_refused(world: World) -> None:
    state = ada(world).state.model_copy(update={"hmk": bytes(32)})
    stranger = Customer(world.suite, ada(world)._card, state)

    with pytest.raises(ClientNotAuthentic):
        world.execute(stranger.create_indicium("a", 330, LETTER))
    with pytest.raises(ModuleNotAuthentic):
        stranger.answered(world.execute(stranger.ask()))


@pytest.mark.parametrize(
    "seen",
    [{"ar": 1}, {"dr": 99_999}, {"record": "0" * 64}, {"ar": 1, "dr": 99_999}],
    ids=["ar", "dr", "record", "both"],
)
def test_a_customer_who_was_shown_other_registers_is_refused(world: World, seen: dict[str, object]) -> None:
    ada(world).state = ada(world).state.model_copy(update=seen)

    with pytest.raises(ClientHasSeenOther):
        world.execute(indicium(world))


def test_the_reply_to_configure_is_maced_under_the_secret_just_sent(world: World) -> None:
    """Y-26, E-404."""
    client = world.customers["unleased"]
    request = client.configure("configure")
    line = world.execute(request)
    body, _, mac = line.partition(b"\t")
    world.suite.client_key(client.state.hmk).verify(body, base64.b64decode(mac))
    before = client.state

    reply = client.accept("configure", line)

    assert (before.registered, client.state.registered) == (False, True)
    assert (reply.state, reply.request) == ("assigned", "configure")
    assert world.moving("unleased").customer == "unleased"


def test_the_challenge_of_a_registration_is_signed_and_only_before_it(world: World) -> None:
    """E-406: the client knows UDSK_ipost; later only HMK counts."""
    client = world.customers["unleased"]
    line = world.execute(client.ask())
    body, _, signature = line.partition(b"\t")
    key = world.suite.load_verify_key(client._card.challenge_key, "UDSK_ipost")
    key.verify(body, base64.b64decode(signature))
    assert client.answered(line).state == "unleased"
    world.register("unleased")

    client._asked = parse_reply(line).client_challenge or ""
    with pytest.raises(ModuleNotAuthentic):
        client.answered(line)


def test_secrets_are_for_one_registration_of_one_meter(world: World) -> None:
    world.new_meter("other")
    world.ask("other")
    request, other = (world.customers[name].configure("configure") for name in ("unleased", "other"))
    hostile = [
        request.model_copy(update={"secrets": other.secrets}),
        request.model_copy(update={"client_challenge": "0" * 32}),
        request.model_copy(update={"secrets": flipped(request.secrets)}),
        request.model_copy(update={"secrets": request.secrets[:-1]}),
        request.model_copy(update={"secrets": b"x"}),
        other.model_copy(update={"secrets": request.secrets, "client_challenge": request.client_challenge}),
    ]

    assert {type(result) for result in world.run(hostile)} == {SecretsNotReadable}
    assert world.moving("unleased").state == "unleased"


def test_secrets_of_another_length_are_refused(world: World) -> None:
    client = world.customers["unleased"]
    client.state = client.state.model_copy(update={"hmk": bytes(31)})

    with pytest.raises(SecretsNotReadable) as refused:
        world.execute(client.configure("configure"))
    assert refused.value.psd_id == client.state.device


def body_of(line: bytes) -> dict[str, object]:
    body: dict[str, object] = orjson.loads(line.partition(b"\t")[0])
    return body


def test_every_altered_byte_of_a_reply_is_found_by_the_client(world: World) -> None:
    request = indicium(world)
    line = world.execute(request)
    before = ada(world).state
    for place in range(len(line)):
        with pytest.raises(ModuleNotAuthentic):
            ada(world).accept("a", flipped(line, place))
    last = line.rstrip(b"=")[-1:]  # of the last character four bits count, two are stray
    for other in string.ascii_letters + string.digits + "+/":
        if other.encode() != last:
            with pytest.raises(ModuleNotAuthentic):
                ada(world).accept("a", line.rstrip(b"=")[:-1] + other.encode() + b"=")
    assert ada(world).state == before

    assert ada(world).accept("a", line).ar == 330


@pytest.mark.parametrize("hostile", [b"", b"\t", b"{}", b"{}\t!", b"\xff\tAAAA"])
def test_what_is_no_reply_is_not_authentic(world: World, hostile: bytes) -> None:
    with pytest.raises(ModuleNotAuthentic):
        ada(world).accept("a", hostile)


def test_an_authentic_reply_to_another_question_is_no_answer(world: World) -> None:
    """G-803: the client's own challenge comes back, and the request's id."""
    asked, other = world.execute(ada(world).ask()), world.execute(indicium(world))
    with pytest.raises(ModuleNotAuthentic):
        ada(world).answered(other)
    with pytest.raises(ModuleNotAuthentic):
        ada(world).accept("a", asked)
    with pytest.raises(ModuleNotAuthentic):
        ada(world).accept("b", other)
    ada(world).ask()
    with pytest.raises(ModuleNotAuthentic):
        ada(world).answered(asked)


def test_a_reply_of_another_meter_is_no_answer(world: World) -> None:
    state = world.customers["ben"].state.model_copy(update={"device": world.meters["ada"]})
    confused = Customer(world.suite, ada(world)._card, state)
    line = world.execute(world.customers["ben"].ask())
    confused._asked = str(body_of(line)["client_challenge"])

    with pytest.raises(ModuleNotAuthentic):
        confused.answered(line)


def _two_spent(world: World) -> None:
    world.spend("ada", 330, "one")
    world.spend("ada", 330, "two")


def _refilled(world: World) -> None:
    world.download("ada", 500, "refill")


@pytest.mark.parametrize("happen", [_two_spent, _refilled])
def test_a_customer_is_a_witness_when_all_three_places_were_rolled_back(
    world: World, ready: Path, tmp_path: Path, happen: Callable[[World], None]
) -> None:
    """The state of all places of yesterday, with the customer of today."""
    old = World.copy_of(ready, tmp_path / "old")
    happen(world)
    witness = Customer(old.suite, ada(old)._card, ada(world).state)

    with pytest.raises(LedgerRolledBack) as seen:
        witness.answered(old.execute(witness.ask()))
    assert (seen.value.seen, seen.value.shown) == (ada(world).state.version, 5)
    with pytest.raises((ClientHasSeenOther, ChallengeMismatch)):
        old.execute(witness.create_indicium("a", 330, LETTER))
    old.close()


def test_a_customer_is_a_witness_of_a_lease_too_where_no_register_moved(
    world: World, ready: Path, tmp_path: Path
) -> None:
    old = World.copy_of(ready, tmp_path / "old")
    world.lease("assigned")
    state = world.customers["assigned"].state
    witness = Customer(old.suite, ada(old)._card, state)

    with pytest.raises(LedgerRolledBack) as seen:
        witness.answered(old.execute(witness.ask()))
    assert (seen.value.seen, seen.value.shown) == (4, 3)
    old.close()


def test_a_customer_is_a_witness_when_another_history_was_told_at_the_same_version(
    world: World, ready: Path, tmp_path: Path
) -> None:
    other = World.copy_of(ready, tmp_path / "other")
    world.spend("ada", 330, "one")
    other.clock.pass_by(seconds=1)
    other.spend("ada", 330, "one")
    witness = Customer(other.suite, ada(other)._card, ada(world).state)
    assert (witness.state.version, witness.state.ar) == (ada(other).state.version, ada(other).state.ar)

    with pytest.raises(LedgerRolledBack):
        witness.answered(other.execute(witness.ask()))
    other.close()


@pytest.mark.parametrize("registers", [{"ar": 331, "dr": 99_669}, {"ar": 0, "dr": 200_000}])
def test_a_customer_is_a_witness_when_a_register_falls_under_a_newer_version(
    world: World, registers: dict[str, int]
) -> None:
    """E-1105, E-1106: AR and the control total never fall."""
    ada(world).state = ada(world).state.model_copy(update=registers)
    reply = world.execute(remac(ada(world), _as_shown(indicium(world))))

    with pytest.raises(LedgerRolledBack):
        ada(world).accept("a", reply)


def _as_shown(request: CreateIndicium) -> CreateIndicium:
    return request.model_copy(update={"shown_ar": 0, "shown_dr": 100_000})


def test_what_a_customer_keeps_can_be_written_and_read_and_shows_no_secret() -> None:
    state = CustomerState(customer="Ada", device="1000000001", hmk=b"\xff" * 32, passphrase_hash=b"\xfe" * 32)

    assert CustomerState.model_validate_json(state.model_dump_json()) == state
    assert "hmk" not in repr(state)
    assert "passphrase" not in repr(state)


def test_the_keys_embedded_in_client_software_are_the_modules(world: World) -> None:
    assert world.born is not None
    assert world.inner.desk is not None
    card: CardKeys = world.born.card
    assert card.challenge_key == world.inner.desk.challenge_key.public().der
    assert card.registration_key == world.suite.exchange_public(world.inner.desk.settings.registration_key)
