"""The users of a meter, and lost passwords (K, E-1101): each is a transaction of the meter.

Who did it stands in `user`, a member of every PSD record; it is absent where the customer did. A record names a user
and what he may do, never what he proves himself with.
"""

from typing import Literal

from indicium.domain.events.psd import PsdData, PsdEvent


class NamedUserData(PsdData):
    """What was done about a user."""

    name: str
    """The user's ID (K-15)."""


class ProfileData(NamedUserData):
    """A user as he is after it."""

    privileges: tuple[str, ...]
    """What he may do (K-18, K-19)."""
    account_expires: str | None
    """Last day of the account, YYYY-MM-DD; None: it does not expire."""
    password_expires: str | None
    """Last day of the password, which the client looks after (K-20)."""
    failure_limit: int
    """Proofs in a row that do not verify until the account is locked (K-20)."""
    maximum_total: int | None
    """Most that he may spend in all, in mills; None: whatever DR holds."""


class ModifiedUserData(ProfileData):
    """A user as he is after a change."""

    unlocked: bool
    """Whether the failure count began at 0 again."""


class ResetData(PsdData):
    """How whoever asked proved who he is: `provider`, `hmk` or `passphrase`."""

    proof: str


class UserResetData(NamedUserData):
    """Whose secrets were replaced, and how whoever asked proved who he is: `customer`, `hmk` or `passphrase`."""

    proof: str


class ClientRefusedData(PsdData):
    """A proof that did not verify."""

    failures: int
    """How many in a row, this one included."""
    failure_limit: int
    """So many end it."""


class MeterUserAdded(PsdEvent):
    """A user was entered (B-55)."""

    event: Literal["meter-user-added"]
    data: ProfileData


class MeterUserModified(PsdEvent):
    """A user's privileges or account were changed (B-55)."""

    event: Literal["meter-user-modified"]
    data: ModifiedUserData


class MeterUserDeleted(PsdEvent):
    """A user was removed (B-55)."""

    event: Literal["meter-user-deleted"]
    data: NamedUserData


class MeterUsersViewed(PsdEvent):
    """Somebody was shown all users (B-55)."""

    event: Literal["meter-users-viewed"]


class MeterUserPasswordReset(PsdEvent):
    """A user's HMK and PW were replaced (K-18)."""

    event: Literal["meter-user-password-reset"]
    data: UserResetData


class PasswordResetRequested(PsdEvent):
    """The replacement of the customer's password was asked for; the meter prints nothing until then (M-17)."""

    event: Literal["password-reset-requested"]
    data: ResetData


class PasswordReset(PsdEvent):
    """The customer's HMK and PW were replaced; the meter prints again (M-17)."""

    event: Literal["password-reset"]
    data: ResetData


class ClientRefused(PsdEvent):
    """Somebody's proof did not verify, and the failure was counted (K-20). Nothing else changed."""

    event: Literal["client-refused"]
    data: ClientRefusedData


MeterUserEvent = (
    MeterUserAdded
    | MeterUserModified
    | MeterUserDeleted
    | MeterUsersViewed
    | MeterUserPasswordReset
    | PasswordResetRequested
    | PasswordReset
    | ClientRefused
)
"""Every transaction that moves no value, but says who may move it."""
