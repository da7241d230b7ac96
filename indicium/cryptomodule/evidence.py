"""What an inhibited module sees of the record that it may be set to (M-64): nothing of it is believed untried.

The lines must be linked, and the newest ones authentic: signed with the module's own audit key, or with a checkpoint
whose MAC is the module's own. Each meter's package must open, verify, and be the one that the newest record of that
meter made. It is gathered before anybody is asked for a passphrase, changes nothing, and is forgotten with a reboot.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson

from indicium.cryptomodule.group import package_message
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.state import GIVEN, HomeMeter
from indicium.cryptomodule.suites import MacKey, NotAuthentic
from indicium.domain.amounts import Mills
from indicium.domain.errors import BadRecord, HeadsDisagree, MksNotHeld, NotRecovered
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import DeviceId
from indicium.domain.package import FindStatic, MovingPart, Package
from indicium.domain.record import decode_signature, line_hash, split
from indicium.domain.registers import NO_TOTALS, Totals

_SAY_TOTALS = ("checkpoint-recovered", "disaster-recovered")


class Evidence:
    """The end of a chain, and the meters that belong to it. Refusals are `NotRecovered`."""

    def __init__(self, inner: Inner, why: HeadsDisagree, before: Head) -> None:
        """Stand behind the record `before`. Callers use `CryptoModule.examine`."""
        self.why = why
        """What is answered to whoever asks for anything else."""
        self.head = before
        """The last record that was followed."""
        self.totals: Totals | None = None
        """What the newest record that says totals says; None if none was among the lines."""
        self.meters: dict[DeviceId, HomeMeter] = {}
        self.continues = False
        """Whether the chain holds the newest record that memory knows."""
        self._inner = inner
        self._authentic = False
        self.discarded: set[int] = set()
        """Records that say of no transaction that stands."""

    def follow(self, lines: Sequence[bytes]) -> None:
        """Go further along the chain."""
        for line in lines:
            record = self._read(line)
            self.head = Head(self.head.sequence + 1, line_hash(line))
            self.continues = self.continues or self.head == self._inner.hot.head
            self._authentic = self._is_authentic(line, record)
            data = record["data"]
            if record["event"] == "checkpoint-recovered":
                self.discarded.update(lost["sequence"] for lost in data["discarded"])
            said = data if record["event"] in _SAY_TOTALS else data.get("checkpoint")
            if said is not None:
                self.totals = Totals(Mills(said["downloaded"]), Mills(said["printed"]), Mills(said["refunded"]))

    def meet(self, packages: Sequence[Package], records: Collection[SealedRecord]) -> None:
        """Take packages of the store, with the records of their versions, and of the versions behind them."""
        made = {(record.psd_id, record.psd_version): record for record in records}
        for package in packages:
            moving = MovingPart._make(orjson.loads(package.moving).values())
            record = made.get((package.psd_id, package.version))
            if moving.home != self._inner.hot.serial:
                self._note_gone(package, moving, record)
                continue
            if record is not None and record.chain != self._inner.hot.chain:
                continue  # given to this module, and still to be taken
            if record is not None and record.sequence in self.discarded:
                raise self._refusal(why=f"the store holds record {record.sequence} as done, which was taken back since")
            newest = record is not None and line_hash(record.line) == package.made_by.hex()
            if not newest or (package.psd_id, package.version + 1) in made:
                raise self._refusal(why=f"the package of meter {package.psd_id} is not the one of its newest record")
            try:
                key = self._key(package.psd_id, package.static, moving)
                key.verify(package_message(package.made_by, package.moving), package.mac)
            except NotAuthentic:
                raise self._refusal(why=f"the package of meter {package.psd_id} is not authentic") from None
            self.meters[package.psd_id] = self._row(moving, package.mac, moving.mks)

    def take(self, lines: Sequence[bytes], find: FindStatic) -> None:
        """Take lines again that the store has not: their packages are made again once it has them."""
        newest = self._newest(lines)
        found = _parts_of(newest, find)
        for psd_id, said in newest.items():
            self.meters[psd_id] = self._made_again(said, found.get(psd_id, b""))

    def recall(self, lines: Sequence[bytes], find: FindStatic) -> None:
        """Take lines again that the store has, for the meters that this module gave away in them.

        Others may have taken them since; but should a place of theirs be put back, then the giver must say again what
        it said. A meter whose part or set is not here any more is passed over: nobody can give it. So is one of which
        memory knows something later.
        """
        newest = self._newest(lines)
        for psd_id, said in newest.items():
            known = self.meters.get(psd_id)
            if known is not None and known.at_home and known.version < said.moving.version:
                raise self._refusal(why=f"the package of meter {psd_id} is not the one of its newest record")
        given = {psd_id: said for psd_id, said in newest.items() if self._is_to_be_recalled(psd_id, said)}
        found = _parts_of(given, find)
        for psd_id, said in given.items():
            if psd_id in found:
                with suppress(NotRecovered):
                    self.meters[psd_id] = self._made_again(said, found[psd_id])

    def _is_to_be_recalled(self, psd_id: DeviceId, said: "_Said") -> bool:
        """Say whether a meter was given away by a record, is not at home again, and nothing later is known of it."""
        known, remembered = self.meters.get(psd_id), self._inner.meters.get(psd_id)
        is_here = known is not None and known.at_home
        is_older = remembered is not None and remembered.version > said.moving.version
        return said.lies_under.startswith(GIVEN) and not is_here and not is_older

    def _newest(self, lines: Sequence[bytes]) -> dict[DeviceId, "_Said"]:
        newest: dict[DeviceId, _Said] = {}
        for line in lines:
            record = orjson.loads(split(line)[0])
            package = record["data"].get("package")
            if package is not None and record["sequence"] not in self.discarded:
                moving = MovingPart._make(package.values())
                newest[moving.psd] = _Said(moving, bytes.fromhex(line_hash(line)), _lies_under(record["data"]))
        return newest

    def _made_again(self, said: "_Said", static: bytes) -> HomeMeter:
        """Make the row of a meter as it was behind a record."""
        moving = said.moving
        message = package_message(said.made_by, orjson.dumps(moving._asdict()))
        mac = self._key(moving.psd, static, moving).mac(message)
        return self._row(moving, mac, said.lies_under)

    def demand(self, stated: Head) -> Totals:
        """Demand that it is the stated record, and shown to be the module's own; give the totals that hold there."""
        if stated != self.head:
            raise self._refusal(why=f"the newest record that was found is {self.head}", sequence=stated.sequence)
        if not self._authentic:
            raise self._refusal(why="no signature or checkpoint shows that it is this module's")
        return self.totals or NO_TOTALS

    def _read(self, line: bytes) -> dict[str, Any]:
        try:
            record: dict[str, Any] = orjson.loads(split(line)[0])
            place = record["chain"], record["sequence"], record["previous"]
            if place == (self._inner.hot.chain, self.head.sequence + 1, self.head.hash):
                return record
        except (ValueError, TypeError, KeyError, BadRecord):
            pass  # it is no record, and therefore not the next one either
        raise self._refusal(why=f"record {self.head.sequence + 1} does not follow the record before it")

    def _is_authentic(self, line: bytes, record: dict[str, Any]) -> bool:
        """Say whether the chain is authentic up to this record: it names the one before, and so all before it.

        A record of the module that is not signed leaves that as it was: the next signature covers it.
        """
        body, signature = split(line)
        try:
            if record["key"] != self._inner.trail.fingerprint:
                return False  # memory is older than that key, and cannot go on with it
            if signature is not None:
                self._inner.trail.key.verify(body, decode_signature(signature))
                return True
            point = record["data"].get("checkpoint")
            if point is None or self._inner.desk is None:
                return self._authentic
            mac = bytes.fromhex(point.pop("mac"))
            where = f"indicium checkpoint\n{record['chain']}\n{record['sequence']}\n{record['previous']}\n"
            self._inner.desk.mk_chkpt.verify(where.encode() + orjson.dumps(point), mac)
        except (NotAuthentic, BadRecord, ValueError):
            raise self._refusal(why=f"record {record['sequence']} is not this module's") from None
        return True

    def _key(self, psd_id: DeviceId, static: bytes, moving: MovingPart) -> MacKey:
        """Give the key that authenticates a meter's packages, out of its static part."""
        desk = self._inner.desk
        if desk is None or hashlib.sha256(static).hexdigest() != moving.static:
            raise self._refusal(why=f"the sealed static part of meter {psd_id} is not there")
        try:
            return desk.vault.load(static).mk_psd
        except MksNotHeld:
            raise self._refusal(
                why=f"meter {psd_id} lies under a Master Key Set that the module does not hold"
            ) from None
        except NotAuthentic:
            raise self._refusal(why=f"the sealed static part of meter {psd_id} is not authentic") from None

    def _note_gone(self, package: Package, moving: MovingPart, record: SealedRecord | None) -> None:
        """Keep that nothing up to this package is believed of a meter that was at home here (ADR 0024).

        What memory knows of one that it gave away itself stays: by that it can give it once more.
        """
        known = self._inner.meters.get(package.psd_id)
        if record is not None and record.chain == self._inner.hot.chain:
            given = orjson.loads(split(record.line)[0])["data"]
            self.meters[package.psd_id] = self._row(moving, package.mac, _lies_under(given))
        elif known is not None:
            self.meters[package.psd_id] = self._row(moving, package.mac, GIVEN) if known.at_home else known

    def _row(self, moving: MovingPart, mac: bytes, lies_under: str) -> HomeMeter:
        return self._inner.codec.home_meter(moving.psd, moving.version, mac, lies_under)

    def _refusal(self, *, why: str, sequence: int | None = None) -> NotRecovered:
        return NotRecovered(sequence=self.head.sequence if sequence is None else sequence, why=why)


class _Said(NamedTuple):
    """What a record says of a meter."""

    moving: MovingPart
    made_by: bytes
    """Hash of the record."""
    lies_under: str


def _parts_of(said: Mapping[DeviceId, _Said], find: FindStatic) -> dict[DeviceId, bytes]:
    """Find the sealed parts that records name."""
    found = find([(psd_id, one.moving.static) for psd_id, one in said.items()])
    return {psd_id: static for (psd_id, _), static in found.items()}


def _lies_under(data: dict[str, Any]) -> str:
    """Give what a row says of the meter of a record: the set that it lies under, or where it was given to."""
    return GIVEN + str(data["to"]["chain"]) if "to" in data else str(data["package"]["mks"])
