"""The command line at a terminal of its own, typed at as a person does."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.entrypoints.command import environment

PATIENCE_SECONDS = 60
_HEARD_SECONDS = 5
"""After which a key is pressed again."""
ROWS, COLUMNS = 40, 100

_AT_A_TERMINAL = """
import os
os.close(os.open(os.ttyname(0), os.O_RDWR))  # who leads a session and opens a terminal is controlled by it
from indicium.entrypoints.main import main
main()
"""

CTRL_C, CTRL_D = "\x03", "\x04"


class Typed:
    """A command at a terminal: what it shows is waited for, before anything is typed."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process = process
        self._master = master
        self._unread = ""
        self.shown = ""
        """All that the terminal has shown so far."""

    def expect(self, text: str) -> str:
        """Wait until a text is shown, and give what was shown up to its end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self._unread:
            ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
            more = self._read() if ready else ""
            assert more, f"{text!r} does not come; shown: {self.shown[-2000:]!r}"
            self._unread += more
        before, found, self._unread = self._unread.partition(text)
        return before + found

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        self.press(line + "\n")

    def press(self, keys: str) -> None:
        """Type without Enter."""
        os.write(self._master, keys.encode())

    def answer(self, question: str, line: str) -> None:
        """Wait for a question, and type the answer."""
        self.expect(question)
        self.type(line)

    def ended(self) -> int:
        """Wait for the end; give the exit status."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._more_until(deadline):
            assert time.monotonic() < deadline, f"it does not end; shown: {self.shown[-2000:]!r}"
        return self.process.wait(PATIENCE_SECONDS)

    def interrupted(self, key: str = CTRL_C) -> int:
        """Press Ctrl-C, again where it is not heard, as a person does, and wait for the end; give the exit status.

        A signal that comes in the moment before Python waits for a key is seen with the next key only.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        self.press(key)
        while self._more_until(pressed_again := time.monotonic() + _HEARD_SECONDS):
            assert time.monotonic() < deadline, f"it does not end; shown: {self.shown[-2000:]!r}"
            if time.monotonic() >= pressed_again:
                self.press(key)
        return self.process.wait(PATIENCE_SECONDS)

    def _more_until(self, deadline: float) -> bool:
        """Read what is shown, if anything is before the deadline; tell whether the terminal is still open."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        return not ready or bool(self._read())

    def _read(self) -> str:
        """Read what is shown next; nothing at the end. Linux says with an error that nobody has the terminal open."""
        try:
            came = os.read(self._master, 1 << 16).decode(errors="replace")
        except OSError:
            came = ""
        self.shown += came
        return came


@contextmanager
def typed(*arguments: str | Path, **more: str) -> Iterator[Typed]:
    """Start the command line at a terminal of its own; it is ended if that has not happened inside."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _AT_A_TERMINAL, *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env=environment(TERM="xterm", **more),
    )
    os.close(slave)
    try:
        yield Typed(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)
