"""Somebody attends to a module: says who it is, gives the passphrase, does one thing, and is logged off again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Annotated, Any, Final, NamedTuple

import typer

from indicium.domain.commands.access import BeginAdmin, EndAdmin, NewUser
from indicium.domain.commands.base import Command
from indicium.domain.errors import IndiciumError
from indicium.domain.fig6 import ModuleState
from indicium.domain.roles import Role
from indicium.entrypoints.asking import Asker
from indicium.parties import attended
from indicium.parties.attended import Attended
from indicium.parties.operator import Operator


class Seat(NamedTuple):
    """A role as people call it."""

    role: Role
    title: str
    usual: str | None
    """The user name that is offered; None where several people share a role."""


OFFICER: Final = Seat(Role.SECURITY_OFFICER, "Security Officer", "officer")
CUSTODIAN: Final = Seat(Role.KEY_CUSTODIAN, "Key Custodian", None)
ADMINISTRATOR: Final = Seat(Role.ADMINISTRATOR, "Administrator", "administrator")
AUDITOR: Final = Seat(Role.AUDITOR, "Auditor", "auditor")
ANYBODY: Final = Seat(Role.DEFAULT, "user", None)

UserOption = Annotated[str | None, typer.Option("--user", help="Name of whoever does it; else it is asked for.")]
PassphraseStdinOption = Annotated[
    bool,
    typer.Option("--passphrase-stdin", help="For scripts: read passphrases from standard input, a line each."),
]


@contextmanager
def logged_on(module: Attended, ask: Asker, seat: Seat, user: str | None) -> Iterator[Operator]:
    """Log somebody on for one thing. The session is opened when everything was typed: nobody waits for a keyboard."""
    who = credentials(ask, seat, user)
    with module.office.operator(module.settings.serial) as operator:
        operator.logon(*who)
        yield operator


def new_users(
    module: Attended, ask: Asker, people: Sequence[tuple[Seat, str]], others: Sequence[NewUser] = ()
) -> list[NewUser]:
    """Have each of several people choose a passphrase, unlike those of the rest and of `others`."""
    users: list[NewUser] = []
    for seat, name in people:

        def take(passphrase: str, seat: Seat = seat, name: str = name) -> None:
            secret = attended.new_password(module, name, passphrase, [*others, *users])
            users.append(NewUser(name=name, role=seat.role, password=secret))

        ask.new_passphrase(name, take)
    return users


@contextmanager
def administering(
    module: Attended, ask: Asker, user: str | None, officer: str | None
) -> Iterator[Callable[[Command], dict[str, Any]]]:
    """Give what an Administrator sends commands with, in the Administrative state (B-67): dual control.

    Where the Security Officer has begun it, it goes on. Else the officer, who must be there too, begins it for this one
    thing and ends it again, whatever becomes of it. Everything is typed before the module is asked for anything.
    """
    begun = attended.progress(module).state is ModuleState.ADMINISTRATIVE
    witness = None if begun else credentials(ask, OFFICER, officer)
    administrator = credentials(ask, ADMINISTRATOR, user)
    with module.office.operator(module.settings.serial) as operator, ExitStack() as ends:
        if witness is not None:
            operator.logon(*witness)
            operator.send(BeginAdmin())
            operator.logoff()
            ends.enter_context(_in_the_end(partial(_end_administration, operator, witness)))
        operator.logon(*administrator)
        ends.enter_context(_in_the_end(operator.logoff))
        yield lambda command: operator.send(command, encrypted=True)


def _end_administration(operator: Operator, officer: tuple[str, str]) -> None:
    operator.logon(*officer)
    operator.send(EndAdmin())


@contextmanager
def _in_the_end(step: Callable[[], object]) -> Iterator[None]:
    """Take a step whatever happened; what it meets then must not hide what happened before it."""
    try:
        yield
    except BaseException:
        with suppress(IndiciumError):  # a module that was powered up anew has no session to log off from
            step()
        raise
    step()


def credentials(ask: Asker, seat: Seat, user: str | None) -> tuple[str, str]:
    """Have somebody say the user name, if it was not given, and type the passphrase."""
    name = named(ask, seat, user)
    return name, ask.passphrase(name)


def named(ask: Asker, seat: Seat, user: str | None) -> str:
    """Give the user name of somebody who may have said it already. Raises `BadValue` for what can be nobody's."""
    name = user if user is not None else ask.answer(f"Name of the {seat.title}", seat.usual)
    attended.demand_name(name)
    return name
