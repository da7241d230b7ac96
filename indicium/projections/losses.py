"""The loss statement: which transactions were redone or discarded, and what may be in the street because of it.

A fold of the recovery records of each chain, and of the records that they name; an adopter's speak of the dead chain.
What was abandoned by disaster recovery is in no place any more: only how many records it was can be said.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.record import line_hash
from indicium.projections.reading import members

DISCARDED, REDONE = "discarded", "redone"

_BEGINNING: Final = "initialization-started"
"""The event that every module's chain begins with (I-11)."""


class Source(Protocol):
    """What is read here: a store."""

    def chains(self) -> list[tuple[ChainId, int]]:
        """Give each chain and its last sequence number."""

    def records(self, chain: ChainId, *, after: int = 0) -> Iterator[SealedRecord]:
        """Give a chain's records in order, behind one sequence number."""

    def of_meter(self, psd_id: DeviceId, *, after: int = 0) -> list[SealedRecord]:
        """Give some of a meter's records in order of its versions, behind one of them; nothing behind the last."""


class Loss(NamedTuple):
    """A transaction whose caller may not know what became of it."""

    fate: str
    """`discarded`: it counts no more, and its item is worth nothing if it ever got out. `redone`: it counts, and its
    answer is lost."""
    module: str
    chain: str
    sequence: int
    at: str
    meter: str
    customer: str | None
    request: str | None
    event: str
    value: int
    """What it moved, in mills."""
    item_sha256: str | None
    """Of the item that may be in the street; None if it made none."""
    came_back: bool
    """Whether the meter's client was seen since: it asked again, or went on."""


class Abandoned(NamedTuple):
    """Records that memory knew, and no place holds any more."""

    module: str
    chain: str
    first: int
    last: int
    by: int
    """The record of the disaster recovery."""


class Read(NamedTuple):
    """A chain, and how far it was read: what a recovery does later is not in the statement."""

    module: str
    chain: str
    sequence: int
    hash: str


class Statement(NamedTuple):
    """All of one store."""

    losses: tuple[Loss, ...]
    abandoned: tuple[Abandoned, ...]
    read: tuple[Read, ...]

    def of(self, fate: str) -> tuple[Loss, ...]:
        """Give the transactions of one fate."""
        return tuple(loss for loss in self.losses if loss.fate == fate)

    @property
    def discarded(self) -> int:
        """Value of all that was discarded, in mills."""
        return worth(self.of(DISCARDED))

    @property
    def in_doubt(self) -> tuple[Loss, ...]:
        """Transactions whose clients have not come back."""
        return tuple(loss for loss in self.losses if not loss.came_back)

    def as_json(self) -> dict[str, object]:
        """Give the members of `recover --statement --json`."""
        return {
            "read": [read._asdict() for read in self.read],
            "losses": [loss._asdict() for loss in self.losses],
            "abandoned": [range_._asdict() for range_ in self.abandoned],
            "discarded": self.discarded,
            "redone": worth(self.of(REDONE)),
            "in_doubt": len(self.in_doubt),
            "in_doubt_value": worth(self.in_doubt),
        }


def worth(losses: Iterable[Loss]) -> int:
    """Give the value of transactions together, in mills."""
    return sum(loss.value for loss in losses)


class _Recoveries:
    """What the recovery records of a chain name."""

    def __init__(self) -> None:
        self.discarded: set[int] = set()
        """Sequence of each discarded record."""
        self.redone: list[tuple[int, int]] = []
        """First and last record of each redo."""
        self.given_back: list[tuple[str, int, int]] = []
        """The same of chains of dead modules which this one adopted: what it said that it would give back."""
        self.abandoned: list[Abandoned] = []

    def note(self, record: SealedRecord) -> None:
        match record.event:
            case "checkpoint-recovered":
                named = members(record)["data"]["discarded"]
                self.discarded.update(lost["sequence"] for lost in named)
            case "store-redone":
                said = members(record)["data"]
                self.redone.append((said["first"], said["last"]))
            case "meters-adopted":
                said = members(record)["data"]
                if (lost := said.get("given_back")) is not None:
                    self.given_back.append((said["chain"], lost["first"], lost["last"]))
            case "disaster-recovered":
                envelope = members(record)
                said = envelope["data"]
                if said["outcome"] == "abandoned":
                    first, last = said["stated"]["sequence"] + 1, said["before"]["sequence"]
                    self.abandoned.append(Abandoned(envelope["module"], record.chain, first, last, record.sequence))

    def fate(self, sequence: int) -> str | None:
        """Give what became of a record; None if no recovery named it."""
        if sequence in self.discarded:
            return DISCARDED
        return REDONE if any(first <= sequence <= last for first, last in self.redone) else None


