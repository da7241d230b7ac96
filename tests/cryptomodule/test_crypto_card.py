"""The crypto-card: keys generated or loaded, and what an update changes (E1, B-41, B-42, M-33, F-15 … F-19)."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import ValidationError

from indicium.cryptomodule.tokens import Kind
from indicium.cryptomodule.vault import Vault, fingerprint
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.crypto_card import InitializeCryptoCard, KeyTokens, UpdateCryptoCard
from indicium.domain.errors import (
    AscendingRegisterLimit,
    BadValue,
    CertificateNotAuthentic,
    CommandNotAllowed,
    CryptoCardAlreadyInitialized,
    CryptoCardNotInitialized,
    DescendingRegisterLimit,
    IndiciumError,
    KeyNotUsable,
    MksNotHeld,
    ModuleNotAuthentic,
    ProviderNotAuthentic,
    SecretsNotReadable,
    TokenNotAuthentic,
    ValueAboveMaximum,
    ValueBelowMinimum,
)
from indicium.domain.record import parse
from indicium.domain.roles import Role
from indicium.parties.customer import CardKeys, Customer
from indicium.parties.provider import Provider
from tests.harness import AR_LIMIT, DR_LIMIT, MAXIMUM, MINIMUM, World, data_of, flipped
from tests.sets import change_places, delete_dormant, hold, make_dormant, officer

UNCHANGED = dict.fromkeys(
    (
        "minimum_value",
        "maximum_value",
        "dr_limit",
        "ar_limit",
        "ca_certificate",
        "provider_key",
        "challenge_key",
        "registration_key",
    )
)


def send(world: World, command: Command) -> dict[str, Any]:
    with officer(world) as operator:
        return operator.send(command)


def update(world: World, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  # whatever the command takes
    return send(world, UpdateCryptoCard(**changes))


def last_update(world: World) -> dict[str, Any]:
    record = next(record for record in reversed(world.records()) if record.event == "crypto-card-updated")
    envelope = parse(record.line)
    assert envelope.signed
    assert (envelope.user, envelope.role) == ("officer", "security-officer")
    return envelope.data


def tokens_of(reply: dict[str, Any]) -> KeyTokens:
    tokens = {name: base64.b64decode(token, validate=True) for name, token in reply["tokens"].items()}
    return KeyTokens(challenge_key=tokens["VDSK_ipost"], registration_key=tokens["VRSK_ipost"])


def card_keys(reply: dict[str, Any]) -> CardKeys:
    return CardKeys(
        challenge_key=base64.b64decode(reply["challenge_key"]),
        registration_key=base64.b64decode(reply["registration_key"]),
    )


def embedded(world: World) -> CardKeys:
    """Give the public keys that the world's client software embeds."""
    assert world.born is not None
    return world.born.card


def any_change(world: World) -> dict[str, Any]:
    """Update something that changes nothing, for the sake of the reply."""
    return update(world, dr_limit=DR_LIMIT)


# Load mode: another module of the same MKS


@pytest.fixture
def sibling(ready: Path, tmp_path: Path) -> Iterator[World]:
    """Another module that holds the world's MKS, and has no crypto-card yet."""
    other = World.copy_of(ready, tmp_path / "sibling")
    other.write_memory(other.inner.hot.copy(), other.inner.cold.model_copy(update={"card": None}))
    other.reboot()
    yield other
    other.close()


def initialization(world: World, tokens: KeyTokens | None, **changes: Any) -> InitializeCryptoCard:  # noqa: ANN401
    given: dict[str, Any] = {
        "minimum_value": MINIMUM,
        "maximum_value": MAXIMUM,
        "dr_limit": DR_LIMIT,
        "ar_limit": AR_LIMIT,
        "ca_certificate": world.authority.certificate,
        "provider_key": world.provider.public_key,
        "first_device": 2_000_000_001,
        "last_device": 2_000_000_009,
        "tokens": tokens,
    }
    return InitializeCryptoCard(**{**given, **changes})


def test_a_module_that_loads_anothers_keys_registers_that_ones_customers(world: World, sibling: World) -> None:
    """E-102, E-103, F-44, M-33: generated once, and distributed to identical modules, with the keys of others."""
    reply = any_change(world)
    loaded = send(sibling, initialization(sibling, tokens_of(reply)))

    assert card_keys(loaded) == card_keys(reply) == embedded(world)
    assert world.inner.desk is not None
    assert sibling.inner.desk is not None
    sibling.inner.desk.mk_chkpt.verify(b"checkpoint", world.inner.desk.mk_chkpt.mac(b"checkpoint"))  # F-19
    customer = sibling.new_meter("new")  # its client software embeds the world's public keys
    sibling.register("new")
    assert customer.state.device == "2000000001"
    sibling.lease("new")  # E-103: U_ca let its certificate in, UDSK_auth the provider's word
    initialized = [data_of(record) for record in sibling.records() if record.event == "crypto-card-initialized"]
    assert initialized[0]["challenge_key"] == initialized[1]["challenge_key"]
    assert initialized[0]["registration_key"] == initialized[1]["registration_key"]


