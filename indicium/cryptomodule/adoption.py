"""Adoption: what a module makes sure of before it takes the meters of a dead one (ADR 0025).

It follows the dead chain from its first record to its last, twice, and believes nothing untried: place, links and
signatures as any verifier does, and the checkpoint of the newest transaction, whose MAC only a module of the same keys
makes, and which covers all before it. So it knows of each meter which package is the newest, as if it had been there.
A chain without a transaction has no checkpoint; nothing is taken of it but what a giver says, under the meter's own
key, that it gave to it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson

from indicium.cryptomodule.closing import Adopter, DeadEnd, adopter_in, closing_mark
from indicium.cryptomodule.group import package_message
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.offers import authenticated_offer
from indicium.cryptomodule.suites import NotAuthentic
from indicium.cryptomodule.verifier import Bad, Walk, load_key
from indicium.domain.errors import BadRecord, KeyNotUsable, NotAdopted, StaticPartMissing
from indicium.domain.flow import GENESIS, Changes, Head, KeptReply, SealedRecord
from indicium.domain.hand_over import HomeOffer
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import FindStatic, Package
from indicium.domain.record import CLOSING, line_hash, split

_SET_BACK = ("checkpoint-recovered", "disaster-recovered")
"""Records that say what no longer holds: nothing is believed of them that is not signed."""


class Newest(NamedTuple):
    """The last that the dead module did with one of its meters."""

    version: int
    record: str
    """Hash of its record."""
    home: str


class Adoption:
    """The end of a dead chain, and the meters that are to be taken. Refusals are `NotAdopted`."""

    def __init__(self, inner: Inner, chain: ChainId) -> None:
        """Stand before the first record. Callers use `CryptoModule.adopt`."""
        self._inner, self.chain = inner, chain
        self.serial = Serial("")
        """Serial number of the dead module, as its chain says it."""
        self.meters: dict[DeviceId, Newest] = {}
        """What the chain says of each meter that it ever moved."""
        self.mark: SealedRecord | None = None
        """The mark that closes the chain, if there is one."""
        self.marked = False
        """Whether the store has it."""
        self.behind: tuple[int, int] | None = None
        """The first and the last record that the store lacks, until it is given them again."""
        self._walk: Walk | None = None
        self._end = DeadEnd(chain, "", GENESIS, Walk(None, None).in_force, "", "")
        self.discarded: set[int] = set()
        """Records that say of no transaction that stands."""
        self._anchor: dict[str, Any] | None = None
        self._again = self._given = GENESIS

    @property
    def head(self) -> Head:
        """The last record of the dead module's own."""
        return self._end.head

    @property
    def living(self) -> Serial:
        """Serial number of the module that takes the meters."""
        return Serial(self._inner.hot.serial)

    @property
    def holds_transactions(self) -> bool:
        """Whether the dead module ever moved a meter; else nothing in its chain tells of its keys."""
        return self._anchor is not None

    def follow(self, lines: Sequence[bytes], *, stored: bool = True) -> dict[tuple[int, str], int]:
        """Go the first way, a batch further: try each record; `stored`: whether the store has them.

        Give of each transaction that is met version, meter and record.
        """
        met: dict[tuple[int, str], int] = {}
        for line in lines:
            with self._readable():
                self._take(line, stored=stored, met=met)
        return met

    def arrive(self) -> None:
        """End the first way: the newest transaction, if there is one, must be one of a module with these keys."""
        anchor, desk = self._anchor, self._inner.desk
        if anchor is None:
            return
        if desk is None:
            raise self._refusal(why="this module has no keys for it")
        where = f"indicium checkpoint\n{anchor['chain']}\n{anchor['sequence']}\n{anchor['previous']}\n"
        with self._readable():
            point = dict(anchor["data"]["checkpoint"])
            mac = bytes.fromhex(point.pop("mac"))
            try:
                desk.mk_chkpt.verify(where.encode() + orjson.dumps(point), mac)
            except NotAuthentic:
                why = f"record {anchor['sequence']} was not made under the keys of this module's Master Key Set"
                raise self._refusal(why=why) from None

    def take_stock(self, lines: Sequence[bytes]) -> None:
        """Go the second way, a batch further: note what was done last with each meter."""
        for line in lines:
            with self._readable():
                record: dict[str, Any] = orjson.loads(split(line)[0])
                if (record["sequence"], record["previous"]) != (self._again.sequence + 1, self._again.hash):
                    raise self._refusal(why=f"record {self._again.sequence + 1} is another one than a moment ago")
                self._again = Head(record["sequence"], line_hash(line))
                package = record["data"].get("package")
                if package is not None and record["sequence"] not in self.discarded:
                    psd_id = DeviceId(package["psd"])
                    self.meters[psd_id] = Newest(package["version"], self._again.hash, package["home"])

    def lost(self, lines: Sequence[bytes], find: FindStatic) -> Changes:
        """Give what a store saves that ends before the chain does; the mark comes with the meters.

        That is the records, what was done, for no reply is left, and packages. Raises `StaticPartMissing`.
        """
        records: list[SealedRecord] = []
        replies: list[KeptReply] = []
        packages: list[Package] = []
        for line in lines:
            with self._readable():
                record = self._once_more(line)
            sequence, event, data = record["sequence"], record["event"], record["data"]
            package = None if sequence in self.discarded else data.get("package")
            if event == CLOSING:
                continue
            if package is None:
                records.append(SealedRecord(self.chain, sequence, event, line, None, None))
                continue
            psd_id, version, made_by = DeviceId(package["psd"]), package["version"], line_hash(line)
            records.append(SealedRecord(self.chain, sequence, event, line, psd_id, version))
            if data["request"] is not None:
                replies.append(KeptReply(psd_id, data["request"], version, bytes.fromhex(data["content"]), b""))
            if self.meters[psd_id].record == made_by:
                packages.append(self._package(package, made_by, find))
        return Changes(records, packages, replies)

    def given(self) -> None:
        """End that: what was given must lead to the end that was tried, link by link."""
        if self._given not in (self.head, self._marked_head()):
            raise self._refusal(why="its copy is another one than a moment ago")
        self.behind = None

    def _once_more(self, line: bytes) -> dict[str, Any]:
        """Read a line that was tried before."""
        record: dict[str, Any] = orjson.loads(split(line)[0])
        before = Head(record["sequence"] - 1, record["previous"])
        if self._given.sequence == before.sequence and self._given != before:
            raise self._refusal(why=f"record {record['sequence']} is another one than a moment ago")
        self._given = Head(record["sequence"], line_hash(line))
        return record

    def _marked_head(self) -> Head | None:
        return None if self.mark is None else Head(self.mark.sequence, line_hash(self.mark.line))

    def _package(self, package: Mapping[str, Any], made_by: str, find: FindStatic) -> Package:
        """Make a package again: the chain proves what is in it, and the keys of the module's kind are here too."""
        psd_id, digest, desk = DeviceId(package["psd"]), package["static"], self._inner.desk
        static = find([(psd_id, digest)]).get((psd_id, digest))
        if desk is None or static is None or hashlib.sha256(static).hexdigest() != digest:
            raise StaticPartMissing(psd_id=psd_id)
        moving, record = orjson.dumps(package), bytes.fromhex(made_by)
        mac = desk.vault.glance(static).mk_psd.mac(package_message(record, moving))
        return Package(psd_id, package["version"], static, moving, record, mac)

    def offer(self) -> HomeOffer:
        """Give the dead module's word that meters may come to it: for those that were given, and it never took."""
        desk = self._inner.desk
        if desk is None:
            raise self._refusal(why="this module has no keys for it")
        return authenticated_offer(self.serial, self.chain, desk.vault.sets, desk.mk_chkpt)

    def closed(self, at: str) -> SealedRecord:
        """Give the mark that closes the chain: the one that is there, or a new one of this module's."""
        if self._again not in (self.head, self._marked_head()):
            raise self._refusal(why="it was not followed to its end")
        if self.mark is None:
            desk, hot = self._inner.desk, self._inner.hot
            if desk is None:
                raise self._refusal(why="this module has no keys for it")
            line = closing_mark(self._end, Adopter(hot.serial, hot.chain), at, desk.mk_chkpt)
            self.mark = SealedRecord(self.chain, self.head.sequence + 1, CLOSING, line, None, None)
        return self.mark

    def _take(self, line: bytes, *, stored: bool, met: dict[tuple[int, str], int]) -> None:
        record = orjson.loads(split(line)[0])
        if self._walk is None:
            self._walk = Walk(load_key(str(record["data"]["audit_key"]).encode()), None)
            self.serial = Serial(record["module"])
        self._walk.take(line)
        data, event, sequence = record["data"], record["event"], record["sequence"]
        if record["chain"] != self.chain:
            raise self._refusal(why="it is another chain")
        if event == CLOSING:
            self._meet_mark(line)
            self.marked = stored
            return
        if not stored:
            self.behind = sequence if self.behind is None else self.behind[0], sequence
        if event in _SET_BACK and split(line)[1] is None:
            raise self._refusal(why=f"record {sequence} is not signed")
        if event == "checkpoint-recovered":
            self.discarded.update(lost["sequence"] for lost in data["discarded"])
        if "package" in data:
            _ = data["checkpoint"]  # whatever speaks of a meter is covered by the newest checkpoint
            self._anchor = record
            met[data["package"]["version"], data["package"]["psd"]] = sequence
        state, persistent = record["state"], record["persistent"]
        self._end = DeadEnd(self.chain, self.serial, self._walk.head, self._walk.in_force, state, persistent)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Refuse what is no record, or none that this version can read."""
        try:
            yield
        except Bad as bad:
            raise self._refusal(why=f"record {bad.first_bad.sequence} is bad: {bad.first_bad.reason}") from None
        except (BadRecord, KeyNotUsable, ValueError, TypeError, KeyError, AttributeError):
            raise self._refusal(why=f"the record behind {self.head.sequence} cannot be read") from None

    def _meet_mark(self, line: bytes) -> None:
        desk = self._inner.desk
        if desk is None or adopter_in(line, desk.mk_chkpt) is None:
            raise self._refusal(why=f"record {self.head.sequence + 1} closes it, and no module of these keys made that")
        self.mark = SealedRecord(self.chain, self.head.sequence + 1, CLOSING, line, None, None)

    def _refusal(self, *, why: str) -> NotAdopted:
        return NotAdopted(chain=self.chain, why=why)
