"""No secret is ever seen (F-35): not in a record, a file, a text for people, an error or a log."""

import base64
import logging
import pickle
import traceback
from collections.abc import Callable

import pytest

from indicium.cryptomodule.ports import DeviceIdentity
from indicium.cryptomodule.vault import Vault
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase, Logon
from indicium.domain.commands.base import Command
from indicium.domain.commands.crypto_card import UpdateCryptoCard
from indicium.domain.errors import IndiciumError
from indicium.domain.messages import password
from indicium.parties import ceremony
from tests.canary import demand_unseen, scalar, writings
from tests.harness import LETTER, SERIAL, World, flipped
from tests.sets import make_dormant, officer, translate


def secrets_of(world: World) -> dict[str, bytes]:
    """Give all that must never be seen."""
    cold, vault = world.inner.cold, world.inner.desk
    assert cold.active is not None
    assert cold.card is not None
    assert vault is not None
    found = {
        "ASK": scalar(cold.audit_key),
        "MEK": cold.active.mek,
        "MAK": cold.active.mak,
        "VDSK_ipost": scalar(cold.card.challenge_key),
        "VRSK_ipost": cold.card.registration_key,
        "PPD key": world.ppd_path.read_bytes(),
        "device key": scalar(device_of(world).key),
    }
    if (session := world.module._core.session) is not None:
        found["session MAC key"] = session.keys._mac_master
        found["session encryption key"] = session.keys._encryption_master
    if cold.dormant is not None:
        found |= {"dormant MEK": cold.dormant.mek, "dormant MAK": cold.dormant.mak}
    for name, customer in world.customers.items():
        found[f"HMK of {name}"] = customer.state.hmk
        found[f"PW of {name}"] = customer.state.passphrase_hash
    for person in world.plan.people:
        found[f"passphrase of {person.name}"] = person.passphrase.encode()
        found[f"password of {person.name}"] = password(SERIAL, person.name, person.passphrase)
    for user in cold.users:
        found[f"hash of {user.name}"] = user.hash
    for name in world.meters:
        found[f"V_psd of {name}"] = v_psd(world, name)
    return found


def device_of(world: World) -> DeviceIdentity:
    identity = world.hardware.device.load()
    assert identity is not None
    return identity


def v_psd(world: World, name: str) -> bytes:
    assert world.inner.desk is not None
    return scalar(world.inner.desk.vault.load(world.package(name).static).signing_key.der)


def test_the_canary_sings() -> None:
    secret = bytes(range(200, 232))
    for written in (secret, secret.hex().encode(), base64.b64encode(secret), repr(secret).encode()):
        assert any(found in b"before " + written + b" after" for found in writings(secret))


def test_no_secret_lies_in_a_record_a_store_or_the_readable_memory(world: World) -> None:
    sets = make_dormant(world)
    translate(world, ("ada", "unleased"), *sets)
    with officer(world) as operator:
        operator.send(UpdateCryptoCard(keys="generated"))
    world.ask("ada")
    world.spend("ada", 330, "one")
    memory = world.memory.load()
    assert memory is not None
    seen = {f"record {record.sequence}": record.line for record in world.records()}
    seen |= {f"package of {name}": b"|".join(map(_bytes, world.package(name))) for name in world.meters}
    seen |= {"hot part": memory.hot, "sealed part": memory.cold, "tails": b"".join(memory.tails.values())}
    for path in world.folder.iterdir():
        if (
            path.suffix not in (".ppd", ".device") and path.name != "kept"
        ):  # where the module and the parties keep theirs
            seen[path.name] = path.read_bytes()

    demand_unseen(secrets_of(world), seen)


def test_no_secret_shows_in_a_text_of_what_holds_it(world: World) -> None:
    inner, desk = world.inner, world.inner.desk
    assert desk is not None
    ada, person = world.customers["ada"], world.plan.people[0]
    request = ada.create_indicium("a", 330, LETTER)
    logon = Logon(user=person.name, password=password(SERIAL, person.name, person.passphrase))
    operator, status = world.operator(), world.execute(GetStatus(challenge="0" * 32))
    held: list[object] = [
        world.module,
        world.module._core,
        world.module._core.session,
        world.module._core.session.keys if world.module._core.session else None,
        device_of(world),
        world.hardware,
        operator,
        operator._keys,
        inner,
        inner.hot,
        inner.cold,
        inner.cold.users,
        inner.cold.active,
        inner.cold.card,
        inner.tail,
        inner.meters,
        inner.codec,
        inner.trail,
        desk,
        desk.vault,
        desk.vault.load(world.package("ada").static),
        world.package("ada"),
        world.module._core.inside(),
        world.dispatch([request]),
        request,
        logon,
        ceremony._first_users(world.plan, SERIAL),
        world.customers["unleased"].configure("a"),
        ada,
        ada.state,
        world.plan,
        world.born,
        world.provider,
        world.operator,
    ]

    seen = {f"{type(thing).__name__}": f"{thing!r} {thing!s}".encode() for thing in held}
    seen["status"] = status
    assert len(seen) > 20
    demand_unseen(secrets_of(world), seen)


def hostile_acts(world: World) -> list[Callable[[], object]]:
    """Acts that fail while secrets are at hand."""
    ada, person = world.customers["ada"], world.plan.people[0]
    request = ada.create_indicium("a", 330, LETTER)
    secret = password(SERIAL, person.name, person.passphrase)
    package = world.package("ada")

    def logon_twice() -> None:
        with world.operator() as operator:
            operator.logon(person.name, person.passphrase)
            operator.logon(person.name, person.passphrase)

    def enter_users_again() -> None:
        with world.operator() as operator:
            operator.send(ceremony._first_users(world.plan, SERIAL), encrypted=True)

    def altered() -> object:
        return world.execute(request.model_copy(update={"mac": flipped(request.mac)}))

    assert world.inner.desk is not None
    vault: Vault = world.inner.desk.vault
    return [
        altered,
        logon_twice,
        enter_users_again,
        lambda: ada.accept("a", b"nonsense"),
        lambda: vault.load(flipped(package.static, 300)),
        lambda: Logon(user="officer", password=secret + b"1"),
        lambda: Logon(user="a\nb", password=secret),
        lambda: InitializeAccessControlDatabase.model_validate({"users": [{"name": "a", "password": secret}]}),
        lambda: Command.model_validate({"password": secret}),
        lambda: type(ada.state).model_validate({**ada.state.model_dump(), "more": 1}),
        lambda: type(world.plan).model_validate({"people": [{**person.model_dump(), "role": "nobody"}]}),
    ]


def test_no_secret_shows_in_an_error_its_traceback_or_a_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen = {}
    for number, act in enumerate(hostile_acts(world)):
        with pytest.raises(Exception) as raised:  # noqa: PT011  # whatever it is, it must be silent
            act()
        error = raised.value
        seen[f"error {number}"] = f"{error!r} {error}".encode() + "".join(traceback.format_exception(error)).encode()
        if isinstance(error, IndiciumError):
            seen[f"error {number}, pickled"] = pickle.dumps(error)
    seen["log"] = caplog.text.encode()

    demand_unseen(secrets_of(world), seen)


def _bytes(part: object) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode()
