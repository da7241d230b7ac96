"""Handlers of access control (J): the first users, logon, logoff, status."""

import base64
from collections import Counter
from datetime import date, timedelta

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.state import CryptoCard, User
from indicium.cryptomodule.suites import Suite
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase, Logoff, Logon, NewUser
from indicium.domain.errors import (
    AccessControlDatabaseExists,
    AccountExpired,
    AccountLocked,
    LogonFailed,
    SessionRequired,
    UserSetIncomplete,
    UserStillLoggedOn,
)
from indicium.domain.fig6 import Role

SALT_BYTES = 16
"""Length of the salt that each password is hashed with inside."""

MINIMAL_USERS = {Role.ADMINISTRATOR: 1, Role.SECURITY_OFFICER: 1, Role.KEY_CUSTODIAN: 2}
"""The minimal user set (A-84, M-56)."""


def initialize_access_control_database(inside: Inside, command: InitializeAccessControlDatabase) -> Effect:
    """Enter the first users: the minimal set at least (B-02, B-66)."""
    if inside.cold.users:
        raise AccessControlDatabaseExists
    held = Counter(user.role for user in command.users)
    for role, least in MINIMAL_USERS.items():
        if held[role] < least:
            raise UserSetIncomplete(missing=f"{least} {role}")
    if len({user.name for user in command.users}) != len(command.users):
        raise UserSetIncomplete(missing="each name once")
    inside.cold.users = [_user(inside, new) for new in command.users]
    users = [{"name": user.name, "role": user.role} for user in command.users]
    return Effect(
        reply={"users": len(users)},
        event="access-control-database-initialized",
        software="access-control",
        data={"users": users},
    )


def logon(inside: Inside, command: Logon) -> Effect:
    """Log a user on (J-09 … J-12). A failure is durable before the password is compared, so none can be raced."""
    session = inside.session
    if session is None:
        raise SessionRequired(command="Logon")
    if session.user is not None:
        raise UserStillLoggedOn(user=session.user)
    user = next((user for user in inside.cold.users if user.name == command.user), None)
    if user is None:
        inside.suite.slow_hash(command.password, bytes(SALT_BYTES))  # as slow as a known name
        raise LogonFailed
    if user.failures >= user.failure_limit:
        raise AccountLocked(user=user.name)  # M-55: until an Administrator modifies the account
    user.failures += 1
    inside.persist()
    if not inside.suite.equal(inside.suite.slow_hash(command.password, user.salt), user.hash):
        raise LogonFailed
    user.failures = 0
    if _is_past(user.account_expires, inside.now.date()) or _is_past(user.password_expires, inside.now.date()):
        inside.persist()
        raise AccountExpired(user=user.name)
    session.user, session.role, session.timeout_seconds = user.name, user.role, user.timeout_seconds
    return Effect(reply={"role": user.role}, event="user-logged-on", software="access-control", data={})


def logoff(inside: Inside, _command: Logoff) -> Effect:
    """End the logon; the session stays."""
    if inside.session is None or inside.session.user is None:
        raise SessionRequired(command="Logoff")
    return Effect(reply={}, event="user-logged-off", software="access-control", data={}, ends="logon")


def get_status(inside: Inside, _command: GetStatus) -> Effect:
    """Say what state the module is in (N-05). Changes nothing, holds no secret."""
    hot, cold, session = inside.hot, inside.cold, inside.session
    public = _public_keys(inside.suite, cold.card) if cold.card else {"challenge_key": None, "registration_key": None}
    return Effect(
        reply={
            "module": inside.serial,
            "chain": hot.chain,
            "state": inside.state.value,
            "persistent": hot.persistent.value,
            "head": {"sequence": hot.head.sequence, "hash": hot.head.hash},
            "users": bool(cold.users),
            "master_key_set": cold.active.mks if cold.active else None,
            "configured": cold.card is not None,
            "meters": hot.meters,
            "user": session.user if session else None,
            "role": session.role if session else None,
            "totals": hot.totals._asdict(),
            **public,
        }
    )


def _public_keys(suite: Suite, card: CryptoCard) -> dict[str, str]:
    """Give UDSK_ipost and URSK_ipost, which client software embeds, in base64."""
    challenge_key = suite.load_signing_key(card.challenge_key).public().der
    registration_key = suite.exchange_public(card.registration_key)
    return {
        "challenge_key": base64.b64encode(challenge_key).decode(),
        "registration_key": base64.b64encode(registration_key).decode(),
    }


def _user(inside: Inside, new: NewUser) -> User:
    salt = inside.suite.random(SALT_BYTES)
    password_expires = None
    if new.password_days is not None:
        password_expires = (inside.now.date() + timedelta(days=new.password_days)).isoformat()
    return User(
        name=new.name,
        role=new.role,
        salt=salt,
        hash=inside.suite.slow_hash(new.password, salt),
        failure_limit=new.failure_limit,
        timeout_seconds=new.timeout_seconds,
        account_expires=new.account_expires.isoformat() if new.account_expires else None,
        password_expires=password_expires,
    )


def _is_past(day: str | None, today: date) -> bool:
    return day is not None and day < today.isoformat()
