"""A server: one module with its disks, and the process that runs it just now."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import NamedTuple

from indicium.app import Ledger
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.hand_over import OfferHome, TakeMeter
from indicium.domain.errors import AnswerLost, HeadsDisagree, IndiciumError
from indicium.domain.identity import ChainId, Serial
from indicium.settings import Settings
from indicium.simulator.born import Module, settings
from indicium.simulator.database import Database
from indicium.simulator.disks import Disks, FileDisk
from indicium.simulator.drawn import SimulatedClock
from indicium.simulator.machine import SimulatedMachine
from indicium.simulator.process import Crash, Hazards, Process
from indicium.simulator.replayed import Replayed


class Ground(NamedTuple):
    """What all servers of a world stand on."""

    database: Database
    hazards: Hazards
    clock: SimulatedClock
    suite: Replayed
    overheard: Callable[[Command, bytes], None]
    """Told every reply that leaves a server while nobody waits for it."""


class Server:
    """One module's place in a world. It starts when it is asked for something, and may die of anything."""

    def __init__(self, module: Module, ground: Ground) -> None:
        """Put a module's disks into it."""
        self.serial: Serial = module.serial
        self.chain: ChainId = module.chain
        self.audit_key = module.audit_key
        """The audit verification key in PEM, as the Auditor exported it."""
        self.disks: Disks = module.disks
        self._ground = ground
        self.taken: list[TakeMeter] = []
        """Hand-overs by which meters came: whoever carried them can carry them again."""
        self.ledger: Ledger | None = None
        self.process = Process(ground.hazards)

    @property
    def settings(self) -> Settings:
        """The settings of its module."""
        return settings(self.serial)

    def machine(self, process: Process) -> SimulatedMachine:
        """Give its disks with a process on them."""
        return SimulatedMachine(self.disks, process, self._ground.clock, self._ground.suite)

    def running(self) -> Ledger:
        """Give the ledger, started if it is not running. Raises what opening says, and `AnswerLost` if it dies."""
        while self.ledger is None:
            self._start()
        return self.ledger

    @contextmanager
    def working(self, woken: Command) -> Iterator[Ledger]:
        """Have its process do something. Raises `AnswerLost` if that ends meanwhile.

        A process that slept, and does not know yet that another took over, does one thing more: `woken`.
        """
        ledger, process = self.running(), self.process
        try:
            yield ledger
        except HeadsDisagree as error:
            raise _heard_from(process, error) from None
        except Crash:
            self._died(ledger)
            raise AnswerLost(why="its process ended") from None
        finally:
            if self.ledger is not ledger:
                self._wake(ledger, woken)

    def execute(self, command: Command) -> bytes:
        """Have one command done. Raises `AnswerLost` if the process ends meanwhile."""
        with self.working(command) as ledger:
            return ledger.execute(command)

    def execute_all(self, commands: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Have a group done."""
        if not commands:
            return []
        self.taken += [command for command in commands if isinstance(command, TakeMeter)]
        with self.working(commands[0]) as ledger:
            process, outcomes = self.process, ledger.execute_all(commands)
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, bytes):
                self._ground.overheard(command, outcome)
        return [_heard_from(process, one) if isinstance(one, HeadsDisagree) else one for one in outcomes]

    def submit(self, commands: Sequence[Command]) -> list["Future[bytes]"]:
        """Have commands done at once, as a module of a router does."""
        futures: list[Future[bytes]] = [Future() for _ in commands]
        try:
            outcomes: Sequence[bytes | IndiciumError]
            outcomes = self.execute_all(commands) if len(commands) > 1 else [self.execute(commands[0])]
        except IndiciumError as error:
            outcomes = [error] * len(commands)
        for future, outcome in zip(futures, outcomes, strict=True):
            if isinstance(outcome, bytes):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)
        return futures

    def greet(self) -> None:
        """Ask for something that changes nothing: a module that answers has brought its places together."""
        self.execute(OfferHome())

    def note(self, text: str) -> None:
        """Have an audit entry made: a command of the module itself."""
        self.execute(CreateAuditEntry(text=text, signed=True))

    def stop(self) -> None:
        """Kill it, wherever it is."""
        ledger = self.ledger
        self.process.end()
        if ledger is not None:
            self._died(ledger)

    def close(self) -> None:
        """End it in good order, if it is running."""
        ledger, self.ledger, process = self.ledger, None, self.process
        if ledger is None:
            return
        try:
            ledger.close()
        except Crash:
            raise AnswerLost(why="it ended while it closed") from None
        finally:
            process.end()  # meanwhile another may have taken over, and that one goes on

    @property
    def copy(self) -> FileDisk:
        """The file of the audit copy, made if it is not there."""
        return self.disks.copies.setdefault(self.chain, FileDisk())

    @property
    def sealed(self) -> FileDisk:
        """The file of the static parts beside it."""
        return self.disks.sealed.setdefault(self.chain, FileDisk())

    def lines(self) -> list[bytes]:
        """Give the audit copy's records, as anybody could read them."""
        return bytes(self.copy.content).split(b"\n")[:-1]

    def stored(self) -> list[bytes]:
        """Give the records of its chain that the store has."""
        return [record.line for record in self.disks.database.records[self.chain]]

    def _start(self) -> None:
        self.process = process = Process(self._ground.hazards)
        try:
            opened = Ledger(self.settings, self.machine(process))
        except Crash:
            raise AnswerLost(why="it ended while it started") from None
        except IndiciumError:
            process.end()
            if process.fenced:  # it slept while it started: who took its disks over serves, or the next one does
                return
            raise
        if process.fenced:
            _bury(opened)
        else:
            self.ledger = opened

    def _died(self, ledger: Ledger) -> None:
        """Bury a process that ended."""
        if self.ledger is ledger:
            self.ledger = None
        _bury(ledger)

    def _wake(self, ledger: Ledger, command: Command) -> None:
        """Let a process that slept, and does not know that another took over, get one more request, and close."""
        with suppress(Crash, IndiciumError):
            self._ground.overheard(command, ledger.execute(command))
        _bury(ledger)


def _bury(ledger: Ledger) -> None:
    """End a process's threads; a living one closes in good order, as far as it can."""
    with suppress(Crash, IndiciumError):
        ledger.close()


def _heard_from(process: Process, error: HeadsDisagree) -> IndiciumError:
    """Give what a client hears of it: a process that slept compares what it held with what others have written since.

    It says so to whoever asked it, and issues nothing; who took over serves.
    """
    return AnswerLost(why="its process slept, and another went on") if process.fenced else error
