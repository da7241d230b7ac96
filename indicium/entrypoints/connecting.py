"""The other end of `running`: asks the module that another process of this machine runs, as one asks a `Ledger`.

The customers' files are this side's: whoever prints keeps what was shown. Several processes may do so in one home.
"""

import os
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from indicium.app import Ledger, outcomes_of
from indicium.cryptomodule import suites
from indicium.domain.commands.base import Command
from indicium.domain.errors import (
    AnswerLost,
    BadValue,
    IndiciumError,
    LedgerClosed,
    ModuleNotRunning,
    NotOurProcess,
)
from indicium.domain.heads import Action
from indicium.domain.identity import ChainId, Serial
from indicium.entrypoints.wire import PROTOCOL, ROOM, Answer, Asked, Greeting, message, rendered
from indicium.infrastructure.devices import SystemClock, SystemEntropy
from indicium.infrastructure.home import Home
from indicium.infrastructure.redoing import Progress, unseen
from indicium.parties.attended import demand_finished
from indicium.parties.leased import LeasedMeter
from indicium.parties.office import Office
from indicium.settings import Settings

PATIENCE_SECONDS = 10.0
"""How long a process that runs a module may take to greet."""

_ENDED = "it ended, or was killed"


class ModuleClient:
    """A module that runs in another process. Use it as a context manager, or close it. Safe for many threads.

    A connection that is lost is made anew with the next request. What was asked on the lost one raises `AnswerLost`,
    a `NotSaved`: its fate is unknown, and a repeat with the same request id is charged once.
    """

    def __init__(self, settings: Settings) -> None:
        """Connect. Raises `ModuleNotRunning` or `NotOurProcess`. Callers use `connect`."""
        self._settings = settings
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._line = _Line(settings)
        suite = suites.make(settings.suite, SystemEntropy())
        self.office = Office(Home(settings.home), suite, SystemClock(), self.execute)
        """The parties of this home, for hosts that keep them under one roof."""

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    @property
    def settings(self) -> Settings:
        """The settings of the home."""
        return self._settings

    @property
    def chain(self) -> ChainId:
        """The chain that the module wrote when the connection was made."""
        return ChainId(self._line.greeting.chain)

    @property
    def process(self) -> int:
        """Number of the module's process, as it sees itself."""
        return self._line.greeting.process

    @property
    def recovered(self) -> tuple[Action, ...]:
        """What was done to bring memory, store and copy together when that process opened them."""
        return self._line.greeting.recovered

    def execute(self, request: Command) -> bytes:
        """Do one request and give its reply. Raises what the module refuses, or `NotSaved`."""
        return self.submit([request])[0].result()

    def execute_all(self, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Do requests together and give, in order, each one's reply or the error it met."""
        return outcomes_of(self.submit(requests))

    def submit(self, requests: Sequence[Command]) -> list["Future[bytes]"]:
        """Send requests; they are done in this order, and may travel together with those of other processes.

        Waits only while the module's process is behind with what this client has sent. Raises `ModuleNotRunning`,
        `NotOurProcess` and `LedgerClosed`, all before anything was sent.
        """
        with self._lock:
            if os.getpid() != self._process:
                raise LedgerClosed(why="open in the process that this one was forked from")
            if self._closed:
                raise LedgerClosed(why="closed")
            if self._line.lost:
                self._line.let_go()
                self._line = _Line(self._settings)
            return self._line.ask(requests)

    def lease(self, customer: str, license_zip: str) -> LeasedMeter:
        """Lease a meter to a customer, or give the one that the customer has."""
        return self.office.lease(customer, license_zip)

    def meter(self, customer: str) -> LeasedMeter:
        """Give the meter of a customer. Raises `UnknownCustomer`."""
        return self.office.meter(customer)

    def stop(self) -> None:
        """Have the module's process stop, and return when it has closed the module: its home is free then."""
        with self._lock:
            self._closed = True
            self._line.say_stop()
        self._line.close()

    def close(self) -> None:
        """Let go of the connection. What is asked and not yet answered may still be done, and its answer is lost."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._closed = True
            self._line.hang_up()
        self._line.close()


class _Line:
    """One connection: requests go out in order, and a thread takes the answers as they come."""

    def __init__(self, settings: Settings) -> None:
        """Connect and be greeted."""
        path = Home(settings.home).socket(Serial(settings.serial))
        self._socket = socket.socket(socket.AF_UNIX)
        self._answers = self._socket.makefile("rb")
        try:
            self._socket.settimeout(PATIENCE_SECONDS)
            self._socket.connect(str(path))
            self.greeting = _greeted(self._answers.readline(), settings, path)
            self._socket.settimeout(None)
        except TimeoutError:
            self.let_go()
            raise NotOurProcess(path=str(path), why="it does not answer") from None
        except OSError:  # no such file, or nobody listens, or no socket can have so long a name
            self.let_go()
            raise ModuleNotRunning(home=str(settings.home)) from None
        except BaseException:
            self.let_go()
            raise
        self._state = threading.Lock()
        self._waiting: dict[int, list[Future[bytes]]] = {}
        self._sent = 0
        self.lost = False
        """Whether nothing more will be answered."""
        self._listener = threading.Thread(target=self._listen, name="indicium-client", daemon=True)
        self._listener.start()

    def ask(self, requests: Sequence[Command]) -> list["Future[bytes]"]:
        """Send requests, as many in a message as it has room for. One caller at a time."""
        futures: list[Future[bytes]] = []
        batch: list[tuple[bytes, Future[bytes]]] = []
        size = 0
        for request in requests:
            future: Future[bytes] = Future()
            future.set_running_or_notify_cancel()  # what was sent cannot be called back
            futures.append(future)
            try:
                written = rendered(request)
            except BadValue as error:
                future.set_exception(error)
                continue
            if batch and size + len(written) + 1 > ROOM:
                self._send(batch)
                batch, size = [], 0
            batch.append((written, future))
            size += len(written) + 1
        if batch:
            self._send(batch)
        return futures

    def say_stop(self) -> None:
        """Tell the process to stop; it ends the connection when it has."""
        self._sent += 1
        self._write(Asked(number=self._sent, stop=True).line())

    def hang_up(self) -> None:
        """End the connection from this side."""
        with suppress(OSError):  # it has ended already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Wait for the connection's end, and let go of it."""
        if threading.current_thread() is not self._listener:  # it may call somebody who has had enough
            self._listener.join()
        self.let_go()

    def let_go(self) -> None:
        """Close the files. Not while somebody sends or listens: the next file that is opened may get their number."""
        self._answers.close()
        self._socket.close()

    def _send(self, batch: Sequence[tuple[bytes, "Future[bytes]"]]) -> None:
        futures = [future for _, future in batch]
        with self._state:
            self._sent += 1
            lost = self.lost
            if not lost:
                self._waiting[self._sent] = futures
        if lost:
            _lose(futures, _ENDED)
        else:
            self._write(message(self._sent, [written for written, _ in batch]))

    def _write(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError:
            self.hang_up()  # whoever listens finds the end, and tells all who wait

    def _listen(self) -> None:
        """Give every answer to whom it is for, and after the last one the others an error."""
        why = _ENDED
        try:
            for received in self._answers:
                answer = Answer.read(received)
                if answer.number == 0:
                    why = str(answer.results[0].outcome()).rstrip(".")
                    break
                self._settle(answer)
        except OSError:
            pass  # the other side's end of the connection is gone: it was killed
        except (BadValue, LookupError):
            why = "it answered what cannot be read"
        with self._state:
            self.lost = True
            left = [future for futures in self._waiting.values() for future in futures]
        self.hang_up()
        _lose(left, why)

    def _settle(self, answer: Answer) -> None:
        with self._state:
            futures = self._waiting[answer.number]
            if len(answer.results) != len(futures):
                raise BadValue(field="results", why=f"{len(futures)} were asked for")
            del self._waiting[answer.number]
        for future, found in zip(futures, answer.results, strict=True):
            outcome = found.outcome()
            if isinstance(outcome, IndiciumError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


def connect(home: Settings | Path | str) -> ModuleClient:
    """Reach the module of a home that another process of this machine runs.

    Raises `ModuleNotRunning` if none does, `NotOurProcess`, `LedgerMissing`, `BadSetting`.
    """
    return ModuleClient(home if isinstance(home, Settings) else Settings.read(home))


def reach(settings: Settings, progress: Progress = unseen) -> Ledger | ModuleClient:
    """Reach the module of a home in the process that runs it, or else open it in this one. Raises what these raise.

    With another store than its home names, the module is opened: the process that runs it may have the home's.
    `progress` is told how far that is.
    """
    if settings.store != Settings.read(settings.home).store:
        return Ledger.open(settings, progress)
    demand_finished(settings)
    try:
        return connect(settings)
    except ModuleNotRunning:
        return Ledger.open(settings, progress)


def attend(settings: Settings) -> Ledger | ModuleClient:
    """Reach a module in whatever state it is, as `reach` does one whose ceremony is finished."""
    try:
        return connect(settings)
    except ModuleNotRunning:
        return Ledger.attend(settings)


def _greeted(received: bytes, settings: Settings, path: Path) -> Greeting:
    """Read how the other side greets. Raises `ModuleNotRunning` or `NotOurProcess`."""
    if not received:  # it is about to end
        raise ModuleNotRunning(home=str(settings.home))
    try:
        greeting = Greeting.read(received)
    except BadValue:
        raise NotOurProcess(path=str(path), why="its greeting cannot be read") from None
    if greeting.protocol != PROTOCOL:
        raise NotOurProcess(path=str(path), why=f"it speaks protocol {greeting.protocol}, this version {PROTOCOL}")
    if greeting.serial != settings.serial:
        raise NotOurProcess(path=str(path), why=f"it runs module {greeting.serial}, not {settings.serial}")
    return greeting


def _lose(futures: Sequence["Future[bytes]"], why: str) -> None:
    for future in futures:
        future.set_exception(AnswerLost(why=why))
