"""A module under power: what it is built of, its opened memory, and what a reboot takes from it.

How a group of records begins, and how it becomes durable, is said here; which commands are done is said elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from indicium.cryptomodule.adoption import Adoption
from indicium.cryptomodule.auditing import written
from indicium.cryptomodule.evidence import Evidence
from indicium.cryptomodule.faults import Fault
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.module import Inside
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.ports import Hardware, MemoryUpdate
from indicium.cryptomodule.sessions import Session
from indicium.cryptomodule.state import Cold, Hot, RingEntry, Tail
from indicium.cryptomodule.suites import Suite
from indicium.domain.errors import CheckpointMismatch, Inhibited, ModuleTampered
from indicium.domain.fig6 import ModuleState
from indicium.domain.flow import GENESIS, Gathered, Head
from indicium.domain.identity import ChainId, Serial
from indicium.domain.switches import Checkpoints, Switches

NO_CHAIN = ChainId("")
"""The chain of a module that was never initialized."""


class Back(NamedTuple):
    """Where memory goes back to."""

    lost: Tail
    """What it discards."""
    ring: tuple[RingEntry, ...]
    """The checkpoints that are left."""
    earlier: tuple[Tail, ...]
    """The groups that can still be undone."""


class Core:
    """What all parts of the dispatcher share. Everything but the hardware is volatile."""

    def __init__(
        self, serial: Serial, hardware: Hardware, suite: Suite, checkpoints: Checkpoints, switches: Switches
    ) -> None:
        """Put the parts together; nothing is read yet."""
        self.serial, self.hardware, self.suite, self.switches = serial, hardware, suite, switches
        self.ring, self.compared = checkpoints
        self.forget()

    def forget(self) -> None:
        """Be as before power-up: nothing of this survives a reboot."""
        self.inner: Inner | None = None
        """None before Start Initialization."""
        self.state = ModuleState.UNINITIALIZED
        """Current State (C-28)."""
        self.session: Session | None = None
        self.booted = False
        """The boot detection flag: volatile (M-04)."""
        self.boot_recorded = False
        """Whether a record says that the module booted (I-19)."""
        self.fault: Fault | None = None
        """Why Current State is Error."""
        self.fault_recorded = False
        """Whether a record says so, or none can be made."""
        self.evidence: Evidence | None = None
        """What the module may be set to; it is inhibited as long as it is there (O-14)."""
        self.adoption: Adoption | None = None
        """The dead module whose meters may be taken; None as long as none was shown."""
        self.sensor: str | None = None
        """The tamper sensor that was triggered: the module is inoperable (Q-02)."""

    @property
    def chain(self) -> ChainId:
        """The chain that this module writes; empty before Start Initialization."""
        return self.inner.hot.chain if self.inner else NO_CHAIN

    @property
    def head(self) -> Head:
        """The newest record that the module's memory knows."""
        return self.inner.hot.head if self.inner else GENESIS

    @property
    def inhibition(self) -> Inhibited | None:
        """Why the module does nothing; None as long as it is in order."""
        if self.sensor is not None:
            return ModuleTampered(serial=self.serial, sensor=self.sensor)
        return None if self.fault is None else self.fault.refusal(self.serial)

    @property
    def failure(self) -> Inhibited | None:
        """Why the module is of no use until it is reset or repaired, and counts as failed (O-08)."""
        for_good = self.sensor is not None or (self.fault is not None and self.fault.fatal)
        return self.inhibition if for_good else None

    def fail(self, fault: Fault, *, recorded: bool) -> None:
        """Enter the Error state; nobody is in it who could give a command in a session (M-06)."""
        self.state, self.session = ModuleState.ERROR, None
        self.fault, self.fault_recorded = fault, recorded

    def inside(self) -> Inside:
        """Give a handler the module's state to work on: copies, but for the session."""
        inner, now = self.inner, self.now()
        if self.session is not None:
            self.session.end_idle_logon(now)
        inside = Inside(
            self.suite,
            self.serial,
            inner.hot.copy() if inner else Hot(self.serial, NO_CHAIN, self.state, 1),
            inner.cold.model_copy(deep=True) if inner else Cold(audit_key=b""),
            self.state,
            now,
            inner.trail if inner else None,
            self.session,
            lambda: self.persist(inside),
            self.switches,
            self.hardware.device,
            inner.meters if inner else {},
            self.fault,
            evidence=self.evidence,
            adoption=self.adoption,
        )
        return inside

    def now(self) -> datetime:
        """Give the module's own time: the host's clock, and what Set Clock put between them (M-08)."""
        offset = self.inner.hot.clock_offset if self.inner else 0
        return self.hardware.clock.now() + timedelta(microseconds=offset)

    def group(self, inner: Inner, hot: Hot, gathered: Gathered, now: datetime | None = None) -> Group:
        """Begin a group; that of a command of the module has the command's own time."""
        now = now or self.now()
        return Group(
            self.suite,
            inner.trail,
            inner.codec,
            hot,
            self.state,
            now,
            written(now),
            gathered,
            inner.meters,
            boot=not self.boot_recorded,
        )

    def write(
        self, group: Group, cold: Cold, before: Head, *, back: Back | None = None, forget: Sequence[str] = ()
    ) -> None:
        """Make a group durable in the module's memory; only then does it count, the Error state that it leads to too.

        `before` is the head that the store was seen to have; `back` says that it goes back, and where to.
        A crash before this: nothing happened. A crash after this, before the store has it: `resume`.
        """
        inner = self.inner
        if inner is None:
            raise CheckpointMismatch(serial=self.serial)
        if group.fault is not None:
            group.enter_error(group.fault)
        tail, hot = group.tail(before), group.hot
        ring, earlier = hot.ring, inner.tails
        if back is not None:
            tail, ring, earlier = back.lost.followed_by(tail), back.ring, back.earlier
            hot.tails = hot.tails[: len(earlier)]
        hot.ring = (*ring, RingEntry(hot.head, hot.totals))[-self.ring :]
        earlier = earlier[max(0, len(earlier) - self.ring + 2) :]
        sealed = inner.codec.seal_cold(hot, cold) if cold is not inner.cold else None
        slot, encoded = inner.codec.encode_tail(hot, tail, len(earlier))
        update = MemoryUpdate(inner.codec.encode_hot(hot), encoded, sealed, group.rows(), forget, slot)
        self.hardware.memory.write(update)
        inner.take(hot, cold, (*earlier, tail), group.meters, forget)
        self.boot_recorded = True
        if group.fault is not None:
            self.fail(group.fault, recorded=True)

    def keep(self, group: Group) -> None:
        """Make durable what a group has recorded, or has only seen of modules that failed."""
        inner, hot = self.inner, group.hot
        if inner is None:
            return
        if group.records:
            self.write(group, inner.cold, inner.hot.head)
        elif (hot.failures, hot.shut_down) != (inner.hot.failures, inner.hot.shut_down):
            self.hardware.memory.write(MemoryUpdate(inner.codec.encode_hot(hot), None))
            inner.hot = hot

    def persist(self, inside: Inside) -> None:
        """Make the secret part durable in the middle of a command (a logon's failure count)."""
        inner = self.inner
        if inner is None:
            return
        hot = inner.hot.copy()
        sealed = inner.codec.seal_cold(hot, inside.cold)
        self.hardware.memory.write(MemoryUpdate(inner.codec.encode_hot(hot), None, sealed))
        inner.hot, inner.cold = hot, inside.cold.model_copy(deep=True)
        inside.hot.cold_generation, inside.hot.cold_digest = hot.cold_generation, hot.cold_digest
