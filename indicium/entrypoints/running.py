"""A module in a process of its own: it serves other processes of its machine until it is told to stop.

Whoever may enter the home's folder `run` may ask. One thread talks with all clients, and what they ask at the same time
travels together, for it waits in the ledger's one queue.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from indicium.app import Ledger
from indicium.domain.commands.base import Command
from indicium.domain.commands.sessions import OpenSession
from indicium.domain.errors import AnswerLost, BadSetting, BadValue, IndiciumError, LedgerClosed
from indicium.domain.identity import Serial
from indicium.entrypoints.wire import LONGEST_MESSAGE, PROTOCOL, ROOM, Answer, Asked, Greeting, Result, command
from indicium.infrastructure.home import Home

PATIENCE_SECONDS: Final = 10.0
"""How long an answer waits for a client that does not read; then its connection ends."""

IN_FLIGHT: Final = 8
"""Messages of one client that are not yet answered; more are not read until they are. A long one counts as several."""

_STOPPED_BY: Final = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger("indicium.running")

_Outcome = Future[bytes] | IndiciumError
"""What a request gets, or what it met before it came to the ledger."""


class _Pending(NamedTuple):
    """A message that is to be answered."""

    number: int
    outcomes: list[_Outcome]
    places: int = 1
    """As how many of `IN_FLIGHT` it counts."""


def run(ledger: Ledger, ready: Callable[[Path], None], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Serve until SIGTERM, SIGINT or a client says to stop; then finish what is queued and close the ledger.

    `ready` is called with the socket's path once clients may come. Only in a process's main thread, for signals arrive
    there. Raises `BadSetting` where the home is no place for a socket, and what `Ledger.close` raises.
    """
    asyncio.run(_Server(ledger, patience_seconds).serve(ready))


