"""A simulated database: transactions in their order, and what they make of the tables.

It keeps the rules that the real one keeps by constraints. Its log is what a backup, and a standby, have a beginning of.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from indicium.domain.errors import RecordConflict
from indicium.domain.flow import Changes, FailedModule, KeptReply, RequestKey, SealedRecord
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import Package
from indicium.simulator.drawn import Dice

_Key = TypeVar("_Key")
_Row = TypeVar("_Row")


class _Undo(NamedTuple):
    """What a transaction replaced; None where there was nothing."""

    packages: dict[DeviceId, Package | None]
    replies: dict[RequestKey, KeptReply | None]
    failed: dict[Serial, FailedModule]


class Database:
    """The tables, and the transactions that made them."""

    def __init__(self) -> None:
        """Begin empty."""
        self.log: list[Changes] = []
        self._undo: list[_Undo] = []
        self.records: dict[ChainId, list[SealedRecord]] = {}
        self.packages: dict[DeviceId, Package] = {}
        self.replies: dict[RequestKey, KeptReply] = {}
        self.failed: dict[Serial, FailedModule] = {}
        self._versions: set[tuple[DeviceId | None, int | None]] = set()
        self._static: dict[tuple[DeviceId, str], bytes] = {}
        """Static parts that came without a package: those that a redo begins with."""
        self.epoch = 0
        """Which server answers: sessions with an earlier one are cut off."""
        self.synced = 0
        """Transactions that are surely on the platter."""

    def head(self, chain: ChainId) -> SealedRecord | None:
        """Give the newest record of a chain."""
        stored = self.records.get(chain)
        return stored[-1] if stored else None

    def commit(self, changes: Changes) -> None:
        """Do one transaction. Raises `RecordConflict`; then nothing of it is there."""
        self._demand_free(changes)
        packages = {package.psd_id: package for package in changes.packages if self.takes(package)}
        replies = {_key(reply): reply for reply in changes.replies if reply.token or self._marks(reply)}
        before = {psd_id: self.packages.get(psd_id) for psd_id in packages}
        self._undo.append(_Undo(before, {key: self.replies.get(key) for key in replies}, self.failed))
        for record in _records(changes):
            self.records.setdefault(record.chain, []).append(record)
            if record.psd_id is not None:
                self._versions.add((record.psd_id, record.psd_version))
        self.packages.update(packages)
        self.replies.update(replies)
        self.log.append(changes)
        self.failed = {**self.failed, **{row.serial: row for row in changes.failed}}

    def sync(self) -> None:
        """Have all of it on the platter."""
        self.synced = len(self.log)

    def load(self, log: Sequence[Changes]) -> None:
        """Be what these transactions make: a backup that is put back, or a standby that takes over."""
        common = 0
        for ours, theirs in zip(self.log, log, strict=False):
            if ours is not theirs:
                break
            common += 1
        while len(self.log) > common:
            self._take_back()
        for changes in log[common:]:
            self.commit(changes)
        self._static.clear()
        self.sync()
        self.epoch += 1

    def lose_power(self, dice: Dice) -> None:
        """Keep what was synced, and any beginning of the rest."""
        kept = min(len(self.log), self.synced) + dice.below(max(0, len(self.log) - self.synced) + 1)
        while len(self.log) > kept:
            self._take_back()
        self.sync()

    def keep_static(self, parts: Sequence[tuple[DeviceId, bytes]]) -> None:
        """Keep static parts."""
        self._static.update(((psd_id, _digest(static)), static) for psd_id, static in parts)

    def static_parts(self, keys: Sequence[tuple[DeviceId, str]]) -> dict[tuple[DeviceId, str], bytes]:
        """Find static parts, those of all packages that there ever were among them."""
        known = dict(self._static)
        for changes in self.log:
            known.update(((package.psd_id, _digest(package.static)), package.static) for package in changes.packages)
        return {part: known[part] for part in keys if part in known}

    def copied(self) -> "Database":
        """Give a database with the same content."""
        other = Database()
        for changes in self.log:
            other.commit(changes)
        other.sync()
        return other

    def demand_new_version(self, record: SealedRecord) -> None:
        """Let each version of a meter be made once. Raises `RecordConflict`."""
        if record.psd_id is not None and (record.psd_id, record.psd_version) in self._versions:
            raise RecordConflict(constraint="uq_records_psd_version_psd_id")

    def takes(self, package: Package) -> bool:
        """Say whether a package is later than the one that is there: a redo may find that of a module behind it."""
        there = self.packages.get(package.psd_id)
        return there is None or there.version < package.version

    def _marks(self, mark: KeptReply) -> bool:
        """Say whether a mark that something was done is put down: a reply to the same request tells more."""
        there = self.replies.get(_key(mark))
        return there is None or there._replace(token=mark.token) != mark

    def _demand_free(self, changes: Changes) -> None:
        """Keep the constraints that the schema names."""
        lengths: dict[ChainId, int] = {}
        for record in _records(changes):
            length = lengths.get(record.chain, len(self.records.get(record.chain, ())))
            if record.sequence != length + 1:
                raise RecordConflict(constraint="uq_records_chain_sequence")
            lengths[record.chain] = record.sequence
            self.demand_new_version(record)
        if not self.replies.keys().isdisjoint(_key(reply) for reply in changes.replies if reply.token):
            raise RecordConflict(constraint="pk_replies")

    def _take_back(self) -> None:
        changes, undo = self.log.pop(), self._undo.pop()
        self.failed = undo.failed
        for record in _records(changes):
            del self.records[record.chain][-1]
            self._versions.discard((record.psd_id, record.psd_version))
        _put_back(self.packages, undo.packages)
        _put_back(self.replies, undo.replies)


def _records(changes: Changes) -> Iterator[SealedRecord]:
    """Give the records of a transaction, and the mark that closes another chain with it."""
    yield from changes.records
    if changes.closing is not None:
        yield changes.closing


def _put_back(table: dict[_Key, _Row], before: Mapping[_Key, _Row | None]) -> None:
    for key, row in before.items():
        if row is None:
            del table[key]
        else:
            table[key] = row


def _key(reply: KeptReply) -> RequestKey:
    return RequestKey(reply.psd_id, reply.request_id)


def _digest(static: bytes) -> str:
    return hashlib.sha256(static).hexdigest()
