"""Ledger: the engine that one embeds. A request's way: gather, dispatch, save, release.

Requests that arrive together travel together: one thread, the committer, drains a queue, and one group is in flight.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Self

from indicium.cryptomodule.adoption import Adoption
from indicium.cryptomodule.dispatch import CryptoModule
from indicium.cryptomodule.keyring import assign
from indicium.cryptomodule.lines import lines_in
from indicium.cryptomodule.pieces import joined, verify_pieces
from indicium.cryptomodule.verifier import ChainReport, load_key
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.meter import PsdCommand
from indicium.domain.errors import (
    IndiciumError,
    LedgerClosed,
    LedgerExists,
    LedgerMissing,
    MemoryNotAuthentic,
)
from indicium.domain.evolve import ModuleAt
from indicium.domain.fig6 import ModuleState
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure import membership
from indicium.infrastructure.home import Home
from indicium.infrastructure.places import Places
from indicium.infrastructure.records import Records
from indicium.infrastructure.redoing import Progress, unseen
from indicium.infrastructure.segments import segments_of
from indicium.infrastructure.store import Store
from indicium.machine import LocalMachine, Machine
from indicium.parties import ceremony
from indicium.parties.attended import demand_finished, unfinished
from indicium.parties.ceremony import Configuration
from indicium.parties.leased import LeasedMeter
from indicium.parties.office import Office
from indicium.parties.resetting import publish_key_of
from indicium.projections import MeterRow, ModuleRow, Views, module_at
from indicium.settings import Settings

_log = logging.getLogger("indicium.app")

_Job = tuple[Command, "Future[bytes]"]


class Ledger:
    """One module with its store and its audit copy, open in this process.

    Use it as a context manager, or close it: an orderly close seals the tail of the chain.
    """

    def __init__(self, settings: Settings, machine: Machine, progress: Progress = unseen) -> None:
        """Open the three places and compare their heads. Raises `Inhibited` or `Misconfigured`.

        Callers use `open` and `create`.
        """
        self._settings = settings
        self._home = Home(settings.home)
        self._serial = Serial(settings.serial)
        self._machine = machine
        self._process = os.getpid()
        self._queue: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._closed = self._doubt = self._cut_off = False
        self._entrance = threading.Lock()
        self._turn = threading.Lock()  # one group in flight
        self._records: Records | None = None
        self._readers = ExitStack()
        self._places = machine.open_places()
        try:
            with self._places.noting_failure():
                self._memory = machine.open_memory()
        except BaseException:
            self._places.close()
            raise
        try:
            self._module = self._power_up()
            self.recovered = self._places.reconcile(self._module, progress)
            """What was done to bring memory, store and copy together."""
        except BaseException:
            self._memory.close()
            self._places.close()
            raise
        self.office = Office(self._home, machine.suite, machine.clock, self.execute)
        """The parties of this home, for hosts that keep them under one roof."""
        self._committer: threading.Thread | None = None  # begins with the first request that is queued

    @classmethod
    def create(cls, home: Settings | Path | str) -> Self:
        """Make a ledger: a whole unattended ceremony (P-01), or the rest of one that was interrupted.

        Raises `LedgerExists` where the home holds a finished one.
        """
        settings = home if isinstance(home, Settings) else Settings.of(home)
        place = Home(settings.home)
        if place.holds_ledger:
            settings = Settings.read(settings.home)
            if place.audit_key(Serial(settings.serial)).exists():
                raise LedgerExists(home=str(settings.home))
        membership.make_room(settings)
        ledger = cls(settings, LocalMachine(settings))
        try:
            ledger._hold_ceremony(place)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def install(cls, settings: Settings, maker: Path | None = None) -> Self:
        """Make a home with a module as its manufacturer delivers it, Uninitialized, and open it: no ceremony (H-20).

        `maker`: a home whose manufacturer makes this one too; without one this home has its own. Raises `LedgerExists`
        where the home holds a module.
        """
        if Home(settings.home).device(Serial(settings.serial)).exists():
            raise LedgerExists(home=str(settings.home))
        if maker is not None and not Home(maker).holds_ledger:
            raise LedgerMissing(home=str(maker))
        membership.make_room(settings)
        ledger = cls(settings, LocalMachine(settings))
        try:
            ledger.office.manufacture(ledger._serial, None if maker is None else Home(maker))
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def attend(cls, home: Settings | Path | str, progress: Progress = unseen) -> Self:
        """Open a module in whatever state it is. Raises `LedgerMissing`, `LedgerInUse`, `Inhibited` and others."""
        settings = home if isinstance(home, Settings) else Settings.read(home)
        if not Home(settings.home).holds_ledger:
            raise LedgerMissing(home=str(settings.home))
        return cls(settings, LocalMachine(settings), progress)

    @classmethod
    def open(cls, home: Settings | Path | str, progress: Progress = unseen) -> Self:
        """Open a ledger whose ceremony is finished. Raises `CeremonyUnfinished` and what `attend` raises.

        `progress` is told how far it is where many records are to be brought back to store or copy.
        """
        settings = home if isinstance(home, Settings) else Settings.read(home)
        demand_finished(settings)
        ledger = cls(settings, LocalMachine(settings), progress)
        if not ledger.chain:
            memory = Home(settings.home).memory(Serial(settings.serial))
            empty = MemoryNotAuthentic(path=str(memory), why="it is empty, and the ledger is not")
            with closing(ledger), ledger._places.noting_failure():
                raise ledger._module.inhibition or empty
        return ledger

    def __enter__(self) -> Self:
        """Return the open ledger."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    @property
    def settings(self) -> Settings:
        """The settings that this ledger was opened with."""
        return self._settings

    @property
    def chain(self) -> ChainId:
        """The chain that this ledger's module writes."""
        return self._module.chain

    def execute(self, request: Command) -> bytes:
        """Do one request and give its reply. Raises what the module refuses, or `NotSaved`."""
        if not self._take_turn():
            return self.submit([request])[0].result()
        # Nothing waits: the caller's own thread takes the request its way, for handing it over costs as much as a sync.
        try:
            (result,) = self._run([request])
        finally:
            self._turn.release()
        if isinstance(result, IndiciumError):
            raise result
        return result

    def execute_all(self, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Do requests together and give, in order, each one's reply or the error it met."""
        return outcomes_of(self.submit(requests))

    def submit(self, requests: Sequence[Command]) -> list["Future[bytes]"]:
        """Queue requests, all at once; what waits travels in one group, up to the group limit. Never waits for more.

        In asyncio: `await asyncio.wrap_future(future)`. Raises `LedgerClosed`.
        """
        jobs: list[_Job] = [(request, Future()) for request in requests]
        with self._entered():
            if self._committer is None:
                self._committer = threading.Thread(target=self._commit_forever, name="indicium-committer", daemon=True)
                self._committer.start()
            self._queue.put(jobs)
        return [future for _, future in jobs]

    def lease(self, customer: str, license_zip: str) -> LeasedMeter:
        """Lease a meter to a customer, or give the one that the customer has."""
        return self.office.lease(customer, license_zip)

    def meter(self, customer: str) -> LeasedMeter:
        """Give the meter of a customer. Raises `UnknownCustomer`."""
        return self.office.meter(customer)

    def meters(self) -> list[MeterRow]:
        """List the meters with their registers, replayed up to the newest record."""
        with self._views() as views:
            return views.meters()

    def modules(self) -> list[ModuleRow]:
        """Give the module table (G4), replayed up to the newest record."""
        with self._views() as views:
            return views.modules()

    def at(self, sequence: int) -> ModuleAt:
        """Replay the module's public state as it was when record `sequence` of its chain was made.

        Raises `UnknownRecord`.
        """
        with self._entered():
            chain = self.chain
        with Store.open(self._settings.store_url) as store:
            return module_at(store, chain, sequence)

    @property
    def records(self) -> Records:
        """All records of the store as an application of the eventsourcing library, until the ledger closes."""
        with self._entered():
            if self._records is None:
                self._records = Records(self._readers.enter_context(Store.open(self._settings.store_url)))
            return self._records

    def audit(self, head: Head | None = None) -> ChainReport:
        """Verify this ledger's audit copy with the first key that its Auditor exported; `head` was noted last."""
        chain = self._module.chain
        pieces = [partial(lines_in, file.path) for file in segments_of(self._home.audit, self._serial, chain)]
        keys = [load_key(self._home.public(path.name)) for path in self._home.audit_keys(self._serial)]
        return verify_pieces(pieces, assign({chain: partial(joined, pieces)}, keys)[chain], head)

    def look_at(self, dead: Places | None, chain: ChainId | None) -> Adoption | None:
        """Begin to look at the chain of a dead module, to be closed when its meters are adopted; None ends it."""
        with self._turn:
            if chain is not None:  # or a module that is powered up anew for an earlier failure forgets what it saw
                self._make_sure()
            self._places.dead = dead
            return self._module.adopt(chain)

    def hang_up(self, session: str) -> None:
        """Let the module know that the line to whoever opened a session is gone; any other session stays."""
        with self._turn:
            self._module.hang_up(session)

    def reset(self) -> None:
        """Reset the module (C-15, M-74): its memory goes; the chain that ends stays, and its audit key is published."""
        with self._turn:
            # Memory may be lost, and not know the chain that ends.
            for chain in {self._module.chain, *self._home.chains(self._serial)}:
                publish_key_of(self._home, self._serial, self._places.first_record(chain))
            self._module.reset()
            self._places.forget_chain()
            self.office.start_over(self._serial)

    def close(self) -> None:
        """Finish what is queued, seal the tail with one signed record, and let go of the files."""
        if os.getpid() != self._process:
            return
        with self._entrance:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._committer is not None:
            self._committer.join()
        try:
            with self._turn:
                if self._module.unsigned and not (self._doubt or self._cut_off):
                    self._run([CreateAuditEntry(text="closed", signed=True)])
        finally:
            self._memory.close()
            self._places.close()
            self._readers.close()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """Come in, one at a time: whoever does before the close is served, whoever comes after hears of it."""
        if os.getpid() != self._process:
            raise LedgerClosed(why="open in the process that this one was forked from")
        with self._entrance:
            if self._closed:
                raise LedgerClosed(why="closed")
            yield

    def _take_turn(self) -> bool:
        """Take the right to run a group, if nothing waits and no group is in flight. Raises `LedgerClosed`."""
        with self._entered():
            return self._queue.empty() and self._turn.acquire(blocking=False)

    @contextmanager
    def _views(self) -> Iterator[Views]:
        """Open the views on a connection of their own, with every record folded in. Raises `LedgerClosed`."""
        with self._entered():
            pass  # whoever came in before the close may read to the end
        with Store.open(self._settings.store_url) as store:
            views = Views(store.engine)
            views.catch_up(store)
            yield views

    def _power_up(self) -> CryptoModule:
        settings, hardware = self._settings, self._machine.hardware(self._memory)
        rules = settings.checkpoints, settings.switches
        with self._places.noting_failure():
            return CryptoModule(self._serial, hardware, self._machine.suite, *rules)

    def _hold_ceremony(self, home: Home) -> None:
        """Bring the module to Operational; one that was interrupted while Initializing is reset first (C-21)."""
        with Store.open(self._settings.store_url) as store, store.one_ceremony():
            found = membership.members(store)
            membership.demand_serial(found, self._serial, {*home.chains(self._serial), self.chain})
            if self.chain and home.secret(ceremony.PLAN_FILE) is None:
                raise unfinished(home)  # people began it, and their passphrases are nobody's to know
            interrupted = self._module.state in (ModuleState.INITIALIZING, ModuleState.ERROR)
            if interrupted or membership.collides(found, self.chain):
                self.reset()
            devices = membership.devices_of(found, self.chain, self._settings.devices)
            begun = self._module.state is not ModuleState.UNINITIALIZED
            self.office.manufacture(self._serial)
            plan = self.office.ceremony_plan()
            card = self.office.establish(self._settings, devices)
            configuration = Configuration(card, self._settings.signature_interval)
            born = ceremony.perform(self.execute, self._machine.suite, self._serial, plan, configuration, begun=begun)
        self.office.keep_card_keys(born.card)
        home.publish_audit_key(self._serial, born.audit_key)

    def _commit_forever(self) -> None:
        """Drain the queue, group after group, until the ledger closes."""
        waiting: list[_Job] = []
        ends = False
        while waiting or not ends:
            if not waiting:
                jobs = self._queue.get()
                if jobs is None:
                    return
                waiting += jobs
                if not waiting:
                    continue
            ends = ends or self._drain(waiting)
            group = _first_group(waiting[: self._settings.group_limit])
            del waiting[: len(group)]
            self._settle(group)

    def _drain(self, waiting: list[_Job]) -> bool:
        """Take what waits in the queue, up to the group limit; tell whether the ledger closes."""
        while len(waiting) < self._settings.group_limit:
            try:
                jobs = self._queue.get_nowait()
            except queue.Empty:
                return False
            if jobs is None:
                return True
            waiting += jobs
        return False

    def _settle(self, group: Sequence[_Job]) -> None:
        """Run a group and give each future what its request got; whatever happens, none waits for ever."""
        group = [job for job in group if job[1].set_running_or_notify_cancel()]
        if not group:
            return
        try:
            with self._turn:
                results = self._run([request for request, _ in group])
        except BaseException as error:  # noqa: BLE001  # the caller, not this thread, is to hear of it
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            if isinstance(result, IndiciumError):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _run(self, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Take one group its whole way."""
        self._make_sure()
        started = time.monotonic()
        self._cut_off = True  # a store that does not answer is no reason to switch the module off: it was asked nothing
        gathered = self._places.gather(self._module.chain, requests)
        self._cut_off = False
        try:
            dispatched = self._module.dispatch(requests, gathered)
            receipt = self._places.save(self._module.chain, dispatched, gathered)
        except BaseException:  # Ctrl-C too, in the caller's own thread
            # Whatever of memory, store and copy has it: the heads say so before anything else is done.
            self._doubt = True
            raise
        replies = self._module.release(receipt)
        milliseconds = (time.monotonic() - started) * 1000
        _log.debug("%d requests, %d records, %.1f ms", len(requests), len(dispatched.changes.records), milliseconds)
        answered = zip(replies, dispatched.refusals, strict=True)
        return [reply or b"" if refusal is None else refusal for reply, refusal in answered]

    def _make_sure(self) -> None:
        """After a failure, bring the three places together."""
        if self._doubt or self._cut_off:
            self._places.reconnect()
            if self._doubt:  # as after a crash: what the three places hold counts, and nothing that anybody believes
                self._module = self._power_up()
            self._places.reconcile(self._module)
            self._doubt = self._cut_off = False


def outcomes_of(futures: Sequence["Future[bytes]"]) -> list[bytes | IndiciumError]:
    """Wait for what `submit` gave, and give each one's reply or error; raise what is none of this package's."""
    results: list[bytes | IndiciumError] = []
    for future in futures:
        error = future.exception()
        if error is not None and not isinstance(error, IndiciumError):
            raise error
        results.append(future.result() if error is None else error)
    return results


def _first_group(waiting: Sequence[_Job]) -> list[_Job]:
    """Give the jobs that travel together: PSD commands in a row, or one command of the module."""
    if not isinstance(waiting[0][0], PsdCommand):
        return [waiting[0]]
    return list(takewhile(lambda job: isinstance(job[0], PsdCommand), waiting))
