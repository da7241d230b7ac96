"""The people of a module for tests of access control: each one's passphrase is the name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from indicium.domain.commands.access import BeginAdmin, NewUser
from indicium.domain.commands.base import Command
from indicium.domain.evolve import ModuleAt, UserAt, event_of, evolve
from indicium.domain.messages import password
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
