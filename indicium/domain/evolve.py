"""The public state of a module, replayed from its events: pure, without checks and without cryptography.

Registers of meters never live here: they are many, and `projections` folds them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from indicium.domain.amounts import Mills
from indicium.domain.events import (
    AccessControlDatabaseInitialized,
    AnyEvent,
    CheckpointRecovered,
    CryptoCardInitialized,
    InitializationStarted,
    MasterKeySetGenerated,
    PsdEvent,
)
from indicium.domain.registers import NO_TOTALS, Totals


@dataclass(frozen=True, slots=True)
class Discarded:
    """A PSD event whose transaction was rolled back: it stands in the chain, and moved nothing."""

    event: PsdEvent


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
