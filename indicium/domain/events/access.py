"""Events of access control (J): who may do what, and who asked."""

from typing import Literal

from indicium.domain.events.base import Data, Event, NoData, Value


class NamedUser(Value):
    """A user of the access control database, without anything secret."""

    name: str
    role: str


class UsersData(Data):
    """The first users (B-02)."""

    users: tuple[NamedUser, ...]


class RefusedData(Data):
    """A refusal that is recorded (I-32): who asked is in the envelope, the reason code too."""

    code: str
    """Stable code of the error."""
    named: str | None = None
    """The user that a refused logon named."""


class AccessControlDatabaseInitialized(Event):
    """The minimal user set was entered."""

    event: Literal["access-control-database-initialized"]
    data: UsersData


class UserLoggedOn(Event):
    """The envelope's user logged on."""

    event: Literal["user-logged-on"]
    data: NoData


class UserLoggedOff(Event):
    """The envelope's user logged off."""

    event: Literal["user-logged-off"]
    data: NoData


class CommandRefused(Event):
    """A command of the module, or a logon, was refused."""

    event: Literal["command-refused"]
    data: RefusedData


AccessEvent = AccessControlDatabaseInitialized | UserLoggedOn | UserLoggedOff | CommandRefused
"""Every event of access control."""
