"""Verbs for the users of a customer's meter (FIG. 8, K-15 … K-21): who may do what, and who did what."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

import typer

from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.meter_users import UserRow
from indicium.domain.privileges import ON_THE_PSD, Privilege
from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import PassphraseStdinOption
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, a_day, settings_of
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.verbs.meter_passwords import new_passphrase
from indicium.entrypoints.verbs.meter_value import CustomerArgument, UserOfMeterOption, meter_as, show
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties import attended
from indicium.parties.office import device_of
from indicium.projections import MeterUsersAudit
from indicium.settings import Settings

users = typer.Typer(
    help="The users of a customer's meter, each with a key and privileges of his own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
PrivilegesArgument = Annotated[
    list[Privilege], typer.Argument(metavar="PRIVILEGE...", help=f"Any of {', '.join(Privilege)}.")
]
ExpiresOption = Annotated[
    date | None, typer.Option("--expires", metavar="DAY", parser=a_day, help="The account's last day.")
]
PasswordExpiresOption = Annotated[
    date | None,
    typer.Option("--password-expires", metavar="DAY", parser=a_day, help="The passphrase's last day."),
]
FailuresOption = Annotated[
    int | None, typer.Option("--failure-limit", min=1, max=100, help="Wrong proofs in a row that lock the account.")
]
MaximumOption = Annotated[
    str | None, typer.Option("--maximum", metavar="AMOUNT", help="Most that the user may spend in all, in dollars.")
]


@users.command("list")
def list_users(
    customer: CustomerArgument,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show all users of the meter, and of each what he may do; never a secret. Looking is recorded."""  # B-55
    screen = Screen(json=json)
    with reach(settings_of(home, store)) as module:
        found = module.office.users(meter_as(module.office, customer, user)).view()
    screen.table(
        ("name", "privileges", "failures", "spent", "maximum", "last day", "passphrase until"),
        [_cells(row) for row in found],
        right=("spent", "maximum"),
    )
    screen.show({"users": [row.model_dump() for row in found]})