class _Server:
    """The clients of one ledger."""

    def __init__(self, ledger: Ledger, patience_seconds: float) -> None:
        """Take an open ledger: only who has the module's memory may have its socket."""
        self._ledger, self._patience_seconds = ledger, patience_seconds
        self._path = Home(ledger.settings.home).socket(Serial(ledger.settings.serial))
        self._talking: dict[_Connection, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        self._closed = asyncio.Event()
        """Set when the ledger is closed; whoever asked for that waits for it."""

    async def serve(self, ready: Callable[[Path], None]) -> None:
        """Serve, and close the ledger at the end, whatever happens."""
        try:
            server = await asyncio.start_unix_server(self._welcome, sock=self._listener(), limit=LONGEST_MESSAGE)
            try:
                for number in _STOPPED_BY:
                    asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
                ready(self._path)
                await self._stop.wait()
            finally:
                server.close()
                self._path.unlink(missing_ok=True)  # it is still ours, for so is the module's memory
                await self._finish()
        finally:
            self._ledger.close()
            self._closed.set()
            for talking in list(self._talking.values()):
                await talking

    def _listener(self) -> socket.socket:
        """Make the socket: mode 0600 in a folder of mode 0700. One that a killed process left is replaced.

        No living process's can be there: it would hold the module's memory, which is ours.
        """
        listener = socket.socket(socket.AF_UNIX)
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
            self._path.chmod(0o600)
        except OSError as error:
            listener.close()
            why = f"no socket can be made at {self._path} ({error.strerror or error})"
            raise BadSetting(name="home", why=f"{why}: a link with a shorter path may help") from None
        return listener

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client until either side has had enough."""
        talking = asyncio.current_task()
        if self._stop.is_set() or talking is None:
            writer.close()
            return
        connection = _Connection(self._ledger, reader, writer, self._patience_seconds)
        self._talking[connection] = talking
        _log.info("a client came: %d here", len(self._talking))
        try:
            if await connection.talk():
                self._stop.set()
            if self._stop.is_set():
                await self._closed.wait()
        finally:
            del self._talking[connection]
            writer.close()
            _log.info("a client left: %d here", len(self._talking))

    async def _finish(self) -> None:
        """Read nothing more, and let every client have the answers to what it asked."""
        self._stop.set()
        for connection in self._talking:
            connection.read_no_more()
        for connection in list(self._talking):
            await connection.answered.wait()


class _Connection:
    """One client."""

    def __init__(
        self, ledger: Ledger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience_seconds: float
    ) -> None:
        self._ledger, self._reader, self._writer, self._patience_seconds = ledger, reader, writer, patience_seconds
        self._writer.transport.set_write_buffer_limits(high=0)  # what is drained has left
        self._pending: asyncio.Queue[_Pending | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._reading: asyncio.Task[bool] | None = None
        self.answered = asyncio.Event()
        """Set when this client has got all that it will get."""
        self._session: str | None = None
        """The session that this client opened last."""
        self._gone = False

    async def talk(self) -> bool:
        """Answer until the client is gone, says what cannot be read, or does not listen; tell if it said to stop."""
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(lambda _: self._pending.put_nowait(None))
        try:
            await self._write(self._greeting())
            while (pending := await self._pending.get()) is not None:
                results = [await _result(outcome) for outcome in pending.outcomes]
                await self._write(Answer(number=pending.number, results=tuple(results)))
                for _ in range(pending.places):
                    self._room.release()
        except OSError as error:  # also where it was waited for too long
            _log.info("a client does not take its answers: %s", type(error).__name__)
            self._writer.transport.abort()
        finally:
            self._reading.cancel()
            self.answered.set()
            self._hang_up()
        with suppress(asyncio.CancelledError):
            return await self._reading
        return False

    def read_no_more(self) -> None:
        """Read nothing more from this client."""
        if self._reading is not None:
            self._reading.cancel()

    def _greeting(self) -> Greeting:
        ledger = self._ledger
        return Greeting(
            protocol=PROTOCOL,
            serial=ledger.settings.serial,
            chain=ledger.chain,
            process=os.getpid(),
            recovered=ledger.recovered,
        )

    async def _write(self, message: Greeting | Answer) -> None:
        self._writer.write(message.line())
        async with asyncio.timeout(self._patience_seconds):
            await self._writer.drain()

    async def _read(self) -> bool:
        """Hand what arrives to the ledger, as long as it can be read; tell whether the process is to stop."""
        while True:
            await self._room.acquire()
            try:
                received = await self._reader.readline()
                if not received.endswith(b"\n"):
                    return False  # it has no more to say; if this is half of a message, it was killed
                asked = Asked.read(received)
            except OSError:
                return False
            except ValueError:
                return self._not_understood(BadValue(field="message", why=f"it is longer than {LONGEST_MESSAGE} bytes"))
            except BadValue as error:
                return self._not_understood(error)
            if asked.stop:
                return True
            places = min(IN_FLIGHT, 1 + len(received) // ROOM)
            del received  # what it says is in `asked`
            for _ in range(places - 1):
                await self._room.acquire()
            self._pending.put_nowait(_Pending(asked.number, self._submit(asked), places))

    def _not_understood(self, error: BadValue) -> bool:
        """Say so, as the last that this client hears."""
        _log.info("a client is not understood: %s", error)
        self._pending.put_nowait(_Pending(0, [error]))
        return False

    def _submit(self, asked: Asked) -> list[_Outcome]:
        """Put what can be read of a message into the ledger's queue, in the message's order."""
        requests = [_command(name, arguments) for name, arguments in asked.requests]
        try:
            futures = iter(self._ledger.submit([request for request in requests if isinstance(request, Command)]))
        except LedgerClosed as error:
            return [error] * len(requests)
        outcomes: list[_Outcome] = [next(futures) if isinstance(request, Command) else request for request in requests]
        for request, outcome in zip(requests, outcomes, strict=True):
            if isinstance(request, OpenSession) and isinstance(outcome, Future):
                outcome.add_done_callback(self._opened)
        return outcomes

    def _opened(self, outcome: "Future[bytes]") -> None:
        """Note a session that this client opened: it ends with the connection, or nobody could open another (J-08)."""
        if outcome.exception() is None:
            self._session = orjson.loads(outcome.result())["session"]
            if self._gone:
                self._hang_up()

    def _hang_up(self) -> None:
        self._gone = True
        if self._session is not None:
            self._ledger.hang_up(self._session)


def _command(name: str, arguments: dict[str, Any]) -> Command | BadValue:
    try:
        return command(name, arguments)
    except BadValue as error:
        return error


async def _result(outcome: _Outcome) -> Result:
    """Wait for what becomes of a request, and write it."""
    if isinstance(outcome, IndiciumError):
        return Result.of(outcome)
    if not outcome.done():  # most of a group are done when the first of it is
        waited = asyncio.wrap_future(outcome)
        await asyncio.wait([waited])
        waited.exception()
    error = outcome.exception()
    if error is None:
        return Result.of(outcome.result())
    if isinstance(error, IndiciumError):
        return Result.of(error)
    _log.error("a request met what nobody foresaw", exc_info=error)
    return Result.of(AnswerLost(why=f"it stumbled over {type(error).__name__}"))
