"""Two Master Key Sets in one module, and what its Security Officer does with them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.state import MasterKeySet
from indicium.cryptomodule.vault import StaticPart
from indicium.cryptomodule.verifier import Verdict, load_key
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.domain.commands.master_keys import ActivateMks, DeleteDormantMks
from indicium.domain.commands.mks_usage import TranslateEncryptionAndMac
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import StoreFailed
from indicium.domain.flow import SealedRecord
from indicium.domain.roles import Role
from indicium.domain.switches import Switches
from indicium.parties.operator import Execute, Operator
from tests.harness import SERIAL, World

ALL = ("ada", "ben", "assigned", "unleased", "raw")
"""A meter of each state."""


@contextmanager
def officer(world: World, execute: Execute | None = None) -> Iterator[Operator]:
    """Open a session with the Security Officer logged on; `execute` carries what is sent, if not the world itself."""
    person = world.plan.of(Role.SECURITY_OFFICER)
    with Operator(execute or world.execute, world.suite, SERIAL) as operator:
        operator.logon(person.name, person.passphrase)
        yield operator


def make_dormant(world: World) -> tuple[str, str]:
    """Have the module generate a dormant set (M-09); give the active and the dormant one."""
    world.switches = Switches(generate_dormant_mks=True)
    world.reboot()
    with officer(world) as operator:
        dormant: str = operator.send(GenerateMasterKeySet())["mks"]
    assert world.inner.cold.active is not None
    return world.inner.cold.active.mks, dormant


def hold(world: World, active: MasterKeySet | None, dormant: MasterKeySet | None) -> None:
    """Have the module hold these sets, as a command of key management would leave it."""
    cold = world.inner.cold.model_copy(update={"active": active, "dormant": dormant})
    world.write_memory(world.inner.hot.copy(), cold)
    world.reboot()


def change_places(world: World) -> None:
    """Have the active and the dormant set change places (H-04)."""
    with officer(world) as operator:
        operator.send(ActivateMks())


def delete_dormant(world: World) -> None:
    """Delete the dormant set (H-07), and lose what lies under it (M-51)."""
    with officer(world) as operator:
        operator.send(DeleteDormantMks(forced=True))


def translation(world: World, names: Sequence[str], source: str, target: str) -> TranslateEncryptionAndMac:
    """Ask for some meters to be translated."""
    psd_ids = tuple(world.meters[name] for name in names)
    return TranslateEncryptionAndMac(source=source, target=target, psd_ids=psd_ids)


def translate(world: World, names: Sequence[str], source: str, target: str) -> dict[str, Any]:
    """Have some meters translated; give the module's answer."""
    with officer(world) as operator:
        return operator.send(translation(world, names, source, target))


def translated(world: World) -> list[SealedRecord]:
    """Give the records of translated meters."""
    return [record for record in world.records() if record.event == "psd-translated"]


def under(world: World, name: str) -> str:
    """Say which set a meter lies under: its package says it twice."""
    static = StaticPart.model_validate_json(world.package(name).static)
    assert static.mks == world.moving(name).mks
    return static.mks


def passes(world: World) -> bool:
    """Say whether the store's chain verifies, columns and all."""
    assert world.born is not None
    return verify_rows(iter(world.records()), load_key(world.born.audit_key)).verdict is Verdict.PASS


def lose_translation(world: World, names: tuple[str, ...], source: str, target: str) -> None:
    """Have meters translated, and take the module's power before the store has them."""

    def cut_off(command: Command) -> bytes:
        if isinstance(command, SessionMessage) and command.psd_ids:
            world.dispatch([command])
            raise StoreFailed(place="store", why="power is gone")
        return world.execute(command)

    with pytest.raises(StoreFailed), officer(world, cut_off) as operator:
        operator.send(translation(world, names, source, target))
    world.reboot()
    resumed = world.module.resume(world.gather([]))
    assert resumed is not None
    world.save(resumed)
