"""The life of a PSD (table D): which command may be done in which state of its package, and what state follows.

"Every command checks the state stored in the package" (D-14). As FIG. 6 is for the module, this table is for a PSD:
nothing else decides on its state.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
    InitializePsd,
    RequestChallenge,
)
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.errors import PsdStateForbids


class PsdState(StrEnum):
    """Operational state of a PSD (G-111), as it stands in its package."""

    RAW = "raw"
    """It has a device ID, keys and empty registers (D-15)."""
    UNLEASED = "unleased"
    """Its public key is certified."""
    ASSIGNED = "assigned"
    """It belongs to a customer, whose secrets it holds."""
    LEASED = "leased"
    """It is licensed: value goes in and out."""
    PWRESET = "pwreset"
    """A lost password is being replaced: value goes in, or back, but nothing is printed (M-17)."""
    WITHDRAWN = "withdrawn"
    """The account is closed. No command, no way back (D-10, D-16, M-75)."""


_RAW, _UNLEASED, _ASSIGNED = PsdState.RAW, PsdState.UNLEASED, PsdState.ASSIGNED
_LEASED, _PWRESET, _WITHDRAWN = PsdState.LEASED, PsdState.PWRESET, PsdState.WITHDRAWN

Steps = Mapping[str | None, PsdState]
"""From the state of a package (None: there is none yet) to the state that follows."""

_IN_ALL_BUT_WITHDRAWN: Steps = {state: state for state in PsdState if state is not PsdState.WITHDRAWN}
"""Reads only (D-11, M-18). What is withdrawn is read from the database."""
_BY_THE_CUSTOMER: Steps = {_ASSIGNED: _ASSIGNED, _LEASED: _LEASED}
"""Administration of a multi-user meter (D-12)."""

LIFE: Final[dict[type[Command], Steps]] = {
    InitializePsd: {None: _RAW},  # D-01: once in the life of a PSD
    AuthorizePsd: {_RAW: _UNLEASED},  # D-02
    ConfigurePsd: {_UNLEASED: _ASSIGNED},  # D-03
    AuthorizeCustomer: {_ASSIGNED: _LEASED},  # D-04
    CreateIndicium: {_LEASED: _LEASED},  # D-05
    CreateSheet: {_LEASED: _LEASED},  # D-05, for many items
    CreatePostageCorrectionIndicium: {_LEASED: _LEASED},  # D-06
    DownloadPostageValue: {_LEASED: _LEASED, _PWRESET: _PWRESET},  # D-07
    CreateRefundIndicium: {_LEASED: _WITHDRAWN, _PWRESET: _WITHDRAWN},  # D-08
    ResetPassword: {_LEASED: _PWRESET, _PWRESET: _LEASED},  # D-09, M-17: asked for, completed
    RequestChallenge: _IN_ALL_BUT_WITHDRAWN,  # FIG. 5, 501: registration needs it before there is a customer
    RetrievePsdStatus: _IN_ALL_BUT_WITHDRAWN,  # D-11
    RetrieveUdskPsd: _IN_ALL_BUT_WITHDRAWN,  # D-11
    ResetUserPassword: _BY_THE_CUSTOMER,  # K-18: the meter and its other users go on
    AddUser: _BY_THE_CUSTOMER,  # D-12
    DeleteUser: _BY_THE_CUSTOMER,
    ModifyUserPrivileges: _BY_THE_CUSTOMER,
    ViewUsers: _BY_THE_CUSTOMER,
}
"""For each command on a PSD package: the states in which it may be done, each with the state that follows."""


def advance(command: type[Command], state: str | None, psd_id: str) -> PsdState:
    """Give the state that follows the command; `state` is the package's, None where there is no package yet.

    Raises `PsdStateForbids` (E-602).
    """
    following = LIFE[command].get(state)
    if following is None:
        raise PsdStateForbids(psd_id=psd_id, state=str(state or "not initialized"), command=command.__name__)
    return following
