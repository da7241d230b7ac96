"""A ledger's history in moments: what its three places held before and after each group, to be put together at will.

A crash, a disk that was put back, a standby that lagged: what is found at the next opening is always that each place
stands at some moment. So a case is three numbers: how many groups ago memory, store and copy stood as they are found.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Self
from uuid import uuid4

from sqlalchemy import make_url

from indicium.app import Ledger
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.record import line_hash
from indicium.settings import Settings
from tests.app.homes import COPY, CUSTOMERS, LETTER, MEMORY, STORE, clone_of, copy_of, put_back, rows_of
from tests.postgres_server import OwnServer, Server

GROUPS: Final = 4
"""Groups of a history: with a ring of three, the oldest checkpoint that memory goes back to is two groups ago."""


class Tail(StrEnum):
    """Whose records are behind the moment that a place is put back to."""

    METERS = "meters"
    MODULE = "module"
    BOTH = "both"


class Kind(NamedTuple):
    """What a history is made of."""

    size: int
    """Commands in flight together: the records of a group."""
    tail: Tail

    def __str__(self) -> str:
        """Name it, in a test's name and a folder's."""
        return f"{self.size}-{self.tail}"

    def of_meters(self, group: int) -> bool:
        """Say whether a group (1, 2, 3 …) is one of meters' commands, and not an entry of the module itself."""
        return self.tail is Tail.METERS or (self.tail is Tail.BOTH and group % 2 == 0)

    def spent(self, groups: int) -> dict[str, int]:
        """Give what each customer has spent after so many groups, in mills."""
        paid = sum(value_of(group) for group in range(1, groups + 1) if self.of_meters(group))
        return dict.fromkeys(CUSTOMERS[: self.size], paid) if paid else {}


def value_of(group: int) -> int:
    """Give the value of each item of a group, in mills."""
    return 100 + 10 * group


@dataclass(frozen=True)
class History:
    """Homes at moments 0 (before the first group) to `GROUPS`, none to be changed, and the records they came to."""

    folder: Path
    kind: Kind
    rows: tuple[SealedRecord, ...]
    """All that the newest store holds."""
    lengths: tuple[int, ...]
    """How many of them each moment has."""

    @classmethod
    def read(cls, folder: Path, kind: Kind) -> Self:
        """Take up a history whose homes hold their stores."""
        lengths = tuple(len(rows_of(folder / str(moment))) for moment in range(GROUPS + 1))
        return cls(folder, kind, tuple(rows_of(folder / str(GROUPS))), lengths)

    def at(self, ago: int) -> Path:
        """Give the home as it was so many groups ago."""
        return self.folder / str(GROUPS - ago)

    def upto(self, ago: int) -> tuple[SealedRecord, ...]:
        """Give the records that there were so many groups ago."""
        return self.rows[: self.lengths[GROUPS - ago]]

    def head(self, ago: int) -> Head:
        """Give the head that all three places had so many groups ago."""
        newest = self.upto(ago)[-1]
        return Head(newest.sequence, line_hash(newest.line))

    def moved(self, older: int, newer: int) -> list[int]:
        """Give the sequence numbers of the meters' records between two moments."""
        between = self.upto(newer)[len(self.upto(older)) :]
        return [row.sequence for row in between if row.psd_id is not None]

    def found(self, to: Path, *, memory: int, store: int, copy: int) -> Path:
        """Make the home as somebody finds it: the newest, with each place as it stood so many groups ago."""
        home = clone_of(self.at(0), to)
        for place, ago in ((MEMORY, memory), (STORE, store), (COPY, copy)):
            if ago:
                put_back(home, self.at(ago), place)
        return home


def write_history(leased: Path, folder: Path, kind: Kind) -> None:
    """Have a ledger do its groups, and keep its home at each moment: nobody writes while it is copied."""
    home = clone_of(leased, folder / "live")
    with Ledger.open(home) as ledger:
        do_groups(ledger, kind, lambda moment: shutil.copytree(home, folder / str(moment)))
    shutil.rmtree(home)


def do_groups(ledger: Ledger, kind: Kind, at: Callable[[int], object]) -> None:
    """Have a history's groups done; `at` is called at each of its moments."""
    at(0)
    for group in range(1, GROUPS + 1):
        do_group(ledger, kind, group)
        at(group)


def do_group(ledger: Ledger, kind: Kind, group: int) -> None:
    """Have a group done: an item for each of three customers, as far as it has room for them, and new meters."""
    if not kind.of_meters(group):
        ledger.execute(CreateAuditEntry(text=f"entry {group}"))
        return
    meters = [ledger.meter(customer) for customer in CUSTOMERS[: kind.size]]
    for meter in meters:
        meter.ask()
    items = [meter.client.create_indicium(f"job-{group}", value_of(group), LETTER) for meter in meters]
    replies = ledger.execute_all([*items, *[InitializePsd()] * (kind.size - len(items))])
    for meter, reply in zip(meters, replies, strict=False):
        assert isinstance(reply, bytes)
        meter.client.accept(f"job-{group}", reply)
        meter.keep()


LAGGING, RESTORED = 2, 4
"""How many groups ago a standby heard its primary for the last time, and a base backup was taken."""


@dataclass(frozen=True)
class HistoryOnPostgres(History):
    """A history whose store is a database: of a base backup that was restored, or of a standby that took over."""

    servers: Mapping[int, Server]
    """Servers, by how many groups ago they stand."""
    database: str

    def found(self, to: Path, *, memory: int, store: int, copy: int) -> Path:
        """Make the home as somebody finds it, on a database of its own of the server that stands there."""
        home = copy_of(self.at(0), to)
        for place, ago in ((MEMORY, memory), (COPY, copy)):
            if ago:
                put_back(home, self.at(ago), place)
        database = self.servers[store].create(f"indicium_{uuid4().hex}", self.database)
        settings = home / "indicium.toml"
        settings.write_text(settings.read_text().replace(Settings.read(home).store, database))
        return home


def history_on_postgres(
    leased: Path, folder: Path, kind: Kind, primary: OwnServer, running: ExitStack
) -> HistoryOnPostgres:
    """Have a ledger on a database do its groups while somebody takes a backup, and a standby follows for a while.

    Servers run until the stack is closed.
    """
    home, lengths = clone_of(leased, folder / "live"), list[int]()
    standby = running.enter_context(primary.standby())
    backups: list[OwnServer] = []

    def keep(moment: int) -> None:
        shutil.copytree(home, folder / str(moment))
        lengths.append(len(rows_of(home)))
        if moment == GROUPS - RESTORED:
            backups.append(running.enter_context(primary.backup()))
        if moment == GROUPS - LAGGING:
            standby.hear(primary)
            standby.hear_no_more()

    with Ledger.open(home) as ledger:
        do_groups(ledger, kind, keep)
        rows = tuple(rows_of(home))
    backups[0].start()
    standby.promote()
    servers = {LAGGING: standby, RESTORED: backups[0]}
    database = str(make_url(Settings.read(home).store).database)
    return HistoryOnPostgres(folder, kind, rows, tuple(lengths), servers, database)
