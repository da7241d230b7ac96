"""Tamper response and zeroization: keys gone, module inoperable, chain still verifiable (Y-31, C-16, C-17, Q-02)."""

import orjson
import pytest

from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import Verdict, load_key
from indicium.domain.commands import COMMANDS
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.errors import IndiciumError, MemoryNotAuthentic, ModuleTampered
from indicium.infrastructure.devices import LONGEST_SENSOR, UNNAMED_SENSOR, DeviceKeyFile
from tests.harness import SERIAL, World
from tests.samples import SAMPLES

PROBE = "probe penetration"
SENSORS = ("probe penetration", "power sequencing", "radiation", "temperature manipulation")
"""Q-01."""


def trigger(world: World, sensor: str = PROBE) -> None:
    world.tamper_path.write_text(sensor)


def status(world: World) -> dict[str, object]:
    answer: dict[str, object] = orjson.loads(world.execute(GetStatus()))
    return answer


def outcome(world: World, command: str) -> bytes | Exception:
    (result,) = world.run([SAMPLES[COMMANDS[command]]])
    return result


def device(world: World) -> DeviceKeyFile:
    return DeviceKeyFile(world.folder / f"{SERIAL}.device")


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_triggered_sensor_destroys_the_keys_before_the_next_command(world: World, sensor: str) -> None:
    """Y-31: PPD key, memory, certification, session and loaded keys are gone."""
    operator, vault = world.operator(), world.inner.desk
    assert vault is not None
    world.spend("ada", 330, "one")
    assert vault.vault._loaded
    trigger(world, sensor)

    refused = outcome(world, "CreateAuditEntry")

    assert isinstance(refused, ModuleTampered)
    assert vars(refused) == {"serial": SERIAL, "sensor": sensor}
    assert (world.ppd_path.exists(), world.memory.load(), device(world).load()) == (False, None, None)
    assert (world.module._core.inner, world.module._core.session, vault.vault._loaded) == (None, None, {})
    with pytest.raises(ModuleTampered):
        operator.send(GetStatus())


def test_a_module_that_was_tampered_with_is_inoperable_and_says_so(world: World) -> None:
    """Q-02: every command is refused alike; the status says it, unsigned; nothing is recorded."""
    chain = world.module.chain
    stored = len(world.records())
    trigger(world)

    refusals = {name: outcome(world, name) for name in COMMANDS if name != "GetStatus"}

    assert {type(refused) for refused in refusals.values()} == {ModuleTampered}
    said = status(world)
    assert (said["inoperable"], said["operational"], said["state"]) == (True, False, "error")
    assert (said["cause"], said["fatal"]) == (f"tampered with: {PROBE}", True)
    assert (said["certificate"], said["signature"]) == (None, None)
    assert said["unsigned_because"] == "the module is in the Error state"
    assert len(list(world.store.records(chain))) == stored


def test_it_stays_inoperable_after_a_reboot_and_a_sensor_works_while_the_module_is_off(world: World) -> None:
    world.memory.close()
    trigger(world)
    world._power_on()

    for _ in range(2):
        assert not world.ppd_path.exists()
        assert device(world).load() is None
        assert isinstance(outcome(world, "CreateAuditEntry"), ModuleTampered)
        world.reboot()


def test_the_chain_stays_verifiable_with_the_audit_key_that_was_exported(world: World) -> None:
    world.execute(CreateAuditEntry(text="sealed", signed=True))
    assert world.born is not None
    chain = world.module.chain
    trigger(world)
    assert isinstance(outcome(world, "CreateAuditEntry"), ModuleTampered)

    report = verify_rows(world.store.records(chain), load_key(world.born.audit_key))

    assert report.verdict is Verdict.PASS


def test_a_reset_makes_it_uninitialized_without_certification_until_its_manufacturer_gives_it_one(world: World) -> None:
    trigger(world)
    assert isinstance(outcome(world, "CreateAuditEntry"), ModuleTampered)

    world.module.reset()

    assert (world.module.state, world.tamper_path.exists()) == ("uninitialized", False)
    world.hold_ceremony()
    assert (status(world)["signature"], status(world)["operational"]) == (None, True)
    assert status(world)["unsigned_because"] == "the module has no certified device key"
    device(world).install(world.manufacturer.make(SERIAL, world.clock.now()))
    assert status(world)["unsigned_because"] is None


def test_a_step_that_the_disk_refuses_keeps_none_of_the_others_from_being_done(world: World) -> None:
    world.fail_memory()
    world.memory._connection.execute(
        "CREATE TEMP TRIGGER kept BEFORE DELETE ON main.parts BEGIN SELECT RAISE(FAIL, 'read-only'); END"
    )
    trigger(world)

    assert isinstance(outcome(world, "CreateAuditEntry"), ModuleTampered)
    assert (world.ppd_path.exists(), device(world).load(), world.memory.load() is None) == (False, None, False)
    world.reboot()

    assert world.memory.load() is None
    assert isinstance(outcome(world, "CreateAuditEntry"), ModuleTampered)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (b"radiation\nat noon", "radiation"),
        (b"", UNNAMED_SENSOR),
        (b"\xff", UNNAMED_SENSOR),
        (b"a\x00b", UNNAMED_SENSOR),
        (b"x" * 1000, "x" * LONGEST_SENSOR),
    ],
)
def test_whatever_the_sensor_says_is_a_trigger(world: World, written: bytes, named: str) -> None:
    world.tamper_path.write_bytes(written)

    refused = outcome(world, "CreateAuditEntry")

    assert isinstance(refused, ModuleTampered)
    assert refused.sensor == named


def test_a_user_zeroizes_a_module_and_it_is_uninitialized_and_still_certified(world: World) -> None:
    """C-17."""
    operator, old = world.operator(), world.module.chain

    world.module.zeroize()

    assert (world.module.state, world.module.chain) == ("uninitialized", "")
    assert (world.ppd_path.exists(), world.memory.load()) == (False, None)
    with pytest.raises(IndiciumError):
        operator.send(GetStatus())
    world.hold_ceremony()
    assert world.module.chain != old
    assert status(world)["unsigned_because"] is None


def test_a_memory_without_its_ppd_key_is_noise(world: World) -> None:
    """Losing the PPD key is zeroization (F-09); a key that is only mislaid can be put back."""
    key = world.ppd_path.read_bytes()
    world.ppd_path.unlink()
    with pytest.raises(MemoryNotAuthentic):
        world.reboot()

    world.ppd_path.write_bytes(key)
    world.reboot()

    assert world.spend("ada", 330, "one").ar == 330
