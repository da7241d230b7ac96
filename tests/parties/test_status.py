"""The host believes a status that a genuine module signed just now, and no other (C-38, F-01, G-911, M-86)."""

import base64
from collections.abc import Callable

import orjson
import pytest

from indicium.cryptomodule.ports import DeviceIdentity
from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import StartInitialization
from indicium.domain.errors import CommandNotAllowed, ModuleInError, StatusNotAuthentic
from indicium.domain.fig6 import Role
from indicium.domain.identity import Serial
from indicium.domain.status import ModuleStatus
from indicium.infrastructure.devices import DeviceKeyFile, SystemEntropy
from indicium.parties import status
from indicium.parties.manufacturer import DEVICE_DAYS, Manufacturer
from tests.harness import SERIAL, World, flipped

Reply = dict[str, object]


def asked(world: World, **changes: object) -> ModuleStatus:
    """Ask through a line that changes members of the answer."""

    def execute(command: Command) -> bytes:
        return orjson.dumps({**orjson.loads(world.execute(command)), **changes})

    return status.ask(execute, world.suite, SERIAL, world.keys.manufacturer, world.clock.now())


def reply(world: World) -> Reply:
    answer: Reply = orjson.loads(world.execute(GetStatus(challenge="0" * 32)))
    return answer


def install(world: World, identity: DeviceIdentity) -> None:
    DeviceKeyFile(world.folder / f"{SERIAL}.device").install(identity)


def other_manufacturer(world: World) -> Manufacturer:
    suite = Modern(SystemEntropy())
    key = suite.generate_signing_key().der
    return Manufacturer(key, Manufacturer.establish(key, world.clock.now()), suite)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_genuine_module_is_believed_and_says_all_that_is_public_of_it(world: World) -> None:
    """N-05."""
    said = asked(world)

    assert (said.module, said.suite, said.chain) == (SERIAL, "modern", world.module.chain)
    assert (said.state, said.persistent, said.operational) == ("operational", "operational", True)
    assert (said.self_test, said.cause, said.fatal, said.inoperable) == ("passed", None, None, False)
    assert said.head == {"sequence": world.module.head.sequence, "hash": world.module.head.hash}
    assert (said.meters, said.configured, said.users) == (5, True, True)
    assert said.totals == {"downloaded": 200_000, "printed": 0, "refunded": 0}
    assert (said.user, said.role) == (None, None)
    assert said.challenge_key is not None
    assert said.registration_key is not None


def test_a_status_without_a_challenge_is_signed_too(world: World) -> None:
    """L310: module status responses are signed with the module's private key."""
    answer = orjson.loads(world.execute(GetStatus()))

    assert (answer["challenge"], answer["unsigned_because"]) == (None, None)
    assert isinstance(answer["signature"], str)


def test_what_the_reply_says_beside_what_is_signed_is_believed_by_nobody(world: World) -> None:
    said = asked(world, state="error", operational=False, meters=0)

    assert (said.state, said.operational, said.meters) == ("operational", True, 5)


def test_a_status_in_a_session_says_who_is_logged_on_and_is_signed(world: World) -> None:
    auditor = world.plan.of(Role.AUDITOR)
    with world.operator() as operator:
        operator.logon(auditor.name, auditor.passphrase)
        answer = operator.send(GetStatus(challenge="1" * 32))
    said = status.believed(
        orjson.dumps(answer), world.suite, SERIAL, "1" * 32, world.keys.manufacturer, world.clock.now()
    )

    assert (said.user, said.role) == (auditor.name, "auditor")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (lambda answer: {"signature": encoded(flipped(base64.b64decode(answer["signature"])))}, "does not verify"),
        (lambda answer: {"signed": encoded(flipped(base64.b64decode(answer["signed"]), 40))}, "does not verify"),
        (lambda _: {"signature": "no base64"}, "does not verify"),
        (lambda _: {"signature": None}, "not signed"),
        (lambda _: {"certificate": None}, "not signed"),
        (lambda _: {"certificate": encoded(b"certificate")}, "not one of the manufacturer"),
        (lambda _: {"more": 1}, "cannot be read"),
        (lambda answer: {name: answer[name] for name in ("signed", "signature")}, "does not verify|another challenge"),
    ],
)
def test_a_reply_that_was_changed_is_not_believed(world: World, changes: Callable[[Reply], Reply], why: str) -> None:
    old = reply(world)

    with pytest.raises(StatusNotAuthentic, match=why):
        asked(world, **changes(old))


