"""Commands that correct what was printed, or end a meter (E7, E9)."""

from indicium.domain.commands.base import Command


class CreatePostageCorrectionIndicium(Command):
    """Print a correction, with the steps of create indicium (B-48, M-78)."""


class CreateRefundIndicium(Command):
    """Pay back the whole DR and withdraw the meter (B-49, E9)."""