def test_keys_are_loaded_once_like_they_are_generated_once(world: World) -> None:
    """E-106."""
    with pytest.raises(CryptoCardAlreadyInitialized):
        send(world, initialization(world, tokens_of(any_change(world))))


def test_both_keys_are_loaded_or_none(sibling: World, world: World) -> None:
    """M-33."""
    tokens = tokens_of(any_change(world))
    arguments = initialization(sibling, tokens).model_dump(mode="json")
    for missing in ("challenge_key", "registration_key"):
        half = {name: token for name, token in arguments["tokens"].items() if name != missing}
        with pytest.raises(ValidationError, match=missing):
            InitializeCryptoCard.model_validate_json(orjson.dumps({**arguments, "tokens": half}))


def hostile_tokens(world: World, tokens: KeyTokens) -> list[tuple[KeyTokens, type[IndiciumError]]]:
    """Give tokens that are not what they are brought for, and what is said of them."""
    one, other = tokens.challenge_key, tokens.registration_key
    assert world.inner.cold.active is not None
    active = world.inner.cold.active
    vault = Vault(world.suite, active)
    line = one.index(b"\n")
    cases: list[tuple[dict[str, bytes], type[IndiciumError]]] = [
        ({"challenge_key": other, "registration_key": one}, TokenNotAuthentic),
        ({"challenge_key": other}, TokenNotAuthentic),
        ({"registration_key": one}, TokenNotAuthentic),
        ({"challenge_key": other.replace(b"exchange-key VRSK", b"signing-key VDSK")}, TokenNotAuthentic),
        ({"challenge_key": vault.seal_token(Kind.BUFFER, "VDSK_ipost", b"k" * 32)}, TokenNotAuthentic),
        ({"challenge_key": vault.seal_token(Kind.SIGNING_KEY, "V_psd", b"k" * 32)}, TokenNotAuthentic),
        ({"challenge_key": vault.new_static("1000000001")[0].signing_key}, TokenNotAuthentic),
        ({"challenge_key": one.replace(active.mks.encode(), b"0" * 16, 1)}, MksNotHeld),
        ({"challenge_key": one[line:]}, TokenNotAuthentic),
        ({"challenge_key": b"token"}, TokenNotAuthentic),
    ]
    places = (0, 10, line - 20, line, line + 1, len(one) // 2, len(one) - 1)
    cases += [({"challenge_key": flipped(one, place)}, TokenNotAuthentic) for place in places]
    return [(tokens.model_copy(update=changes), error) for changes, error in cases]


def test_a_token_that_is_swapped_altered_or_of_another_kind_is_refused(world: World, sibling: World) -> None:
    """G-602 … G-604."""
    for tokens, error in hostile_tokens(world, tokens_of(any_change(world))):
        with pytest.raises(error):
            send(sibling, initialization(sibling, tokens))
        assert sibling.inner.cold.card is None


def test_a_token_under_a_set_that_the_module_has_not_is_refused_and_under_its_dormant_one_is_not(
    world: World, sibling: World
) -> None:
    """M-50."""
    ours, theirs = world.inner.cold.active, sibling.suite.generate_key()
    assert ours is not None
    tokens = tokens_of(any_change(world))
    other = ours.model_copy(update={"mks": "f" * 16, "mek": theirs})
    hold(sibling, other, None)
    with pytest.raises(MksNotHeld) as refused:
        send(sibling, initialization(sibling, tokens))
    assert refused.value.mks == ours.mks

    hold(sibling, other, ours)
    reply = send(sibling, initialization(sibling, tokens))
    assert b"f" * 16 in tokens_of(reply).challenge_key.partition(b"\n")[0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"minimum_value": 11, "maximum_value": 10}, "maximum_value"),
        ({"first_device": 10, "last_device": 9}, "last_device"),
    ],
)
def test_limits_in_the_wrong_order_are_refused(sibling: World, changes: dict[str, int], field: str) -> None:
    with pytest.raises(BadValue) as refused:
        send(sibling, initialization(sibling, None, **changes))
    assert refused.value.field == field
    assert sibling.inner.cold.card is None


