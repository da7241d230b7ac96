"""Redo: a store that was put back gets again what it lost, from the audit copy, byte for byte.

The module follows the lines twice. First it only looks: they must lead from the store's head to a head that memory
knows, link by link. Then it makes what the store needs beside them: the columns, the packages with the MACs that memory
kept, and for each request a mark that it was done, for its reply is gone.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.core import Core
from indicium.cryptomodule.group import NO_METER
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.ports import MemoryUpdate
from indicium.cryptomodule.state import HomeMeter
from indicium.domain.errors import HeadsDisagree, StaticPartMissing
from indicium.domain.flow import Changes, Gathered, Head, KeptReply, SealedRecord
from indicium.domain.identity import DeviceId
from indicium.domain.package import FindStatic, Package
from indicium.domain.record import line_hash, split


class Redo:
    """One redo. The batches of both ways must be the same."""

    def __init__(self, core: Core, inner: Inner, after: Head, until: Head) -> None:
        """Stand at the store's head. Callers use `CryptoModule.redo`."""
        self._core, self._inner, self._after, self._until = core, inner, after, until
        self._at = after
        self._waypoints: list[Head] = []
        self.discarded: set[int] = set()
        """Records that were met, and that say of no transaction that stands."""
        later = (tail for tail in reversed(inner.tails) if tail.before.sequence >= until.sequence)
        self._undone = {undo.psd_id: inner.codec.home_meter(*undo) for tail in later for undo in tail.undo}

    def follow(self, lines: Sequence[bytes]) -> dict[tuple[int, str], int]:
        """Go the first way, a batch further; give of each transaction that is met version, meter and record.

        Raises `HeadsDisagree` where a line does not continue the last.
        """
        met: dict[tuple[int, str], int] = {}
        for line in lines:
            self._at, record = self._next(self._at, line)
            if (package := record["data"].get("package")) is not None:
                met[package["version"], package["psd"]] = self._at.sequence
            if record["event"] == "checkpoint-recovered":
                self.discarded.update(lost["sequence"] for lost in record["data"]["discarded"])
        self._waypoints.append(self._at)
        return met

    def arrive(self) -> None:
        """End the first way and note durably what is redone. Raises `HeadsDisagree` if it led elsewhere.

        A crash behind this finds the rest to redo, and the record that says so still to be made.
        """
        if self._at != self._until:
            raise self._astray(self._at)
        inner, hot = self._inner, self._inner.hot.copy()
        first, last = hot.redoing
        hot.redoing = first or self._after.sequence + 1, max(last, self._until.sequence)
        self._core.hardware.memory.write(MemoryUpdate(inner.codec.encode_hot(hot), None))
        inner.hot = hot
        self._at = self._after
        self._waypoints.reverse()

    def make(self, lines: Sequence[bytes], find: FindStatic) -> Changes:
        """Go the second way, a batch further, and give what the store saves.

        Raises `HeadsDisagree` where the lines are others than on the first way, `StaticPartMissing`.
        """
        records: list[SealedRecord] = []
        newest: dict[DeviceId, tuple[dict[str, Any], str]] = {}
        replies: list[KeptReply] = []
        for line in lines:
            self._at, record = self._next(self._at, line)
            package = record["data"].get("package")
            if package is None or record["sequence"] in self.discarded:
                records.append(SealedRecord(self._core.chain, self._at.sequence, record["event"], line, None, None))
                continue
            psd_id, version, data = DeviceId(package["psd"]), package["version"], record["data"]
            records.append(SealedRecord(self._core.chain, self._at.sequence, record["event"], line, psd_id, version))
            newest[psd_id] = package, self._at.hash
            if data["request"] is not None:
                replies.append(KeptReply(psd_id, data["request"], version, bytes.fromhex(data["content"]), b""))
        if not self._waypoints or self._waypoints.pop() != self._at:
            raise self._astray(self._at)
        return Changes(records, self._packages(newest, find), replies)

    def _next(self, at: Head, line: bytes) -> tuple[Head, dict[str, Any]]:
        try:
            record: dict[str, Any] = orjson.loads(split(line)[0])
            follows = (record["chain"], record["sequence"], record["previous"]) == (
                self._core.chain,
                at.sequence + 1,
                at.hash,
            )
        except (ValueError, TypeError, KeyError):
            follows = False
        if not follows:
            raise self._astray(at)
        return Head(at.sequence + 1, line_hash(line)), record

    def _astray(self, at: Head) -> HeadsDisagree:
        return HeadsDisagree(
            serial=self._core.serial,
            place="audit copy",
            sequence=max(1, at.sequence),
            why="its lines do not lead from the store's head to the module's",
            remedy="Verify it with 'indicium verify' and put the good one back.",
        )

    def _packages(self, newest: Mapping[DeviceId, tuple[dict[str, Any], str]], find: FindStatic) -> list[Package]:
        """Make the packages that no later batch makes again: of the version that memory knows, with the MAC it keeps.

        The record is proved by the chain, and with it the moving part and the static part's digest: no key is needed.
        """
        known = {psd_id: self._known(psd_id) for psd_id in newest}
        wanted = {
            (psd_id, package["static"]): (package, made_by)
            for psd_id, (package, made_by) in newest.items()
            if known[psd_id].version == package["version"]
        }
        found = find(list(wanted))
        packages: list[Package] = []
        for (psd_id, digest), (package, made_by) in wanted.items():
            static = found.get((psd_id, digest))
            if static is None or hashlib.sha256(static).hexdigest() != digest:
                raise StaticPartMissing(psd_id=psd_id)
            moving, version = orjson.dumps(package), package["version"]
            packages.append(Package(psd_id, version, static, moving, bytes.fromhex(made_by), known[psd_id].digest))
        return packages

    def _known(self, psd_id: DeviceId) -> HomeMeter:
        """Give what memory knew of a meter at the head that is redone to."""
        return self._undone.get(psd_id) or self._inner.meters.get(psd_id, NO_METER)


def record_redone(core: Core, inner: Inner, gathered: Gathered) -> Changes | None:
    """Record what was redone, signed; None in the Error state, where nothing more is recorded until a reboot."""
    if core.fault is not None:
        return None
    group = core.group(inner, inner.hot.copy(), gathered)
    first, last = inner.hot.redoing
    group.hot.redoing = 0, 0
    data = orjson.dumps({"first": first, "last": last})
    group.record(Entry("store-redone", "checkpoint", "RedoStore", data, signed=True))
    core.write(group, inner.cold, inner.hot.head)
    return group.changes()