def loss_statement(store: Source) -> Statement:
    """Make the statement of all chains of a store. Nothing is kept in memory but what it names."""
    recoveries: dict[str, _Recoveries] = {}
    read: list[Read] = []
    for chain, _ in store.chains():
        found, newest = _Recoveries(), None
        for record in store.records(chain):
            if newest is None and record.event != _BEGINNING:
                break  # the stream of somebody else, who keeps events in the same table
            found.note(record)
            newest = record
        if newest is not None:
            recoveries[chain] = found
            read.append(Read(members(newest)["module"], chain, newest.sequence, line_hash(newest.line)))
    for dead, first, last in [given for found in recoveries.values() for given in found.given_back]:
        if dead in recoveries:
            recoveries[dead].redone.append((first, last))
    lost = [each for chain, found in recoveries.items() for each in _lost(store, ChainId(chain), found)]
    abandoned = [range_ for found in recoveries.values() for range_ in found.abandoned]
    return Statement(tuple(_with_clients(store, recoveries, lost)), tuple(abandoned), tuple(read))


class _Lost(NamedTuple):
    """A loss, and the version behind which its client may come back."""

    loss: Loss
    after: int

    def is_back(self, version: int, request: str) -> bool:
        """Say whether a later request is its client's: any one, or the same again of what was discarded."""
        return version > self.after and (self.loss.fate == REDONE or request == self.loss.request)


def _lost(store: Source, chain: ChainId, found: _Recoveries) -> Iterator[_Lost]:
    """Give the transactions that a chain's recoveries name."""
    if not (found.discarded or found.redone):
        return
    for record in store.records(chain, after=min([*found.discarded, *(first for first, _ in found.redone)]) - 1):
        fate, envelope = found.fate(record.sequence), members(record)
        if fate is None or "package" not in envelope["data"]:
            continue
        version = envelope["data"]["package"]["version"]
        if fate == DISCARDED:  # the version was used again
            yield _Lost(_loss(fate, record, envelope), version - 1)
        elif envelope["data"]["request"] is not None:  # a translation or a hand-over is no client's
            yield _Lost(_loss(fate, record, envelope), version)


def _with_clients(store: Source, recoveries: Mapping[str, _Recoveries], lost: Sequence[_Lost]) -> Iterator[Loss]:
    """Give the losses with whether their clients came back, to whichever module has the meter now."""
    of_meter: dict[str, list[_Lost]] = {}
    for each in lost:
        of_meter.setdefault(each.loss.meter, []).append(each)
    waiting = set(lost)
    for meter, its in of_meter.items():
        for version, request in _requests(store, recoveries, DeviceId(meter), min(each.after for each in its)):
            waiting -= {each for each in its if each.is_back(version, request)}
            if waiting.isdisjoint(its):
                break
    for each in lost:
        yield each.loss._replace(came_back=each not in waiting)


def _requests(
    store: Source, recoveries: Mapping[str, _Recoveries], meter: DeviceId, after: int
) -> Iterator[tuple[int, str]]:
    """Give version and id of each request that a meter was asked for, and that no recovery names."""
    while page := store.of_meter(meter, after=after):
        for record in page:
            after = record.psd_version or after
            found, request = recoveries.get(record.chain), members(record)["data"]["request"]
            if request is not None and (found is None or found.fate(record.sequence) is None):
                yield after, request


def _loss(fate: str, record: SealedRecord, envelope: Mapping[str, Any]) -> Loss:
    data = envelope["data"]
    return Loss(
        fate,
        envelope["module"],
        record.chain,
        record.sequence,
        envelope["at"],
        data["package"]["psd"],
        data["package"]["customer"],
        data["request"],
        record.event,
        data["checkpoint"]["value"],
        data.get("item_sha256"),
        came_back=False,
    )