def test_an_old_status_is_not_believed(world: World) -> None:
    old = world.execute(GetStatus(challenge="0" * 32))

    with pytest.raises(StatusNotAuthentic, match="another challenge"):
        status.ask(lambda _: old, world.suite, SERIAL, world.keys.manufacturer, world.clock.now())


def test_a_line_that_says_nothing_of_use_is_not_believed(world: World) -> None:
    with pytest.raises(StatusNotAuthentic, match="cannot be read"):
        status.ask(lambda _: b"[]", world.suite, SERIAL, world.keys.manufacturer, world.clock.now())


def test_a_module_of_another_manufacturer_is_not_believed(world: World) -> None:
    install(world, other_manufacturer(world).make(SERIAL, world.clock.now()))

    with pytest.raises(StatusNotAuthentic, match="not one of the manufacturer"):
        asked(world)


def test_another_module_of_the_same_manufacturer_is_not_believed(world: World) -> None:
    install(world, world.manufacturer.make(Serial("11111111"), world.clock.now()))

    with pytest.raises(StatusNotAuthentic, match="certified for module 11111111"):
        asked(world)


def test_a_certificate_without_its_key_is_not_believed(world: World) -> None:
    genuine, forged = (world.manufacturer.make(SERIAL, world.clock.now()) for _ in range(2))
    install(world, genuine._replace(key=forged.key))

    with pytest.raises(StatusNotAuthentic, match="does not verify"):
        asked(world)


def test_a_certificate_ends_with_the_modules_useful_life(world: World) -> None:
    world.clock.pass_by(days=DEVICE_DAYS + 1)

    with pytest.raises(StatusNotAuthentic, match="not one of the manufacturer"):
        asked(world)


def test_a_module_without_certification_says_why_it_does_not_sign(world: World) -> None:
    DeviceKeyFile(world.folder / f"{SERIAL}.device").destroy()

    with pytest.raises(StatusNotAuthentic, match="no certified device key"):
        asked(world)


def test_a_module_in_error_is_heard_and_not_believed(empty: World) -> None:
    """M-06, C-38: unsigned, and it says so."""
    empty.execute(StartInitialization())
    empty.reboot()

    with pytest.raises(StatusNotAuthentic, match="the module is in the Error state"):
        asked(empty)

    said = status.ask_unsigned(empty.execute, SERIAL)
    assert (said.state, said.cause, said.fatal) == ("error", "booted in the initializing state", True)
    assert (said.signature, said.certificate, said.challenge_key) == (None, None, None)


def test_a_module_in_error_does_no_cryptographic_operation_for_its_status(world: World) -> None:
    """M-06: nothing is signed, and no public key is computed from a private one."""
    world.inner.hot.persistent = type(world.module.state)("exporting-shares")
    world.write_memory(world.inner.hot, world.inner.cold)
    world.reboot()
    (refused,) = world.run([StartInitialization()])
    assert isinstance(refused, ModuleInError)

    said = status.ask_unsigned(world.execute, SERIAL)

    assert (said.configured, said.challenge_key, said.registration_key) == (True, None, None)


def test_a_module_that_was_never_initialized_has_no_status_yet(empty: World) -> None:
    """B-59: nothing but Start Initialization."""
    with pytest.raises(CommandNotAllowed):
        asked(empty)
