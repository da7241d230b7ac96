"""One group of requests being worked on. Nothing of it counts until the module's memory has it.

The group carries an overlay, so that a later command for a meter sees what an earlier one made; a refused command
leaves no trace in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import orjson

from indicium.cryptomodule.auditing import AuditTrail, Entry
from indicium.cryptomodule.faults import Fault
from indicium.cryptomodule.ports import MeterRow
from indicium.cryptomodule.state import (
    GIVEN,
    Codec,
    HomeMeter,
    Hot,
    Tail,
    TailRecord,
    Undo,
    shift_sum,
)
from indicium.cryptomodule.suites import MacKey, Suite
from indicium.cryptomodule.vault import MeterKeys
from indicium.domain.errors import UnknownMeter
from indicium.domain.fig6 import ModuleState
from indicium.domain.flow import Changes, FailedModule, Gathered, Head, KeptReply, RequestKey, SealedRecord
from indicium.domain.identity import DeviceId
from indicium.domain.package import MovingPart, Package

NO_METER = HomeMeter(0, b"", "", 0)
"""A meter that memory does not know."""


class Transaction(NamedTuple):
    """The effects of one PSD command, decided by its handler."""

    event: str
    command: str
    moving: MovingPart
    """The new moving part."""
    static: bytes
    keys: MeterKeys
    value: int
    """Value in mills that moved; 0 if none."""
    authenticated_as: str
    request_id: str | None
    content_digest: bytes | None
    """SHA-256 of what was asked for: 32 bytes."""
    extra: bytes = b""
    """More members of the record's data, each beginning with a comma."""
    given_to: str | None = None
    """The chain that the meter is given to; None if it stays."""


class Settled(NamedTuple):
    """A transaction that stands in the chain."""

    package: Package
    moving: MovingPart
    keys: MeterKeys


