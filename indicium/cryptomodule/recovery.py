"""Auto-Recover: memory goes back to an older checkpoint, and says so (O-10 … O-14)."""

import hashlib

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.group import NO_METER, Group
from indicium.cryptomodule.state import RingEntry, Tail, shift_sum
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId, DeviceId


def lost_records(chain: ChainId, tail: Tail) -> list[SealedRecord]:
    """Give the tail's records for the store, byte for byte; their psd columns are empty, for they move nothing."""
    first = tail.before.sequence + 1
    return [
        SealedRecord(chain, first + number, record.event, record.line, None, None)
        for number, record in enumerate(tail.records)
    ]


def roll_back(group: Group, tail: Tail, accepted: RingEntry) -> list[DeviceId]:
    """Undo the tail's transactions in the group and record it; give the meters that memory forgets.

    The totals are those of the accepted checkpoint (M-65); the discarded records are named (O-13). Device numbers that
    the tail gave out are not given out again. A record of the module itself, behind the transactions of its command, is
    redone: it stands, and discards nothing.
    """
    hot, forget = group.hot, list[DeviceId]()
    hot.totals = accepted.totals
    for undo in tail.undo:
        before = group.codec.home_meter(*undo) if undo.version else NO_METER
        hot.meters_sum = shift_sum(hot.meters_sum, add=before.weight, take=group.known[undo.psd_id].weight)
        if before is NO_METER:
            hot.meters -= 1
            forget.append(undo.psd_id)
        else:
            group.meters[undo.psd_id] = before
    first = tail.before.sequence + 1
    discarded = [
        {"sequence": first + number, "hash": hashlib.sha256(record.line).hexdigest(), "value": record.value}
        for number, record in enumerate(tail.records)
        if record.psd_id is not None
    ]
    data = orjson.dumps({"discarded": discarded, **accepted.totals._asdict()})
    group.record(Entry("checkpoint-recovered", "checkpoint", "AutoRecoverCheckpoint", data, signed=True))
    return forget
