"""Judges of a run, written apart from the code they judge: they read bytes that left the system, and nothing else.

Of the package they import nothing but their own books. What they know is the form of records (docs/audit-record.md)
and of items.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from indicium.simulator.books import Books, Discarded, Meter, parsed
from indicium.simulator.violation import broken


@dataclass
class Street:
    """What clients and provider hold: all that was acknowledged to somebody outside."""

    items: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """Value in mills and SHA-256 of each item, by meter and request id."""
    loads: dict[tuple[str, str], int] = field(default_factory=dict)
    """Loaded value in mills, by meter and request id."""
    changes: set[tuple[str, str]] = field(default_factory=set)
    """What else was acknowledged to somebody, by meter and request id."""
    _transactions: dict[tuple[str, int], str] = field(default_factory=dict)

    def take_item(self, meter: str, request: str, item: str, asked: int | None = None) -> None:
        """Take what a client was given, worth what was asked for. A repeat may give the same, and nothing else."""
        body = orjson.loads(item.partition("\t")[0])
        value, number = body["value"], body["transaction"]
        if asked not in (None, value):
            broken(f"request {request} of meter {meter} was answered with an item of another value")
        said = value, hashlib.sha256(item.encode()).hexdigest()
        if self.items.setdefault((meter, request), said) != said:
            broken(f"request {request} of meter {meter} was answered with two items")
        if self._transactions.setdefault((meter, number), item) != item:
            broken(f"transaction {number} of meter {meter} is on two items")

    def take_load(self, meter: str, request: str, value: int) -> None:
        """Take what the provider was told."""
        if self.loads.setdefault((meter, request), value) != value:
            broken(f"load {request} of meter {meter} was answered with two values")

    def take_change(self, meter: str, request: str) -> None:
        """Take that a request was done which moves no value."""
        self.changes.add((meter, request))


_UNSETTLED = 64
"""Newest records of a chain, which may yet be discarded or give way to others: they are read anew each time."""


class Told(NamedTuple):
    """What two places say of one chain."""

    copy: list[bytes]
    store: list[bytes]


class Judge:
    """Reads all chains as often as it is asked to; what it finds there again, byte for byte, it counts once."""

    def __init__(self, street: Street) -> None:
        """Know nothing yet."""
        self._street = street
        self._begin()

    def _begin(self) -> None:
        self._settled: dict[str, list[bytes]] = {}
        self._books = Books()

    def demand(self, chains: Mapping[str, Told], packages: Mapping[str, bytes]) -> None:
        """See that copy and store tell one story of each chain, and count what every meter holds.

        Records, packages and all who hold something must agree.
        """
        for told in chains.values():
            _demand_one_story(*told)
        books = self._read({name: told.copy for name, told in chains.items()})
        books.demand_whole()
        _compare_packages(books.meters, packages)
        _compare_street(books.meters, self._street)

    def demand_what_is_left(self, chains: Mapping[str, Told], packages: Mapping[str, bytes]) -> None:
        """See the same after a module's newest records were abandoned, but of meters that went on without those.

        One that was on its way to that module waits: whoever knows that it went on there lets nobody have it.
        """
        for told in chains.values():
            _demand_one_story(*told)
        books = self._read({name: told.copy for name, told in chains.items()})
        torn = {psd for psd, _ in books.waiting} | {psd for psd, meter in books.meters.items() if not meter.home}
        whole = {name: meter for name, meter in books.meters.items() if name not in torn}
        _compare_packages(whole, {name: moving for name, moving in packages.items() if name not in torn})

    def _read(self, chains: Mapping[str, list[bytes]]) -> Books:
        discarded = {name: _discarded(lines[len(self._known(name)) :]) for name, lines in chains.items()}
        for name, lines in chains.items():
            known = self._known(name)
            if lines[: len(known)] != known or any(sequence <= len(known) for sequence, _ in discarded[name]):
                self._begin()
                discarded = {name: _discarded(lines) for name, lines in chains.items()}
                break
        rest: dict[str, list[bytes]] = {}
        for name, lines in chains.items():
            known = self._known(name)
            settled = max(len(known), len(lines) - _UNSETTLED)
            for line in lines[len(known) : settled]:
                self._books.take(name, line, discarded[name])
            self._settled[name], rest[name] = lines[:settled], lines[settled:]
        books = self._books.copied()
        for name, lines in rest.items():
            for line in lines:
                books.take(name, line, discarded[name])
        return books

    def _known(self, name: str) -> list[bytes]:
        return self._settled.get(name, [])


def _discarded(lines: Iterable[bytes]) -> Discarded:
    """Find what records of a recovery name."""
    recoveries = (parsed(line) for line in lines if b'"event":"checkpoint-recovered"' in line)
    return {(one["sequence"], one["hash"]) for said in recoveries for one in said["data"]["discarded"]}


def _demand_one_story(copy: list[bytes], store: list[bytes]) -> None:
    """See that the copy and the store hold the same records, byte for byte."""
    if copy != store:
        where = next((n for n, (a, b) in enumerate(zip(copy, store, strict=False), 1) if a != b), None)
        broken(f"copy and store differ at record {where or min(len(copy), len(store)) + 1}")


def _compare_packages(meters: Mapping[str, Meter], packages: Mapping[str, bytes]) -> None:
    kept = {}
    for name, moving in packages.items():
        said = orjson.loads(moving)
        kept[name] = said["version"], said["ar"], said["dr"]
    counted = {name: (meter.version, meter.ar, meter.dr) for name, meter in meters.items()}
    if kept != counted:
        broken(f"packages and records differ: {sorted(set(kept.items()) ^ set(counted.items()))}")


def _compare_street(meters: Mapping[str, Meter], street: Street) -> None:
    nothing = Meter()
    for (name, request), said in street.items.items():
        if meters.get(name, nothing).done.get(request, ("", 0, ""))[1:] != said:
            broken(f"item {request} of meter {name} was given out and is not in the chain")
    for (name, request), value in street.loads.items():
        if meters.get(name, nothing).done.get(request, ("", 0, ""))[:2] != ("postage-value-downloaded", value):
            broken(f"load {request} of meter {name} was acknowledged and is not in the chain")
    for name, request in street.changes:
        if request not in meters.get(name, nothing).done:
            broken(f"request {request} of meter {name} was acknowledged and is not in the chain")
