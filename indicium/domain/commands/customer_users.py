"""A customer's lost password, and the users of a multi-user meter (E-1101, K)."""

from indicium.domain.commands.base import Command


class ResetPassword(Command):
    """Ask for, and later complete, the replacement of a lost password (B-51, M-17)."""


class AddUser(Command):
    """Enter a user of a meter (B-55)."""


class DeleteUser(Command):
    """Remove a user of a meter (B-55)."""


class ModifyUserPrivileges(Command):
    """Grant or revoke privileges of a meter's user (B-55)."""


class ViewUsers(Command):
    """Show all users of a meter (B-55)."""
