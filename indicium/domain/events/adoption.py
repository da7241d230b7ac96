"""Events of adoption: a dead module's meters are taken by another, which closes its chain (ADR 0025)."""

from typing import Annotated, Literal

from pydantic import Field

from indicium.domain.events.base import Data, Event, Hex64, Value


class Closing(Value):
    """A record as the end of a chain."""

    sequence: int
    hash: Hex64


class GivenBack(Value):
    """What the store had lost of the dead chain, and gets again from its audit copy: first and last record."""

    first: int
    last: int


class NotAdoptedMeter(Value):
    """A meter that stays as it is, and why."""

    psd: str
    code: str
    """Stable code of the error."""


class AdoptedData(Data):
    """Whose meters were adopted, and how many."""

    module: str
    """Serial number of the dead module."""
    chain: str
    closed: Closing
    """The mark that closes its chain: what this record vouches for, and with it all before."""
    given_back: GivenBack | None = None
    """Absent where the store holds the whole chain. Where it stands no meter is taken yet."""
    adopted: int
    """So many: they are the records right before this one."""
    passed_over: int
    """So many were at home here already."""
    refused: tuple[NotAdoptedMeter, ...]


class MetersAdopted(Event):
    """The envelope's user had the module take meters of a dead one (ADR 0025).

    If the group is lost its transactions are discarded, as with a translation, and this stands.
    """

    event: Literal["meters-adopted"]
    data: AdoptedData


class ClosedBy(Value):
    """The module that closed a chain."""

    module: str
    chain: str


class ClosedData(Data):
    """Who closed the chain of a module that was dead."""

    by: ClosedBy
    mac: Annotated[str, Field(pattern=r"^[0-9a-f]{16,128}$")]
    """Under MK_chkpt."""


class ChainClosed(Event):
    """The chain ends here: another module adopted its module's meters. Not signed, for the key is dead too."""

    event: Literal["chain-closed"]
    data: ClosedData


AdoptionEvent = MetersAdopted | ChainClosed
"""What the adopter's chain says of an adoption, and what the dead one does."""