def test_a_lowered_maximum_and_a_raised_minimum_count_from_the_next_request_on(world: World) -> None:
    """E-104, M-62: both inclusive."""
    update(world, minimum_value=20, maximum_value=500)
    assert last_update(world) == UNCHANGED | {"minimum_value": 20, "maximum_value": 500}
    with pytest.raises(ValueBelowMinimum):
        world.spend("ada", 19, "a")
    with pytest.raises(ValueAboveMaximum):
        world.spend("ada", 501, "b")
    world.spend("ada", 20, "c")
    assert world.spend("ada", 500, "d").ar == 520

    update(world, minimum_value=1, maximum_value=501)
    world.spend("ada", 1, "e")
    assert world.spend("ada", 501, "f").ar == 1022
    with pytest.raises(ValueAboveMaximum):
        world.spend("ada", 502, "g")


def test_a_meter_above_a_lowered_dr_limit_spends_and_is_not_refilled(world: World) -> None:
    """E-1006, M-61: 100,000 mills are in it."""
    update(world, dr_limit=90_000)
    with pytest.raises(DescendingRegisterLimit):
        world.download("ada", 1, "a")
    world.spend("ada", 10_000, "b")
    with pytest.raises(DescendingRegisterLimit):
        world.download("ada", 1, "c")
    world.spend("ada", 10, "d")
    assert world.download("ada", 10, "e").dr == 90_000
    update(world, dr_limit=90_001)
    assert world.download("ada", 1, "f").dr == 90_001


def test_an_ar_limit_counts_what_would_ever_be_spent(world: World) -> None:
    """E-1006."""
    update(world, ar_limit=100_001)
    with pytest.raises(AscendingRegisterLimit):
        world.download("ada", 2, "a")
    assert world.download("ada", 1, "b").dr == 100_001
    update(world, ar_limit=LARGEST)
    assert world.download("ada", 1000, "c").dr == 101_001


def test_one_limit_is_judged_together_with_the_other_as_it_stands(world: World) -> None:
    low, high = {"maximum_value": MINIMUM - 1}, {"minimum_value": MAXIMUM + 1}
    for changes in (low, high, {"minimum_value": 9, "maximum_value": 8}):
        card = world.inner.cold.card
        with pytest.raises(BadValue) as refused:
            update(world, **changes)
        assert refused.value.field == "maximum_value"
        assert world.inner.cold.card == card
    update(world, minimum_value=MAXIMUM)
    with pytest.raises(ValueBelowMinimum):
        world.spend("ada", MAXIMUM - 1, "a")
    assert world.spend("ada", MAXIMUM, "b").ar == MAXIMUM
    update(world, minimum_value=MAXIMUM + 1, maximum_value=MAXIMUM + 1)


def test_what_is_not_named_stays(world: World) -> None:
    before = world.inner.cold.card
    assert before is not None
    update(world, dr_limit=400_000)

    assert world.inner.cold.card == before.model_copy(update={"dr_limit": 400_000})
    world.reboot()
    assert world.inner.cold.card == before.model_copy(update={"dr_limit": 400_000})
    assert last_update(world) == UNCHANGED | {"dr_limit": 400_000}


def test_an_update_of_nothing_is_refused(world: World) -> None:
    with pytest.raises(BadValue) as refused:
        update(world)
    assert refused.value.why == "it names nothing that is to change"


def test_there_is_nothing_to_update_before_the_crypto_card_is_initialized(sibling: World) -> None:
    with pytest.raises(CryptoCardNotInitialized):
        update(sibling, dr_limit=1)


def test_only_the_security_officer_updates(world: World) -> None:
    """B-42."""
    person = world.plan.of(Role.ADMINISTRATOR)
    with world.operator() as operator:
        operator.logon(person.name, person.passphrase)
        with pytest.raises(CommandNotAllowed):
            operator.send(UpdateCryptoCard(dr_limit=1))


# Keys of others


def test_a_new_provider_is_believed_and_the_old_one_no_more_not_even_repeating(world: World) -> None:
    """E-105, E-1001."""
    old = world.provider
    done = old.download(world.ask("ada"), "a", Mills(10))
    world.execute(done)
    new = Provider(world.suite.generate_signing_key())
    update(world, provider_key=new.public_key)

    assert last_update(world) == UNCHANGED | {"provider_key": fingerprint(new.public_key)}
    for message in (done, old.download(world.ask("ada"), "b", Mills(10))):
        with pytest.raises(ProviderNotAuthentic):
            world.execute(message)
    world.provider = new
    assert world.download("ada", 10, "c").dr == 100_020


def test_a_new_authority_counts_for_certificates_loaded_from_then_on(world: World) -> None:
    """E-105, E-301: a meter whose certificate is loaded goes on printing."""
    other, key = world.other_authority(), world.public_key("raw")
    update(world, ca_certificate=other.certificate)

    assert last_update(world) == UNCHANGED | {"ca_certificate": fingerprint(other.certificate)}
    with pytest.raises(CertificateNotAuthentic):
        world.authorize("raw", world.certify(world.meters["raw"], key))
    issued = world.certify(world.meters["raw"], key, authority=other)
    assert world.authorize("raw", issued, "again").state == "unleased"
    assert world.spend("ada", 330, "a").ar == 330


