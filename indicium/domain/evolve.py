"""The public state of a module, replayed from its events: pure, without checks and without cryptography.

Registers of meters never live here: they are many, and `projections` folds them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from indicium.domain.amounts import Mills
from indicium.domain.errors import BadRecord
from indicium.domain.events import (
    AccessControlDatabaseInitialized,
    AnyEvent,
    CheckpointRecovered,
    CryptoCardInitialized,
    InitializationStarted,
    MasterKeySetGenerated,
    PsdEvent,
    parse_event,
)
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId
from indicium.domain.registers import NO_TOTALS, Totals


@dataclass(frozen=True, slots=True)
class Discarded:
    """A PSD event whose transaction was rolled back: it stands in the chain, and moved nothing."""

    event: PsdEvent

    @property
    def originator_id(self) -> ChainId:
        """The chain."""
        return self.event.originator_id

    @property
    def originator_version(self) -> int:
        """The audit sequence number."""
        return self.event.originator_version


@dataclass(frozen=True, slots=True)
class ModuleAt:
    """What anybody may know of a module at one of its records."""

    chain: str = ""
    module: str = ""
    sequence: int = 0
    state: str = "uninitialized"
    persistent: str = "uninitialized"
    at: str = ""
    interval: int = 0
    users: tuple[tuple[str, str], ...] = ()
    """Name and role of each user."""
    master_key_sets: tuple[str, ...] = ()
    configured: bool = False
    """Whether the crypto-card is initialized."""
    totals: Totals = NO_TOTALS

    @property
    def id(self) -> ChainId:
        """The chain, as the eventsourcing library calls it."""
        return ChainId(self.chain)

    @property
    def version(self) -> int:
        """The sequence of the newest record folded in, as the eventsourcing library calls it."""
        return self.sequence


def event_of(record: SealedRecord) -> AnyEvent | Discarded:
    """Read a stored record as the event it is; a PSD event whose row has no psd columns was discarded.

    Raises `BadRecord`, also where the row's columns say something else than the record's bytes.
    """
    event = parse_event(record.line)
    if (event.chain, event.sequence, event.event) != (record.chain, record.sequence, record.event):
        raise BadRecord(why=f"record {record.sequence} of chain {record.chain} stands in a row that is not its own")
    return Discarded(event) if record.psd_id is None and isinstance(event, PsdEvent) else event


def replay(state: ModuleAt | None, events: Iterable[AnyEvent | Discarded]) -> ModuleAt | None:
    """Fold events into a state; None for no state and no events. The library's repository takes it as a projector."""
    for event in events:
        state = evolve(state or ModuleAt(), event)
    return state


def evolve(state: ModuleAt, event: AnyEvent | Discarded) -> ModuleAt:
    """Fold one event into the state; a discarded one counts as a record and moves nothing."""
    if isinstance(event, Discarded):
        return _enveloped(state, event.event)
    state = _enveloped(state, event)
    match event:
        case InitializationStarted(data=data):
            return replace(state, interval=data.interval)
        case AccessControlDatabaseInitialized(data=data):
            return replace(state, users=tuple((user.name, user.role) for user in data.users))
        case MasterKeySetGenerated(data=data):
            return replace(state, master_key_sets=(*state.master_key_sets, data.mks))
        case CryptoCardInitialized():
            return replace(state, configured=True)
        case CheckpointRecovered(data=data):
            return replace(state, totals=Totals(Mills(data.downloaded), Mills(data.printed), Mills(data.refunded)))
        case PsdEvent(data=data):
            point = data.checkpoint
            totals = Totals(Mills(point.downloaded), Mills(point.printed), Mills(point.refunded))
            return replace(state, totals=totals)
        case _:
            return state


def _enveloped(state: ModuleAt, event: AnyEvent | PsdEvent) -> ModuleAt:
    return replace(
        state,
        chain=event.chain,
        module=event.module,
        sequence=event.sequence,
        state=event.state,
        persistent=event.persistent,
        at=event.at,
    )


def with_discarded(events: Iterable[AnyEvent], discarded: frozenset[int]) -> Iterable[AnyEvent | Discarded]:
    """Wrap the PSD events whose sequence a recovery record names."""
    for event in events:
        yield Discarded(event) if event.sequence in discarded and isinstance(event, PsdEvent) else event
