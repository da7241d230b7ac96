"""Commands that correct what was printed, or end a meter (E7, E9)."""

from indicium.domain.commands.meter import ClientCommand, Digest, ProviderCommand, Register, Value
from indicium.domain.kinds import Postage


class CreatePostageCorrectionIndicium(ClientCommand):
    """Print a correction, with the steps of create indicium (E7, B-48, M-78). MACed under HMK."""

    value: Value
    """What the postage was short of, in mills."""
    elements: Postage
    """The piece of mail as it is."""
    corrects: Digest
    """SHA-256 over the line of the item that is corrected."""


class CreateRefundIndicium(ProviderCommand):
    """Pay back the whole DR and withdraw the meter (E9, B-49). Signed by the provider."""

    control_total: Register
    """AR + DR of the meter, in mills: the refund is of this very meter's life, and of no other."""
