"""The module's one door (the seed's sdx_dispatch, E-001 … E-007).

`dispatch` takes a group of requests with all that was gathered for them: boot detection, FIG. 6, the external
checkpoint, the handler with its numbered checks, the record; then the module's memory is made durable. What comes out
is saved by others, and only their receipt opens the replies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.access import get_status
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.management import MODULE_HANDLERS, WITHOUT_SESSION, answered, unwrapped
from indicium.cryptomodule.pipeline import Outcome, Request, psd_commands
from indicium.cryptomodule.ports import PPD_KEY_BYTES, Hardware, MemoryUpdate
from indicium.cryptomodule.recovery import lost_records, roll_back
from indicium.cryptomodule.sessions import Session
from indicium.cryptomodule.state import Codec, Cold, Hot, Remembered, RingEntry, Tail
from indicium.cryptomodule.suites import Suite
from indicium.domain.boot import boot_state
from indicium.domain.commands.access import GetStatus, Logon
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import PsdCommand
from indicium.domain.commands.recovery import AutoRecoverCheckpoint
from indicium.domain.envelope import SessionAnswer, SessionMessage
from indicium.domain.errors import (
    BadValue,
    CheckpointMismatch,
    CryptoCardNotInitialized,
    Inhibited,
    Malformed,
    MemoryNotAuthentic,
    ModuleInError,
    NotSaved,
    Refusal,
    SessionMessageNotAuthentic,
    SessionRequired,
)
from indicium.domain.fig6 import ModuleState, Record, Role, Rule, authorize
from indicium.domain.flow import GENESIS, Changes, Gathered, Head, Receipt
from indicium.domain.identity import ChainId, Serial
from indicium.domain.lifecycle import LIFE
from indicium.domain.record import line_hash
from indicium.domain.switches import AS_THE_SEED, Switches

NO_CHAIN = ChainId("")
"""The chain of a module that was never initialized."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What a group did. The replies stay in the module until a receipt comes."""

    changes: Changes
    refusals: tuple[Refusal | Malformed | Inhibited | None, ...]
    """One for each request, None where it was done."""
    head: Head


