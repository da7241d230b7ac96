"""Auto-Recover: memory goes back to an older checkpoint, and says so (O-10 … O-14)."""

import hashlib
from collections.abc import Sequence
from functools import reduce

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.core import Back, Core
from indicium.cryptomodule.group import NO_METER, Group
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.state import GIVEN, RingEntry, Tail, shift_sum
from indicium.domain.commands.recovery import AutoRecoverCheckpoint
from indicium.domain.errors import CheckpointMismatch
from indicium.domain.fig6 import Role, authorize
from indicium.domain.flow import Changes, Gathered, Head, LastGroup, SealedRecord
from indicium.domain.identity import ChainId, DeviceId


def older_heads(inner: Inner, compared: int) -> tuple[Head, ...]:
    """Give the older heads that the store may have: of so many checkpoints as are compared the newest is one (M-16)."""
    return tuple(group.before for group in last_groups(inner, compared))


def last_groups(inner: Inner, compared: int) -> tuple[LastGroup, ...]:
    """Give the groups that began at these heads, with their lines."""
    tails = inner.tails[-compared + 1 :] if compared > 1 else ()
    return tuple(LastGroup(tail.before, tuple(record.line for record in tail.records)) for tail in tails)


def give_lost(core: Core, inner: Inner, gathered: Gathered, found: Head) -> Changes:
    """Give out what a store that ends at one of the older heads never got, or got and lost.

    PSD records come out discarded, followed by a signed record that names them; where all are records of the module
    itself, they come out as they are. Raises `CheckpointMismatch` if it does not fit (O-14).
    """
    if found not in older_heads(inner, core.compared):  # O-11: one of the older internal records, or nothing
        raise CheckpointMismatch(serial=core.serial)
    lost = reduce(Tail.with_later, (tail for tail in inner.tails if tail.before.sequence >= found.sequence))
    records = lost_records(core.chain, lost)
    if all(record.psd_id is None for record in lost.records):
        return Changes(records)
    authorize(AutoRecoverCheckpoint, core.state, Role.DEFAULT)
    accepted = next((entry for entry in inner.hot.ring if entry.head == found), None)
    if accepted is None or not _sets_are_held(inner, lost):
        raise CheckpointMismatch(serial=core.serial)
    group = core.group(inner, inner.hot.copy(), gathered)
    forget = _roll_back(group, lost, accepted)
    # No store ends any more where only the lost groups ended.
    ring = tuple(entry for entry in inner.hot.ring if entry.head.sequence <= found.sequence)
    earlier = tuple(tail for tail in inner.tails if tail.before.sequence < found.sequence)
    core.write(group, inner.cold, found, back=Back(lost, ring, earlier), forget=forget)
    return Changes([*records, *group.records])


def lost_records(chain: ChainId, tail: Tail) -> list[SealedRecord]:
    """Give the tail's records for the store, byte for byte; their psd columns are empty, for they move nothing."""
    first = tail.before.sequence + 1
    return [
        SealedRecord(chain, first + number, record.event, record.line, None, None)
        for number, record in enumerate(tail.records)
    ]


def _sets_are_held(inner: Inner, lost: Tail) -> bool:
    """Say whether each meter would go back to a Master Key Set that was not deleted meanwhile."""
    held = {kept.mks for kept in (inner.cold.active, inner.cold.dormant) if kept is not None}
    return all(undo.mks in held or undo.mks.startswith(GIVEN) for undo in lost.undo if undo.version)


def _roll_back(group: Group, tail: Tail, accepted: RingEntry) -> Sequence[DeviceId]:
    """Undo the tail's transactions in the group and record it; give the meters that memory forgets.

    The totals are those of the accepted checkpoint (M-65); the discarded records are named (O-13). Device numbers that
    the tail gave out are not given out again. A record of the module itself is redone: it stands, and discards nothing.
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
