"""What the records of all chains of a vault add up to: each chain by itself, and each meter wherever it was at home.

Like the judges who keep them, these books import nothing of what they judge. They know the form of records
(docs/audit-record.md), and are told records in the order of their chains, whichever chain comes first.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from indicium.simulator.violation import broken

Discarded = Collection[tuple[int, str]]
"""Records that a recovery names, by number and hash."""

_PRINTED = ("indicium-created", "postage-correction-created", "sheet-created")
_ARRIVED = ("meter-taken", "meter-adopted")
_CARRIED = ("meter-given", *_ARRIVED)
_MAY_PRINT = "create-indicia"


@dataclass
class User:
    """A user of a meter, as the records say he is."""

    may_print: bool
    maximum: int | None
    spent: int = 0
    """What counts towards the maximum."""


@dataclass
class Meter:
    """A meter, as its records say it is, in whichever chains they stand."""

    version: int = 0
    ar: int = 0
    dr: int = 0
    done: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    """Event, value and digest of the item, by request id."""
    users: dict[str, User] = field(default_factory=dict)
    withdrawn: bool = False
    home: str = ""
    """The chain of the module where it is at home; empty while it is on its way."""
    to: str = ""
    """The chain that it is on its way to."""
    last: str = ""
    """Hash of its newest record."""

    def copied(self) -> "Meter":
        """Give one with the same content."""
        users = {name: replace(user) for name, user in self.users.items()}
        return replace(self, done=self.done.copy(), users=users)


@dataclass
class Chain:
    """The chain of one module: where it ends, and what its module moved."""

    sequence: int = 0
    head: str = "0" * 64
    """Hash of the last record."""
    totals: dict[str, int] = field(default_factory=lambda: {"downloaded": 0, "printed": 0, "refunded": 0})
    taken: int = 0
    """Value that came with meters from other modules, in mills."""
    given: int = 0
    """Value that went with meters to other modules, in mills."""
    closed: bool = False
    """Whether the last record is a mark behind which nothing stands."""

    @property
    def held(self) -> int:
        """What the meters must hold that are at home in the module, in mills."""
        return self.totals["downloaded"] - self.totals["printed"] - self.totals["refunded"] + self.taken - self.given


@dataclass
class Books:
    """All chains and all meters, up to some record of each chain."""

    chains: dict[str, Chain] = field(default_factory=dict)
    meters: dict[str, Meter] = field(default_factory=dict)
    waiting: dict[tuple[str, int], tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    """Transactions whose predecessor stands in a chain that was not read so far, with their hashes."""
    vouched: set[tuple[str, int, str]] = field(default_factory=set)
    """Chain, number and hash of marks that whoever closes a chain names; one that was cut off before it names another
    the next time."""
    left: set[str] = field(default_factory=set)
    """Chains out of which meters were adopted."""

    def copied(self) -> "Books":
        """Give books with the same content."""
        chains = {name: replace(chain, totals=chain.totals.copy()) for name, chain in self.chains.items()}
        meters = {name: meter.copied() for name, meter in self.meters.items()}
        return Books(chains, meters, self.waiting.copy(), self.vouched.copy(), self.left.copy())

    def take(self, name: str, line: bytes, discarded: Discarded) -> None:
        """Take the next record of a chain: it must name its place, and the hash of the one before it."""
        chain = self.chains.setdefault(name, Chain())
        record = parsed(line)
        chain.sequence += 1
        where = f"at record {chain.sequence} of module {record['module']}"
        if (record["chain"], record["sequence"], record["previous"]) != (name, chain.sequence, chain.head):
            broken(f"the chain is broken {where}")
        if chain.closed:
            broken(f"a closed chain goes on {where}")
        chain.head = hashlib.sha256(line).hexdigest()
        match record["event"]:
            case "chain-closed":
                chain.closed = True
            case "meters-adopted":
                mark = record["data"]["closed"]
                self.vouched.add((record["data"]["chain"], mark["sequence"], mark["hash"]))
            case _ if "package" in record["data"]:
                if (chain.sequence, chain.head) not in discarded:
                    self._transact(chain, record, where)

    def demand_whole(self) -> None:
        """See that no transaction lacks the one before it, and that each module's meters hold what it counted."""
        for psd, version in self.waiting:
            broken(f"version {version} of meter {psd} follows on none that is in a chain")
        held = dict.fromkeys(self.chains, 0)
        for meter in self.meters.values():
            if meter.home:
                held[meter.home] += meter.dr
        for name, chain in self.chains.items():
            if held[name] != chain.held:
                broken(f"the meters at home in chain {name} hold {held[name]}, and it counts {chain.held}")
            if name in self.left and not chain.closed:
                broken(f"meters were adopted from chain {name}, which nobody closed")
            if chain.closed and (name, chain.sequence, chain.head) not in self.vouched:
                broken(f"nobody vouches for the mark that closes chain {name}")

    def _transact(self, chain: Chain, record: Mapping[str, Any], where: str) -> None:
        """Count a transaction in its chain, and in its meter as soon as that has come so far."""
        package = record["data"]["package"]
        _count(chain, record, where)
        psd, version = package["psd"], package["version"]
        meter = self.meters.setdefault(psd, Meter())
        if version <= meter.version or (psd, version) in self.waiting:
            broken(f"meter {psd} repeats a version {where}")
        self.waiting[psd, version] = record, chain.head
        while (following := self.waiting.pop((psd, meter.version + 1), None)) is not None:
            self._follow(meter, *following)

    def _follow(self, meter: Meter, record: Mapping[str, Any], line_hash: str) -> None:
        data, event = record["data"], record["event"]
        package, value = data["package"], data["checkpoint"]["value"]
        where = f"at record {record['sequence']} of module {record['module']}"
        if meter.withdrawn and event not in _CARRIED:
            broken(f"meter {package['psd']} goes on after it was withdrawn {where}")
        self._move_home(meter, record, where)
        meter.version, meter.last = meter.version + 1, line_hash
        _move(meter, event, value)
        if event in _PRINTED:
            _demand_right_to_print(meter, data.get("user"), value, where)
        else:
            _fold_users(meter.users, event, data)
        if (package["ar"], package["dr"]) != (meter.ar, meter.dr) or meter.dr < 0:
            broken(f"the registers of meter {package['psd']} do not add up {where}")
        if data["request"] is not None:
            if data["request"] in meter.done:
                broken(f"request {data['request']} of meter {package['psd']} was done twice {where}")
            meter.done[data["request"]] = event, value, data.get("item_sha256") or ""

    def _move_home(self, meter: Meter, record: Mapping[str, Any], where: str) -> None:
        """See that nobody works with a meter but the module where it is at home, or comes to be."""
        data, event, chain = record["data"], record["event"], record["chain"]
        psd, home = data["package"]["psd"], data["package"]["home"]
        if event in _ARRIVED:
            if data["given_by"]["record"] != meter.last:
                broken(f"meter {psd} came with another record than its newest {where}")
            if event == "meter-taken" and meter.to != chain:
                broken(f"meter {psd} was taken by a module that it was not given to {where}")
            if event == "meter-adopted":
                self._adopt(meter, chain, data["given_by"]["chain"])
        elif meter.version and meter.home != chain:
            broken(f"meter {psd} was not at home {where}")
        gone = data["to"] if event == "meter-given" else None
        if home != (record["module"] if gone is None else gone["module"]):
            broken(f"meter {psd} has another home than its record says {where}")
        meter.home, meter.to = (chain, "") if gone is None else ("", gone["chain"])

    def _adopt(self, meter: Meter, by: str, giver: str) -> None:
        """Take a meter out of the chain where it was at home; or was on its way to, or out of, and never arrived."""
        self.left.add(meter.home or (giver if meter.to == by else meter.to))
        if meter.home:
            self.chains[meter.home].given += meter.dr


