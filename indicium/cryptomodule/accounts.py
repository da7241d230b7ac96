"""The access control database (G2): the rules that its profiles obey, whoever asks.

A password is only ever compared by `demand_password`, which makes the failure durable first: no guess is free, neither
by pulling the plug nor by asking twice at once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from indicium.cryptomodule.handlers.module import Inside
from indicium.cryptomodule.state import User
from indicium.domain.commands.access import ChangePassword, Logoff, NewUser
from indicium.domain.commands.base import Command
from indicium.domain.errors import (
    AccountExpired,
    AccountLocked,
    BadValue,
    LogonFailed,
    PasswordExpired,
    UnknownAccount,
    UserSetIncomplete,
)
from indicium.domain.fig6 import Role, Rule

SALT_BYTES: Final = 16
"""Length of the salt that each password is hashed with inside."""

MINIMAL_USERS: Final = {Role.ADMINISTRATOR: 1, Role.SECURITY_OFFICER: 1, Role.KEY_CUSTODIAN: 2}
"""The minimal user set (A-84, M-56)."""


@dataclass(frozen=True, slots=True)
class KeptPassword:
    """What is stored of a password, and until when it is good."""

    salt: bytes
    hash: bytes = field(repr=False)
    expires: str | None


def enrolled(inside: Inside, new: NewUser) -> User:
    """Make the profile of a new user. Raises `BadValue` for an account whose last day has passed already."""
    expires = new.account_expires
    if expires is not None and expires < inside.now.date():
        raise BadValue(field="account_expires", why=f"{expires} has passed already")
    kept = keep_password(inside, new.password, new.password_days)
    return User(
        name=new.name,
        role=new.role,
        salt=kept.salt,
        hash=kept.hash,
        failure_limit=new.failure_limit,
        timeout_seconds=new.timeout_seconds,
        account_expires=expires.isoformat() if expires else None,
        password_expires=kept.expires,
        password_days=new.password_days,
    )


def named(users: Iterable[User], name: str) -> User:
    """Find an account by its name, byte for byte (G-201). Raises `UnknownAccount`."""
    for user in users:
        if user.name == name:
            return user
    raise UnknownAccount(user=name)


def keep_password(inside: Inside, password: bytes, days: int | None) -> KeptPassword:
    """Hash a password under a salt of its own; it is good for so many days from today on (G-209)."""
    salt = inside.suite.random(SALT_BYTES)
    expires = None if days is None else (inside.now.date() + timedelta(days=days)).isoformat()
    return KeptPassword(salt, inside.suite.slow_hash(password, salt), expires)


def give_password(inside: Inside, user: User, password: bytes) -> None:
    """Set an account's password, good for the account's period."""
    kept = keep_password(inside, password, user.password_days)
    user.salt, user.hash, user.password_expires = kept.salt, kept.hash, kept.expires


def demand_password(inside: Inside, user: User, password: bytes) -> None:
    """Compare an account's password. Raises `AccountLocked` or `LogonFailed`.

    The failure is durable before the comparison, so that a crash or a race gives no guess away; a match makes the count
    0 again, with whatever the command makes durable next.
    """
    if user.failures >= user.failure_limit:
        raise AccountLocked(user=user.name)  # M-55: until an Administrator modifies the account
    user.failures += 1
    inside.persist()
    if not inside.suite.equal(inside.suite.slow_hash(password, user.salt), user.hash):
        raise LogonFailed
    user.failures = 0


def demand_usable_account(inside: Inside, command: Command, rule: Rule) -> None:
    """Refuse what needs a role to a user whose account ran out or was locked while logged on (M-55).

    FIG. 6 has judged state and role before, and nothing here makes either other than it is: this judges the account. A
    password that has expired is good for Change Password alone. Who is refused here still has what anybody has, logged
    on or not, and may log off.
    """
    asker = inside.asker
    if asker is None or asker.user is None or rule.admits(Role.DEFAULT) or isinstance(command, Logoff):
        return
    user, today = named(inside.cold.users, asker.user), inside.now.date()
    if user.failures >= user.failure_limit:
        raise AccountLocked(user=user.name)
    if is_past(user.account_expires, today):
        raise AccountExpired(user=user.name)
    if is_past(user.password_expires, today) and not isinstance(command, ChangePassword):
        raise PasswordExpired(user=user.name)


def demand_first_users(users: Iterable[NewUser]) -> None:
    """Refuse first users among whom one of the minimal set is missing. Raises `UserSetIncomplete`."""
    held = Counter(user.role for user in users)
    for role, least in MINIMAL_USERS.items():
        if held[role] < least:
            raise UserSetIncomplete(missing=f"{least} {role}")


def demand_no_fewer(inside: Inside, users: Iterable[User], today: date) -> None:
    """Refuse a change after which the minimal set would miss somebody whom it has now. Raises `UserSetIncomplete`.

    Accounts also run out by themselves: what is missing already hinders no change that makes nothing worse.
    """
    before, after = usable(inside.cold.users, inside.now.date()), usable(users, today)
    for role, least in MINIMAL_USERS.items():
        if after[role] < min(least, before[role]):
            raise UserSetIncomplete(missing=f"{least} {role}")


def usable(users: Iterable[User], today: date) -> Counter[str]:
    """Count the accounts of each role that have not expired."""
    return Counter(user.role for user in users if not is_past(user.account_expires, today))


def is_past(day: str | None, today: date) -> bool:
    """Say whether the last day of something was before today; None is never."""
    return day is not None and day < today.isoformat()
