"""Handlers that change and show the access control database (B-21 … B-24, B-29)."""

from typing import Any

from indicium.cryptomodule.accounts import demand_no_fewer, demand_password, enrolled, give_password, named
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.state import User
from indicium.domain.commands.access import (
    MAXIMUM_USERS,
    ChangePassword,
    CreateAccount,
    DeleteAccount,
    ModifyAccount,
    ViewAccessControlDatabase,
)
from indicium.domain.errors import (
    AccessControlDatabaseFull,
    AccountExists,
    AccountLoggedOn,
    BadValue,
    LogonFailed,
    OldPasswordWrong,
    PasswordNotNew,
    SessionRequired,
)


def create_account(inside: Inside, command: CreateAccount) -> Effect:
    """Enter a user (B-21). A person with several roles has an account for each, with a name of its own (L733)."""
    users = inside.cold.users
    if any(user.name == command.user.name for user in users):
        raise AccountExists(user=command.user.name)
    if len(users) >= MAXIMUM_USERS:
        raise AccessControlDatabaseFull(maximum=MAXIMUM_USERS)
    user = enrolled(inside, command.user)
    users.append(user)
    return Effect(
        reply=shown(user),
        event="account-created",
        software="access-control",
        data={"user": public(user)},
    )


def delete_account(inside: Inside, command: DeleteAccount) -> Effect:
    """Remove a user (B-22): not oneself, and nobody whom the minimal user set needs (A-84)."""
    users = inside.cold.users
    user = named(users, command.name)
    if inside.asker is not None and user.name == inside.asker.user:
        raise AccountLoggedOn(user=user.name)
    left = [other for other in users if other is not user]
    demand_no_fewer(inside, left, inside.now.date())
    inside.cold.users = left
    return Effect(
        reply={},
        event="account-deleted",
        software="access-control",
        data={"name": user.name, "role": user.role},
    )


def modify_account(inside: Inside, command: ModifyAccount) -> Effect:
    """Change a user's profile (B-23). What is not given stays; a role never changes.

    An Administrator's new password is not compared with the old one: that would be a guess that nobody counts.
    """
    changed = sorted(command.model_dump(exclude_defaults=True, exclude={"name"}))
    if not changed:
        raise BadValue(field="ModifyAccount", why="it names nothing to change")
    if command.account_unlimited and command.account_expires is not None:
        raise BadValue(field="account_unlimited", why="a last day was given too")
    before = named(inside.cold.users, command.name)
    user = before.model_copy()
    _modify(inside, user, command)
    users = [user if other is before else other for other in inside.cold.users]
    demand_no_fewer(inside, users, inside.now.date())
    inside.cold.users = users
    return Effect(
        reply=shown(user),
        event="account-modified",
        software="access-control",
        data={
            "name": user.name,
            "changed": changed,
            "account_expires": user.account_expires,
            "password_expires": user.password_expires,
        },
    )


def _modify(inside: Inside, user: User, command: ModifyAccount) -> None:
    if command.unlock:
        user.failures = 0
    if command.failure_limit is not None:
        user.failure_limit = command.failure_limit
    if command.timeout_seconds is not None:
        user.timeout_seconds = command.timeout_seconds
    if command.account_unlimited:
        user.account_expires = None
    if command.account_expires is not None:
        user.account_expires = command.account_expires.isoformat()
    if command.password_days is not None:
        user.password_days = command.password_days
    if command.password is not None:
        give_password(inside, user, command.password)


def view_access_control_database(inside: Inside, _command: ViewAccessControlDatabase) -> Effect:
    """Show all accounts, and of a password only until when it is good (B-24, G-211)."""
    return Effect(
        reply={"users": [shown(user) for user in inside.cold.users]},
        event="access-control-database-viewed",
        software="access-control",
        data={},
    )


def change_password(inside: Inside, command: ChangePassword) -> Effect:
    """Replace one's own password (B-29); the old one is proved as at a logon, and counts as one where it is wrong."""
    asker = inside.asker
    if asker is None or asker.user is None:
        raise SessionRequired(command="ChangePassword")
    user = named(inside.cold.users, asker.user)
    try:
        demand_password(inside, user, command.old)
    except LogonFailed:
        raise OldPasswordWrong from None
    if inside.suite.equal(command.old, command.new):
        inside.persist()  # it was no failure
        raise PasswordNotNew
    give_password(inside, user, command.new)
    return Effect(
        reply={"password_expires": user.password_expires},
        event="password-changed",
        software="access-control",
        data={"password_expires": user.password_expires},
    )


def public(user: User) -> dict[str, Any]:
    """Give what a record tells of a new user."""
    return {
        "name": user.name,
        "role": user.role,
        "account_expires": user.account_expires,
        "password_expires": user.password_expires,
    }


def shown(user: User) -> dict[str, Any]:
    """Give what an Administrator is shown of a user (G-211): never the password, nor what is stored of it."""
    return {
        **public(user),
        "last_access": user.last_access,
        "failures": user.failures,
        "failure_limit": user.failure_limit,
        "locked": user.failures >= user.failure_limit,
        "timeout_seconds": user.timeout_seconds,
        "password_days": user.password_days,
    }
