"""Administration of a meter's users (K-03, B-55): by its customer, or by a user whom he granted that."""

from datetime import date
from typing import Any

import orjson

from indicium.cryptomodule import ladders
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.psd.serving import Effects, check, moved, presented, repeated, settle
from indicium.cryptomodule.people import MeterUser, names
from indicium.cryptomodule.user_checks import named_user, open_user_secrets, people_of
from indicium.domain.commands.customer_users import AddUser, DeleteUser, ModifyUserPrivileges, ViewUsers
from indicium.domain.messages import content


def add_user(group: Group, desk: Desk, command: AddUser) -> bytes:
    """Enter a user, with the secrets that the user's own client sealed (K-15)."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_BY_CLIENT)) is not None:
        return again
    check(ladders.ADD_USER, p)
    user = MeterUser(
        **open_user_secrets(p)._asdict(),
        name=command.name,
        privileges=names(command.privileges),
        account_expires=command.account_expires,
        password_expires=command.password_expires,
        failure_limit=command.failure_limit,
        maximum_total=command.maximum_total,
    )
    people = people_of(p)
    people = people._replace(users=(*people.users, user))
    return settle(group, desk, p, Effects("meter-user-added", moved(group, p), extra=_profile(user), people=people))


def delete_user(group: Group, desk: Desk, command: DeleteUser) -> bytes:
    """Remove a user; what he did stays in the chain."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_BY_CLIENT)) is not None:
        return again
    check(ladders.DELETE_USER, p)
    people = people_of(p).without(command.name)
    extra = _members({"name": command.name})
    return settle(group, desk, p, Effects("meter-user-deleted", moved(group, p), extra=extra, people=people))


def modify_user_privileges(group: Group, desk: Desk, command: ModifyUserPrivileges) -> bytes:
    """Grant and revoke, unlock, and change the account; what is revoked and granted at once is granted."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_BY_CLIENT)) is not None:
        return again
    check(ladders.MODIFY_USER_PRIVILEGES, p)
    before = named_user(p)
    user = before.model_copy(update=_changes(before, command))
    extra = _profile(user) + _members({"unlocked": command.unlock})
    people = people_of(p).replaced(user)
    return settle(group, desk, p, Effects("meter-user-modified", moved(group, p), extra=extra, people=people))


def view_users(group: Group, desk: Desk, command: ViewUsers) -> bytes:
    """Show all users, never what they prove themselves with; who looked stands in the chain."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_BY_CLIENT)) is not None:
        return again
    check(ladders.VIEW_USERS, p)
    rows = [user.row().model_dump() for user in people_of(p).users]
    return settle(group, desk, p, Effects("meter-users-viewed", moved(group, p), more={"users": rows}))


def _changes(user: MeterUser, command: ModifyUserPrivileges) -> dict[str, Any]:
    """Give what a command changes of a user."""
    kept = [privilege for privilege in user.privileges if privilege not in command.revoke]
    maximum = _new(command.maximum_total, user.maximum_total, gone=command.maximum_unlimited)
    return {
        "privileges": names([*kept, *command.grant]),
        "failures": 0 if command.unlock else user.failures,
        "account_expires": _new(command.account_expires, user.account_expires, gone=command.account_unlimited),
        "password_expires": _new(command.password_expires, user.password_expires, gone=command.password_unlimited),
        "failure_limit": command.failure_limit or user.failure_limit,
        "maximum_total": maximum,
        "spent": 0 if maximum is None else user.spent,
    }


def _new(given: Any, before: Any, *, gone: bool) -> Any:  # noqa: ANN401  # a day, or an amount
    """Give what was given, or nothing if it goes, or what was there before."""
    return None if gone else before if given is None else given


def _profile(user: MeterUser) -> bytes:
    """Render what the record says of a user."""
    return _members(
        {
            "name": user.name,
            "privileges": user.privileges,
            "account_expires": user.account_expires,
            "password_expires": user.password_expires,
            "failure_limit": user.failure_limit,
            "maximum_total": user.maximum_total,
        }
    )


def _members(said: dict[str, str | int | bool | date | tuple[str, ...] | None]) -> bytes:
    """Render members of a record's data, a comma before each."""
    return b"," + orjson.dumps(said)[1:-1]
