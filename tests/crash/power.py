"""Power losses: a command is recorded once, and images of what may be on the disk are made from the recording.

Each image is opened as a ledger, and must keep what is promised, like a home after a kill.
"""

import hashlib
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from indicium.app import Ledger
from tests.app.homes import assert_whole
from tests.crash.commands import Scenario
from tests.crash.disk import Disk, Image
from tests.crash.tracing import Act, Call, Watch, traced

DECEIVED: Final = "inject=fsync,fdatasync:retval=0"
"""Lets every sync say that it was done, and do nothing: strace's option `-e`."""


@dataclass(frozen=True)
class Recording:
    """What a command did to the disk, to its end."""

    disk: Disk
    """As it was before."""
    calls: list[Call]
    said: Path
    """The file that was its standard output."""


@dataclass(frozen=True)
class Loss:
    """A power loss after so many system calls, and what is on the disk then."""

    kind: str
    after: int
    image: Image
    acknowledged: str
    """What the command had said by then."""
    finished: bool
    """Whether that was all."""

    def __str__(self) -> str:
        """Name it."""
        return f"power loss after call {self.after}, {self.kind}"


def recorded(scenario: Scenario, found: Path, folder: Path, *options: str) -> Recording:
    """Record a command in a copy of what it finds. Every thread is watched, from the beginning."""
    home = shutil.copytree(found, folder / "home")
    disk = Disk(home)
    ran = traced(partial(_from_the_beginning, scenario.act), home, folder / "said", "-f", *options)
    assert (ran.status, ran.err) == (0, ""), ran
    return Recording(disk, ran.calls, folder / "said" / "out")


def _from_the_beginning(act: Act, home: Path, watch: Watch) -> int:
    watch(threading.main_thread())
    return act(home, lambda _thread: None)


def losses(recording: Recording, seed: int) -> list[Loss]:
    """Give every image once, at the last moment at which it is one: most was acknowledged by then."""
    found: dict[str, Loss] = {}
    for loss in _moments(recording, random.Random(seed)):
        digest = hashlib.sha256()
        for path, content in loss.image.items():
            digest.update(f"{path} {len(content)} ".encode() + content)
        key = digest.hexdigest()
        found.pop(key, None)
        found[key] = loss
    return list(found.values())


def _moments(recording: Recording, chance: random.Random) -> Iterator[Loss]:
    disk, said = recording.disk, ""
    whole = recording.said.read_text()
    for number, call in enumerate(recording.calls, 1):
        if call.injected:  # a sync that was none
            continue
        disk.take(call)
        if call.path == recording.said:
            said += call.strings[1].decode()
        for kind, image in disk.images(chance).items():
            yield Loss(kind, number, image, said, said == whole)


def survived(scenario: Scenario, found: Path, loss: Loss, folder: Path) -> None:
    """Start from an image, and demand what is promised of a power loss."""
    home = shutil.copytree(found, folder / "home")
    _lay_down(loss.image, home)
    Ledger.open(home).close()
    if loss.finished:
        scenario.holds(home)
        assert_whole(home)
    status, out, err = scenario.repeat(home)
    assert (status, err) == (0, ""), (status, out, err)
    said, again = loss.acknowledged.splitlines(keepends=True), out.splitlines(keepends=True)
    assert all(scenario.agrees(*pair) for pair in zip(said, again, strict=False)), (said, again)
    assert len(said) <= len(again)
    scenario.holds(home)
    assert_whole(home)
    shutil.rmtree(folder)


def _lay_down(image: Image, home: Path) -> None:
    for path in home.rglob("*"):
        if path.is_file() and str(path.relative_to(home)) not in image:
            path.unlink()
    for name, content in image.items():
        file = home / name
        file.parent.mkdir(exist_ok=True)
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)
