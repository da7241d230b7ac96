"""Events of what is done under a Master Key Set (H)."""

from typing import Literal

from indicium.domain.events.base import Data, Event, Value


class NotTranslated(Value):
    """A meter that stays as it is, and why."""

    psd: str
    code: str
    """Stable code of the error."""


class TranslatedData(Data):
    """A translation of the packages of some meters (H-06): how many of them came to what."""

    source: str
    target: str
    translated: int
    """So many: they are the records right before this one."""
    passed_over: int
    """So many lay under the target already."""
    refused: tuple[NotTranslated, ...]


class PackagesTranslated(Event):
    """The envelope's user had packages put under another Master Key Set (B-14).

    This says who asked for what, and stands. If the group is lost between memory and store, its transactions are
    discarded, and the record of the Auto-Recover behind this one names each of them.
    """

    event: Literal["packages-translated"]
    data: TranslatedData


MksUsageEvent = PackagesTranslated
"""Every event of the usage of a Master Key Set; what is done to buffers leaves none (B-15 … B-18)."""
