"""A module beside its places: it compares itself with them, and is brought together with them. It answers nobody.

What a module is asked for by people and clients comes in by another door (`dispatch`).
"""

from dataclasses import dataclass

from indicium.cryptomodule import threshold
from indicium.cryptomodule.booting import detect_boot, power_up
from indicium.cryptomodule.closing import adopter_in
from indicium.cryptomodule.core import Core
from indicium.cryptomodule.evidence import Evidence
from indicium.cryptomodule.ports import Hardware
from indicium.cryptomodule.recovery import give_lost, last_groups, older_heads
from indicium.cryptomodule.redo import Redo, record_redone
from indicium.cryptomodule.suites import Suite
from indicium.domain.errors import CheckpointMismatch, HeadsDisagree, Inhibited, Malformed, Refusal
from indicium.domain.flow import GENESIS, Changes, Gathered, Head, LastGroup
from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import line_hash
from indicium.domain.switches import AS_THE_SEED, BY_DEFAULT, Checkpoints, Switches


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What a group did. The replies stay in the module until a receipt comes."""

    changes: Changes
    refusals: tuple[Refusal | Malformed | Inhibited | None, ...]
    """One for each request, None where it was done."""
    head: Head
    failed: Inhibited | None = None
    """Why the module has failed for good, and counts as such in its vault (O-08)."""


class Recoverable:
    """A module's own side of recovery."""

    def __init__(
        self,
        serial: Serial,
        hardware: Hardware,
        suite: Suite,
        checkpoints: Checkpoints = BY_DEFAULT,
        switches: Switches = AS_THE_SEED,
    ) -> None:
        """Power up: read the memory and check it. Raises `MemoryNotAuthentic`."""
        self._core = Core(serial, hardware, suite, checkpoints, switches)
        self._pending: list[bytes | None] = []
        power_up(self._core)

    @property
    def chain(self) -> ChainId:
        """The chain that this module writes; empty before Start Initialization."""
        return self._core.chain

    @property
    def head(self) -> Head:
        """The newest record that the module's memory knows."""
        return self._core.head

    @property
    def older(self) -> tuple[Head, ...]:
        """The older heads that the module can go back to; the newest is the last that it has seen in the store."""
        return older_heads(self._core.inner, self._core.compared) if self._core.inner else ()

    @property
    def last_groups(self) -> tuple[LastGroup, ...]:
        """The groups that began at these older heads, in the same order."""
        return last_groups(self._core.inner, self._core.compared) if self._core.inner else ()

    @property
    def settled(self) -> int:
        """The newest record that was in all three places before the last group, by number."""
        return self._core.inner.tail.before.sequence if self._core.inner else 0

    def resume(self, gathered: Gathered) -> Dispatched | None:
        """Give out what the store does not have, when it ends where one of the older checkpoints does.

        PSD records come out discarded, followed by a signed record that names them (Auto-Recover, O-10 … O-13); a
        record of the module itself comes out as it is (redo). None if nothing is missing. Raises
        `CheckpointMismatch` if it does not fit (O-14).
        """
        core, inner = self._core, self._core.inner
        if inner is None or head_of(gathered) == self.head:
            return None
        detect_boot(core)
        self._pending = []
        return Dispatched(give_lost(core, inner, gathered, head_of(gathered)), (), self.head)

    def redo(self, after: Head, until: Head) -> Redo | None:
        """Begin to give a store back what it lost: the records behind one head, up to another that memory knows.

        None where memory does not know it.
        """
        core, inner = self._core, self._core.inner
        known = inner is not None and until in (self.head, *older_heads(inner, core.compared))
        return Redo(core, inner, after, until) if inner is not None and known else None

    def examine(self, why: HeadsDisagree, before: Head) -> Evidence | None:
        """Inhibit the module, and begin to look at what it may be set to: the chain behind the record `before`.

        None if it has no memory to be set.
        """
        core = self._core
        core.evidence = None if core.inner is None else Evidence(core.inner, why, before)
        return core.evidence

    def closed_by(self, line: bytes) -> str | None:
        """Give the serial number of the module that closed this one's chain with a record; None if it is no mark."""
        inner = self._core.inner
        by = None if inner is None or inner.desk is None else adopter_in(line, inner.desk.mk_chkpt)
        return None if by is None else by.module

    def say_redone(self, gathered: Gathered) -> Dispatched | None:
        """Record, signed, what the store got back; None if it got nothing. Raises `CheckpointMismatch`."""
        core, inner = self._core, self._core.inner
        if inner is None or inner.hot.redoing == (0, 0):
            return None
        if head_of(gathered) != self.head:
            raise CheckpointMismatch(serial=core.serial)
        detect_boot(core)
        self._pending = []
        changes = record_redone(core, inner, gathered)
        return None if changes is None else Dispatched(changes, (), self.head)

    def heed_failures(self, gathered: Gathered) -> Dispatched | None:
        """Make of failures in the vault what a group would: record a shutdown or its end, say that it is well again.

        None if there is nothing to record or to say. Raises `CheckpointMismatch`.
        """
        core, inner = self._core, self._core.inner
        if inner is None or inner.desk is None or not (gathered.failed or inner.hot.failures):
            return None
        if head_of(gathered) != self.head:
            raise CheckpointMismatch(serial=core.serial)
        detect_boot(core)
        if core.fault is not None:
            return None
        self._pending = []
        group = core.group(inner, inner.hot.copy(), gathered)
        failures = threshold.look(inner, core.switches.shutdown_threshold, gathered.failed)
        threshold.heed(group, inner.desk, failures, gathered.failed)
        core.keep(group)
        changes = group.changes()
        return Dispatched(changes, (), self.head) if changes.records or changes.failed else None


def head_of(gathered: Gathered) -> Head:
    """Give the store's newest record as a head: by its bytes, not by what a column says."""
    record = gathered.head
    return GENESIS if record is None else Head(record.sequence, line_hash(record.line))
