"""Somebody attends to a module: says who it is, gives the passphrase, does one thing, and is logged off again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Final, NamedTuple

import typer

from indicium.domain.commands.access import NewUser
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

UserOption = Annotated[str | None, typer.Option("--user", help="Name of whoever does it; else it is asked for.")]
PassphraseStdinOption = Annotated[
    bool,
    typer.Option("--passphrase-stdin", help="For scripts: read passphrases from standard input, a line each."),
]


@contextmanager
def logged_on(module: Attended, ask: Asker, seat: Seat, user: str | None) -> Iterator[Operator]:
    """Log somebody on for one thing. The session is opened when everything was typed: nobody waits for a keyboard."""
    name = user if user is not None else ask.name(seat.title, seat.usual)
    attended.demand_name(name)
    passphrase = ask.passphrase(name)
    with module.office.operator(module.settings.serial) as operator:
        operator.logon(name, passphrase)
        yield operator


def new_users(
    module: Attended, ask: Asker, people: Sequence[tuple[Seat, str]], others: Sequence[NewUser] = ()
) -> list[NewUser]:
    """Have each of several people choose a passphrase, unlike those of the rest and of `others`."""
    users: list[NewUser] = []
    for seat, name in people:

        def take(passphrase: str, seat: Seat = seat, name: str = name) -> None:
            users.append(attended.new_user(module, name, seat.role, passphrase, [*others, *users]))

        ask.new_passphrase(name, take)
    return users
