"""Who may command a meter, and by what secrets: its customer and its users, as they lie sealed in it (G-119)."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from indicium.cryptomodule.suites import Suite
from indicium.domain.meter_users import PASSPHRASE_FAILURES, REPETITION_LIST, UserRow
from indicium.domain.privileges import Privilege

HMK_BYTES = 32
"""Length of HMK (F-24) as the client sends it."""


class Secrets(NamedTuple):
    """What a client proves itself with (G-107). Its text shows neither."""

    hmk: bytes
    passphrase_hash: bytes

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secrets()"


class Person(BaseModel):
    """Whoever proves himself to a meter: HMK and PW, what PW was before, and how often a proof failed."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    hmk: Annotated[bytes, Field(repr=False)]
    passphrase_hash: Annotated[bytes, Field(repr=False)]
    """PW (F-25)."""
    used_before: Annotated[tuple[bytes, ...], Field(repr=False)] = ()
    """The passphrase repetition list (G-113): what PW was before, the newest first."""
    failures: int = 0
    """Proofs in a row that did not verify."""

    @property
    def limit(self) -> int:
        """Failures that end it: of the customer, the way by the passphrase; of a user, the account."""
        return PASSPHRASE_FAILURES

    @property
    def is_locked(self) -> bool:
        """Whether there were as many failures as there may be."""
        return self.failures >= self.limit

    def has_used(self, suite: Suite, passphrase_hash: bytes) -> bool:
        """Say whether a PW is the present one or one of the list."""
        known = (self.passphrase_hash, *self.used_before)
        return any(suite.equal(one, passphrase_hash) for one in known)

    def renewed(self, secrets: Secrets) -> Self:
        """Give the same person with new secrets and no failures."""
        before = (self.passphrase_hash, *self.used_before)[:REPETITION_LIST]
        return self.model_copy(update={**secrets._asdict(), "used_before": before, "failures": 0})


class MeterUser(Person):
    """A user of a meter (K-15 … K-20)."""

    name: str
    privileges: tuple[Privilege, ...]
    account_expires: date | None = None
    password_expires: date | None = None
    failure_limit: int
    maximum_total: int | None = None
    spent: int = 0

    @property
    def limit(self) -> int:
        """Failures that lock the account (K-20)."""
        return self.failure_limit

    def renewed(self, secrets: Secrets) -> Self:
        """Give the same user with new secrets and no failures; until when they are good is said anew."""
        return super().renewed(secrets).model_copy(update={"password_expires": None})

    def row(self) -> UserRow:
        """Give what an administrator sees."""
        return UserRow(
            name=self.name,
            privileges=tuple(privilege.value for privilege in self.privileges),
            account_expires=_day(self.account_expires),
            password_expires=_day(self.password_expires),
            failures=self.failures,
            failure_limit=self.failure_limit,
            maximum_total=self.maximum_total,
            spent=self.spent,
        )


class Kept(BaseModel):
    """What lies in a package beside HMK and PW of its customer."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    used_before: tuple[bytes, ...] = ()
    failures: int = 0
    users: tuple[MeterUser, ...] = ()


NOTHING_KEPT = Kept()
"""Of a meter that has only its customer, who never lost a password."""


class People(NamedTuple):
    """The customer of a meter, and its users in the order in which they were entered."""

    customer: Person
    users: tuple[MeterUser, ...] = ()

    @classmethod
    def of(cls, secrets: Secrets, kept: Kept) -> Self:
        """Put together what lies in a package in two parts."""
        customer = Person(
            hmk=secrets.hmk,
            passphrase_hash=secrets.passphrase_hash,
            used_before=kept.used_before,
            failures=kept.failures,
        )
        return cls(customer, kept.users)

    @property
    def kept(self) -> Kept:
        """What lies beside the customer's HMK and PW."""
        return Kept(used_before=self.customer.used_before, failures=self.customer.failures, users=self.users)

    def user(self, name: str) -> MeterUser | None:
        """Find a user; names are compared byte for byte."""
        return next((user for user in self.users if user.name == name), None)

    def person(self, name: str | None) -> Person | None:
        """Find a user by name, or the customer by None."""
        return self.customer if name is None else self.user(name)

    def replaced(self, person: Person) -> "People":
        """Put somebody in the place of whom he was."""
        if not isinstance(person, MeterUser):
            return self._replace(customer=person)
        return self._replace(users=tuple(person if user.name == person.name else user for user in self.users))

    def without(self, name: str) -> "People":
        """Take a user out."""
        return self._replace(users=tuple(user for user in self.users if user.name != name))


def names(privileges: Sequence[Privilege]) -> tuple[Privilege, ...]:
    """Give privileges once each, in the order of their list."""
    return tuple(privilege for privilege in Privilege if privilege in privileges)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
