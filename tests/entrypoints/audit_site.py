"""An audit server with the folder of a ledger's copy, its shelf and its mirror, as tests drive it."""

from collections.abc import Sequence
from pathlib import Path

from indicium.cryptomodule.verifier import load_key
from indicium.entrypoints.file_server import FileServer, Round
from indicium.entrypoints.watching import Bounds
from tests.vectors.making import CHAIN, KEY, SECOND, SERIAL, file_of, public_pem, relay

NAME = f"{SERIAL}-{CHAIN}"
LINES = relay(announced={30: SECOND}, count=60)
"""Every fourth is signed, and 30, which announces another key, and 31."""


class Site:
    """The folder that a ledger writes, that of the file server, and its mirror."""

    def __init__(self, folder: Path) -> None:
        self.drive, self.shelf, self.mirror = folder / "drive", folder / "shelf", folder / "mirror"
        self.drive.mkdir()
        self.open = self.drive / f"{NAME}.audit"
        self.server = self.started()
        self.moved = 0
        """How many records are in files that were closed."""

    def started(self, *, segment: int = 8, keys: Sequence[bytes] = (public_pem(KEY),)) -> FileServer:
        """Start a server on the folders as they are."""
        return FileServer(self.drive, [self.shelf, self.mirror], [load_key(key) for key in keys], Bounds(segment, 30))

    def restart(self) -> None:
        """Start it anew, as after a reboot."""
        self.server.close()
        self.server = self.started()

    def write(self, upto: int) -> None:
        """Have the open file grow to this record."""
        first = self.moved + (self.open.read_bytes().count(b"\n") if self.open.exists() else 0)
        with self.open.open("ab") as file:
            file.write(file_of(LINES[first:upto]))

    def roll(self, first: int, last: int) -> Path:
        """Close the open file, as the ledger does behind a signed record."""
        closed = self.drive / f"{NAME}.{first}-{last}.audit"
        self.open.rename(closed)
        self.moved = last
        return closed

    def look(self) -> Round:
        """Have the server look once."""
        return self.server.round()

    def archived(self) -> list[bytes]:
        """What the shelf holds; the mirror must hold the same, file by file."""
        assert {path.name: path.read_bytes() for path in self.shelf.iterdir()} == {
            path.name: path.read_bytes() for path in self.mirror.iterdir()
        }
        return lines_on(self.shelf)

    def ranges(self) -> list[str]:
        """The ranges of the segments."""
        names = sorted(path.name.split(".") for path in self.shelf.glob("*.audit") if path.name.count(".") == 3)
        return sorted((parts[1] for parts in names), key=lambda said: int(said.partition("-")[0]))


def lines_on(shelf: Path) -> list[bytes]:
    """The lines of the segments on a shelf, and then those of the open file."""
    segments = [path for path in shelf.glob("*.audit") if path.name.count(".") == 3]
    ordered = sorted(segments, key=lambda path: int(path.name.split(".")[1].partition("-")[0]))
    return b"".join(path.read_bytes() for path in [*ordered, shelf / f"{NAME}.audit"]).splitlines()


def what(found: Round) -> str:
    """The one thing that is wrong, without the chain's name."""
    (problem,) = found.problems
    return problem.what.partition(f"chain {CHAIN}: ")[2]


def key_file(site: Site) -> Path:
    """The auditor's key, as a file."""
    path = site.drive.parent / "key.pem"
    path.write_bytes(public_pem(KEY))
    return path