@dataclass(slots=True)
class Group:
    """The overlay over what was gathered, and what the group has made so far."""

    suite: Suite
    trail: AuditTrail
    codec: Codec
    hot: Hot
    """A copy: the module's own stays as it is until the group is durable."""
    state: ModuleState
    now: datetime
    at: str
    """`now` as the records say it."""
    gathered: Gathered
    known: Mapping[DeviceId, HomeMeter]
    """The home meters as memory has them."""
    boot: bool = False
    """Whether the next record is the first after a boot."""
    records: list[SealedRecord] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    packages: dict[DeviceId, Package] = field(default_factory=dict)
    replies: dict[RequestKey, KeptReply] = field(default_factory=dict)
    meters: dict[DeviceId, HomeMeter] = field(default_factory=dict)
    failed: list[FailedModule] = field(default_factory=list)
    """What is to be said of modules that failed."""
    closing: SealedRecord | None = None
    """The mark that closes the chain of a dead module, whose meters the group takes."""
    fault: Fault | None = None
    """What leads the module into the Error state with this group; nothing more is done in it then."""

    def package(self, psd_id: DeviceId) -> Package:
        """Give the newest package of a meter that is in reach. Raises `UnknownMeter`."""
        package = self.packages.get(psd_id) or self.gathered.packages.get(psd_id)
        if package is None:
            raise UnknownMeter(psd_id=psd_id)
        return package

    def home_meter(self, psd_id: DeviceId) -> HomeMeter:
        """Give what memory knows of a meter, with what this group made of it."""
        return self.meters.get(psd_id) or self.known.get(psd_id, NO_METER)

    def kept_reply(self, key: RequestKey) -> KeptReply | None:
        """Give the kept reply to a request id, if it was used before."""
        return self.replies.get(key) or self.gathered.replies.get(key)

    def record(self, entry: Entry, psd_id: DeviceId | None = None, version: int | None = None, value: int = 0) -> None:
        """Seal an entry as the chain's next record."""
        sealed = self.trail.seal(self.hot, self.state, self.at, entry, boot=self.boot)
        self.boot = False
        line, chain = sealed.line, self.hot.chain
        self.records.append(SealedRecord(chain, self.hot.head.sequence, entry.event, line, psd_id, version))
        self.values.append(value)
        if not sealed.whole and self.fault is None:  # I-16: the chain is unbroken, so a reboot clears it
            cause = f"the audit entry of {entry.command} could not be signed"
            self.fault = Fault(cause, fatal=False, software="audit-support", command=entry.command)

    def enter_error(self, fault: Fault) -> None:
        """Record, last of all, that the module enters the Error state; a fatal error stays in Persistent State."""
        self.state = ModuleState.ERROR
        self.record(fault.entry)
        if fault.fatal:  # C-13
            self.hot.persistent, self.hot.cause = ModuleState.ERROR, fault.cause

    def settle(self, made: Transaction, mk_chkpt: MacKey) -> Settled:
        """Record a transaction and make its package: record n, then package n (E-611, E-612)."""
        moving = made.moving
        encoded = orjson.dumps(moving._asdict())
        request = "null" if made.request_id is None else f'"{made.request_id}"'
        content = "null" if made.content_digest is None else f'"{made.content_digest.hex()}"'
        said = (
            f',"request":{request},"content":{content},"authenticated_as":"{made.authenticated_as}",'
            f'"checkpoint":{self._checkpoint(made, mk_chkpt)}'
        )
        data = b'{"package":%b%b%b}' % (encoded, said.encode(), made.extra)
        self.record(Entry(made.event, "psd", made.command, data), moving.psd, moving.version, made.value)
        made_by = bytes.fromhex(self.hot.head.hash)
        mac = made.keys.mk_psd.mac(package_message(made_by, encoded))
        package = Package(moving.psd, moving.version, made.static, encoded, made_by, mac)
        self.packages[moving.psd] = package
        self._remember(package, made.keys.static.mks if made.given_to is None else GIVEN + made.given_to)
        return Settled(package, moving, made.keys)

    def keep_reply(self, settled: Settled, request_id: str, digest: bytes, reply: bytes) -> None:
        """Seal the reply, so that a repeat of the request gets the same one."""
        moving = settled.moving
        token = settled.keys.replies.seal(reply, reply_label(moving.psd, moving.version, digest))
        key = RequestKey(moving.psd, request_id)
        self.replies[key] = KeptReply(moving.psd, request_id, moving.version, digest, token)

    def changes(self) -> Changes:
        """Give what the store saves in one transaction."""
        packages, replies = tuple(self.packages.values()), tuple(self.replies.values())
        return Changes(self.records, packages, replies, tuple(self.failed), self.closing)

    def rows(self) -> list[MeterRow]:
        """Give the meters' rows that memory saves."""
        return [MeterRow(psd_id, meter.version, meter.digest, meter.mks) for psd_id, meter in self.meters.items()]

    def tail(self, before: Head) -> Tail:
        """Give what memory keeps of this group until the store is seen to have it."""
        records = tuple(
            TailRecord(record.event, record.psd_id, record.psd_version, value, record.line)
            for record, value in zip(self.records, self.values, strict=True)
        )
        undo = tuple(Undo(psd_id, *self.known.get(psd_id, NO_METER)[:3]) for psd_id in self.meters)
        return Tail(before, records, undo)

    def _checkpoint(self, made: Transaction, mk_chkpt: MacKey) -> str:
        """Render the checkpoint record (G-301 … G-310) with its MAC under MK_chkpt (G-311)."""
        moving, totals, hot = made.moving, self.hot.totals, self.hot
        fields = (
            f'{{"psd":"{moving.psd}","transaction":"{made.event}","value":{made.value},"ar":{moving.ar},'
            f'"dr":{moving.dr},"module":"{hot.serial}","at":"{self.at}","downloaded":{totals.downloaded},'
            f'"printed":{totals.printed},"refunded":{totals.refunded}'
        )
        message = f"indicium checkpoint\n{hot.chain}\n{hot.head.sequence + 1}\n{hot.head.hash}\n{fields}}}"
        return f'{fields},"mac":"{mk_chkpt.mac(message.encode()).hex()}"}}'

    def _remember(self, package: Package, mks: str) -> None:
        before = self.home_meter(package.psd_id)
        meter = self.codec.home_meter(package.psd_id, package.version, package.mac, mks)
        self.hot.meters_sum = shift_sum(self.hot.meters_sum, add=meter.weight, take=before.weight)
        self.hot.meters += before is NO_METER
        self.meters[package.psd_id] = meter


def package_message(made_by: bytes, moving: bytes) -> bytes:
    """Give what a package's MAC covers: the record that made it and the moving part, which names all else."""
    return b"indicium package\n" + made_by + moving


def reply_label(psd_id: str, version: int, content_digest: bytes) -> bytes:
    """Give what a kept reply is bound to."""
    return b"indicium reply\n%b\n%d\n" % (psd_id.encode(), version) + content_digest
