"""Where the tests' files lie: in memory, if there is room. A sync is the same call there, and takes no time.

What tests show does not hang on the disk: who is killed loses nothing that the system was given, and power losses are
made of the calls that a process did. A person who sets TMPDIR has the files there.
"""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # looked at before anything is put there
NEEDED_BYTES = 4 << 30
"""What a whole run of several workers leaves lying about, and as much again."""


def has_room(folder: Path) -> bool:
    """Tell whether files of a test run fit in a folder in memory, programs of a database server among them."""
    try:
        room = os.statvfs(folder)
        available = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line)
    except (OSError, StopIteration):
        return False
    free = min(room.f_bavail * room.f_frsize, int(available.split()[1]) * 1024)
    return free >= NEEDED_BYTES and not room.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK)


def use() -> None:
    """Have this process, and those that it starts, put temporary files there."""
    if "TMPDIR" not in os.environ and has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # what was found before
