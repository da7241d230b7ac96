"""One simulated world: the ledger on its machine, those who use it, and what is about to go wrong."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from indicium.app import Ledger
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.errors import AnswerLost, HeadsDisagree, IndiciumError
from indicium.domain.flow import Changes
from indicium.domain.replies import parse_reply
from indicium.simulator.born import born, settings
from indicium.simulator.checkers import Judge, Street, broken
from indicium.simulator.disks import Disks, FileDisk, MemoryState
from indicium.simulator.drawn import Dice, SimulatedClock, Stream
from indicium.simulator.machine import SimulatedMachine
from indicium.simulator.network import Network
from indicium.simulator.outsiders import Outsiders
from indicium.simulator.people import Bank, Client
from indicium.simulator.process import COPY, MEMORY, STATIC, STORE, Crash, Hazards, Process
from indicium.simulator.replayed import Replayed

ATTEMPTS: Final = 8
"""So often somebody tries again before the ledger counts as out of service."""


class Snapshot(NamedTuple):
    """What the three places held at one moment."""

    memory: MemoryState
    log: tuple[Changes, ...]
    copy: bytes
    sealed: bytes


class World:
    """Everything of one run. The same seed gives the same world."""

    def __init__(self, seed: int) -> None:
        """Begin where all worlds begin, with this seed's dice."""
        start = born()
        self.dice = Dice(f"dice {seed}")
        stream = Stream(f"stream {seed}")
        self.suite = Replayed(stream)
        self._outsiders, self._card = Outsiders(start.keys, self.suite, stream.number), start.card
        self.clock = SimulatedClock(start.time)
        self.chain, self.audit_key = start.chain, start.audit_key
        self.disks: Disks = start.disks.copied()
        self.hazards = Hazards()
        self.street = Street()
        self.judge = Judge(self.street)
        self.network = Network(self.execute, self._overheard, self.dice)
        carry = self.network.carry
        self.clients = [Client(self.suite, start.card, kept, carry, self.street) for kept in start.customers]
        for client in self.clients:
            if client.kept.user is not None:
                self.client_of(client.device).administer(client)
        self.bank = Bank(self._outsiders.provider, carry, self.execute, self.street)
        self.ledger: Ledger | None = None
        self.process = Process(self.hazards)
        self._snapshots: deque[Snapshot] = deque(maxlen=6)
        self.oldest = len(self.disks.database.log)
        """Transactions that every backup holds: the world began with them."""
        self.expected: set[str] = set()
        """Codes of the errors that something in this round explains."""
        self.round: list[str] = []
        """What went wrong in this round, in order."""
        self.faults: Counter[str] = Counter()
        """What went wrong so far, by name."""
        self.refused: Counter[str] = Counter()
        """What the ledger refused, by code."""
        self.recovered: Counter[str] = Counter()
        """What came of it when the Security Officer was called."""

    # -- the server ------------------------------------------------------------------------------------------------

    def running(self) -> Ledger:
        """Give the ledger, started if it is not running. Raises what opening says, and `AnswerLost` if it dies."""
        while self.ledger is None:
            self._start()
        return self.ledger

    def _start(self) -> None:
        self.process = process = Process(self.hazards)
        machine = SimulatedMachine(self.disks, process, self.clock, self.suite)
        try:
            opened = Ledger(settings(), machine)
        except Crash:
            raise AnswerLost(why="it ended while it started") from None
        except IndiciumError:
            process.end()
            if process.fenced:  # it slept while it started: who took its disks over serves, or the next one does
                return
            raise
        if process.fenced:
            self._bury(opened)
        else:
            self.ledger = opened

    def execute(self, command: Command) -> bytes:
        """Have one command done. Raises `AnswerLost` if the process ends meanwhile."""
        ledger, process = self.running(), self.process
        try:
            return ledger.execute(command)
        except HeadsDisagree as error:
            raise _heard_from(process, error) from None
        except Crash:
            self._died(ledger)
            raise AnswerLost(why="its process ended") from None
        finally:
            if self.ledger is not ledger:
                self._wake(ledger, command)

    def execute_all(self, commands: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Have a group done."""
        ledger, process = self.running(), self.process
        try:
            outcomes = ledger.execute_all(commands)
        except Crash:
            self._died(ledger)
            raise AnswerLost(why="its process ended") from None
        finally:
            if self.ledger is not ledger:
                self._wake(ledger, commands[0])
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, bytes):
                self._overheard(command, outcome)
        return [_heard_from(process, one) if isinstance(one, HeadsDisagree) else one for one in outcomes]

    def stop(self) -> None:
        """Kill the server, wherever it is."""
        ledger = self.ledger
        self.process.end()
        if ledger is not None:
            self._died(ledger)

    def close(self) -> None:
        """End the server in good order, if it is running."""
        ledger, self.ledger, process = self.ledger, None, self.process
        if ledger is None:
            return
        try:
            ledger.close()
        except Crash:
            raise AnswerLost(why="it ended while it closed") from None
        finally:
            process.end()  # meanwhile another may have taken over, and that one goes on

    def _died(self, ledger: Ledger) -> None:
        """Bury a process that ended."""
        if self.ledger is ledger:
            self.ledger = None
        self._bury(ledger)

    def _wake(self, ledger: Ledger, command: Command) -> None:
        """Let a process that slept, and does not know that another took over, get one more request, and close."""
        with suppress(Crash, IndiciumError):
            self._overheard(command, ledger.execute(command))
        self._bury(ledger)

    def _bury(self, ledger: Ledger) -> None:
        """End a process's threads; a living one closes in good order, as far as it can."""
        with suppress(Crash, IndiciumError):
            ledger.close()

    # -- the world's own steps -------------------------------------------------------------------------------------

    def client_of(self, device: str) -> Client:
        """Give the customer of a meter."""
        return next(client for client in self.clients if (client.device, client.kept.user) == (device, None))

    def lines(self) -> list[bytes]:
        """Give the audit copy's records, as anybody could read them."""
        return bytes(self.disks.copies[self.chain].content).split(b"\n")[:-1]

    def heal(self) -> None:
        """Repair all that is broken: from here on everything must work again."""
        self.calm()
        self.settle()
        self.expected = set()
        for client in self.clients:
            self.attempt(partial(client.go, self.dice))

    def attempt(self, doing: Callable[[], object]) -> bool:
        """Do something that may fail for a reason that is known. Raises `Violation` for any other."""
        try:
            doing()
        except IndiciumError as error:
            self.refused[error.code] += 1
            if error.code not in self.expected:
                broken(f"refused without a reason: {error.code}: {error}")
            return False
        return True

    def check(self) -> None:
        """Have the judges look at all that there is. Everything is healed, and nothing is under way."""
        self.judged_by(self.judge)

    def judged_by(self, judge: Judge) -> None:
        """Have another judge look, who knows others that hold something."""
        database = self.disks.database
        stored = [record.line for record in database.records[self.chain]]
        packages = {str(name): package.moving for name, package in database.packages.items()}
        judge.demand(self.lines(), stored, packages)

    def note(self, text: str) -> None:
        """Have an audit entry made: a command of the module itself."""
        self.execute(CreateAuditEntry(text=text, signed=True))

    def calm(self) -> None:
        """Let nothing more go wrong; what failed meanwhile may still be answered for."""
        self.hazards.disarm()
        self.hazards.mend()
        self.network.calm()
        self.expected |= {"answer-lost", "store-failed", "record-conflict", "checkpoint-mismatch"}

    def settle(self) -> None:
        """Let everybody hear at last what became of what they asked for; who lost a key comes first."""
        for client in sorted(self.clients, key=lambda client: not client.lost):
            if client.pending is not None or client.lost:
                self.insist(partial(client.go, self.dice))
        for device in list(self.bank.signed):
            self.insist(partial(self.bank.send, device))
        for client in self.clients:
            if client.leaves:
                self.insist(partial(self.bank.refund, client))
                self.insist(partial(self._lease_again, client))

    def _lease_again(self, client: Client) -> None:
        """Bring a customer another meter; one that was cut off stays where it is, and is nobody's."""
        name, now = client.kept.customer, self.clock.now()
        client.take_meter(self._outsiders.lease(self.execute, self._card, name, now))

    # -- putting back ----------------------------------------------------------------------------------------------

    def remember(self) -> None:
        """Take a snapshot that may be put back some day."""
        self._snapshots.append(self.snapshot())

    def an_older_snapshot(self) -> Snapshot | None:
        """Give one that was taken before; None in a young world."""
        return self.dice.one_of(list(self._snapshots)) if self._snapshots else None

    def snapshot(self) -> Snapshot:
        """Take down what all places hold."""
        disks = self.disks
        copies, sealed = disks.copies[self.chain], disks.sealed[self.chain]
        return Snapshot(disks.memory.written, tuple(disks.database.log), bytes(copies.content), bytes(sealed.content))

    def put(self, snapshot: Snapshot, places: Collection[str]) -> None:
        """Put some places to where a snapshot has them."""
        if MEMORY in places:
            self.disks.memory.put(snapshot.memory)
        if STORE in places:
            self.disks.database.load(snapshot.log)
        if COPY in places:
            self.disks.copies.setdefault(self.chain, FileDisk()).put(snapshot.copy)
        if COPY in places or STATIC in places:
            self.disks.sealed[self.chain].put(snapshot.sealed)

    def insist(self, doing: Callable[[], None]) -> None:
        """Try until it is done. Raises `Violation` if it never is."""
        for _ in range(ATTEMPTS):
            if self.attempt(doing):
                return
        broken("the ledger does not serve again after everything was repaired")

    def _overheard(self, command: Command, reply: bytes) -> None:
        """Whatever left the ledger is in the street, also where nobody waited for it."""
        if b'"item":"{' not in reply:
            return
        said = parse_reply(reply)
        if said.item is not None and said.request is not None:
            self.street.take_item(said.psd, said.request, said.item, getattr(command, "value", None))


def _heard_from(process: Process, error: HeadsDisagree) -> IndiciumError:
    """Give what a client hears of it: a process that slept compares what it held with what others have written since.

    It says so to whoever asked it, and issues nothing; who took over serves.
    """
    return AnswerLost(why="its process slept, and another went on") if process.fenced else error
