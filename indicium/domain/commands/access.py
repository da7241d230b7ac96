"""Access control (J-20): the users, who is logged on, the clock and the status."""

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from indicium.domain.commands.base import Bytes32, Command, Name, Password
from indicium.domain.kinds.base import Day
from indicium.domain.roles import LOGON_ROLES, Role


def _logon_role(role: Role) -> Role:
    if role not in LOGON_ROLES:
        raise ValueError("nobody logs on in this role")  # noqa: TRY003, EM101  # pydantic's protocol for validators
    return role


_MOMENT: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?")


def _moment(value: object, info: ValidationInfo) -> object:
    """Read a time in JSON; a number, also one in a text, is none: nobody can tell what it counts from."""
    if info.mode != "json":
        return value
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("a time, as in 2026-11-30T17:30:00Z")  # noqa: TRY003, EM101  # pydantic's protocol
    return datetime.fromisoformat(value)


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A time; in JSON as RFC 3339 writes it, and in no other form."""

FailureLimit = Annotated[int, Field(ge=1, le=100)]
TimeoutSeconds = Annotated[int, Field(ge=1, le=86_400)]
PasswordDays = Annotated[int, Field(ge=1, le=36_500)]

MAXIMUM_USERS = 1000
"""Accounts that a module's access control database holds at most."""


class NewUser(Command):
    """The profile of a user to be entered (G2)."""

    name: Name
    """Username (G-201)."""
    role: Annotated[Role, AfterValidator(_logon_role)]
    """The user's one role (G-202), one that logs on."""
    password: Password
    failure_limit: FailureLimit = 3
    """Failed logons in a row that lock the account (G-205, M-55)."""
    timeout_seconds: TimeoutSeconds = 900
    """Seconds of inactivity that end a logon (G-206, M-55)."""
    account_expires: Day | None = None
    """Last day of the account (G-207); None: it does not expire."""
    password_days: PasswordDays | None = None
    """Days for which a new password is good (G-209); None: it does not expire."""


class InitializeAccessControlDatabase(Command):
    """Enter the first users: at least the minimal set (B-02, A-84)."""

    users: Annotated[tuple[NewUser, ...], Field(min_length=1, max_length=MAXIMUM_USERS)]


class BeginAdmin(Command):
    """Go to the Administrative state (B-19; the seed also says Start Admin, M-35)."""


class EndAdmin(Command):
    """Go back from the Administrative state to Operational (B-20)."""


class CreateAccount(Command):
    """Enter a user (B-21)."""

    user: NewUser


class DeleteAccount(Command):
    """Remove a user (B-22)."""

    name: Name


class ModifyAccount(Command):
    """Change a user's profile, or unlock it (B-23, M-55). What is not given stays; a role never changes (J-12)."""

    name: Name
    unlock: bool = False
    """Whether the failure count begins at 0 again."""
    password: Annotated[Bytes32 | None, Field(repr=False)] = None
    """A new password, for a user who has forgotten the old one; it is good for the account's password period."""
    failure_limit: FailureLimit | None = None
    timeout_seconds: TimeoutSeconds | None = None
    account_expires: Day | None = None
    """A new last day of the account."""
    account_unlimited: bool = False
    """Whether the account's last day goes."""
    password_days: PasswordDays | None = None
    """A new period, for the passwords that follow."""


class ViewAccessControlDatabase(Command):
    """Show users, roles, expiration and last access, never passwords (B-24, G-211)."""


class Logon(Command):
    """Log a user on by name and password, inside a session (B-25, J-09)."""

    user: Name
    password: Password


class Logoff(Command):
    """End the logon; the session stays (B-26)."""


class QueryCurrentUserRole(Command):
    """Say which role is logged on (B-27)."""


class QueryCurrentUserId(Command):
    """Say who is logged on (B-28)."""


class ChangePassword(Command):
    """Replace one's own password (B-29). The old one is asked for again; a failure counts as a failed logon."""

    old: Password
    new: Password


class SetClock(Command):
    """Set the module's internal clock (B-30)."""

    at: Moment
    """What time it is now: aware."""


class GetStatus(Command):
    """Say which state the module is in, without any secret (B-31, C-38)."""

    challenge: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """128 random bits in hex, which the answer repeats under its signature: it is no older than they are."""
