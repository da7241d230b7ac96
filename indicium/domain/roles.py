"""The roles (A-75 … A-83): which sets of commands there are."""

from enum import StrEnum


class Role(StrEnum):
    """Who gives a command. A user of the module has exactly one role (J-12)."""

    SECURITY_OFFICER = "security-officer"
    """Initiates the functions of key management (A-75)."""
    KEY_CUSTODIAN = "key-custodian"
    """Takes and enters the shares of a Master Key Set (A-76, M-10)."""
    ADMINISTRATOR = "administrator"
    """Manages the access control database (A-77)."""
    AUDITOR = "auditor"
    """Manages the audit logs, and nothing else (A-78, J-13)."""
    PROVIDER = "provider"
    """Signs refills and other messages to meters (A-79)."""
    USER = "user"
    """A customer at a meter (A-80)."""
    CERTIFICATE_AUTHORITY = "certificate-authority"
    """Certifies a meter's public key (A-81)."""
    CUSTOMER_ADMINISTRATOR = "customer-administrator"
    """Manages the users of a multi-user meter (A-83)."""
    DEFAULT = "default"
    """The role without logon (A-82)."""


LOGON_ROLES = (Role.SECURITY_OFFICER, Role.KEY_CUSTODIAN, Role.ADMINISTRATOR, Role.AUDITOR)
"""The roles that a user logs on in (J-01). All others are established by each command's own checks (J-18, J-19)."""