def parsed(line: bytes) -> dict[str, Any]:
    """Read a record, without its signature."""
    said: dict[str, Any] = orjson.loads(line.partition(b"\t")[0])
    return said


def _count(chain: Chain, record: Mapping[str, Any], where: str) -> None:
    """Count in a chain what a transaction moved, by which its module's totals must add up."""
    event, data = record["event"], record["data"]
    value, dr = data["checkpoint"]["value"], data["package"]["dr"]
    if event == "postage-value-downloaded":
        chain.totals["downloaded"] += value
    elif event in _PRINTED:
        chain.totals["printed"] += value
    elif event == "refund-indicium-created":
        chain.totals["refunded"] += value
    elif event == "meter-given":
        chain.given += dr
    elif event in _ARRIVED:
        chain.taken += dr
    if {name: data["checkpoint"][name] for name in chain.totals} != chain.totals:
        broken(f"the module's totals do not add up {where}")


def _move(meter: Meter, event: str, value: int) -> None:
    """Move the value of a transaction; a refund pays back all that the meter holds, and is its last."""
    if event == "postage-value-downloaded":
        meter.dr += value
    elif event in _PRINTED:
        meter.ar, meter.dr = meter.ar + value, meter.dr - value
    elif event == "refund-indicium-created":
        if value != meter.dr:
            broken("a meter was paid back another value than it held")
        meter.ar, meter.dr, meter.withdrawn = meter.ar + value, 0, True


def _fold_users(users: dict[str, User], event: str, data: Mapping[str, Any]) -> None:
    match event:
        case "meter-user-added":
            users[data["name"]] = User(_MAY_PRINT in data["privileges"], data["maximum_total"])
        case "meter-user-deleted":
            del users[data["name"]]
        case "meter-user-modified":
            user = users[data["name"]]
            user.may_print, user.maximum = _MAY_PRINT in data["privileges"], data["maximum_total"]
            user.spent = 0 if user.maximum is None else user.spent
        case _:
            pass


def _demand_right_to_print(meter: Meter, name: str | None, value: int, where: str) -> None:
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
