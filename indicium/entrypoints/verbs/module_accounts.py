"""Verbs for the users of a module and for its clock (J-20): an Administrator acts, the Security Officer lets it be.

`admin begin` opens the Administrative state of a running module until `admin end`. Without it each of these verbs asks
the Security Officer, too, who opens the state for that one thing.
"""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from indicium.domain.commands.access import (
    BeginAdmin,
    ChangePassword,
    CreateAccount,
    DeleteAccount,
    EndAdmin,
    ModifyAccount,
    NewUser,
    SetClock,
    ViewAccessControlDatabase,
)
from indicium.domain.errors import BadValue, NotAMoment
from indicium.domain.messages import password
from indicium.domain.roles import LOGON_ROLES, Role
from indicium.entrypoints.asking import Asker, asker
from indicium.entrypoints.attending import (
    ADMINISTRATOR,
    ANYBODY,
    OFFICER,
    PassphraseStdinOption,
    UserOption,
    administering,
    credentials,
    logged_on,
)
from indicium.entrypoints.connecting import attend, connect
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.devices import SystemClock
from indicium.parties import attended

accounts = typer.Typer(help="The users of a module.", no_args_is_help=True, rich_markup_mode=None)
admin = typer.Typer(help="The Administrative state of a running module.", no_args_is_help=True, rich_markup_mode=None)

