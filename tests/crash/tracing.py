"""A command in a process of its own under strace: its system calls are counted, recorded, failed, or its death.

Nothing in the product knows of it. The process is forked ready, waits until strace has taken hold of the one thread
that works, and goes on; so the nth call of a name is the same call in every run.
"""

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

PATIENCE_SECONDS: Final = 120.0

Watch = Callable[[threading.Thread], None]
"""Told once, by the process itself, which of its threads is to be watched from then on."""

Act = Callable[[Path, Watch], int]
"""What a process does in a home; gives its exit status."""

WRITES: Final = ("openat", "write", "pwrite64", "writev", "pwritev", "fallocate", "ftruncate", "truncate")
SYNCS: Final = ("fsync", "fdatasync")
NAMES: Final = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "link", "linkat", "mkdir", "mkdirat")
MODES: Final = ("chmod", "fchmod", "fchmodat")
WRITE_PATH: Final = (*WRITES, *SYNCS, *NAMES, *MODES)

_MADE_FOR_WRITING: Final = re.compile(r"O_(CREAT|WRONLY|RDWR)")
_LINE: Final = re.compile(r"(?:\d+ +)?(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>\?|-?\d+)(?P<rest>.*)")
_ESCAPED: Final = re.compile(r'[<"]((?:\\x[0-9a-f]{2})*)[>"]')


class Call(NamedTuple):
    """One system call of the write path, as strace wrote it down."""

    name: str
    nth: int
    """It is the nth of that name that the thread made."""
    strings: tuple[bytes, ...]
    """Paths of descriptors, names and data, in the order of the arguments."""
    arguments: str
    result: int | None
    """None for one that never returned."""
    injected: bool

    @property
    def path(self) -> Path:
        """The file or folder that it is about, the first of two."""
        strings = self.strings
        joined = len(strings) > 1 and self.arguments.startswith("AT_FDCWD")
        return Path(os.fsdecode((strings[1] if joined else strings[0]).removesuffix(b" (deleted)")))


@dataclass(frozen=True)
class Fault:
    """What befalls the nth call of a name: `error=EIO`, `signal=KILL` and so on, in strace's words."""

    what: str
    call: str
    nth: str

    @property
    def option(self) -> str:
        """The fault as strace's option `-e`."""
        return f"inject={self.call}:{self.what}:when={self.nth}"


@dataclass(frozen=True)
class Ran:
    """How a process ended."""

    status: int
    """Its exit status; negative if a signal ended it."""
    out: str
    err: str
    calls: list[Call]

    @property
    def struck(self) -> Call | None:
        """The first call that was failed, if one was; a kill's is the last that the process made."""
        failed = next((call for call in self.calls if call.injected), None)
        return failed or (self.calls[-1] if self.status < 0 and self.calls else None)


def missing() -> str | None:
    """Say in one sentence why nothing can be traced here, if that is so."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not there: apt-get install strace"
    probe = subprocess.run([strace, "-qq", "-o", os.devnull, sys.executable, "-V"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "strace may not trace processes here"


def traced(act: Act, home: Path, aside: Path, *options: str) -> Ran:
    """Let a process act in a home, to its end, with the faults that `options` describe; its output goes to `aside`."""
    aside.mkdir(parents=True)
    log = aside / "calls"
    ours, theirs = _FORKSERVER.Pipe()
    process = _FORKSERVER.Process(target=_child, args=(act, home, aside, theirs))
    process.start()
    theirs.close()
    thread = ours.recv()
    names = ",".join(f"?{name}" for name in WRITE_PATH)
    command = ["strace", "-p", str(thread), "-o", str(log), "-y", "-xx", "-s", str(1 << 28), "-e", f"trace={names}"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        assert b"attached" in said, said
        ours.send(None)
        process.join(PATIENCE_SECONDS)
        if process.exitcode is None:
            process.kill()
        strace.stderr.read()
    process.join()
    ours.close()
    assert process.exitcode is not None
    return Ran(process.exitcode, (aside / "out").read_text(), (aside / "err").read_text(), list(_calls(log)))


def _child(act: Act, home: Path, aside: Path, line: Connection) -> None:
    for name, number in (("out", 1), ("err", 2)):
        descriptor = os.open(aside / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)

    def watch(thread: threading.Thread) -> None:
        line.send(thread.native_id)
        line.recv()

    sys.exit(act(home, watch))


def _calls(log: Path) -> Iterator[Call]:
    """Read what strace wrote, in order; only calls that change something are given, but all are counted."""
    counts: dict[str, int] = {}
    with log.open() as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:  # the process's end
                continue
            name, arguments = found["name"], found["arguments"]
            counts[name] = counts.get(name, 0) + 1
            if name == "openat" and not _MADE_FOR_WRITING.search(arguments):
                continue
            strings = tuple(bytes.fromhex(text.replace("\\x", "")) for text in _ESCAPED.findall(arguments))
            result = None if found["result"] == "?" else int(found["result"])
            yield Call(name, counts[name], strings, arguments, result, "INJECTED" in found["rest"])


_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["tests.crash.commands", "indicium.infrastructure.migrations"])
