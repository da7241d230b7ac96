"""What the module remembers (G-913): a hot part that changes with every group, and a cold part that holds secrets.

The hot part is readable and MACed; it holds the digests of the cold part and of the tail, and an incremental keyed sum
over the home meters' rows, so that parts of different times never mix and nothing is read or MACed whole for a
transaction. The cold part is sealed under the PPD key.
"""

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from itertools import count
from operator import attrgetter
from typing import Annotated, Final, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field

from indicium.cryptomodule.ports import MemoryContent, MeterRow
from indicium.cryptomodule.suites import SUITES, NotAuthentic, Suite
from indicium.domain.amounts import Mills
from indicium.domain.errors import MemoryNotAuthentic, SuiteMismatch
from indicium.domain.fig6 import ModuleState
from indicium.domain.flow import GENESIS, Head
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.registers import NO_TOTALS, Totals
from indicium.domain.statements import ShareOf

_SUM_BYTES = 32
_SUM_MODULUS = 1 << (8 * _SUM_BYTES)


class RingEntry(NamedTuple):
    """A checkpoint: the end of a group, and the module's totals there (G3, O-09)."""

    head: Head
    totals: Totals


@dataclass(slots=True)
class Hot:
    """The part that every group writes."""

    serial: Serial
    chain: ChainId
    persistent: ModuleState
    interval: int
    head: Head = GENESIS
    unsigned: int = 0
    """Records since the last signature."""
    totals: Totals = NO_TOTALS
    ring: tuple[RingEntry, ...] = ()
    """Ends of the last groups, the newest last (O-09, M-16)."""
    clock_offset: int = 0
    """What Set Clock put between the host's clock and the module's own, in microseconds (M-08)."""
    next_device: int = 0
    """Number of the next PSD; 0 before initialize crypto-card."""
    meters: int = 0
    """How many rows there are: of meters that are at home here, and of those that were given away."""
    meters_sum: int = 0
    """Sum over the weights of these rows."""
    cold_generation: int = 0
    cold_digest: str = ""
    tails: tuple[tuple[int, str], ...] = ()
    """Slot and digest of the tail of each group that can be undone, the newest last."""
    redoing: tuple[int, int] = (0, 0)
    """First and last record that the store lost and gets back; a signed record says so when it has them."""
    failures: tuple[tuple[Serial, str], ...] = ()
    """Failures of modules that were seen in the store and count, with their times (O-08)."""
    shut_down: bool = False
    """Whether they shut the whole system down."""
    suite: str = "modern"
    """The algorithm suite, fixed by Start Initialization."""
    cause: str = ""
    """Why Persistent State is Error (C-13); empty if it is not."""

    def copy(self) -> "Hot":
        """Give a copy to work on; the original stays until the group is durable."""
        return Hot(*_members(self))


_members = attrgetter(*(member.name for member in fields(Hot)))
"""Gives all that the hot part holds: a group begins with a copy, and `dataclasses.replace` takes thrice as long."""


Secret = Annotated[bytes, Field(repr=False)]
"""A key or a hash that no text shows."""


