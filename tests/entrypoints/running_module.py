"""Modules in processes of their own, as tests start and reach them."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import orjson

from indicium.app import Ledger
from indicium.entrypoints import running
from tests.app import seams
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
    process = subprocess.Popen(
        [*COMMAND, "module", "run", "--home", str(home), "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
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


@contextmanager
def module_that_is_killed(
    home: Path, seam: seams.Seam, *, patience_seconds: float = running.PATIENCE_SECONDS
) -> Iterator[BaseProcess]:
    """Run the module of a home in a process that kills itself when it passes a seam."""
    ready = home.with_name(f"{home.name}.ready")
    if not ready.exists():
        os.mkfifo(ready)
    process = seams.started(partial(serve, ready=ready, patience_seconds=patience_seconds), home, seam)
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
