"""Handlers of access control (J): the first users, Administrative state, logon, logoff, and who and what is there."""

from indicium.cryptomodule.accounts import SALT_BYTES, demand_first_users, demand_password, enrolled, is_past, named
from indicium.cryptomodule.auditing import written
from indicium.cryptomodule.handlers.accounts import public
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.domain.commands.access import (
    BeginAdmin,
    EndAdmin,
    InitializeAccessControlDatabase,
    Logoff,
    Logon,
    QueryCurrentUserId,
    QueryCurrentUserRole,
)
from indicium.domain.errors import (
    AccessControlDatabaseExists,
    AccountExpired,
    LogonFailed,
    SessionRequired,
    UnknownAccount,
    UserSetIncomplete,
    UserStillLoggedOn,
)
from indicium.domain.fig6 import ModuleState, Role


def initialize_access_control_database(inside: Inside, command: InitializeAccessControlDatabase) -> Effect:
    """Enter the first users: the minimal set at least (B-02, B-66)."""
    if inside.cold.users:
        raise AccessControlDatabaseExists
    demand_first_users(command.users)
    if len({user.name for user in command.users}) != len(command.users):
        raise UserSetIncomplete(missing="each name once")
    users = [enrolled(inside, new) for new in command.users]
    inside.cold.users = users
    return Effect(
        reply={"users": len(users)},
        event="access-control-database-initialized",
        software="access-control",
        data={"users": [public(user) for user in users]},
    )


def begin_admin(_inside: Inside, _command: BeginAdmin) -> Effect:
    """Open the Administrative state, in which an Administrator acts: dual control (C-05, B-67)."""
    return Effect(
        reply={},
        event="administration-begun",
        software="access-control",
        data={},
        then=ModuleState.ADMINISTRATIVE,
    )


def end_admin(_inside: Inside, _command: EndAdmin) -> Effect:
    """Close the Administrative state (C-06, M-07)."""
    return Effect(
        reply={},
        event="administration-ended",
        software="access-control",
        data={},
        then=ModuleState.OPERATIONAL,
    )


def logon(inside: Inside, command: Logon) -> Effect:
    """Log a user on (J-09 … J-12). Whose password has expired is logged on too, and may change it (M-55)."""
    session = inside.session
    if session is None:
        raise SessionRequired(command="Logon")
    if session.user is not None:
        raise UserStillLoggedOn(user=session.user)
    try:
        user = named(inside.cold.users, command.user)
    except UnknownAccount:
        inside.suite.slow_hash(command.password, bytes(SALT_BYTES))  # as slow as a known name
        raise LogonFailed from None
    demand_password(inside, user, command.password)
    today = inside.now.date()
    if is_past(user.account_expires, today):
        inside.persist()
        raise AccountExpired(user=user.name)
    user.last_access = written(inside.now)
    session.user, session.role, session.timeout_seconds = user.name, user.role, user.timeout_seconds
    return Effect(
        reply={"role": user.role, "password_expired": is_past(user.password_expires, today)},
        event="user-logged-on",
        software="access-control",
        data={},
    )


def logoff(inside: Inside, _command: Logoff) -> Effect:
    """End the logon; the session stays."""
    if inside.session is None or inside.session.user is None:
        raise SessionRequired(command="Logoff")
    return Effect(reply={}, event="user-logged-off", software="access-control", data={}, ends="logon")


def query_current_user_role(inside: Inside, _command: QueryCurrentUserRole) -> Effect:
    """Say which role is logged on; Default if none (B-27)."""
    role = inside.session.role if inside.session else None
    return Effect(
        reply={"role": role or Role.DEFAULT},
        event="current-user-role-queried",
        software="access-control",
        data={},
    )


def query_current_user_id(inside: Inside, _command: QueryCurrentUserId) -> Effect:
    """Say who is logged on; None if nobody (B-28)."""
    user = inside.session.user if inside.session else None
    return Effect(reply={"user": user}, event="current-user-id-queried", software="access-control", data={})
