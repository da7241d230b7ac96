"""A customer's lost password, and the users of a multi-user meter (E-1101, K)."""

from typing import Annotated, Literal

from pydantic import Field

from indicium.domain.commands.base import Name
from indicium.domain.commands.meter import (
    Authenticator,
    Challenge,
    ClientCommand,
    PsdCommand,
    PsdId,
    Register,
    RequestId,
)
from indicium.domain.kinds.base import Day
from indicium.domain.privileges import ON_THE_PSD, Privilege

SealedSecrets = Annotated[bytes, Field(min_length=1, max_length=4096)]
"""HMK and PW under URSK_ipost, made by the client of whoever they are (G-905)."""

Privileges = Annotated[tuple[Privilege, ...], Field(max_length=len(Privilege))]

FailureLimit = Annotated[int, Field(ge=1, le=100)]
"""Proofs in a row that do not verify until the account is locked (K-20)."""


class ResetPassword(PsdCommand):
    """Ask for, and later complete, the replacement of the customer's lost password (B-51, M-17).

    Without secrets it asks: a leased meter goes to Password Reset, where nothing is printed. With them it completes.
    """

    psd_id: PsdId
    request_id: RequestId
    client_challenge: Challenge
    module_challenge: Challenge
    proof: Literal["provider", "hmk", "passphrase"]
    """Who asks: the provider by VDSK_auth, the customer by HMK, or by PW where HMK is lost."""
    secrets: SealedSecrets | None = None
    """The new HMK and PW, bound to the meter and to this exchange of challenges."""
    authenticator: Authenticator
    """A signature under VDSK_auth, a MAC under HMK, or PW under URSK_ipost, bound to all of the above."""


class ResetUserPassword(PsdCommand):
    """Replace the password and HMK of one user at once; the meter and its other users go on (B-51, K-18)."""

    psd_id: PsdId
    request_id: RequestId
    client_challenge: Challenge
    module_challenge: Challenge
    user: Name
    """Whose secrets are replaced."""
    proof: Literal["customer", "hmk", "passphrase"]
    """Who asks: the customer by his HMK, or the user by his own or by his PW."""
    secrets: SealedSecrets
    """The new HMK and PW, bound to the meter, the user and the module's challenge."""
    authenticator: Authenticator
    """A MAC under HMK, or PW under URSK_ipost, bound to all of the above."""


class AddUser(ClientCommand):
    """Enter a user of a meter (B-55). The secrets come from the user's own client: who enters him never sees them."""

    name: Name
    """The new user's ID (K-15), unique within the meter."""
    privileges: Privileges = ON_THE_PSD
    account_expires: Day | None = None
    """Last day of the account; None: it does not expire."""
    password_expires: Day | None = None
    """Last day of the password, which the client looks after (K-20)."""
    failure_limit: FailureLimit = 10
    maximum_total: Register | None = None
    """Most that the user may spend in all, in mills (K-20); None: whatever DR holds (K-04)."""
    secrets: SealedSecrets
    """HMK and PW, bound to the meter, the user and the module's challenge."""


class DeleteUser(ClientCommand):
    """Remove a user of a meter (B-55)."""

    name: Name


class ModifyUserPrivileges(ClientCommand):
    """Grant or revoke privileges of a meter's user, or change the account (B-55). What is not given stays."""

    name: Name
    grant: Privileges = ()
    revoke: Privileges = ()
    unlock: bool = False
    """Whether the failure count begins at 0 again."""
    account_expires: Day | None = None
    account_unlimited: bool = False
    """Whether the account's last day goes."""
    password_expires: Day | None = None
    password_unlimited: bool = False
    """Whether the password's last day goes."""
    failure_limit: FailureLimit | None = None
    maximum_total: Register | None = None
    """A new maximum; what was spent under the one before counts, what was spent without one does not."""
    maximum_unlimited: bool = False
    """Whether the maximum goes."""


class ViewUsers(ClientCommand):
    """Show all users of a meter, never passwords (B-55)."""