def public(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def off_the_curve(key: bytes) -> bytes:
    """A point whose second coordinate is another: on no curve of ours, perhaps on one of low order."""
    return key[:-32] + bytes(31) + b"\1"


def test_keys_that_are_of_no_use_are_refused_and_nothing_changes(world: World) -> None:
    card, good = world.inner.cold.card, world.provider.public_key
    leaf = world.certify(world.meters["raw"], world.public_key("raw"))
    hostile: list[dict[str, bytes]] = [
        {"provider_key": public(rsa.generate_private_key(65537, 2048).public_key())},
        {"provider_key": public(ec.generate_private_key(ec.SECP384R1()).public_key())},
        {"provider_key": public(ed25519.Ed25519PrivateKey.generate().public_key())},
        {"provider_key": off_the_curve(good)},
        {"provider_key": good[:26] + b"\0"},
        {"provider_key": b"key"},
        {"ca_certificate": leaf},
        {"ca_certificate": good},
        {"ca_certificate": b"certificate"},
        {"ca_certificate": leaf, "provider_key": good},
    ]
    for changes in hostile:
        with pytest.raises(KeyNotUsable):
            update(world, **changes, dr_limit=1)
        assert world.inner.cold.card == card


# The keys that all modules share


def test_new_keys_are_for_those_who_register_and_registered_customers_notice_nothing(world: World) -> None:
    """F-15 … F-18."""
    reply = update(world, keys="generated")
    new = card_keys(reply)

    assert new.challenge_key != embedded(world).challenge_key
    assert last_update(world) == UNCHANGED | {
        "challenge_key": fingerprint(new.challenge_key),
        "registration_key": fingerprint(new.registration_key),
    }
    assert world.spend("ada", 330, "a").ar == 330
    old = world.customers["unleased"]
    with pytest.raises(ModuleNotAuthentic):
        old.answered(world.execute(old.ask()))
    with pytest.raises(SecretsNotReadable):
        world.execute(old.configure("configure"))
    world.customers["unleased"] = Customer.new(world.suite, new, "unleased", world.meters["unleased"])
    world.register("unleased")
    assert world.moving("unleased").state == "assigned"


def test_checkpoints_are_under_the_key_of_their_time(world: World) -> None:
    """F-19: MK_chkpt comes from VDSK_ipost; the record of the update says from where on it is another."""
    world.spend("ada", 330, "a")
    before, desk = world.records()[-1], world.inner.desk
    update(world, keys="generated")
    world.spend("ada", 330, "b")
    after = world.records()[-1]

    assert desk is not None
    assert world.inner.desk is not None
    assert checkpoint_is_under(desk.mk_chkpt, before.line)
    assert not checkpoint_is_under(desk.mk_chkpt, after.line)
    assert checkpoint_is_under(world.inner.desk.mk_chkpt, after.line)


def checkpoint_is_under(key: Any, line: bytes) -> bool:  # noqa: ANN401  # a MAC key of the suite
    envelope = parse(line)
    point = dict(envelope.data["checkpoint"])
    mac = bytes.fromhex(point.pop("mac"))
    head = f"indicium checkpoint\n{envelope.chain}\n{envelope.sequence}\n{envelope.previous}\n".encode()
    return bool(key.mac(head + orjson.dumps(point)) == mac)


def test_new_keys_of_one_module_are_loaded_into_the_others(world: World, sibling: World) -> None:
    """E-101, E-102."""
    send(sibling, initialization(sibling, tokens_of(any_change(world))))
    new = update(world, keys="generated")
    loaded = update(sibling, keys=tokens_of(new))

    assert card_keys(loaded) == card_keys(new)
    assert last_update(sibling)["challenge_key"] == last_update(world)["challenge_key"]
    for tokens, error in hostile_tokens(world, tokens_of(new)):
        with pytest.raises(error):
            update(sibling, keys=tokens)


def test_the_keys_get_out_from_under_a_set_that_goes(world: World) -> None:
    """H-41: every update gives tokens under the active set, so that modules of the new set can load them."""
    active, dormant = make_dormant(world)
    old = tokens_of(any_change(world))
    change_places(world)
    new = tokens_of(any_change(world))
    delete_dormant(world)

    assert active.encode() in old.challenge_key.partition(b"\n")[0]
    assert dormant.encode() in new.challenge_key.partition(b"\n")[0]
    with pytest.raises(MksNotHeld):
        update(world, keys=old)
    assert card_keys(update(world, keys=new)) == embedded(world)
