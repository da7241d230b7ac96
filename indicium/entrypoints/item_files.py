"""Files that items go into: whoever has such a file has the value, so none is written over another.

What would keep an item from its file is said before anything is spent. What comes between costs nothing either: the
same request gives the same item.
"""

from pathlib import Path

from indicium.domain.errors import BadFile, FileTaken, StoreFailed
from indicium.infrastructure.files import demand_room, write_atomically


def demand_place(out: Path, *, repeats: bool) -> None:
    """See that items can be written to a file, before they are paid for.

    `repeats`: the request may be one that was made before, and the file its items. Raises `BadFile`, `FileTaken`.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise BadFile(path=str(out), why="it is not a file's name in a folder that is there")
    if out.exists() and not (repeats and out.is_file()):
        raise FileTaken(path=str(out))
    try:
        demand_room(out)
    except StoreFailed as error:
        raise BadFile(path=str(out), why=error.why) from None


def put(out: Path, content: bytes, again: str) -> None:
    """Write items to a new file, whole or not at all; one that holds these very items is fine.

    `again`: how they are had again. Raises `BadFile`.
    """
    try:
        if out.exists():
            if out.read_bytes() == content:
                return
            raise BadFile(path=str(out), why=f"it holds something else, and is left as it is; {again}")
        write_atomically(out, content)
    except (OSError, StoreFailed) as error:
        why = error.why if isinstance(error, StoreFailed) else error.strerror
        raise BadFile(path=str(out), why=f"{why}; {again}") from None
