"""The people of a module for tests of access control: each one's passphrase is the name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from indicium.domain.commands.access import BeginAdmin, CreateAccount, ModifyAccount, NewUser
from indicium.domain.commands.base import Command
from indicium.domain.errors import IndiciumError
from indicium.domain.evolve import ModuleAt, UserAt, event_of, evolve
from indicium.domain.messages import password
from indicium.domain.record import parse
from indicium.domain.roles import Role
from indicium.parties.operator import Operator
from tests.harness import SERIAL, World


def user(name: str, role: Role, **limits: object) -> NewUser:
    """Give a user whose passphrase is the name."""
    return NewUser.model_validate({"name": name, "role": role, "password": password(SERIAL, name, name), **limits})


OFFICER = user("officer", Role.SECURITY_OFFICER, failure_limit=2, timeout_seconds=60)
ADMINISTRATOR = user("administrator", Role.ADMINISTRATOR, account_expires=date(2026, 3, 9))
CUSTODIANS = (user("one", Role.KEY_CUSTODIAN, password_days=7), user("two", Role.KEY_CUSTODIAN))
MINIMAL = (OFFICER, ADMINISTRATOR, *CUSTODIANS)
SECOND = user("second", Role.ADMINISTRATOR)
AUDITOR = user("auditor", Role.AUDITOR)


@contextmanager
def logged_on(world: World, name: str) -> Iterator[Operator]:
    """Open a session and log somebody on."""
    with world.operator() as operator:
        operator.logon(name, name)
        yield operator


@contextmanager
def administration(world: World) -> Iterator[Operator]:
    """Have the Security Officer open the Administrative state, and the Administrator log on in it."""
    with logged_on(world, "officer") as operator:
        operator.send(BeginAdmin())
        operator.logoff()
        operator.logon("administrator", "administrator")
        yield operator


def forged(kind: type[Command], **arguments: object) -> Command:
    """Give what calls itself a command of some kind and holds whatever a host that keeps no rule would send."""
    made: type[Command] = type(kind.__name__, (Command,), {"__annotations__": dict.fromkeys(arguments, Any)})
    return made(**arguments)


def replayed(world: World) -> tuple[UserAt, ...]:
    """Give the users as the chain tells of them."""
    state = ModuleAt()
    for record in world.records():
        state = evolve(state, event_of(record))
    return state.users


def live(world: World) -> tuple[UserAt, ...]:
    """Give the users as the module's memory has them."""
    return tuple(
        UserAt(user.name, user.role, user.account_expires, user.password_expires, user.last_access)
        for user in world.inner.cold.users
    )


def profile(world: World, name: str) -> dict[str, Any]:
    """Give a user's whole profile as the memory file has it."""
    world.reboot()
    (found,) = (user for user in world.inner.cold.users if user.name == name)
    return found.model_dump()


def create(operator: Operator, new: object) -> dict[str, Any]:
    """Have the Administrator enter a user."""
    return operator.send(CreateAccount.model_validate({"user": new}), encrypted=True)


def modify(operator: Operator, name: str, **changes: object) -> dict[str, Any]:
    """Have the Administrator change an account."""
    return operator.send(ModifyAccount.model_validate({"name": name, **changes}), encrypted=True)


def names(world: World) -> list[str]:
    """Give the users' names as the module's memory has them."""
    return [user.name for user in world.inner.cold.users]


def demand_unchanged(world: World, operator: Operator, command: Command, error: type[IndiciumError]) -> IndiciumError:
    """Have a command refused, and find the users as they were and the refusal in the chain with who asked."""
    before = world.inner.cold.model_copy(deep=True)
    with pytest.raises(error) as refused:
        operator.send(command, encrypted=True)
    assert world.inner.cold == before
    record = parse(world.records()[-1].line)
    assert (record.event, record.command) == ("command-refused", type(command).__name__)
    assert (record.user, record.reason) == ("administrator", refused.value.reason)
    assert replayed(world) == live(world)
    return refused.value
