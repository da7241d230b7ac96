"""Judges of a run, written apart from the code they judge: they read bytes that left the system, and nothing else.

Of the package they import nothing. What they know is the form of records (docs/audit-record.md) and of items.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn


class Violation(Exception):  # what a run ends with
    """A promise is broken."""


def broken(why: str) -> NoReturn:
    """Raise `Violation`."""
    raise Violation(why)


@dataclass
class Street:
    """What clients and provider hold: all that was acknowledged to somebody outside."""

    items: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """Item and value in mills, by meter and request id."""
    loads: dict[tuple[str, str], int] = field(default_factory=dict)
    """Loaded value in mills, by meter and request id."""
    _transactions: dict[tuple[str, int], str] = field(default_factory=dict)

    def take_item(self, meter: str, request: str, item: str, value: int) -> None:
        """Take what a client was given. A repeat may give the same once more; nothing else."""
        held = self.items.setdefault((meter, request), (item, value))
        if held != (item, value):
            broken(f"request {request} of meter {meter} was answered with two items")
        number = json.loads(item.partition("\t")[0])["transaction"]
        if self._transactions.setdefault((meter, number), item) != item:
            broken(f"transaction {number} of meter {meter} is on two items")

    def take_load(self, meter: str, request: str, value: int) -> None:
        """Take what the provider was told."""
        if self.loads.setdefault((meter, request), value) != value:
            broken(f"load {request} of meter {meter} was answered with two values")


@dataclass
class _Meter:
    version: int = 0
    ar: int = 0
    dr: int = 0
    done: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    """Event, value and digest of the item, by request id."""


_PRINTED = ("indicium-created", "postage-correction-created", "sheet-created")


def demand_chain(lines: Sequence[bytes]) -> None:
    """See that each record names its place, and the hash of the one before it."""
    before = "0" * 64
    for number, line in enumerate(lines, 1):
        said = json.loads(line.partition(b"\t")[0])
        if (said["sequence"], said["previous"]) != (number, before):
            broken(f"the chain is broken at record {number}")
        before = hashlib.sha256(line).hexdigest()


def demand_one_story(copy: Sequence[bytes], store: Sequence[bytes]) -> None:
    """See that the copy and the store hold the same records, byte for byte."""
    if copy != store:
        where = next((n for n, (a, b) in enumerate(zip(copy, store, strict=False), 1) if a != b), None)
        broken(f"copy and store differ at record {where or min(len(copy), len(store)) + 1}")


def demand_registers(lines: Iterable[bytes], packages: Mapping[str, bytes], street: Street) -> None:
    """Count again what every meter holds, and see that records, packages and all who hold something agree."""
    records = [json.loads(line.partition(b"\t")[0]) for line in lines]
    discarded = {
        (one["sequence"], one["hash"])
        for record in records
        if record["event"] == "checkpoint-recovered"
        for one in record["data"]["discarded"]
    }
    previous = [record["previous"] for record in records[1:]] + [""]
    standing = [
        record
        for record, own_hash in zip(records, previous, strict=True)
        if (record["sequence"], own_hash) not in discarded
    ]
    meters: dict[str, _Meter] = {}
    totals = {"downloaded": 0, "printed": 0, "refunded": 0}
    for record in standing:
        if record["software"] == "psd":
            _fold(meters, totals, record)
    _compare_packages(meters, packages)
    _compare_street(meters, street)


def _fold(meters: dict[str, _Meter], totals: dict[str, int], record: Mapping[str, Any]) -> None:
    data, where = record["data"], f"at record {record['sequence']}"
    package, said = data["package"], data["checkpoint"]
    meter = meters.setdefault(package["psd"], _Meter())
    value = said["value"]
    if package["version"] != meter.version + 1:
        broken(f"meter {package['psd']} skips or repeats a version {where}")
    meter.version += 1
    if record["event"] == "postage-value-downloaded":
        meter.dr += value
        totals["downloaded"] += value
    elif record["event"] in _PRINTED:
        meter.ar, meter.dr = meter.ar + value, meter.dr - value
        totals["printed"] += value
    elif record["event"] == "refund-indicium-created":
        totals["refunded"] += value
        meter.dr = package["dr"]
    if (package["ar"], package["dr"]) != (meter.ar, meter.dr) or meter.dr < 0:
        broken(f"the registers of meter {package['psd']} do not add up {where}")
    if {name: said[name] for name in totals} != totals:
        broken(f"the module's totals do not add up {where}")
    if data["request"] is not None:
        if data["request"] in meter.done:
            broken(f"request {data['request']} of meter {package['psd']} was done twice {where}")
        meter.done[data["request"]] = record["event"], value, data.get("item_sha256") or ""


def _compare_packages(meters: Mapping[str, _Meter], packages: Mapping[str, bytes]) -> None:
    kept = {}
    for name, moving in packages.items():
        said = json.loads(moving)
        kept[name] = said["version"], said["ar"], said["dr"]
    counted = {name: (meter.version, meter.ar, meter.dr) for name, meter in meters.items()}
    if kept != counted:
        broken(f"packages and records differ: {sorted(set(kept.items()) ^ set(counted.items()))}")


def _compare_street(meters: Mapping[str, _Meter], street: Street) -> None:
    nothing = _Meter()
    for (name, request), (item, value) in street.items.items():
        named = hashlib.sha256(item.encode()).hexdigest()
        if meters.get(name, nothing).done.get(request, ("", 0, ""))[1:] != (value, named):
            broken(f"item {request} of meter {name} was given out and is not in the chain")
    for (name, request), value in street.loads.items():
        if meters.get(name, nothing).done.get(request, ("", 0, ""))[:2] != ("postage-value-downloaded", value):
            broken(f"load {request} of meter {name} was acknowledged and is not in the chain")
