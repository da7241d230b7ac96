"""A ledger in a process of its own: `python -m benchmarks.worker HOME METERS GROUP_LIMIT [STORE SERIAL]`.

It says on standard output when it is ready, then prints `ROUNDS` times on every meter for each line `ROUNDS` on
standard input. Everything it says is a line of JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_STATUS: Final = Path("/proc/self/status")


class Worker:
    """The process, as the one that measures sees it."""

    def __init__(self, home: Path, meters: int, group_limit: int, *more: str) -> None:
        """Start it; it opens the ledger in the home, or makes one."""
        self._began = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.worker", str(home), str(meters), str(group_limit), *more]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ready(self) -> float:
        """Wait until the first command was done: seconds since the process was started."""
        self.said()
        return time.perf_counter() - self._began

    def begin(self, rounds: int) -> None:
        """Have it print on every meter, so many times."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{rounds}\n")
        self._process.stdin.flush()

    def said(self) -> dict[str, Any]:
        """Wait for its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            message = "a worker ended before it answered; what it said is above"
            raise RuntimeError(message)
        said: dict[str, Any] = json.loads(line)
        return said

    def rounds(self, rounds: int) -> float:
        """Print on every meter so many times: seconds that an item took, the customers' side left out."""
        self.begin(rounds)
        taken = [self.said() for _ in range(rounds)]
        return float(sum(round_["seconds"] for round_ in taken) / sum(round_["items"] for round_ in taken))

    def kill(self) -> None:
        """Kill it where it is."""
        self._process.kill()
        self._end()

    def close(self) -> None:
        """Let it close its ledger."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._end()

    def _end(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def worker(home: Path, meters: int, group_limit: int, *more: str) -> Iterator[Worker]:
    """Run one until it has closed its ledger; whatever happens here, it does not outlive this."""
    running = Worker(home, meters, group_limit, *more)
    try:
        yield running
        running.close()
    except BaseException:
        running.kill()
        raise


def resident_bytes() -> int:
    """Give the memory that this process holds, in bytes; 0 where the system does not say."""
    if not _STATUS.exists():
        return 0
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def _say(**facts: float) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(home: str, meters: str, group_limit: str, store: str = "", serial: str = "") -> None:
    """Open the ledger, and do as told until standard input ends."""
    # Only here: the one that measures does not pay for it, and this process pays for nothing else.
    from benchmarks.durable import Durable  # noqa: PLC0415

    chosen = {"store": store, "serial": serial} if store else {}
    ledger = Durable(Path(home), int(meters), group_limit=int(group_limit), **chosen)
    _say(resident=resident_bytes())
    for line in sys.stdin:
        for _ in range(int(line)):
            seconds = int(meters) / ledger.grouped()
            _say(seconds=seconds, items=int(meters), resident=resident_bytes())
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
