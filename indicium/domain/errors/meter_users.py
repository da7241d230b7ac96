"""Refusals about the users of a meter and about lost passwords (K, M-17)."""

from dataclasses import dataclass

from indicium.domain.errors.base import Refusal


@dataclass(eq=False)
class UnknownMeterUser(Refusal):
    """The meter has no user of that name (K-15)."""

    sentence = "Meter {psd_id} has no user {user}."
    psd_id: str
    user: str


@dataclass(eq=False)
class MeterUserExpired(Refusal):
    """The user's account is past its last day (K-20)."""

    sentence = "The account of user {user} of meter {psd_id} expired on {expired}: ask a customer administrator."
    psd_id: str
    user: str
    expired: str


@dataclass(eq=False)
class MeterUserLocked(Refusal):
    """The user's failure count has reached its limit (K-20)."""

    sentence = "User {user} of meter {psd_id} failed too often: a customer administrator must unlock the account."
    psd_id: str
    user: str


@dataclass(eq=False)
class PrivilegeMissing(Refusal):
    """The user was not granted what the command needs, or grants what he does not have (K-18, K-19)."""

    sentence = "User {user} of meter {psd_id} does not have the privilege {privilege}."
    psd_id: str
    user: str
    privilege: str


@dataclass(eq=False)
class MaximumTotalExceeded(Refusal):
    """The user would spend more than the maximum total postage (K-20)."""

    sentence = (
        "User {user} of meter {psd_id} would have spent {would_be:dollars} in all, the maximum is {maximum:dollars}."
    )
    psd_id: str
    user: str
    would_be: int
    maximum: int


@dataclass(eq=False)
class MeterUserExists(Refusal):
    """User IDs are unique within a meter (K-15)."""

    sentence = (
        "Meter {psd_id} has a user {user} already, who stays as he is: 'indicium meter users modify' and "
        "'indicium meter users reset-password' change him."
    )
    psd_id: str
    user: str


@dataclass(eq=False)
class MeterUsersFull(Refusal):
    """The package has no room for another user."""

    sentence = "Meter {psd_id} has {most} users, and no room for more: delete one first."
    psd_id: str
    most: int


@dataclass(eq=False)
class OwnAccount(Refusal):
    """Nobody changes or deletes the account that he acts under."""

    sentence = "User {user} of meter {psd_id} cannot change the own account: another customer administrator must."
    psd_id: str
    user: str


@dataclass(eq=False)
class PassphraseUsedBefore(Refusal):
    """The repetition list eliminates reuse of recent passphrases (G-113, E-1101)."""

    sentence = "That passphrase was used for meter {psd_id} before: choose one that is none of the last {last}."
    psd_id: str
    last: int


@dataclass(eq=False)
class UserPasswordExpired(Refusal):
    """The user's password is past its last day; his client looks after that (K-20)."""

    sentence = "The password of user {user} of meter {psd_id} expired on {expired}: reset it first."
    psd_id: str
    user: str
    expired: str


@dataclass(eq=False)
class PassphraseWrong(Refusal):
    """The passphrase that was to prove who asks is another one (M-17). How many are left is not said: to whom?"""

    sentence = (
        "That is not the passphrase of {who} for meter {psd_id}: nothing was changed. Wrong ones in a row lock this "
        "way to a new one; {other} helps, too."
    )
    psd_id: str
    who: str
    other: str
    """Who else proves who asks."""


@dataclass(eq=False)
class PassphraseLocked(Refusal):
    """The customer's passphrase was wrong too often to prove anything (M-17)."""

    sentence = "The passphrase for meter {psd_id} was wrong too often: reset it by the key, or ask the provider."
    psd_id: str