class User(BaseModel):
    """A user profile (G2)."""

    model_config = ConfigDict(extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    name: str
    role: str
    salt: bytes
    hash: Secret
    """Argon2id over the password that the host sends."""
    failures: int = 0
    """Logon failure count (G-204)."""
    failure_limit: int
    timeout_seconds: int
    account_expires: str | None
    """Last day of the account (G-207), YYYY-MM-DD."""
    password_expires: str | None
    """Last day of the password (G-208), YYYY-MM-DD."""
    password_days: int | None = None
    """Password period (G-209): days for which a new password is good; None: it does not expire."""
    last_access: str | None = None
    """When the user logged on last (G-210), as records say times."""


class MasterKeySet(BaseModel):
    """MEK and MAK (H-02), identified by 16 hex digits."""

    model_config = ConfigDict(extra="forbid", frozen=True, val_json_bytes="base64", ser_json_bytes="base64")

    mks: str
    suite: str = "modern"
    """The suite whose algorithms seal what lies under it."""
    mek: Secret
    mak: Secret
    generated: bool = True
    """Whether this module made it; false where it was imported."""
    exportable: bool = True
    """Whether this module may export it (H-12); of an imported one the exporting module decided (H-11)."""


class CryptoCard(BaseModel):
    """Configuration by initialize crypto-card (G-912)."""

    model_config = ConfigDict(extra="forbid", frozen=True, val_json_bytes="base64", ser_json_bytes="base64")

    minimum_value: int
    maximum_value: int
    dr_limit: int
    ar_limit: int
    first_device: int
    last_device: int
    ca_certificate: bytes
    provider_key: bytes
    challenge_key: Secret
    """VDSK_ipost (F-15): PKCS#8 in DER."""
    registration_key: Secret
    """VRSK_ipost (F-17)."""


class ExportUnderWay(BaseModel):
    """An MKS on its way out of the module (C-07); it ends with the last share, by Abort Export, or with a boot."""

    model_config = ConfigDict(extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    export: str
    threshold: int
    count: int
    kek: Secret
    """The key that the MKS travels under; forgotten once the MKS is sealed, for the first share."""
    shares: Annotated[list[bytes], Field(repr=False)]
    """Shares of that key which are still to be given out."""
    custodians: list[str] = []
    """Who has got one (M-53)."""
    of: ShareOf | None = None
    """Where the shares go, and with what choice: the first custodian decides (M-52)."""
    sealed_mks: bytes = b""


class ShareTaken(BaseModel):
    """A share that a custodian brought (B-10); still encrypted to the transport key (H-28)."""

    model_config = ConfigDict(extra="forbid", frozen=True, val_json_bytes="base64", ser_json_bytes="base64")

    custodian: str
    envelope: bytes
    """As it came."""


class Cold(BaseModel):
    """The secret part: keys, access control database, configuration."""

    model_config = ConfigDict(extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    audit_key: Secret
    """ASK = VDSK_audit (F-03): PKCS#8 in DER."""
    users: list[User] = []
    active: MasterKeySet | None = None
    """The active MKS (H-03)."""
    dormant: MasterKeySet | None = None
    """The dormant MKS (H-03)."""
    card: CryptoCard | None = None
    transport_key: Annotated[bytes | None, Field(repr=False)] = None
    """V_TPK (F-07): only a module that is no master has one, and never another."""
    exporting: ExportUnderWay | None = None
    importing: list[ShareTaken] = []


GIVEN: Final = ">"
"""What stands in a row before the chain that the meter was given to."""


class HomeMeter(NamedTuple):
    """What a module knows of a meter that is, or was, at home in it."""

    version: int
    digest: bytes
    """MAC of the newest package; of a meter that was given away, of the one that names the other home."""
    mks: str
    """The MKS that its key tokens lie under: what says that a dormant one is still needed (M-51).

    Of a meter that was given away: `GIVEN` and the chain that it was given to. Such a row stays, so that nothing up to
    its version is ever believed again (ADR 0024)."""
    weight: int
    """This row's part in the keyed sum."""

    @property
    def at_home(self) -> bool:
        """Whether the meter is at home here."""
        return bool(self.mks) and not self.mks.startswith(GIVEN)


class Undo(NamedTuple):
    """What a meter's row was before the group in the tail; version 0 if there was none."""

    psd_id: DeviceId
    version: int
    digest: bytes
    mks: str


class TailRecord(NamedTuple):
    """One record of the group that the store may not have."""

    event: str
    psd_id: DeviceId | None
    psd_version: int | None
    value: int
    """Value in mills that the record moved; 0 if none."""
    line: bytes


@dataclass(frozen=True, slots=True)
class Tail:
    """The last group: records that are lost if the store never got them, and how to undo it."""

    before: Head = GENESIS
    """The head that memory saw in the store when the group began."""
    records: tuple[TailRecord, ...] = ()
    undo: tuple[Undo, ...] = ()

    def with_later(self, later: "Tail") -> "Tail":
        """Give this group and the next as one: of a meter that both moved, the first knows what it was before."""
        moved = {undo.psd_id for undo in self.undo}
        undo = (*self.undo, *(undo for undo in later.undo if undo.psd_id not in moved))
        return Tail(self.before, self.records + later.records, undo)

    def followed_by(self, later: "Tail") -> "Tail":
        """Give this tail as discarded, with the record that says so behind it: nothing is left to undo."""
        lost = tuple(record._replace(psd_id=None, psd_version=None) for record in self.records)
        return Tail(self.before, lost + later.records)


@dataclass(slots=True)
class Remembered:
    """All of a module's memory, opened."""

    hot: Hot
    cold: Cold
    tails: tuple[Tail, ...]
    """The last groups, the newest last."""
    meters: dict[DeviceId, HomeMeter] = field(default_factory=dict)


class Codec:
    """Turns what the module remembers into the parts that its memory keeps, and back."""

    def __init__(self, suite: Suite, ppd_key: bytes) -> None:
        """Derive one key for each purpose from the PPD key (32 bytes)."""
        self._suite = suite
        self._mac = suite.mac_key(suite.derive(ppd_key, "indicium memory hot part"))
        self._rows = suite.mac_key(suite.derive(ppd_key, "indicium memory meters"))
        self._seal = suite.seal_key(suite.derive(ppd_key, "indicium memory cold part"))

    def home_meter(self, psd_id: str, version: int, digest: bytes, mks: str) -> HomeMeter:
        """Give a row with its part in the keyed sum."""
        weight = self._rows.mac(b"%b %d %b " % (psd_id.encode(), version, mks.encode()) + digest)
        return HomeMeter(version, digest, sys.intern(mks), int.from_bytes(weight, "big"))

    def seal_cold(self, hot: Hot, cold: Cold) -> bytes:
        """Seal the cold part as a new generation, and note its digest in the hot part."""
        hot.cold_generation += 1
        sealed = self._seal.seal(cold.model_dump_json().encode(), _cold_label(hot))
        hot.cold_digest = hashlib.sha256(sealed).hexdigest()
        return sealed

    def encode_tail(self, hot: Hot, tail: Tail, earlier: int) -> tuple[int, bytes]:
        """Write the tail, and note its digest in the hot part: a header line, then the records' lines.

        `earlier`: how many of those that the hot part names are kept. Gives the slot too: one that none of them has.
        """
        header = orjson.dumps(
            {
                "before": tuple(tail.before),
                "records": [record[:4] for record in tail.records],
                "undo": [(psd_id, version, digest.hex(), mks) for psd_id, version, digest, mks in tail.undo],
            }
        )
        encoded = b"\n".join((header, *(record.line for record in tail.records)))
        kept = hot.tails[-earlier:] if earlier else ()
        used = {slot for slot, _ in kept}
        slot = next(number for number in count() if number not in used)
        hot.tails = (*kept, (slot, hashlib.sha256(encoded).hexdigest()))
        return slot, encoded

    def encode_hot(self, hot: Hot) -> bytes:
        """Write the hot part and its MAC."""
        body = orjson.dumps(
            {
                "serial": hot.serial,
                "chain": hot.chain,
                "persistent": hot.persistent,
                "interval": hot.interval,
                "head": tuple(hot.head),
                "unsigned": hot.unsigned,
                "totals": tuple(hot.totals),
                "ring": [(tuple(entry.head), tuple(entry.totals)) for entry in hot.ring],
                "clock_offset": hot.clock_offset,
                "next_device": hot.next_device,
                "meters": hot.meters,
                "meters_sum": f"{hot.meters_sum:064x}",
                "cold_generation": hot.cold_generation,
                "cold_digest": hot.cold_digest,
                "tails": hot.tails,
                "redoing": hot.redoing,
                "failures": hot.failures,
                "shut_down": hot.shut_down,
                "suite": hot.suite,
                "cause": hot.cause,
            }
        )
        return body + b"\n" + self._mac.mac(body).hex().encode()

    def decode(self, content: MemoryContent, where: str) -> Remembered:
        """Open all parts and check that they belong together. Raises `MemoryNotAuthentic` or `SuiteMismatch`."""
        hot = self._decode_hot(content.hot, where)
        if hashlib.sha256(content.cold).hexdigest() != hot.cold_digest:
            raise MemoryNotAuthentic(path=where, why="the secret part is of another time")
        for slot, digest in hot.tails:
            if hashlib.sha256(content.tails.get(slot, b"")).hexdigest() != digest:
                raise MemoryNotAuthentic(path=where, why="the tail is of another time")
        try:
            cold = Cold.model_validate_json(self._seal.open(content.cold, _cold_label(hot)))
        except NotAuthentic:
            raise MemoryNotAuthentic(path=where, why="the secret part does not open") from None
        meters = self._decode_meters(content.meters)
        total = sum(meter.weight for meter in meters.values()) % _SUM_MODULUS
        if len(meters) != hot.meters or not self._suite.equal(_sum_bytes(total), _sum_bytes(hot.meters_sum)):
            raise MemoryNotAuthentic(path=where, why="the meters' rows are of another time")
        tails = tuple(_decode_tail(content.tails[slot]) for slot, _ in hot.tails)
        return Remembered(hot, cold, tails, meters)

    def _decode_hot(self, encoded: bytes, where: str) -> Hot:
        body, _, mac = encoded.rpartition(b"\n")
        suite = _suite_in(body)
        if suite is not None and suite != self._suite.name:  # whose MAC this suite cannot check
            raise SuiteMismatch(serial=where, suite=suite, asked=self._suite.name)
        if not self._suite.equal(self._mac.mac(body).hex().encode(), mac):
            raise MemoryNotAuthentic(path=where, why="its MAC does not verify")
        parts = orjson.loads(body)
        parts["persistent"] = ModuleState(parts["persistent"])
        parts["head"] = Head(*parts["head"])
        parts["totals"] = _totals(parts["totals"])
        parts["ring"] = tuple(RingEntry(Head(*head), _totals(totals)) for head, totals in parts["ring"])
        parts["tails"] = tuple((slot, digest) for slot, digest in parts["tails"])
        parts["redoing"] = tuple(parts["redoing"])
        parts["failures"] = tuple((serial, at) for serial, at in parts["failures"])
        parts["meters_sum"] = int(parts["meters_sum"], 16)
        return Hot(**parts)

    def _decode_meters(self, rows: Iterable[MeterRow]) -> dict[DeviceId, HomeMeter]:
        return {DeviceId(row.psd_id): self.home_meter(*row) for row in rows}


def shift_sum(total: int, *, add: int, take: int) -> int:
    """Replace one weight by another in the keyed sum."""
    return (total + add - take) % _SUM_MODULUS


def _sum_bytes(total: int) -> bytes:
    return total.to_bytes(_SUM_BYTES, "big")


def _cold_label(hot: Hot) -> bytes:
    return f"indicium memory cold part {hot.serial} {hot.chain} {hot.cold_generation}".encode()


def _suite_in(body: bytes) -> str | None:
    """Give the suite that a hot part says it is of; None if it says nothing that can be believed."""
    try:
        said = orjson.loads(body)["suite"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return said if said in SUITES else None


def _totals(values: Iterable[int]) -> Totals:
    return Totals(*map(Mills, values))


def _decode_tail(encoded: bytes) -> Tail:
    header, *lines = encoded.split(b"\n")
    parts = orjson.loads(header)
    return Tail(
        before=Head(*parts["before"]),
        records=tuple(
            TailRecord(event, psd_id, version, value, line)
            for (event, psd_id, version, value), line in zip(parts["records"], lines, strict=True)
        ),
        undo=tuple(Undo(psd_id, version, bytes.fromhex(digest), mks) for psd_id, version, digest, mks in parts["undo"]),
    )


def said_in(hot: bytes) -> tuple[str, Head]:
    """Give the chain and the head that a hot part says, untried: nobody with a key has looked at its MAC.

    Raises `MemoryNotAuthentic` where it says none.
    """
    try:
        said = orjson.loads(hot.rpartition(b"\n")[0])
        return str(said["chain"]), Head(*said["head"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise MemoryNotAuthentic(path="its copy", why="it does not say of which chain it is") from None
