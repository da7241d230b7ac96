"""What a user of a meter may be allowed to do (K-18, K-19)."""

from enum import StrEnum
from typing import Final


class Privilege(StrEnum):
    """A privilege that a customer administrator grants and revokes."""

    CREATE_INDICIA = "create-indicia"
    RESET_PASSWORD = "reset-password"  # noqa: S105  # the name of a privilege
    """To replace one's own passphrase and HMK."""
    RETRIEVE_STATUS = "retrieve-status"
    RETRIEVE_UDSK_PSD = "retrieve-udsk-psd"
    ADD_USER = "add-user"
    DELETE_USER = "delete-user"
    MODIFY_USER_PRIVILEGES = "modify-user-privileges"
    VIEW_ALL_USERS = "view-all-users"


ON_THE_PSD: Final = (
    Privilege.CREATE_INDICIA,
    Privilege.RESET_PASSWORD,
    Privilege.RETRIEVE_STATUS,
    Privilege.RETRIEVE_UDSK_PSD,
)
"""PSD privileges (K-18): what an employee who prints has."""

ADMINISTRATIVE: Final = tuple(privilege for privilege in Privilege if privilege not in ON_THE_PSD)
"""Administrative privileges (K-19)."""
