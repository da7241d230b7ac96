"""Events in the life of a Master Key Set (H)."""

from typing import Literal

from indicium.domain.events.base import Data, Event


class MksData(Data):
    """A Master Key Set, by its identifier."""

    mks: str
    master: bool
    """True where it was generated, false where it was imported."""


class MasterKeySetGenerated(Event):
    """The module is a master with its own Master Key Set (C-03)."""

    event: Literal["master-key-set-generated"]
    data: MksData


KeyEvent = MasterKeySetGenerated
"""Every event of key management."""
