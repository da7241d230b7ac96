"""The users of one meter (K, G-119): what each may do, and for how long and how much.

The customer of the meter is its first customer administrator: he holds every privilege, has no limit, and stands in no
list. All others are entered by name.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd
from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.privileges import Privilege

MOST_USERS: Final = 100
"""Users that a meter has at most, beside its customer: they travel in its package."""

REPETITION_LIST: Final = 5
"""Passphrases before the present one that may not come again (G-113)."""

PASSPHRASE_FAILURES: Final = 10
"""Wrong passphrases of the customer that end this way of proving who he is; HMK and provider remain (M-17)."""

NEEDED: Final[Mapping[type[Command], Privilege]] = {
    CreateIndicium: Privilege.CREATE_INDICIA,
    CreatePostageCorrectionIndicium: Privilege.CREATE_INDICIA,
    CreateSheet: Privilege.CREATE_INDICIA,
    ResetUserPassword: Privilege.RESET_PASSWORD,
    RetrievePsdStatus: Privilege.RETRIEVE_STATUS,
    RetrieveUdskPsd: Privilege.RETRIEVE_UDSK_PSD,
    AddUser: Privilege.ADD_USER,
    DeleteUser: Privilege.DELETE_USER,
    ModifyUserPrivileges: Privilege.MODIFY_USER_PRIVILEGES,
    ViewUsers: Privilege.VIEW_ALL_USERS,
}
"""The privilege that a user must have for a command (K-18, K-19)."""


class UserRow(BaseModel):
    """A user as View Users shows him (B-55): no key and no password."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: str
    privileges: tuple[str, ...]
    account_expires: str | None
    """Last day of the account; None: it does not expire."""
    password_expires: str | None
    """Last day of the password, which the client looks after (K-20); None: it does not expire."""
    failures: int
    """Proofs in a row that did not verify."""
    failure_limit: int
    """So many lock the account."""
    maximum_total: int | None
    """Most that the user may spend in all, in mills; None: whatever DR holds."""
    spent: int
    """What counts towards the maximum, in mills; 0 where there is none."""
