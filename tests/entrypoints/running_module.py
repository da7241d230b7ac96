"""Modules in processes of their own, as tests start and reach them."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import orjson

from indicium.app import Ledger
from indicium.cryptomodule.dispatch import CryptoModule
from indicium.domain.commands.base import Command
from indicium.domain.errors import IndiciumError
from indicium.domain.flow import Receipt
from indicium.entrypoints import running
from tests.app import seams
from tests.app.homes import data_of, rows_of
from tests.entrypoints.command import COMMAND, environment

PATIENCE_SECONDS = 60


class Running:
    """A process of `indicium module run`."""

    def __init__(self, process: "subprocess.Popen[str]", said: dict[str, str]) -> None:
        self.process, self.said = process, said

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return Path(self.said["socket"])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send it a signal; give its exit status and what it said on standard error."""
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, err


@contextmanager
def module_of(home: Path, *options: str) -> Iterator[Running]:
    """Run the module of a home, and end it if that has not happened inside."""
    buffered = {name: value for name, value in environment().items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [*COMMAND, "module", "run", "--home", str(home), "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=buffered,  # as under a supervisor: a line that is not flushed stays where it is
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield Running(process, orjson.loads(line))
    finally:
        process.kill()
        process.communicate()


def serve(home: Path, *, ready: Path, patience_seconds: float) -> None:
    """A scenario: serve a home's module, and write to the pipe `ready` when clients may come."""

    def say(_socket: Path) -> None:
        ready.write_bytes(b"ready")

    running.run(Ledger.open(home), say, patience_seconds=patience_seconds)


def serve_and_stumble(home: Path, *, ready: Path, patience_seconds: float) -> None:
    """A scenario: serve, and once fail in a way that nobody foresaw, after the save and before the reply."""
    release = CryptoModule.release
    stumbled = threading.Event()

    def stumble(module: CryptoModule, receipt: Receipt) -> list[bytes | None]:
        if not stumbled.is_set():
            stumbled.set()
            raise ZeroDivisionError
        return release(module, receipt)

    setattr(CryptoModule, "release", stumble)  # noqa: B010  # in this process only
    serve(home, ready=ready, patience_seconds=patience_seconds)


def serve_late(home: Path, *, ready: Path, patience_seconds: float) -> None:
    """A scenario: serve, but hold the first group until two more messages wait; note the size of each group."""
    submit, run = Ledger.submit, Ledger._run
    came = threading.Semaphore(0)
    sizes: list[int] = []

    def counted(ledger: Ledger, requests: Sequence[Command]) -> "list[Future[bytes]]":
        futures = submit(ledger, requests)
        came.release()
        return futures

    def noted(ledger: Ledger, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        for _ in range(3 if not sizes else 0):
            came.acquire()
        sizes.append(len(requests))
        home.with_name("sizes").write_text(f"{sizes}")
        return run(ledger, requests)

    for name, replaced in (("submit", counted), ("_run", noted)):
        setattr(Ledger, name, replaced)  # in this process only
    serve(home, ready=ready, patience_seconds=patience_seconds)


@contextmanager
def module_apart(
    home: Path,
    seam: seams.Seam = seams.NOWHERE,
    *,
    scenario: Callable[..., None] = serve,
    patience_seconds: float = running.PATIENCE_SECONDS,
) -> Iterator[BaseProcess]:
    """Run the module of a home in a process of the tests' own, which kills itself if it passes a seam."""
    ready = home.with_name(f"{home.name}.ready")
    os.mkfifo(ready)
    process = seams.started(partial(scenario, ready=ready, patience_seconds=patience_seconds), home, seam)
    try:
        assert ready.read_bytes() == b"ready"
        yield process
    finally:
        process.kill()
        process.join(PATIENCE_SECONDS)


@contextmanager
def plain_client(path: Path) -> Iterator[socket.socket]:
    """Connect without the library, and take the greeting."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.connect(str(path))
        greeting = b""
        while not greeting.endswith(b"\n"):
            greeting += client.recv(1 << 16)
        yield client


def all_that_comes(client: socket.socket) -> bytes:
    """Read to the end of a connection."""
    came = b""
    try:
        while more := client.recv(1 << 16):
            came += more
    except ConnectionResetError:
        pass  # what was sent was not read to its end
    return came


def answers(came: bytes) -> list[Any]:
    """Read what a module's process answered."""
    return [orjson.loads(line) for line in came.splitlines()]


def texts(home: Path) -> list[str]:
    """Give the audit entries that somebody asked for, in the chain's order."""
    entries = [data_of(row)["text"] for row in rows_of(home) if row.event == "audit-entry-created"]
    return [text for text in entries if text != "closed"]
