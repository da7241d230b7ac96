"""The public state of a module, replayed from its events: pure, without checks and without cryptography.

Registers of meters never live here: they are many, and `projections` folds them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from indicium.domain.amounts import Mills
from indicium.domain.errors import BadRecord
from indicium.domain.events import (
    AccessControlDatabaseInitialized,
    AccountCreated,
    AccountDeleted,
    AccountModified,
    AnyEvent,
    AuditKeyCreated,
    ChainClosed,
    CheckpointRecovered,
    CryptoCardInitialized,
    DisasterRecovered,
    FailuresReleased,
    InitializationStarted,
    KeyEvent,
    NamedUser,
    PasswordChanged,
    PsdEvent,
    ShutdownBegun,
    UserLoggedOn,
    parse_event,
)
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId
from indicium.domain.key_sets import ExportAt, KeySetAt, exports_after, held_after
from indicium.domain.registers import NO_TOTALS, Totals

CLOSED: Final = "closed"
"""The state of a module whose chain another one closed: it is none of FIG. 6's, for nothing happens in it any more."""


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


class UserAt(NamedTuple):
    """What the chain tells of a user of the module (G2)."""

    name: str
    role: str
    account_expires: str | None = None
    """Last day of the account; None: it does not expire."""
    password_expires: str | None = None
    """Last day of the password; None: it does not expire."""
    last_access: str | None = None
    """When the user logged on last (G-210): RFC 3339 in UTC; None: never."""


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
    audit_key: str = ""
    """Fingerprint of the audit verification key that the next record names (F-04)."""
    users: tuple[UserAt, ...] = ()
    """The access control database, in the order in which the users were entered."""
    master_key_sets: tuple[KeySetAt, ...] = ()
    """Those that it holds."""
    exports: tuple[ExportAt, ...] = ()
    """Those that it made."""
    shut_down: bool = False
    """Whether it does no command on a PSD, for modules of its vault failed (O-08)."""
    configured: bool = False
    """Whether the crypto-card is initialized."""
    totals: Totals = NO_TOTALS
    suite: str = ""
    """Algorithm suite."""

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
    if isinstance(event, KeyEvent):
        held, made = held_after(state.master_key_sets, event), exports_after(state.exports, event)
        return replace(state, master_key_sets=held, exports=made)
    match event:
        case InitializationStarted(data=data):
            return replace(state, interval=data.interval, audit_key=event.key)
        case AuditKeyCreated(data=data):
            return replace(state, audit_key=data.fingerprint)
        case ChainClosed():
            return replace(state, state=CLOSED)
        case CryptoCardInitialized():
            return replace(state, configured=True)
        case ShutdownBegun() | FailuresReleased():
            return replace(state, shut_down=isinstance(event, ShutdownBegun))
        case CheckpointRecovered(data=data) | DisasterRecovered(data=data):
            return replace(state, totals=Totals(Mills(data.downloaded), Mills(data.printed), Mills(data.refunded)))
        case PsdEvent(data=data):
            point = data.checkpoint
            totals = Totals(Mills(point.downloaded), Mills(point.printed), Mills(point.refunded))
            return replace(state, totals=totals)
        case _:
            return replace(state, users=_users(state.users, event))


def _users(users: tuple[UserAt, ...], event: AnyEvent) -> tuple[UserAt, ...]:
    """Fold an event into the users; most leave them as they are."""
    match event:
        case AccessControlDatabaseInitialized(data=data):
            return tuple(map(_entered, data.users))
        case AccountCreated(data=data):
            return (*users, _entered(data.user))
        case AccountDeleted(data=data):
            return tuple(user for user in users if user.name != data.name)
        case AccountModified(data=data):
            expires, good_until = data.account_expires, data.password_expires
            return _with(
                users, data.name, lambda user: user._replace(account_expires=expires, password_expires=good_until)
            )
        case PasswordChanged(data=data):
            good_until = data.password_expires
            return _with(users, event.user, lambda user: user._replace(password_expires=good_until))
        case UserLoggedOn():
            return _with(users, event.user, lambda user: user._replace(last_access=event.at))
        case _:
            return users


def _entered(user: NamedUser) -> UserAt:
    return UserAt(user.name, user.role, user.account_expires, user.password_expires)


def _with(users: tuple[UserAt, ...], name: str | None, change: Callable[[UserAt], UserAt]) -> tuple[UserAt, ...]:
    """Change one user; names are compared byte for byte."""
    return tuple(change(user) if user.name == name else user for user in users)


def _enveloped(state: ModuleAt, event: AnyEvent | PsdEvent) -> ModuleAt:
    return replace(
        state,
        chain=event.chain,
        module=event.module,
        sequence=event.sequence,
        state=event.state,
        persistent=event.persistent,
        at=event.at,
        suite=event.suite,
    )


def with_discarded(events: Iterable[AnyEvent], discarded: frozenset[int]) -> Iterable[AnyEvent | Discarded]:
    """Wrap the PSD events whose sequence a recovery record names."""
    for event in events:
        yield Discarded(event) if event.sequence in discarded and isinstance(event, PsdEvent) else event
