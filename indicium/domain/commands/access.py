"""Access control (J-20): the users, who is logged on, the clock and the status."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from indicium.domain.commands.base import Command, Name, Password
from indicium.domain.roles import LOGON_ROLES, Role


def _logon_role(role: Role) -> Role:
    if role not in LOGON_ROLES:
        raise ValueError("nobody logs on in this role")  # noqa: TRY003, EM101  # pydantic's protocol for validators
    return role


class NewUser(Command):
    """The profile of a user to be entered (G2)."""

    name: Name
    """Username (G-201)."""
    role: Annotated[Role, AfterValidator(_logon_role)]
    """The user's one role (G-202), one that logs on."""
    password: Password
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 3
    """Failed logons in a row that lock the account (G-205, M-55)."""
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
    """Seconds of inactivity that end a logon (G-206, M-55)."""
    account_expires: date | None = None
    """Last day of the account (G-207); None: it does not expire."""
    password_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days for which a new password is good (G-209); None: it does not expire."""


class InitializeAccessControlDatabase(Command):
    """Enter the first users: at least the minimal set (B-02, A-84)."""

    users: Annotated[tuple[NewUser, ...], Field(min_length=1, max_length=1000)]


class BeginAdmin(Command):
    """Go to the Administrative state (B-19; the seed also says Start Admin, M-35)."""


class EndAdmin(Command):
    """Go back from the Administrative state to Operational (B-20)."""


class CreateAccount(Command):
    """Enter a user (B-21)."""


class DeleteAccount(Command):
    """Remove a user (B-22)."""


class ModifyAccount(Command):
    """Change a user's profile, or unlock it (B-23, M-55)."""


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
    """Replace one's own password (B-29)."""


class SetClock(Command):
    """Set the module's internal clock (B-30)."""


class GetStatus(Command):
    """Say which state the module is in, without any secret (B-31, C-38)."""