OfficerOption = Annotated[
    str | None, typer.Option("--officer", help="Name of the Security Officer, where one is needed; else asked for.")
]
AccountArgument = Annotated[str, typer.Argument(help="Name of the account.", metavar="NAME")]
LimitOption = Annotated[int | None, typer.Option("--failure-limit", help="Failed logons that lock it.", min=1, max=100)]
TimeoutOption = Annotated[
    int | None, typer.Option("--timeout", help="Seconds of inactivity that end a logon.", min=1, max=86_400)
]
ExpiresOption = Annotated[str | None, typer.Option("--expires", help="Its last day, as in 2027-12-31.", metavar="DAY")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask whether a last day that is over is meant.")]
DaysOption = Annotated[
    int | None, typer.Option("--password-days", help="Days for which a passphrase is good.", min=1, max=36_500)
]


def _logon_role(text: str) -> Role:
    if text not in LOGON_ROLES:
        message = f"{text!r} is none of {', '.join(LOGON_ROLES)}"
        raise typer.BadParameter(message)
    return Role(text)


@admin.command("begin")
def begin_admin(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer open it, for Administrators to act in; a module that is closed leaves it."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with connect(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        operator.send(BeginAdmin())
    screen.plain(f"Module {module.settings.serial} is Administrative; meters wait until 'module admin end'.")
    screen.show({"module": module.settings.serial, "administrative": True})


@admin.command("end")
def end_admin(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer close it."""  # M-07
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with connect(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        operator.send(EndAdmin())
    screen.plain(f"Module {module.settings.serial} is Operational.")
    screen.show({"module": module.settings.serial, "administrative": False})


@accounts.command("list")
def list_accounts(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show an Administrator all accounts, and of each what it is held to; never a passphrase."""  # B-24
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with attend(settings_of(home, None)) as module, logged_on(module, ask, ADMINISTRATOR, user) as operator:
        found = operator.send(ViewAccessControlDatabase())["users"]
    columns = ("name", "role", "last access", "failures", "last day", "passphrase until")
    screen.table(
        columns,
        [
            (
                account["name"],
                account["role"],
                (account["last_access"] or "never")[:19],
                f"{account['failures']} of {account['failure_limit']}{' LOCKED' if account['locked'] else ''}",
                account["account_expires"] or "none",
                account["password_expires"] or "none",
            )
            for account in found
        ],
    )
    screen.show({"users": found})


@accounts.command("add")
def add_account(  # noqa: PLR0913, PLR0917  # each is an option of the verb
    name: AccountArgument,
    role: Annotated[Role, typer.Option(help="Its one role.", parser=_logon_role, metavar="|".join(LOGON_ROLES))],
    failure_limit: LimitOption = None,
    timeout: TimeoutOption = None,
    expires: ExpiresOption = None,
    password_days: DaysOption = None,
    yes: YesOption = False,
    user: UserOption = None,
    officer: OfficerOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Enter a user, who chooses a passphrase first, before officer and Administrator type theirs."""  # B-21
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    last_day = _last_day(ask, expires, yes=yes)
    with attend(settings_of(home, None)) as module:
        made: list[NewUser] = []

        def take(passphrase: str) -> None:
            secret = attended.new_password(module, name, passphrase)
            plain = NewUser(
                name=name, role=role, password=secret, account_expires=last_day, password_days=password_days
            )
            limits = {"failure_limit": failure_limit, "timeout_seconds": timeout}
            made.append(plain.model_copy(update={which: limit for which, limit in limits.items() if limit is not None}))

        ask.new_passphrase(name, take)
        with administering(module, ask, user, officer) as send:
            shown = send(CreateAccount(user=made[0]))
    screen.plain(f"{name} is a user of module {module.settings.serial}: {role.replace('-', ' ')}.")
    screen.show(shown)


@accounts.command("remove")
def remove_account(
    name: AccountArgument,
    user: UserOption = None,
    officer: OfficerOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a user, but for those whom the minimal user set needs."""  # B-22, A-84
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    attended.demand_name(name)
    with attend(settings_of(home, None)) as module, administering(module, ask, user, officer) as send:
        send(DeleteAccount(name=name))
    screen.plain(f"{name} is no user of module {module.settings.serial} any more.")
    screen.show({"name": name, "removed": True})


@accounts.command("modify")
def modify_account(  # noqa: PLR0913, PLR0917  # each is an option of the verb
    name: AccountArgument,
    failure_limit: LimitOption = None,
    timeout: TimeoutOption = None,
    expires: ExpiresOption = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="Let it have no last day any more.")] = False,
    password_days: DaysOption = None,
    new_passphrase: Annotated[
        bool, typer.Option("--new-passphrase", help="Have the user, who forgot the old one, choose a new one.")
    ] = False,
    yes: YesOption = False,
    user: UserOption = None,
    officer: OfficerOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Change what a user is held to; what is not named stays, and a role never changes."""  # B-23
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    attended.demand_name(name)
    last_day = _last_day(ask, expires, yes=yes)
    with attend(settings_of(home, None)) as module:
        chosen: list[bytes] = []
        if new_passphrase:
            ask.new_passphrase(name, lambda typed: chosen.append(attended.new_password(module, name, typed)))
        change = ModifyAccount(
            name=name,
            password=chosen[0] if chosen else None,
            failure_limit=failure_limit,
            timeout_seconds=timeout,
            account_expires=last_day,
            account_unlimited=never_expires,
            password_days=password_days,
        )
        with administering(module, ask, user, officer) as send:
            shown = send(change)
    screen.plain(f"{name} is changed.")
    screen.show(shown)


@accounts.command("unlock")
def unlock_account(
    name: AccountArgument,
    user: UserOption = None,
    officer: OfficerOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let a user log on again after too many failed logons."""  # M-55
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    attended.demand_name(name)
    with attend(settings_of(home, None)) as module, administering(module, ask, user, officer) as send:
        found = send(ViewAccessControlDatabase())["users"]
        locked = any(account["locked"] for account in found if account["name"] == name)
        shown = send(ModifyAccount(name=name, unlock=True))
    screen.plain(
        f"{name} may log on again." if locked else f"{name} was not locked; failed logons count from none again."
    )
    screen.show({**shown, "was_locked": locked})


@accounts.command("password")
def change_password(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have a user replace the own passphrase. Lines for scripts: the old one, the new one."""  # B-29
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with attend(settings_of(home, None)) as module:
        name, passphrase = credentials(ask, ANYBODY, user)
        chosen: list[bytes] = []
        ask.new_passphrase(name, lambda typed: chosen.append(attended.new_password(module, name, typed)))
        with module.office.operator(module.settings.serial) as operator:
            operator.logon(name, passphrase)
            old = password(module.settings.serial, name, passphrase)
            operator.send(ChangePassword(old=old, new=chosen[0]), encrypted=True)
    screen.plain(f"{name} has a new passphrase.")
    screen.show({"name": name, "changed": True})


def clock(
    to: Annotated[
        str | None, typer.Option("--set", help="Set it: 'now' for this machine's time, or a time.", metavar="TIME")
    ] = None,
    user: UserOption = None,
    officer: OfficerOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show an Administrator the module's clock, as it noted the logon, or set it."""  # B-30, M-08
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    at = None if to is None or to == "now" else _moment(to)
    with attend(settings_of(home, None)) as module:
        if to is None:
            name, passphrase = credentials(ask, ADMINISTRATOR, user)
            with module.office.operator(module.settings.serial) as operator:
                operator.logon(name, passphrase)
                found = operator.send(ViewAccessControlDatabase())["users"]
            at_logon = next(account["last_access"] for account in found if account["name"] == name)
            screen.plain(f"Module {module.settings.serial}: {at_logon}")
            screen.show({"module": module.settings.serial, "at": at_logon})
            return
        with administering(module, ask, user, officer) as send:
            times = send(SetClock(at=at or SystemClock().now()))
    screen.plain(f"The clock of module {module.settings.serial} was at {times['before']}")
    screen.plain(f"and is at {times['after']}.")
    screen.show(times)


def _last_day(ask: Asker, text: str | None, *, yes: bool) -> date | None:
    """Read an account's last day; one that is over, by this machine's clock, has to be meant."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadValue(field="--expires", why="write a day, as in 2027-12-31") from None
    if day < SystemClock().now().date() and not yes:
        ask.demand(f"{day} is over: nobody could log on with the account. Is it meant?")
    return day


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.utcoffset() is None:
            raise BadValue(field="set", why="write a time with its zone, as in 2026-11-01T17:30:00Z")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):  # the zone may lead out of the calendar
        raise NotAMoment from None
