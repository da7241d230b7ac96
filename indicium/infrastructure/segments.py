"""Files of a chain's lines, and what their names say.

`<serial>-<chain>.audit` is the open one, to which lines are added. `<serial>-<chain>.<first>-<last>.audit` is closed:
it holds those records, ends with a signed one, and is never written again. One that the audit file server sealed names
the beginnings of the hashes of its first and its last record too: `….<first>-<last>.<hash>-<hash>.audit`.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import LAST_SEQUENCE, line_hash

_NAME: Final = re.compile(
    r"(?P<serial>[0-9]{1,16})-(?P<chain>[0-9a-f]{32})"
    r"(?:\.(?P<first>[1-9][0-9]{0,15})-(?P<last>[1-9][0-9]{0,15})(?:\.[0-9a-f]{16}-[0-9a-f]{16})?)?\.audit"
)
_HASH_DIGITS: Final = 16
"""How much of a hash stands in a name: enough to find the file for a noted head, short enough to be read."""


class Segment(NamedTuple):
    """A file of a chain's lines, as its name says it."""

    path: Path
    serial: Serial
    chain: ChainId
    first: int = 0
    """Sequence of its first record; 0 for the open file, whose name does not say it."""
    last: int = 0

    @property
    def is_open(self) -> bool:
        """Whether lines are added to it."""
        return self.first == 0


def segments_in(folder: Path) -> list[Segment]:
    """Give the files of chains in a folder: chain by chain, in the order of their records, the open one last."""
    found = [named for path in folder.glob("*.audit") if (named := _named(path)) is not None]
    return sorted(
        found, key=lambda file: (file.serial, file.chain, file.is_open, file.first, file.last, file.path.name)
    )


def segments_of(folder: Path, serial: Serial, chain: ChainId) -> list[Segment]:
    """Give the files of one chain, the open one last."""
    return [file for file in segments_in(folder) if (file.serial, file.chain) == (serial, chain)]


def open_file(folder: Path, serial: Serial, chain: ChainId) -> Path:
    """Give the file of a chain to which lines are added."""
    return folder / f"{serial}-{chain}.audit"


def closed_name(serial: Serial, chain: ChainId, first: int, last: int) -> str:
    """Name a file that is closed."""
    return f"{serial}-{chain}.{first}-{last}.audit"


def sealed_name(serial: Serial, chain: ChainId, lines: Sequence[bytes]) -> str:
    """Name a segment after the records that it holds."""
    ends = "-".join(line_hash(line)[:_HASH_DIGITS] for line in (lines[0], lines[-1]))
    return f"{serial}-{chain}.{sequence_of(lines[0])}-{sequence_of(lines[-1])}.{ends}.audit"


def sequence_of(line: bytes) -> int | None:
    """Give the sequence that a line says it has; None if it is no record."""
    try:
        sequence = json.loads(line.partition(b"\t")[0])["sequence"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return sequence if type(sequence) is int and 0 < sequence <= LAST_SEQUENCE else None


def _named(path: Path) -> Segment | None:
    said = _NAME.fullmatch(path.name)
    if said is None:
        return None
    return Segment(
        path, Serial(said["serial"]), ChainId(said["chain"]), int(said["first"] or 0), int(said["last"] or 0)
    )
