"""Switches of table M: where the specification leaves a choice that a module obeys. The defaults are the seed's."""

from typing import NamedTuple


class Switches(NamedTuple):
    """What a module was told to do otherwise than by default."""

    generate_dormant_mks: bool = False
    """Whether Generate Master Key Set is allowed in Operational too, where it makes a dormant MKS (M-09)."""
    collect_more_shares: bool = False
    """Whether Combine MKS Shares that has too few shares stays in Importing Shares instead of leaving it (M-83)."""

    shutdown_threshold: int = 2
    """How many modules of the vault fail before all of them do no command on a PSD (M-28, O-08)."""


AS_THE_SEED = Switches()
"""Every switch as it is by default."""


class Checkpoints(NamedTuple):
    """How far a module looks back (M-16)."""

    ring: int = 3
    """Checkpoints that its memory keeps: the ends of its last groups."""
    compared: int = 3
    """Checkpoints that the store's head is compared with, the newest among them (O-05)."""


BY_DEFAULT = Checkpoints()
"""The newest, and two older ones to go back to (O-09, O-11)."""
