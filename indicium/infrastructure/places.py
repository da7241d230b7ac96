"""Store and audit copy of one module's chain, and bringing them together with the module's memory.

Separate paths, never one database: a backup that rolled back two together would make the comparison pass.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from indicium.cryptomodule.ports import Clock
from indicium.domain.commands.base import Command
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import (
    ChainClosed,
    HeadsDisagree,
    Inhibited,
    Misconfigured,
    NotSaved,
    RecordConflict,
    StoreFailed,
)
from indicium.domain.failures import noted
from indicium.domain.flow import GENESIS, Changes, Gathered, Head, LastGroup, Receipt, RequestKey, SealedRecord
from indicium.domain.heads import Action, Heads, Verdict, judge
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import Package
from indicium.domain.record import line_hash
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.comparing import Headed, compared, first_difference, parted
from indicium.infrastructure.examining import Begin, Examined, examine
from indicium.infrastructure.mending import mend_end
from indicium.infrastructure.packages import parts_named_in
from indicium.infrastructure.ports import RecordStore
from indicium.infrastructure.redoing import (
    BATCH,
    Met,
    Progress,
    Redo,
    Strange,
    batches,
    demand_free,
    demand_in_force,
    found_among,
    redo,
    unseen,
)

_ARRIVALS: Final = frozenset({"meter-taken", "meter-adopted"})
"""Events of a meter that comes from another module, with a sealed part that this copy does not hold yet."""

_log = logging.getLogger("indicium.places")


class _Dispatched(Protocol):
    """What a module gives out."""

    @property
    def changes(self) -> Changes: ...
    @property
    def head(self) -> Head: ...
    @property
    def failed(self) -> Inhibited | None: ...


class _Module(Headed, Protocol):
    """What is asked of a module here."""

    @property
    def settled(self) -> int: ...

    def resume(self, gathered: Gathered) -> _Dispatched | None:
        """Give out what the store never got."""

    def redo(self, after: Head, until: Head) -> Redo | None:
        """Begin to give the store back what it lost."""

    def say_redone(self, gathered: Gathered) -> _Dispatched | None:
        """Record what the store got back."""

    def heed_failures(self, gathered: Gathered) -> _Dispatched | None:
        """Make of modules that failed what is to be made of them."""

    def closed_by(self, line: bytes) -> str | None:
        """Name the module that closed the chain with this record."""


class _Silent(NamedTuple):
    """A module that nobody asks: it is dead."""

    chain: ChainId
    head: Head = GENESIS
    older: tuple[Head, ...] = ()
    last_groups: tuple[LastGroup, ...] = ()


class _Part(NamedTuple):
    """A sealed static part, and the version of its meter that named it."""

    psd_id: DeviceId
    version: int
    static: bytes


class Places:
    """The store and the audit copy: two of the three places that hold a chain."""

    def __init__(
        self,
        serial: Serial,
        open_store: Callable[[], RecordStore],
        open_copy: Callable[[ChainId], AuditCopy],
        clock: Clock,
    ) -> None:
        """Open the store as the module's one writer. Raises `Misconfigured` or `StoreFailed`."""
        self._serial, self._open_store, self._open_copy, self._clock = serial, open_store, open_copy, clock
        self._store = open_store()
        self._noted = False
        self._copy: AuditCopy | None = None
        self.dead: Places | None = None
        """Those of a dead module, whose chain this one is about to close."""

    @property
    def store(self) -> RecordStore:
        """The store, for whoever reads in it what no request is about."""
        return self._store

    def gather(self, chain: ChainId, requests: Sequence[Command]) -> Gathered:
        """Step 1: read all that the module needs for these requests, in one round trip (E-001)."""
        psd_ids: set[DeviceId] = set()
        keys: set[RequestKey] = set()
        for request in requests:
            if isinstance(request, SessionMessage):
                psd_ids.update(map(DeviceId, request.psd_ids))
            if (psd_id := getattr(request, "psd_id", None)) is not None:
                psd_ids.add(psd_id)
                if (request_id := getattr(request, "request_id", None)) is not None:
                    keys.add(RequestKey(psd_id, request_id))
        gathered: Gathered = self._store.gather(chain, psd_ids, keys)
        return gathered

    def save(self, chain: ChainId, dispatched: _Dispatched, gathered: Gathered) -> Receipt:
        """Step 3: store first, then the audit copy; only when both are durable there is a receipt (O-17, E-614).

        A crash before the store's commit: nothing was released, the module goes back (Auto-Recover). A crash after it,
        before the copy: the copy is completed from the store, and a repeat of the request gets its reply.
        """
        changes = dispatched.changes
        if dispatched.failed is not None and not self._noted:
            self._note(dispatched.failed, chain)
        if changes.closing is not None:
            self._close_other(changes.closing)
        if changes.records or changes.failed:
            self._store.save(changes)
        if changes.records:
            if not self._store.in_its_place:  # nobody would find the records again
                raise StoreFailed(place="store", why="its file is gone, or another was put in its place")
            self._append(changes.records, _new_static_parts(changes, gathered))
        return Receipt(chain, dispatched.head)

    def examine(self, module: Headed, begin: Begin, why: HeadsDisagree) -> Examined | None:
        """Show an inhibited module what store and copy hold, so that it may be set to it (M-64).

        None where the module has no memory to be set. Raises `NotRecovered` where it does not believe it,
        `HeadsDisagree` where store and copy tell two stories.
        """
        copy = self._copy = self._copy or self._open_copy(module.chain)
        heads = compared(self._store, copy, module)
        if not heads.one_story:
            raise why
        with self._refusing_strange(heads.store.sequence):
            return examine(self._store, copy, module.chain, begin, heads)

    def agree(self, chain: ChainId) -> int | None:
        """Bring the copy of a dead module's chain up to the store, and see that they agree; nobody asks its memory.

        Gives the last record of the store where the copy has more: the store was put back, or an adoption was cut off
        behind its mark. Raises `HeadsDisagree` where they tell two stories.
        """
        copy = self._copy = self._copy or self._open_copy(chain)
        dead, newest = _Silent(chain), self._store.head(chain)
        mend_end(self._serial, copy, self._store, dead, 0 if newest is None else newest.sequence - BATCH)
        heads = compared(self._store, copy, dead)
        if not heads.one_story:
            remedy = "Verify both with 'indicium verify' and put the good one back."
            first = first_difference(self._store, copy, chain, heads)
            raise self._refused(
                Verdict(Action.REFUSE, "audit copy", first, "it and the store tell two stories", remedy)
            )
        if heads.copy.sequence > heads.store.sequence:
            return heads.store.sequence
        self._complete_copy(copy, chain, heads, unseen)
        return None

    def copied(self, after: int | None) -> Iterator[list[bytes]]:
        """Give the lines that the copy has behind a record, a batch at a time; none behind None."""
        return batches(() if self._copy is None or after is None else self._copy.lines(after=after))

    def found_among(self, met: Met) -> dict[int, str]:
        """Find which transactions of a dead chain's end the store has already: by their records, and by their names."""
        return found_among(self._store, met)

    def demand_room(self, chain: ChainId, after: int, discarded: Collection[int], there: Mapping[int, str]) -> None:
        """Demand that the store can get the records behind one: that nothing else is `there`, or was taken back.

        Raises `HeadsDisagree`.
        """
        with self._refusing_strange(after):
            demand_in_force(self._store, chain, after, discarded)
            demand_free(there, discarded, after)

    def give_back(self, after: int, made: Iterable[Changes]) -> None:
        """Give the store again what it lost of a dead chain behind a record, each batch in a transaction.

        Raises `HeadsDisagree` where it holds a transaction that it would get, `NotSaved`.
        """
        with self._refusing_strange(after):
            if self._copy is not None:
                for parts in batches(self._copy.static_parts()):
                    self._store.keep_static(parts)
            for changes in made:
                self._store.save(changes)

    def close_chain(self, mark: SealedRecord) -> None:
        """Write the mark that closes this chain into its copy, if it is not there already. Raises `StoreFailed`."""
        if self._copy is not None and self._copy.head() != Head(mark.sequence, line_hash(mark.line)):
            self._copy.append([mark.line])

    def all_records(self, chain: ChainId) -> Iterator[list[bytes]]:
        """Give the lines of a chain as the store has them, a batch at a time."""
        return batches(record.line for record in self._store.records(chain))

    def first_record(self, chain: ChainId) -> SealedRecord | None:
        """Give the record that a chain begins with; after `reconcile` it is the module's own. None without records."""
        return next(self._store.records(chain, upto=1), None)

    def reconnect(self) -> None:
        """Open both places anew, so that nothing of a failed transaction is left. Raises `StoreFailed`."""
        self.close()
        try:
            self._store = self._open_store()
        except Misconfigured as error:  # it was usable before, and may be again: the request is repeated then
            raise StoreFailed(place="store", why=str(error).rstrip(".")) from None

    def forget_chain(self) -> None:
        """Close the copy of a chain that ended with a reset; the next one has its own file (M-90)."""
        if self._copy is not None:
            self._copy.close()
            self._copy = None
        self._noted = False

    def close(self) -> None:
        """Close store and copy."""
        self.forget_chain()
        self._store.close()

    def reconcile(self, module: _Module, progress: Progress = unseen) -> tuple[Action, ...]:
        """Compare the three heads and do what the recovery table says. Raises `HeadsDisagree`.

        Gives what was done. Recovery is the normal path of starting. Each step brings two places together, so a crash
        in between finds a shorter way at the next start. `progress` is told how far a step with many records is.
        """
        with self.noting_failure(module.chain):
            return self._brought_together(module, progress)

    @contextmanager
    def noting_failure(self, chain: ChainId | None = None) -> Iterator[None]:
        """Tell the vault that its module failed, if it does (O-08). `chain`: the module's own, if it is known."""
        try:
            yield
        except ChainClosed:  # an officer saw to it: it is no failure that nobody knows of
            raise
        except Inhibited as why:
            self._note(why, chain)
            raise

    def _note(self, why: Inhibited, chain: ChainId | None) -> None:
        """Say in the store that the module failed, unless the store knows nothing of it: it is another vault's then.

        Where that cannot be said, the module is inhibited all the same.
        """
        try:
            if chain and self._store.head(chain) is None:
                return
            found = next((row for row in self._store.failed_modules() if row.serial == self._serial), None)
            fresh = noted(found, self._serial, self._clock.now(), str(why))
            if fresh is not None:
                self._store.save(Changes((), failed=(fresh,)))
            self._noted = True
        except NotSaved as error:
            _log.warning("module %s: its failure could not be noted: %s", self._serial, error)

    def _brought_together(self, module: _Module, progress: Progress) -> tuple[Action, ...]:
        if not module.chain:
            return ()
        done: list[Action] = []
        self._copy = self._copy or self._open_copy(module.chain)
        mend_end(self._serial, self._copy, self._store, module, module.settled)
        for _ in range(len(Action)):
            heads = compared(self._store, self._copy, module)
            verdict = judge(heads)
            if verdict.action is Action.REFUSE:
                verdict = judge(heads._replace(parted=parted(self._store, self._copy, module.chain, heads)))
            _log.info("module %s: %s", self._serial, verdict.action.value)
            if verdict.action is Action.GO and self._copy.lost_parts:
                self._complete_parts(self._copy, module.chain)
                done.append(Action.COMPLETE_COPY)
            if verdict.action is Action.GO:
                self._save_own(module.chain, lambda seen: module.say_redone(seen) or module.heed_failures(seen))
                return tuple(done)
            done.append(verdict.action)
            if verdict.action is Action.COMPLETE_COPY:
                self._complete_copy(self._copy, module.chain, heads, progress)
            elif verdict.action is Action.REDO and (way := module.redo(heads.store, heads.copy)) is not None:
                self._redo(self._copy, module.chain, way, heads, progress)
            elif verdict.action is Action.RESUME:
                self._save_own(module.chain, module.resume)
            else:
                raise self._closed(module, self._copy) or self._refused(verdict)
        why = "it changes while it is compared"
        remedy = "See to it that no other process writes this chain, and start again."
        raise self._refused(Verdict(Action.REFUSE, "store", module.head.sequence, why, remedy))

    def _closed(self, module: _Module, copy: AuditCopy) -> ChainClosed | None:
        """Tell whether another module closed this chain, whose module was believed to be dead (ADR 0025)."""
        newest = self._store.head(module.chain)
        lines = [b"" if newest is None else newest.line, *(line for line in [copy.last_line()] if line)]
        by = next(filter(None, map(module.closed_by, lines)), None)
        return None if by is None else ChainClosed(serial=self._serial, by=by)

    def _save_own(self, chain: ChainId, made: Callable[[Gathered], _Dispatched | None]) -> None:
        """Save what the module gives out of itself, if it does."""
        gathered = self._store.gather(chain, (), ())
        own = made(gathered)
        if own is not None:
            self.save(chain, own, gathered)

    def _close_other(self, mark: SealedRecord) -> None:
        """Close a dead module's chain, in its copy first (ADR 0025).

        A crash behind it: whoever comes back for the dead module finds the mark, and is inhibited; nothing of the
        adoption is stored, so Auto-Recover discards it, and the next adoption finds the mark and goes on.
        """
        if self.dead is None:
            raise StoreFailed(place="audit copy of the dead module", why="it is not open any more")
        self.dead.close_chain(mark)

    def _append(self, records: Sequence[SealedRecord], static: Sequence[Package]) -> None:
        if self._copy is None:
            self._copy = self._open_copy(records[0].chain)
        self._copy.append([record.line for record in records], static)

    def _redo(self, copy: AuditCopy, chain: ChainId, way: Redo, heads: Heads, progress: Progress) -> None:
        with self._refusing_strange(heads.store.sequence):
            redo(self._store, copy, chain, way, heads.store, heads.copy, progress)

    @contextmanager
    def _refusing_strange(self, after: int) -> Iterator[None]:
        """Refuse a store that has something else in the place of what it lost."""
        try:
            yield
        except (Strange, RecordConflict) as error:
            found = error if isinstance(error, Strange) else Strange.transaction(after, error.constraint)
            raise self._refused(Verdict(Action.REFUSE, "store", found.sequence, found.why, found.remedy)) from None

    def _complete_copy(self, copy: AuditCopy, chain: ChainId, heads: Heads, progress: Progress) -> None:
        """Append what the store has and the copy has not: a crash, or a full disk, before the copy."""
        done, missing = 0, heads.store.sequence - heads.copy.sequence
        for records in batches(self._store.records(chain, after=heads.copy.sequence)):
            copy.append([record.line for record in records], self._parts(parts_named_in(records)))
            progress(done := done + len(records), missing)

    def _complete_parts(self, copy: AuditCopy, chain: ChainId) -> None:
        """Write the sealed parts that this chain named last of each meter again: without them no store is redone."""
        newest: dict[DeviceId, tuple[str, int]] = {}
        for records in batches(self._store.records(chain)):
            newest |= {psd_id: (digest, version) for (psd_id, digest), version in parts_named_in(records).items()}
        for some in batches(newest.items()):
            copy.append((), self._parts({(psd_id, digest): version for psd_id, (digest, version) in some}))
        copy.lost_parts = False

    def _parts(self, named: Mapping[tuple[DeviceId, str], int]) -> list[_Part]:
        """Give the sealed parts that records name, not those of today: their meters may be at another module since."""
        found = self._store.static_parts(list(named))
        return [_Part(part[0], version, found[part]) for part, version in named.items() if part in found]

    def _refused(self, verdict: Verdict) -> HeadsDisagree:
        return HeadsDisagree(
            serial=self._serial,
            place=verdict.place,
            sequence=verdict.sequence,
            why=verdict.why,
            remedy=verdict.remedy,
        )


def _new_static_parts(changes: Changes, gathered: Gathered) -> list[Package]:
    """Give the packages whose static part is new to this copy, which keeps each one once.

    That is what the group made, and what came with a meter from another module.
    """
    arrived = {record.psd_id for record in changes.records if record.event in _ARRIVALS}
    return [
        package
        for package in changes.packages
        if package.psd_id in arrived
        or (before := gathered.packages.get(package.psd_id)) is None
        or before.static != package.static
    ]
