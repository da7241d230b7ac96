"""Refusals of FIG. 6, of sessions, logons and accounts (tables B, C, J)."""

from dataclasses import dataclass

from indicium.domain.errors.base import Refusal


@dataclass(eq=False)
class CommandNotAllowed(Refusal):
    """FIG. 6: the module's state and the user's role do not allow the command (B-00a)."""

    sentence = "{command} is not allowed in the {state} state for the role {role}."
    command: str
    state: str
    role: str


@dataclass(eq=False)
class CommandNotYetSupported(Refusal):
    """FIG. 6 knows the command, this version of the module has no handler for it."""

    sentence = "{command} is not supported by this version."
    command: str


@dataclass(eq=False)
class SessionRequired(Refusal):
    """A command that needs session security was sent without it (J-07)."""

    sentence = "{command} needs an open session: open one and send the command inside it."
    command: str


@dataclass(eq=False)
class SessionAlreadyOpen(Refusal):
    """One management session at a time (J-08)."""

    sentence = "Another session is open: close it first."


@dataclass(eq=False)
class SessionMessageNotAuthentic(Refusal):
    """The MAC of a session message does not verify, or its counter was used (J-05, J-06)."""

    sentence = "The session message is not authentic, or not the next one."


@dataclass(eq=False)
class UserStillLoggedOn(Refusal):
    """A session cannot be closed while a user is logged on (J-09); one user at a time (J-12)."""

    sentence = "{user} is logged on: log off first."
    user: str


@dataclass(eq=False)
class LogonFailed(Refusal):
    """No such user, or not this password. Which of the two is not said."""

    sentence = "The user name or the passphrase is wrong."


@dataclass(eq=False)
class AccountLocked(Refusal):
    """The failure count reached the account's limit (M-55)."""

    sentence = "The account {user} is locked after too many failed logons: an Administrator unlocks it."
    user: str


@dataclass(eq=False)
class AccountExpired(Refusal):
    """The account's last day has passed (G-207)."""

    sentence = "The account {user} has expired: an Administrator gives it a later last day."
    user: str


@dataclass(eq=False)
class PasswordExpired(Refusal):
    """The password's last day has passed (G-208): it is good for changing it, and for nothing else (M-55)."""

    sentence = (
        "The password of {user} has expired: change it in the Operational state, "
        "or an Administrator gives the account a new one."
    )
    user: str


@dataclass(eq=False)
class OldPasswordWrong(Refusal):
    """Change Password asks for the old one again (B-29)."""

    sentence = "The old passphrase is wrong. It counts as a failed logon."


@dataclass(eq=False)
class PasswordNotNew(Refusal):
    """A password is changed to another one."""

    sentence = "The new passphrase is the old one: choose another."


@dataclass(eq=False)
class AccountExists(Refusal):
    """A name is one account's, byte for byte (G-201)."""

    sentence = "There is an account {user} already: an account has one role and a name of its own."
    user: str


@dataclass(eq=False)
class UnknownAccount(Refusal):
    """The access control database has no account of that name. Names are compared byte for byte."""

    sentence = "There is no account {user}: view the access control database."
    user: str


@dataclass(eq=False)
class AccountLoggedOn(Refusal):
    """Nobody deletes the account that is logged on."""

    sentence = "The account {user} is logged on: another Administrator deletes it."
    user: str


@dataclass(eq=False)
class AccessControlDatabaseFull(Refusal):
    """The access control database holds so many accounts and no more."""

    sentence = "The module holds {maximum} accounts already: delete one first."
    maximum: int


@dataclass(eq=False)
class UserSetIncomplete(Refusal):
    """The access control database needs the minimal user set (A-84, M-56)."""

    sentence = "The users must include {missing}."
    missing: str


@dataclass(eq=False)
class EncryptionRequired(Refusal):
    """A command that carries what is secret was sent in the clear (J-10)."""

    sentence = "{command} carries what is secret: send it encrypted."
    command: str


@dataclass(eq=False)
class SessionBufferNotAuthentic(Refusal):
    """A buffer's MAC or token does not verify under the keys of this session (B-35, B-37)."""

    sentence = "The {what} was not made in this session, or was altered."
    what: str


@dataclass(eq=False)
class AccessControlDatabaseExists(Refusal):
    """The access control database is initialized once in a module's life (C-36)."""

    sentence = "The access control database is initialized already."
