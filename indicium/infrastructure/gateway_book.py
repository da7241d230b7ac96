"""A gateway's own file (FIG. 9): its users, and who printed what. Nothing of the meter's secrets is in it."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from indicium.domain.errors import GatewayUserExists, GatewayUserLocked, GatewayUserMissing
from indicium.infrastructure.books import Book

_FORM: Final = b"GTW1"

FAILURE_LIMIT: Final = 5
"""Failed logons in a row after which a user is locked (K-20)."""


class UseState(StrEnum):
    """What the log knows of a request."""

    ASKED = "asked"
    """It was sent on; what became of it is not known: the user who repeats it gets the item, and the log too."""
    PRINTED = "printed"
    """There is an item."""
    REFUSED = "refused"
    """There is none."""


class Use(NamedTuple):
    """One line of the usage log."""

    number: int
    user: str
    request: str
    """Request id of the item in the ledger's records."""
    value: int
    """Value in mills."""
    asked_at: str
    """UTC, RFC 3339."""
    state: UseState
    code: str | None
    """Why it was refused: the error's stable code."""
    psd_version: int | None
    """Number of the meter's transaction."""
    record: str | None
    """Hash of the record of that transaction."""
    item_sha256: str | None


class UserSum(NamedTuple):
    """What a user has printed; a user who was removed stays in the log."""

    user: str
    items: int
    value: int
    """In mills."""


_tables = MetaData()

_users: Final = Table(
    "users",
    _tables,
    Column("user", Text, primary_key=True),
    Column("passphrase", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
)

_usage: Final = Table(
    "usage",
    _tables,
    Column("number", Integer, primary_key=True),
    Column("user", Text, nullable=False, index=True),
    Column("request", Text, nullable=False, unique=True),
    Column("value", BigInteger, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text),
    Column("psd_version", BigInteger),
    Column("record", Text),
    Column("item_sha256", Text),
)


class GatewayBook(Book):
    """The users and the usage log of one gateway. Durable when a method returns."""

    def __init__(self, path: Path) -> None:
        """Open it, or begin it. Raises `StoreNotUsable` or `StoreFailed`."""
        super().__init__(path, _tables, _FORM)

    def add_user(self, user: str, passphrase: str) -> None:
        """Enter a user with the slow hash of a passphrase. Raises `GatewayUserExists`.

        A name that was removed is not given out again: the log would say that the new one did what the old one did.
        """
        with self.writing() as connection:
            if connection.execute(select(_users).where(_users.c.user == user)).one_or_none() is not None:
                raise GatewayUserExists(user=user)
            connection.execute(insert(_users).values(user=user, passphrase=passphrase, failures=0, removed=False))

    def remove_user(self, user: str) -> None:
        """Take a user's access away. Raises `GatewayUserMissing`."""
        with self.writing() as connection:
            _change(connection, user, removed=True)

    def unlock(self, user: str) -> None:
        """Forget a user's failed logons. Raises `GatewayUserMissing`."""
        with self.writing() as connection:
            _change(connection, user, failures=0)

    def demand_user(self, user: str) -> None:
        """Demand that a user was not removed meanwhile. Raises `GatewayUserMissing`."""
        with self.reading() as connection:
            query = select(_users.c.user).where(_users.c.user == user, _users.c.removed.is_(False))
            if connection.execute(query).one_or_none() is None:
                raise GatewayUserMissing(user=user)

    def attempt(self, user: str) -> str | None:
        """Count a failed logon before the passphrase is compared, and give its hash; None for no such user.

        Whoever pulls the plug at a wrong passphrase has used up an attempt. Raises `GatewayUserLocked`.
        """
        with self.writing() as connection:
            row = connection.execute(
                select(_users).where(_users.c.user == user, _users.c.removed.is_(False))
            ).one_or_none()
            if row is None:
                return None
            if row.failures >= FAILURE_LIMIT:
                raise GatewayUserLocked(user=user, failures=row.failures)
            _change(connection, user, failures=row.failures + 1)
            return str(row.passphrase)

    def asked(self, user: str, request: str, value: int, at: str) -> None:
        """Note a request before it is sent on. One that was refused may be asked again, for something else too."""
        with self.writing() as connection:
            found = connection.execute(select(_usage.c.state).where(_usage.c.request == request)).one_or_none()
            asked = {"value": value, "asked_at": at, "state": UseState.ASKED.value, "code": None}
            if found is None:
                connection.execute(insert(_usage).values(user=user, request=request, **asked))
            elif found.state == UseState.REFUSED:
                connection.execute(update(_usage).where(_usage.c.request == request).values(asked))

    def printed(self, request: str, psd_version: int, record: str, item_sha256: str) -> None:
        """Note the item that a request has."""
        done = {"psd_version": psd_version, "record": record, "item_sha256": item_sha256}
        with self.writing() as connection:
            row = update(_usage).where(_usage.c.request == request)
            connection.execute(row.values(state=UseState.PRINTED.value, **done))

    def refused(self, request: str, code: str) -> None:
        """Note that a request has no item, and why; one that has an item keeps it."""
        with self.writing() as connection:
            row = update(_usage).where(_usage.c.request == request, _usage.c.state == UseState.ASKED.value)
            connection.execute(row.values(state=UseState.REFUSED.value, code=code))

    def usage(self, user: str | None = None) -> Sequence[Use]:
        """Give the log, all of it or one user's, in the order in which was asked."""
        query = select(_usage).order_by(_usage.c.number)
        with self.reading() as connection:
            rows = connection.execute(query if user is None else query.where(_usage.c.user == user))
            return [Use(*row)._replace(state=UseState(row.state)) for row in rows]

    def sums(self) -> Sequence[UserSum]:
        """Give the sum of what each user printed, by name."""
        printed = select(_usage.c.user, func.count(), func.sum(_usage.c.value))
        query = printed.where(_usage.c.state == UseState.PRINTED.value).group_by(_usage.c.user).order_by(_usage.c.user)
        with self.reading() as connection:
            return [UserSum(*row) for row in connection.execute(query)]


def _change(connection: Connection, user: str, **values: object) -> None:
    row = update(_users).where(_users.c.user == user, _users.c.removed.is_(False))
    if not connection.execute(row.values(values)).rowcount:
        raise GatewayUserMissing(user=user)
