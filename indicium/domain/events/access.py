"""Events of access control (J): who may do what, and who asked. Names, roles and last days, and nothing secret."""

from typing import Literal

from indicium.domain.events.base import Data, Event, NoData, Value


class NamedUser(Value):
    """A user of the access control database, without anything secret."""

    name: str
    role: str
    account_expires: str | None = None
    """Last day of the account (G-207); None: it does not expire."""
    password_expires: str | None = None
    """Last day of the password (G-208); None: it does not expire."""


class UsersData(Data):
    """The first users (B-02)."""

    users: tuple[NamedUser, ...]


class NewAccountData(Data):
    """A user that was entered (B-21)."""

    user: NamedUser


class DeletedAccountData(Data):
    """A user that was removed (B-22)."""

    name: str
    role: str


class ModifiedAccountData(Data):
    """A user's profile that was changed (B-23): what of it, and the last days that it has now."""

    name: str
    changed: tuple[str, ...]
    """Members of the command that said something; what a limit or a period is now is not said."""
    account_expires: str | None
    password_expires: str | None


class ChangedPasswordData(Data):
    """The envelope's user chose a new password (B-29)."""

    password_expires: str | None
    """Last day of the new one."""


class ClockData(Data):
    """The module's clock was set (B-30): RFC 3339 in UTC, as the envelope says times."""

    before: str
    after: str


class RefusedData(Data):
    """A refusal that is recorded (I-32): who asked is in the envelope, the reason code too."""

    code: str
    """Stable code of the error."""
    named: str | None = None
    """The user that a refused logon named; None if there is no such user."""


class AccessControlDatabaseInitialized(Event):
    """The minimal user set was entered."""

    event: Literal["access-control-database-initialized"]
    data: UsersData


class AdministrationBegun(Event):
    """The Security Officer opened the Administrative state (C-05)."""

    event: Literal["administration-begun"]
    data: NoData


class AdministrationEnded(Event):
    """The Security Officer closed the Administrative state (C-06)."""

    event: Literal["administration-ended"]
    data: NoData


class AccountCreated(Event):
    """An Administrator entered a user."""

    event: Literal["account-created"]
    data: NewAccountData


class AccountDeleted(Event):
    """An Administrator removed a user."""

    event: Literal["account-deleted"]
    data: DeletedAccountData


class AccountModified(Event):
    """An Administrator changed a user's profile, or unlocked it."""

    event: Literal["account-modified"]
    data: ModifiedAccountData


class AccessControlDatabaseViewed(Event):
    """An Administrator was shown the users."""

    event: Literal["access-control-database-viewed"]
    data: NoData


class PasswordChanged(Event):
    """The envelope's user chose a new password."""

    event: Literal["password-changed"]
    data: ChangedPasswordData


class ClockSet(Event):
    """An Administrator set the module's clock, forward or back. This record bears the new time already."""

    event: Literal["clock-set"]
    data: ClockData


class UserLoggedOn(Event):
    """The envelope's user logged on."""

    event: Literal["user-logged-on"]
    data: NoData


class UserLoggedOff(Event):
    """The envelope's user logged off."""

    event: Literal["user-logged-off"]
    data: NoData


class CurrentUserRoleQueried(Event):
    """Somebody asked which role is logged on, where such is audited (B-62 … B-64)."""

    event: Literal["current-user-role-queried"]
    data: NoData


class CurrentUserIdQueried(Event):
    """Somebody asked who is logged on, where such is audited (B-62 … B-64)."""

    event: Literal["current-user-id-queried"]
    data: NoData


class StatusGiven(Event):
    """Somebody asked for the module's status, where such is audited (B-62 … B-64)."""

    event: Literal["status-given"]
    data: NoData


class CommandRefused(Event):
    """A command of the module, or a logon, was refused."""

    event: Literal["command-refused"]
    data: RefusedData


AccessEvent = (
    AccessControlDatabaseInitialized
    | AdministrationBegun
    | AdministrationEnded
    | AccountCreated
    | AccountDeleted
    | AccountModified
    | AccessControlDatabaseViewed
    | PasswordChanged
    | ClockSet
    | UserLoggedOn
    | UserLoggedOff
    | CurrentUserRoleQueried
    | CurrentUserIdQueried
    | StatusGiven
    | CommandRefused
)
"""Every event of access control."""