@users.command("add")
def add_user(  # noqa: PLR0913, PLR0917  # each is an option of the verb
    customer: CustomerArgument,
    name: NameArgument,
    privilege: Annotated[
        list[Privilege] | None,
        typer.Option(
            "--privilege", metavar="PRIVILEGE", help="May be said several times; else all but administration."
        ),
    ] = None,
    expires: ExpiresOption = None,
    password_expires: PasswordExpiresOption = None,
    failure_limit: FailuresOption = None,
    maximum: MaximumOption = None,
    user: UserOfMeterOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Enter a user, who chooses a passphrase; his keys are made by his own client, and the home keeps them."""
    screen, settings = Screen(json=json), settings_of(home, store)
    attended.demand_name(name)
    asked: dict[str, Any] = {
        "privileges": ON_THE_PSD if privilege is None else _once(privilege),
        "account_expires": expires,
        "password_expires": password_expires,
        "maximum_total": _mills(maximum),
    }
    if failure_limit is not None:
        asked["failure_limit"] = failure_limit
    device_of(Home(settings.home), customer)  # before anybody types
    passphrase = new_passphrase(asker(passphrase_stdin=passphrase_stdin), name)
    with reach(settings) as module:
        office = module.office
        entered = office.users(meter_as(office, customer, user)).add(name, passphrase=passphrase, **asked)
        device = entered.device
    screen.plain(f"{name} is a user of meter {device}: 'indicium meter print' with --user.")
    screen.show({"customer": customer, "device": device, "name": name, "privileges": asked["privileges"]})


@users.command("delete")
def delete_user(
    customer: CustomerArgument,
    name: NameArgument,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a user, whose keys open nothing any more; what he did stays in the records."""
    screen = Screen(json=json)
    attended.demand_name(name)
    with reach(settings_of(home, store)) as module:
        module.office.users(meter_as(module.office, customer, user)).delete(name)
    screen.plain(f"{name} is no user of {customer}'s meter any more.")
    screen.show({"customer": customer, "name": name, "deleted": True})


@users.command()
def grant(
    customer: CustomerArgument,
    name: NameArgument,
    privileges: PrivilegesArgument,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Let a user do more."""
    granted = _once(privileges)  # K-18, K-19
    said = f"{name} may do this on {customer}'s meter: {', '.join(granted)}."
    _change(Screen(json=json), settings_of(home, store), customer, name, user, {"grant": granted}, said)


@users.command()
def revoke(
    customer: CustomerArgument,
    name: NameArgument,
    privileges: PrivilegesArgument,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Let a user do less."""
    revoked = _once(privileges)
    said = f"{name} may not do this on {customer}'s meter any more: {', '.join(revoked)}."
    _change(Screen(json=json), settings_of(home, store), customer, name, user, {"revoke": revoked}, said)


@users.command()
def unlock(
    customer: CustomerArgument,
    name: NameArgument,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Let a user begin again whose proofs failed too often."""
    said = f"{name} is not locked, and his failures are forgotten."  # K-20
    _change(Screen(json=json), settings_of(home, store), customer, name, user, {"unlock": True}, said)


@users.command()
def modify(  # noqa: PLR0913, PLR0917  # each is an option of the verb
    customer: CustomerArgument,
    name: NameArgument,
    expires: ExpiresOption = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="The account has no last day.")] = False,
    password_expires: PasswordExpiresOption = None,
    password_never_expires: Annotated[
        bool, typer.Option("--password-never-expires", help="The passphrase has no last day.")
    ] = False,
    failure_limit: FailuresOption = None,
    maximum: MaximumOption = None,
    no_maximum: Annotated[bool, typer.Option("--no-maximum", help="The user may spend all that DR holds.")] = False,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Change what a user is held to; what is not named stays."""
    for one, other, words in (
        (expires, never_expires, "--expires and --never-expires"),
        (password_expires, password_never_expires, "--password-expires and --password-never-expires"),
        (maximum, no_maximum, "--maximum and --no-maximum"),
    ):
        if one is not None and other:
            msg = f"{words} say two things"
            raise typer.BadParameter(msg)
    changes = {
        "account_expires": expires,
        "account_unlimited": never_expires,
        "password_expires": password_expires,
        "password_unlimited": password_never_expires,
        "failure_limit": failure_limit,
        "maximum_total": _mills(maximum),
        "maximum_unlimited": no_maximum,
    }
    told = {
        "last day": "none" if never_expires else expires,
        "passphrase until": "none" if password_never_expires else password_expires,
        "failures that lock": failure_limit,
        "maximum": "none" if no_maximum else maximum,
    }
    held = ", ".join(f"{what} {to}" for what, to in told.items() if to is not None)
    if not held:
        msg = "say what is to be changed"
        raise typer.BadParameter(msg)
    said = f"{name} is held to this on {customer}'s meter: {held}."
    _change(Screen(json=json), settings_of(home, store), customer, name, user, changes, said)


@users.command("reset-password")
def reset_users_password(
    customer: CustomerArgument,
    name: NameArgument,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Have the customer replace passphrase and key of a user who has neither any more; it unlocks him, too.

    A user who has one of them does it himself: 'indicium meter reset-password' with --user.
    """
    screen, settings = Screen(json=json), settings_of(home, store)
    attended.demand_name(name)
    device_of(Home(settings.home), customer)  # before anybody types
    passphrase = new_passphrase(asker(passphrase_stdin=passphrase_stdin), name)
    with reach(settings) as module:
        office = module.office
        reply = office.users(office.meter(customer)).reset_password(name, passphrase).ask()
    screen.plain(f"Passphrase and key of {name} are replaced.")
    show(screen, customer, reply)


@users.command()
def report(
    customer: CustomerArgument, home: HomeOption = None, store: StoreOption = None, json: JsonOption = False
) -> None:
    """Say from the records what each user did, and who let him. No module is asked."""  # K-21
    screen, settings = Screen(json=json), settings_of(home, store)
    device = device_of(Home(settings.home), customer)
    with Store.open(settings.store_url) as records:
        audit = MeterUsersAudit(records)
        use, trail = audit.use(device), list(audit.trail(device))
    screen.table(
        ("user", "transaction", "number", "value"),
        [(row.user or "", row.event, str(row.transactions), amounts.dollars(row.value)) for row in use],
        right=("number", "value"),
    )
    screen.plain("")
    screen.table(
        ("version", "at", "administration", "by", "as", "what the record says"),
        [
            (
                str(row.psd_version),
                row.at[:19].replace("T", " "),
                row.event,
                row.by or "",
                row.role,
                ", ".join(_plain(name, value) for name, value in row.said.items() if value),
            )
            for row in trail
        ],
        right=("version",),
    )
    screen.show(
        {"device": device, "use": [row.as_json() for row in use], "administration": [row.as_json() for row in trail]}
    )


def _change(  # one for each of the verbs that change a user
    screen: Screen,
    settings: Settings,
    customer: str,
    name: str,
    user: str | None,
    changes: Mapping[str, object],
    said: str,
) -> None:
    """Change a user of a meter, and say what was changed."""
    attended.demand_name(name)
    with reach(settings) as module:
        module.office.users(meter_as(module.office, customer, user)).modify(name, **changes)
    screen.plain(said)
    screen.show({"customer": customer, "name": name, "changed": True})


def _cells(row: UserRow) -> Sequence[str]:
    locked = " LOCKED" if row.failures >= row.failure_limit else ""
    return (
        row.name,
        ", ".join(row.privileges),
        f"{row.failures} of {row.failure_limit}{locked}",
        amounts.dollars(row.spent),
        "" if row.maximum_total is None else amounts.dollars(row.maximum_total),
        row.account_expires or "none",
        row.password_expires or "none",
    )


def _plain(name: str, value: object) -> str:
    """Write what a record says of a user as people read it."""
    if name == "maximum_total" and isinstance(value, int):
        return f"maximum {amounts.dollars(value)}"
    said = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{name.replace('_', ' ')} {said}"


def _once(privileges: Sequence[Privilege]) -> tuple[Privilege, ...]:
    return tuple(dict.fromkeys(privileges))


def _mills(amount: str | None) -> Mills | None:
    """Read a maximum, if one was given. Raises what `amounts.parse_within` does."""
    return None if amount is None else amounts.parse_within(amount, Mills(0), LARGEST)
