"""Judges of a run, written apart from the code they judge: they read bytes that left the system, and nothing else.

Of the package they import nothing. What they know is the form of records (docs/audit-record.md) and of items.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import orjson


class Violation(Exception):  # what a run ends with
    """A promise is broken."""


def broken(why: str) -> NoReturn:
    """Raise `Violation`."""
    raise Violation(why)


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


@dataclass
class _User:
    """A user of a meter, as the records say he is."""

    may_print: bool
    maximum: int | None
    spent: int = 0
    """What counts towards the maximum."""


@dataclass
class _Meter:
    version: int = 0
    ar: int = 0
    dr: int = 0
    done: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    """Event, value and digest of the item, by request id."""
    users: dict[str, _User] = field(default_factory=dict)
    withdrawn: bool = False

    def copied(self) -> "_Meter":
        """Give one with the same content."""
        users = {name: replace(user) for name, user in self.users.items()}
        return replace(self, done=self.done.copy(), users=users)


_PRINTED = ("indicium-created", "postage-correction-created", "sheet-created")

_MAY_PRINT = "create-indicia"

_UNSETTLED = 64
"""Newest records, which may yet be discarded or give way to others: they are read anew each time."""

_Discarded = Collection[tuple[int, str]]
"""Records by sequence and hash."""


@dataclass
class _Books:
    """What the records up to one of them add up to."""

    sequence: int = 0
    head: str = "0" * 64
    """Hash of the last record."""
    meters: dict[str, _Meter] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=lambda: {"downloaded": 0, "printed": 0, "refunded": 0})

    def copied(self) -> "_Books":
        """Give books with the same content."""
        meters = {name: meter.copied() for name, meter in self.meters.items()}
        return _Books(self.sequence, self.head, meters, self.totals.copy())

    def take(self, line: bytes, discarded: _Discarded) -> None:
        """Take the next record: it must name its place, and the hash of the one before it."""
        record = _parsed(line)
        self.sequence += 1
        if (record["sequence"], record["previous"]) != (self.sequence, self.head):
            broken(f"the chain is broken at record {self.sequence}")
        self.head = hashlib.sha256(line).hexdigest()
        if record["software"] == "psd" and (self.sequence, self.head) not in discarded:
            _fold(self.meters, self.totals, record)


class Judge:
    """Reads a chain as often as it is asked to; what it finds there again, byte for byte, it need not count again."""

    def __init__(self, street: Street) -> None:
        """Know nothing yet."""
        self._street = street
        self._begin()

    def _begin(self) -> None:
        self._settled: list[bytes] = []
        self._books = _Books()

    def demand(self, copy: list[bytes], store: list[bytes], packages: Mapping[str, bytes]) -> None:
        """See that copy and store hold one chain, and count what every meter holds.

        Records, packages and all who hold something must agree.
        """
        _demand_one_story(copy, store)
        meters = self._read(copy).meters
        _compare_packages(meters, packages)
        _compare_street(meters, self._street)

    def _read(self, lines: list[bytes]) -> _Books:
        if lines[: len(self._settled)] != self._settled:
            self._begin()
        known = len(self._settled)
        discarded = _discarded(lines[known:])
        if any(sequence <= known for sequence, _ in discarded):
            self._begin()
            known = 0
            discarded = _discarded(lines)
        settled = max(known, len(lines) - _UNSETTLED)
        for line in lines[known:settled]:
            self._books.take(line, discarded)
        self._settled = lines[:settled]
        books = self._books.copied()
        for line in lines[settled:]:
            books.take(line, discarded)
        return books


def _discarded(lines: Iterable[bytes]) -> _Discarded:
    """Find what records of a recovery name."""
    recoveries = (_parsed(line) for line in lines if b'"event":"checkpoint-recovered"' in line)
    return {(one["sequence"], one["hash"]) for said in recoveries for one in said["data"]["discarded"]}


def _parsed(line: bytes) -> dict[str, Any]:
    said: dict[str, Any] = orjson.loads(line.partition(b"\t")[0])
    return said


def _demand_one_story(copy: list[bytes], store: list[bytes]) -> None:
    """See that the copy and the store hold the same records, byte for byte."""
    if copy != store:
        where = next((n for n, (a, b) in enumerate(zip(copy, store, strict=False), 1) if a != b), None)
        broken(f"copy and store differ at record {where or min(len(copy), len(store)) + 1}")


def _fold(meters: dict[str, _Meter], totals: dict[str, int], record: Mapping[str, Any]) -> None:
    data, where = record["data"], f"at record {record['sequence']}"
    package, said = data["package"], data["checkpoint"]
    meter = meters.setdefault(package["psd"], _Meter())
    if package["version"] != meter.version + 1:
        broken(f"meter {package['psd']} skips or repeats a version {where}")
    if meter.withdrawn:
        broken(f"meter {package['psd']} goes on after it was withdrawn {where}")
    meter.version += 1
    value = said["value"]
    _move(meter, totals, record["event"], value)
    if record["event"] in _PRINTED:
        _demand_right_to_print(meter, data.get("user"), value, where)
    else:
        _fold_users(meter.users, record["event"], data)
    if (package["ar"], package["dr"]) != (meter.ar, meter.dr) or meter.dr < 0:
        broken(f"the registers of meter {package['psd']} do not add up {where}")
    if {name: said[name] for name in totals} != totals:
        broken(f"the module's totals do not add up {where}")
    if data["request"] is not None:
        if data["request"] in meter.done:
            broken(f"request {data['request']} of meter {package['psd']} was done twice {where}")
        meter.done[data["request"]] = record["event"], value, data.get("item_sha256") or ""


def _move(meter: _Meter, totals: dict[str, int], event: str, value: int) -> None:
    """Move the value of a transaction; a refund pays back all that the meter holds, and is its last."""
    if event == "postage-value-downloaded":
        meter.dr += value
        totals["downloaded"] += value
    elif event in _PRINTED:
        meter.ar, meter.dr = meter.ar + value, meter.dr - value
        totals["printed"] += value
    elif event == "refund-indicium-created":
        if value != meter.dr:
            broken("a meter was paid back another value than it held")
        meter.ar, meter.dr, meter.withdrawn = meter.ar + value, 0, True
        totals["refunded"] += value


def _fold_users(users: dict[str, _User], event: str, data: Mapping[str, Any]) -> None:
    match event:
        case "meter-user-added":
            users[data["name"]] = _User(_MAY_PRINT in data["privileges"], data["maximum_total"])
        case "meter-user-deleted":
            del users[data["name"]]
        case "meter-user-modified":
            user = users[data["name"]]
            user.may_print, user.maximum = _MAY_PRINT in data["privileges"], data["maximum_total"]
            user.spent = 0 if user.maximum is None else user.spent
        case _:
            pass


def _demand_right_to_print(meter: _Meter, name: str | None, value: int, where: str) -> None:
    """See that whoever printed might: the customer may always."""
    if name is None:
        return
    user = meter.users.get(name)
    if user is None or not user.may_print:
        broken(f"{name} printed without being allowed to {where}")
    if user.maximum is not None:
        user.spent += value
        if user.spent > user.maximum:
            broken(f"{name} spent more than he may {where}")


def _compare_packages(meters: Mapping[str, _Meter], packages: Mapping[str, bytes]) -> None:
    kept = {}
    for name, moving in packages.items():
        said = orjson.loads(moving)
        kept[name] = said["version"], said["ar"], said["dr"]
    counted = {name: (meter.version, meter.ar, meter.dr) for name, meter in meters.items()}
    if kept != counted:
        broken(f"packages and records differ: {sorted(set(kept.items()) ^ set(counted.items()))}")


def _compare_street(meters: Mapping[str, _Meter], street: Street) -> None:
    nothing = _Meter()
    for (name, request), said in street.items.items():
        if meters.get(name, nothing).done.get(request, ("", 0, ""))[1:] != said:
            broken(f"item {request} of meter {name} was given out and is not in the chain")
    for (name, request), value in street.loads.items():
        if meters.get(name, nothing).done.get(request, ("", 0, ""))[:2] != ("postage-value-downloaded", value):
            broken(f"load {request} of meter {name} was acknowledged and is not in the chain")
    for name, request in street.changes:
        if request not in meters.get(name, nothing).done:
            broken(f"request {request} of meter {name} was acknowledged and is not in the chain")
