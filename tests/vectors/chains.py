"""Chains for tests, longer than the vectors' and with records of meters, signed with the vectors' key."""

import hashlib
from collections.abc import Callable, Iterable

from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from tests.vectors import making

Data = dict[str, object]


def chain_of(
    count: int, data_of: Callable[[int], Data], event_of: Callable[[int], str], interval: int = making.INTERVAL
) -> list[bytes]:
    """Lines 1 to `count`; the data of record 1 is the interval."""
    lines: list[bytes] = []
    previous = "0" * 64
    for sequence in range(1, count + 1):
        event, data = event_of(sequence), data_of(sequence)
        if sequence == 1:
            event, data = "initialization-started", {"interval": interval}
        body = making.body(sequence, previous, event, data, at=f"1999-08-06T23:00:00.{sequence:06d}Z")
        signed = sequence == 1 or sequence % interval == 0
        lines.append(body + b"\t" + making.sign(body) if signed else body)
        previous = making.line_hash(lines[-1])
    return lines


def entries(count: int, interval: int = making.INTERVAL) -> list[bytes]:
    """A chain of audit entries."""
    return chain_of(count, lambda n: {"text": f"entry {n}", "n": n}, lambda _: "entry-made", interval)


def of_meter(sequence: int) -> Data:
    """What a record of a meter says."""
    return {"package": {"psd": "0000000007", "version": sequence, "ar": 330 * sequence}, "value": 330}


def meter_records(count: int) -> list[bytes]:
    """A chain of one meter's transactions."""
    return chain_of(count, of_meter, lambda _: "indicium-created")


def head_of(lines: list[bytes]) -> Head:
    """What an auditor notes of these lines."""
    return Head(len(lines), hashlib.sha256(lines[-1]).hexdigest())


def rows_of(lines: Iterable[bytes]) -> list[SealedRecord]:
    """Rows as a store keeps them, with the columns that `meter_records` need."""
    rows = []
    for sequence, line in enumerate(lines, start=1):
        event = line.split(b'"event":"')[1].split(b'"')[0].decode()
        psd = (DeviceId("0000000007"), sequence) if b'"package"' in line else (None, None)
        rows.append(SealedRecord(ChainId(making.CHAIN), sequence, event, line, *psd))
    return rows
