"""Who could hold the key: where each Master Key Set is, was or could be, replayed from all chains of a store (H-13).

An MKS is where it was generated or combined, until it is deleted or its module is reset; and wherever enough shares of
it were exported to, whether a record says that they arrived or not. Who had a share in hands, or gave a command over
the set, is the user of the record.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from indicium.projections.follow import Progress
from indicium.projections.projection import Streams
from indicium.projections.reading import members

Status = Literal["holds", "held", "could-hold"]
"""holds it; held it until it was deleted there or the module was reset; could have made it from exported shares."""

_BEGUN: Final = "initialization-started"
_TOLD: Final = frozenset(
    {
        "master-key-set-generated",
        "mks-shares-created",
        "mks-share-exported",
        "mks-export-aborted",
        "mks-share-imported",
        "mks-shares-combined",
        "mks-shares-not-combined",
        "mks-activated",
        "dormant-mks-deleted",
    }
)
"""The records that tell of an MKS."""


@dataclass(slots=True)
class Holder:
    """A module, in one of its lives, that has an MKS, had it, or could have it."""

    module: str
    chain: str
    status: Status
    came: Literal["generated", "imported", "exported-to"]
    exportable: bool
    """Whether the module may export it in its turn (H-12)."""
    active: bool
    since: str
    """When it came; of one that could hold it, when the share was exported that made enough."""
    until: str | None = None
    """When it went: the deletion, or the reset that the module's next chain begins with."""


@dataclass(slots=True)
class Share:
    """A share in somebody's hands."""

    number: int
    custodian: str
    at: str
    brought_by: str | None = None
    """Who brought it to the destination; None if no record says so."""
    brought_at: str | None = None


@dataclass(slots=True)
class Export:
    """An export of an MKS."""

    export: str
    module: str
    chain: str
    """The source."""
    count: int
    threshold: int
    begun_at: str
    begun_by: str
    state: Literal["open", "complete", "aborted"] = "open"
    retained: bool | None = None
    destination: str | None = None
    destination_chain: str | None = None
    shares: list[Share] = field(default_factory=list)


@dataclass(slots=True)
class Presence:
    """Somebody who gave a command over an MKS, or had a share of it in hands."""

    user: str
    role: str
    module: str
    chain: str
    event: str
    at: str
    sequence: int


@dataclass(slots=True)
class KeyHistory:
    """All that the records say of one MKS."""

    mks: str
    holders: list[Holder] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    present: list[Presence] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Give the members of `modules --keys --json`."""
        return asdict(self)


def key_holders(streams: Streams, progress: Progress | None = None) -> list[KeyHistory]:
    """Replay all chains; give the history of each MKS, in the order in which they came up. Raises `BadRecord`."""
    replay, done = _Replay(), 0
    chains = list(streams.chains())
    total = sum(last for _, last in chains)
    for chain, last in chains:
        for record in streams.records(chain):
            if record.event in _TOLD:
                replay.take(members(record))
            elif record.event == _BEGUN:
                replay.begin(members(record))
        done += last
        if progress is not None:
            progress(done, total)
    return replay.ended()


class _Replay:
    """The fold over all chains, one after the other."""

    def __init__(self) -> None:
        self._keys: dict[str, KeyHistory] = {}
        self._exports: dict[str, Export] = {}
        self._began: dict[str, list[tuple[str, str]]] = {}
        """Of each module, when its chains began, and the chains."""
        self._brought: dict[tuple[str, int], tuple[str, str]] = {}
        """Who brought a share of an export to its destination, and when."""

    def begin(self, said: dict[str, Any]) -> None:
        """Note when a module began a life."""
        self._began.setdefault(said["module"], []).append((said["at"], said["chain"]))

    def take(self, said: dict[str, Any]) -> None:
        """Fold one record that tells of an MKS."""
        data = said["data"]
        if data["mks"] is None:  # nobody had brought a share
            return
        history = self._keys.setdefault(data["mks"], KeyHistory(data["mks"]))
        if said["user"] is not None:
            history.present.append(Presence(**{name: said[name] for name in Presence.__slots__}))
        self._fold_export(history, said, data)
        self._fold_holder(history, said, data)

    def _fold_holder(self, history: KeyHistory, said: dict[str, Any], data: dict[str, Any]) -> None:
        module, chain, at = said["module"], said["chain"], said["at"]
        here = list(self._holding(chain))
        match said["event"]:
            case "master-key-set-generated":
                holder = Holder(module, chain, "holds", "generated", exportable=True, active=not here, since=at)
                history.holders.append(holder)
            case "mks-shares-combined":
                exportable, active = data["exportable"], data["active"]
                holder = Holder(module, chain, "holds", "imported", exportable=exportable, active=active, since=at)
                history.holders.append(holder)
            case "mks-activated":
                for mks, holder in here:
                    holder.active = mks == history.mks
            case "dormant-mks-deleted":
                for mks, holder in here:
                    if mks == history.mks:
                        holder.status, holder.until = "held", at

    def _fold_export(self, history: KeyHistory, said: dict[str, Any], data: dict[str, Any]) -> None:
        user, at = said["user"] or "", said["at"]
        match said["event"]:
            case "mks-shares-created":
                export = Export(
                    data["export"], said["module"], said["chain"], data["count"], data["threshold"], at, user
                )
                history.exports.append(export)
                self._exports[export.export] = export
            case "mks-share-exported":
                export, there = self._exports[data["export"]], data["destination"]
                export.retained, export.destination = data["retained"], there["module"]
                export.destination_chain = there["chain"]
                export.shares.append(Share(data["number"], user, at))
                export.state = "complete" if data["number"] == export.count else "open"
            case "mks-export-aborted":
                self._exports[data["export"]].state = "aborted"
            case "mks-share-imported":
                self._brought[data["export"], data["number"]] = user, at

    def ended(self) -> list[KeyHistory]:
        """Bring together what different chains tell, and give all histories."""
        for history in self._keys.values():
            for export in history.exports:
                for share in export.shares:
                    share.brought_by, share.brought_at = self._brought.get((export.export, share.number), (None, None))
                self._add_possible(history, export)
            for holder in history.holders:
                if holder.until is None:
                    holder.until = self._reset_of(holder.module, holder.chain)
                    if holder.until is not None and holder.status == "holds":
                        holder.status = "held"
                holder.active = holder.active and holder.status == "holds"
            history.present.sort(key=lambda one: (one.at, one.chain, one.sequence))
        return list(self._keys.values())

    def _add_possible(self, history: KeyHistory, export: Export) -> None:
        """Add the destination of an export if it got enough shares, and no record says that it made the MKS."""
        there = export.destination_chain
        if len(export.shares) < export.threshold or any(holder.chain == there for holder in history.holders):
            return
        enough = export.shares[export.threshold - 1].at
        holder = Holder(
            export.destination or "", there or "", "could-hold", "exported-to",
            exportable=not export.retained, active=False, since=enough,
        )  # fmt: skip  # where; how; what
        history.holders.append(holder)

    def _holding(self, chain: str) -> Iterator[tuple[str, Holder]]:
        for history in self._keys.values():
            for holder in history.holders:
                if holder.chain == chain and holder.status == "holds":
                    yield history.mks, holder

    def _reset_of(self, module: str, chain: str) -> str | None:
        """Give when a module began the life after this one: what it held until then is erased (C-15, M-90)."""
        lives = sorted(self._began.get(module, []))
        after = [at for (at, _), (_, before) in zip(lives[1:], lives, strict=False) if before == chain]
        return after[0] if after else None