class CryptoModule:
    """An emulated cryptographic module 110: one chain, one writer."""

    def __init__(
        self,
        serial: Serial,
        hardware: Hardware,
        suite: Suite,
        *,
        ring: int = 3,
        switches: Switches = AS_THE_SEED,
    ) -> None:
        """Power up: read the memory and check it. Raises `MemoryNotAuthentic`."""
        self._serial, self._suite = serial, suite
        self._memory, self._ppd, self._device, self._clock = hardware
        self._ring, self._switches = ring, switches
        self._booted = False  # M-04: the boot detection flag is volatile
        self._boot_recorded = False
        self._boot_error: str | None = None
        self._session: Session | None = None
        self._pending: list[bytes | None] = []
        self._inner: Inner | None = None
        self._state = ModuleState.UNINITIALIZED
        content = self._memory.load()
        if content is not None:
            codec = Codec(suite, self._ppd.load())
            remembered = codec.decode(content, serial)
            if remembered.hot.serial != serial:
                raise MemoryNotAuthentic(path=serial, why=f"it is that of module {remembered.hot.serial}")
            self._inner = Inner(suite, codec, remembered)
            self._state = self._inner.hot.persistent

    @property
    def chain(self) -> ChainId:
        """The chain that this module writes; empty before Start Initialization."""
        return self._inner.hot.chain if self._inner else NO_CHAIN

    @property
    def head(self) -> Head:
        """The newest record that the module's memory knows."""
        return self._inner.hot.head if self._inner else GENESIS

    @property
    def seen(self) -> Head:
        """The newest record that the module has seen in the store when its last group began."""
        return self._inner.tail.before if self._inner else GENESIS

    @property
    def state(self) -> ModuleState:
        """Current State; before the first function after a boot, what Persistent State says."""
        return self._state

    @property
    def unsigned(self) -> int:
        """Length of the unsigned tail, in records."""
        return self._inner.hot.unsigned if self._inner else 0

    def dispatch(self, requests: Sequence[Request], gathered: Gathered) -> Dispatched:
        """Do a group of requests: PSD commands together, a command of the module alone.

        Refusals are given for each request. Raises `CheckpointMismatch` where the module does nothing at all, and
        `StoreFailed` where its memory could not be written; then nothing was done.
        """
        if self._inner is not None and _head(gathered) != self.head:  # E-004, O-01
            raise CheckpointMismatch(serial=self._serial)
        self._detect_boot()
        group: Group | None
        if self._boot_error is not None and self._inner is not None:
            group, outcomes = self._enter_error(self._inner, self._boot_error, requests, gathered)
        elif isinstance(requests[0], PsdCommand):
            group, outcomes = self._psd_commands(requests, gathered)
        else:
            group, outcomes = self._module_command(requests[0], gathered)
        self._pending = [reply for reply, _ in outcomes]
        changes = group.changes() if group else Changes(())
        return Dispatched(changes, tuple(refusal for _, refusal in outcomes), self.head)

    def resume(self, gathered: Gathered) -> Dispatched | None:
        """Give out what the store never got, when the store ends where memory saw it last.

        PSD records come out discarded, followed by a signed record that names them (Auto-Recover, O-10 … O-13); a
        record of the module itself comes out as it is (redo). None if nothing is missing. Raises
        `CheckpointMismatch` if it does not fit (O-14).
        """
        inner = self._inner
        if inner is None or _head(gathered) == self.head:
            return None
        if _head(gathered) != inner.tail.before:
            raise CheckpointMismatch(serial=self._serial)
        self._pending = []
        if all(record.psd_id is None for record in inner.tail.records):
            return Dispatched(Changes(lost_records(self.chain, inner.tail)), (), self.head)
        self._detect_boot()
        authorize(AutoRecoverCheckpoint, self._state, Role.DEFAULT)
        accepted = next((entry for entry in inner.hot.ring[:-1] if entry.head == inner.tail.before), None)
        if accepted is None:  # O-11: one of the older internal records, or nothing
            raise CheckpointMismatch(serial=self._serial)
        group = self._group(inner, inner.hot.copy(), gathered)
        forget = roll_back(group, inner.tail, accepted)
        lost = lost_records(self.chain, inner.tail)
        tail = group.tail(inner.tail.before)
        self._write(group, inner.cold, inner.tail.followed_by(tail), forget=forget)
        return Dispatched(Changes([*lost, *group.records]), (), self.head)

    def release(self, receipt: Receipt) -> list[bytes | None]:
        """Open the replies of the last group against the receipt of its save (O-17); None where it was refused."""
        if (receipt.chain, receipt.head) != (self.chain, self.head):
            raise CheckpointMismatch(serial=self._serial)
        replies, self._pending = self._pending, []
        return replies

    def reset(self) -> None:
        """Reset: erase all memory and be Uninitialized again (C-15). An event of the device, not a command (M-74)."""
        self._memory.erase()
        self._inner = self._session = None
        self._state, self._booted = ModuleState.UNINITIALIZED, False

    def _detect_boot(self) -> None:
        """Find out whether this is the first function after a boot, and what state follows (C-18 … C-26)."""
        if self._booted:
            return
        self._booted, self._boot_recorded = True, False
        if self._inner is None:
            return
        hot = self._inner.hot
        boot = boot_state(hot.persistent, has_active_mks=self._inner.cold.active is not None)
        if boot.current is ModuleState.ERROR and hot.persistent is not ModuleState.ERROR:
            self._boot_error = f"booted in the {hot.persistent} state"
        self._state, hot.persistent = boot.current, boot.persistent

    def _enter_error(
        self, inner: Inner, cause: str, requests: Sequence[Request], gathered: Gathered
    ) -> tuple[Group, list[Outcome]]:
        """Record that the boot led to the Error state; nothing but Get Status is answered."""
        group = self._group(inner, inner.hot.copy(), gathered)
        data = orjson.dumps({"cause": cause, "fatal": inner.hot.persistent is ModuleState.ERROR})
        group.record(Entry("error-entered", "boot", "Boot", data, signed=True))
        self._write(group, inner.cold, group.tail(inner.hot.head))
        status = orjson.dumps(get_status(self._inside(), GetStatus()).reply)
        return group, [
            (status, None) if isinstance(request, GetStatus) else (None, self._unavailable(request))
            for request in requests
        ]

    def _psd_commands(self, requests: Sequence[Request], gathered: Gathered) -> tuple[Group | None, list[Outcome]]:
        inner = self._inner
        if inner is None or inner.desk is None or self._state is not ModuleState.OPERATIONAL:
            return None, [(None, self._unavailable(request)) for request in requests]
        group = self._group(inner, inner.hot.copy(), gathered)
        outcomes = psd_commands(group, inner.desk, requests)
        if group.records:
            self._write(group, inner.cold, group.tail(inner.hot.head))
        return group, outcomes

    def _unavailable(self, request: Request) -> Refusal | Inhibited:
        """Say why the module does not do a command at all just now (B-67, M-06)."""
        if self._state is ModuleState.ERROR:
            return ModuleInError(serial=self._serial, remedy="start it again; if that does not help, reset it")
        try:
            authorize(type(request), self._state, Role.DEFAULT)
        except Refusal as refusal:
            return refusal
        return CryptoCardNotInitialized()

    def _module_command(self, request: Request, gathered: Gathered) -> tuple[Group | None, list[Outcome]]:
        """Do one command of the module: in its session, or one of the few that need none."""
        inside = self._inside()
        command: Command = request
        try:
            if isinstance(request, SessionMessage):
                command = unwrapped(request, inside)
            role = Role(inside.session.role) if inside.session and inside.session.role else Role.DEFAULT
            rule = authorize(type(command), self._state, role, self._switches)
            if command is request and not isinstance(request, WITHOUT_SESSION):
                raise SessionRequired(command=type(request).__name__)  # J-07
            handler = MODULE_HANDLERS.get(type(command))
            if handler is None:
                raise BadValue(field="command", why="it does not travel in a session")
            effect = handler(inside, command)
        except (Refusal, Malformed) as refusal:
            return self._refused(request, command, refusal, inside, gathered)
        group = self._done(command, effect, rule, inside, gathered)
        self._session = None if effect.ends == "session" else inside.session
        if effect.refusal is not None:
            effect.refusal.__dict__["recorded"] = group is not None
            return group, [self._refusal_of(request, effect.refusal, inside)]
        reply = answered(request, inside.session, SessionAnswer(reply=effect.reply))
        if effect.ends == "logon" and inside.session is not None:
            inside.session.log_off()
        return group, [(reply, None)]

    def _inside(self) -> Inside:
        """Give a handler the module's state to work on: copies, but for the session."""
        inner = self._inner
        inside = Inside(
            self._suite,
            self._serial,
            inner.hot.copy() if inner else Hot(self._serial, NO_CHAIN, self._state, 1),
            inner.cold.model_copy(deep=True) if inner else Cold(audit_key=b""),
            self._state,
            self._clock.now(),
            inner.trail if inner else None,
            self._session,
            lambda: self._persist(inside),
            self._switches,
        )
        return inside

    def _done(
        self,
        command: Command,
        effect: Effect,
        rule: Rule,
        inside: Inside,
        gathered: Gathered,
    ) -> Group | None:
        """Record what a module command did and move the state: Current first, Persistent last (C-29)."""
        if effect.event is None:
            return None
        inner = self._inner
        key = self._suite.random(PPD_KEY_BYTES) if inside.fresh else b""
        if inside.fresh or inner is None:
            codec = Codec(self._suite, key)
            inner = Inner(self._suite, codec, Remembered(inside.hot, inside.cold, Tail()))
        before_state, before_head = self._state, inside.hot.head
        self._state = effect.then or self._state
        group = self._group(inner, inside.hot, gathered)
        session = inside.session
        entry = Entry(
            effect.event,
            effect.software,
            type(command).__name__,
            orjson.dumps(effect.data),
            session.user if session else None,
            session.role if session else None,
            effect.refusal.reason if effect.refusal else 0,
            signed=effect.signed or rule.record is Record.SIGNED,
        )
        group.record(entry)
        if effect.then is not None:
            group.hot.persistent = effect.then
        try:
            if inside.fresh:
                self._memory.erase()
                self._ppd.renew(key)
                self._inner, self._booted = inner, True
            # A copy: what a fresh module remembers is the very same object, and must be written all the same.
            cold = inner.cold if inside.cold == inner.cold and not inside.fresh else inside.cold.model_copy()
            self._write(group, cold, group.tail(before_head))
        except NotSaved:
            self._state, self._session = before_state, None
            if inside.fresh:  # nothing was there before, and nothing is now
                self._inner = None
            raise
        return group

    def _refused(
        self, request: Request, command: Command, refusal: Refusal | Malformed, inside: Inside, gathered: Gathered
    ) -> tuple[Group | None, list[Outcome]]:
        """Record the refusal of a module command or logon: who asked for what (I-32). Nothing else changes.

        That of a command on a PSD writes nothing, whether the command has a handler or not.
        """
        group, by_itself = None, command is request and type(command) in LIFE
        if self._inner is not None and not by_itself and not isinstance(command, GetStatus):
            group = self._group(self._inner, self._inner.hot.copy(), gathered)
            session = inside.session
            named = command.user if isinstance(command, Logon) else None
            data = {"code": refusal.code, "named": named}
            entry = Entry(
                "command-refused",
                "access-control",
                type(command).__name__,
                orjson.dumps(data),
                session.user if session else None,
                session.role if session else None,
                refusal.reason,
            )
            group.record(entry)
            self._write(group, self._inner.cold, group.tail(self._inner.hot.head))
            refusal.__dict__["recorded"] = True
        return group, [self._refusal_of(request, refusal, inside)]

    def _refusal_of(self, request: Request, refusal: Refusal | Malformed, inside: Inside) -> Outcome:
        """Give a refusal as an outcome: inside the session's answer, if the request came in the session."""
        authentic = inside.session is not None and not isinstance(refusal, SessionMessageNotAuthentic)
        if authentic and isinstance(request, SessionMessage):
            answer = SessionAnswer(refused=refusal.code, facts=vars(refusal))
            return answered(request, inside.session, answer), None
        return None, refusal

    def _group(self, inner: Inner, hot: Hot, gathered: Gathered) -> Group:
        """Begin a group."""
        now = self._clock.now()
        return Group(
            self._suite,
            inner.trail,
            inner.codec,
            hot,
            self._state,
            now,
            now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
            gathered,
            inner.meters,
            boot=not self._boot_recorded,
        )

    def _write(self, group: Group, cold: Cold, tail: Tail, forget: Sequence[str] = ()) -> None:
        """Make a group durable in the module's memory; only then does it count.

        A crash before this: nothing happened. A crash after this, before the store has it: `resume`.
        """
        inner = self._inner
        if inner is None:
            raise CheckpointMismatch(serial=self._serial)
        hot = group.hot
        hot.ring = (*hot.ring, RingEntry(hot.head, hot.totals))[-self._ring :]
        sealed = inner.codec.seal_cold(hot, cold) if cold is not inner.cold else None
        encoded_tail = inner.codec.encode_tail(hot, tail)
        update = MemoryUpdate(inner.codec.encode_hot(hot), encoded_tail, sealed, group.rows(), forget)
        self._memory.write(update)
        inner.take(hot, cold, tail, group.meters, forget)
        self._boot_recorded, self._boot_error = True, None

    def _persist(self, inside: Inside) -> None:
        """Make the secret part durable in the middle of a command (a logon's failure count)."""
        inner = self._inner
        if inner is None:
            return
        hot = inner.hot.copy()
        sealed = inner.codec.seal_cold(hot, inside.cold)
        self._memory.write(MemoryUpdate(inner.codec.encode_hot(hot), None, sealed))
        inner.hot, inner.cold = hot, inside.cold.model_copy(deep=True)
        inside.hot.cold_generation, inside.hot.cold_digest = hot.cold_generation, hot.cold_digest


def _head(gathered: Gathered) -> Head:
    """Give the store's newest record as a head: by its bytes, not by what a column says."""
    record = gathered.head
    return GENESIS if record is None else Head(record.sequence, line_hash(record.line))
