"""Histories of modules and meters, written as the records that modules would have sealed, and streams of them."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from indicium.domain.amounts import Mills
from indicium.domain.flow import GENESIS, Head, SealedRecord
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import MovingPart
from indicium.domain.record import line_hash
from indicium.domain.registers import NO_TOTALS, Totals
from tests.domain.lines import CORRECTION

MONDAY = "1999-08-02T15:00:00.000000Z"


TOTALS = {
    "postage-value-downloaded": "downloaded",
    "indicium-created": "printed",
    "postage-correction-created": "printed",
    "sheet-created": "printed",
    "refund-indicium-created": "refunded",
}
"""Events that move value, each with the module total that grows by it (G-308 … G-310)."""

ELEMENTS: dict[str, dict[str, object]] = {
    "indicium-created": {"kind": "voucher", "purpose": "a cup of tea"},
    "postage-correction-created": CORRECTION,
    "sheet-created": {"kind": "sheet", "items": 3, "root": "f" * 64},
    "refund-indicium-created": {"kind": "refund"},
}
"""Events that are items, each with data elements of its kind."""


class Module:
    """One module's chain, as the store gives it."""

    def __init__(self, serial: str, chain: str | None = None) -> None:
        self.serial = Serial(serial)
        self.chain = ChainId(chain or hashlib.sha256(serial.encode()).hexdigest()[:32])
        self.records: list[SealedRecord] = []
        self.head: Head = GENESIS
        self.totals = NO_TOTALS

    def note(self, event: str, data: dict[str, Any] | None = None, *, at: str = MONDAY, state: str = "operational",
             psd: DeviceId | None = None, version: int | None = None) -> SealedRecord:  # fmt: skip
        envelope = {
            "format": 1, "previous": self.head.hash, "chain": self.chain, "module": self.serial,
            "sequence": self.head.sequence + 1, "event": event, "suite": "modern", "key": "0" * 64,
            "software": "", "command": "", "user": None, "role": None,
            "state": state, "persistent": state, "at": at, "reason": 0, "data": data or {},
        }  # fmt: skip
        line = orjson.dumps(envelope)
        if self.head.sequence % 7 == 0:
            line += b"\tc2lnbmF0dXJl"
        self.head = Head(self.head.sequence + 1, line_hash(line))
        record = SealedRecord(self.chain, self.head.sequence, event, line, psd, version)
        self.records.append(record)
        return record

    def transact(self, event: str, package: MovingPart, value: int = 0, *, at: str = MONDAY) -> SealedRecord:
        """Record a PSD transaction; the totals move with downloads and with items of all kinds."""
        package = package._replace(home=self.serial, last_at=at)
        if (total := TOTALS.get(event)) is not None:
            self.totals = self.totals._replace(**{total: Mills(getattr(self.totals, total) + value)})
        checkpoint = {
            "psd": package.psd, "transaction": event, "value": value, "ar": package.ar, "dr": package.dr,
            "module": self.serial, "at": at, **self.totals._asdict(), "mac": "c" * 64,
        }  # fmt: skip
        data: dict[str, Any] = {
            "package": package._asdict(), "request": "r", "content": "d" * 64, "authenticated_as": "user",
            "checkpoint": checkpoint,
        }  # fmt: skip
        if event in ELEMENTS:
            data["vbi"] = item(package, value, at, ELEMENTS[event])
            data["item_sha256"] = "e" * 64
        return self.note(event, data, at=at, psd=package.psd, version=package.version)

    def discard_last(self, count: int, totals: Totals) -> None:
        """Let Auto-Recover have given up the last PSD records: the store keeps them without psd columns."""
        first = len(self.records) - count
        kept, lost = self.records[:first], self.records[first:]
        self.records = kept + [record._replace(psd_id=None, psd_version=None) for record in lost]
        self.totals = totals
        named = [{"sequence": r.sequence, "hash": line_hash(r.line), "value": 0} for r in lost]
        self.note("checkpoint-recovered", {"discarded": named, **totals._asdict()})


def meter(number: int = 1, **changes: Any) -> MovingPart:  # noqa: ANN401  # members of any type by name
    """Give the package of a leased meter."""
    package = MovingPart(
        psd=DeviceId(str(1_000_000_000 + number)), version=5, home=Serial("1"), state="leased", suite="modern",
        mks="0" * 16, static="a" * 64, ar=0, dr=0, customer=f"c{number}", license_zip="04973", dr_limit=500_000,
        certificate="1f", key_expires="2002-08-02", last_at=MONDAY, client_challenge=None,
    )  # fmt: skip
    return package._replace(**changes)


def item(package: MovingPart, value: int, at: str, elements: Mapping[str, object]) -> dict[str, Any]:
    """Give what an item says."""
    return {
        "vbi": 1, "device": package.psd, "certificate": package.certificate, "transaction": package.version,
        "ar": package.ar, "dr": package.dr, "value": value, "date": at[:10],
        "elements": elements,
    }  # fmt: skip


class InMemory:
    """Streams of records that are in memory."""

    def __init__(self, *modules: Module) -> None:
        self._modules = {module.chain: module for module in modules}

    def chains(self) -> list[tuple[ChainId, int]]:
        return [(chain, len(module.records)) for chain, module in self._modules.items()]

    def records(
        self, chain: ChainId, *, after: int = 0, upto: int | None = None, batch: int = 1000
    ) -> Iterator[SealedRecord]:
        assert batch > 0
        if chain in self._modules:
            yield from self._modules[chain].records[after:upto]
