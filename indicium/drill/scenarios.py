"""The scenarios: what is put back or altered, and what the engine is expected to do about it.

Each is a function that damages a stage and says so. What it expects is written beside it, apart from the engine's own
table: a drill whose expectation came from what it tests could not fail.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from indicium.domain.flow import Head
from indicium.domain.heads import Action
from indicium.domain.identity import DeviceId
from indicium.drill import damages
from indicium.drill.hardware import RamMemory
from indicium.drill.stage import Stage, is_home
from indicium.infrastructure.moment import copy_store, memory_in
from indicium.infrastructure.store import Store

FORWARD: Final = 2
"""Records that a copy goes forward by, to have a past of all three places."""


@dataclass(eq=False)
class Unfit(Exception):  # it ends one scenario; the evidence says so
    """The scenario cannot be made of this ledger."""

    why: str


class Outcome(StrEnum):
    """What became of it."""

    MENDED = "mended, nothing lost"
    DISCARDED = "mended, what was discarded is named"
    STOPPED = "stopped, nothing issued"
    METER_REFUSED = "the meter is refused"
    AUDIT = "found by the audit"
    UNNOTICED = "not noticed"


class Expected(NamedTuple):
    """What should become of it."""

    outcomes: tuple[Outcome, ...]
    says: tuple[str, ...] = ()
    """Where it stops: the place that it names, or the code of its sentence; one of these. Empty: any."""
    done: tuple[Action, ...] | None = None
    """What it does, where it goes on; None: whatever it is."""
    records: tuple[str, ...] = ()
    """Events that a signed record must say of it."""


class Staged(NamedTuple):
    """What was done to a stage."""

    told: str
    """In words."""
    expected: Expected
    asked: tuple[DeviceId, ...] = ()
    """Meters whose packages were altered."""
    noted: Head | None = None
    """The head that an auditor noted last, where the copy went on; None: that of the original."""


Make = Callable[[Stage, int], Staged]
"""Damages a stage; how many records back is the past. Raises `Unfit`."""


class Scenario(NamedTuple):
    """One of them."""

    name: str
    about: str
    make: Make


def _stops(*says: str) -> Expected:
    return Expected((Outcome.STOPPED,), says)


def _store_put_back(stage: Stage, back: int) -> Staged:
    last = _past(stage, back)
    damages.cut_store(stage, last, {})
    return Staged(_put_back("store", last), Expected((Outcome.MENDED,), done=(Action.REDO,), records=("store-redone",)))


def _copy_put_back(stage: Stage, back: int) -> Staged:
    last = _past(stage, back)
    damages.cut_copy(stage, last)
    return Staged(_put_back("audit copy", last), Expected((Outcome.MENDED,), done=(Action.COMPLETE_COPY,)))


def _memory_put_back(stage: Stage, _back: int) -> Staged:
    past, last = stage.remember(), _newest(stage)
    stage.forward(FORWARD)
    stage.put_memory_back(past)
    return Staged(_put_back("memory", last), _stops("module memory"))


def _store_and_copy_put_back(stage: Stage, back: int) -> Staged:
    last = _past(stage, back)
    damages.cut_store(stage, last, {})
    damages.cut_copy(stage, last)
    return Staged(_put_back("store and audit copy", last), _stops("store"))


def _store_and_copy_at_checkpoint(stage: Stage, _back: int) -> Staged:
    module = stage.power_up()
    reached = [head for head in module.older if head.sequence >= damages.first_in_copy(stage)]
    if not reached:
        raise Unfit(why="its memory holds no older checkpoint")
    head = min(reached)
    moved = _meters_behind(stage, head)
    damages.cut_store(stage, head.sequence, module.macs_at(head))
    damages.cut_copy(stage, head.sequence)
    outcome, records = (Outcome.DISCARDED, ("checkpoint-recovered",)) if moved else (Outcome.MENDED, ())
    expected = Expected((outcome,), done=(Action.RESUME,), records=records)
    return Staged(_put_back("store and audit copy", head.sequence), expected)


def _memory_and_store_put_back(stage: Stage, _back: int) -> Staged:
    past, last = stage.remember(), _newest(stage)
    stage.forward(FORWARD)
    stage.put_store_back(past)
    stage.put_memory_back(past)
    return Staged(_put_back("memory and store", last), _stops("module memory and store"))


def _memory_and_copy_put_back(stage: Stage, _back: int) -> Staged:
    past, last = stage.remember(), _newest(stage)
    stage.forward(FORWARD)
    damages.cut_copy(stage, last)
    stage.put_memory_back(past)
    return Staged(_put_back("memory and audit copy", last), _stops("module memory"))


def _all_put_back(stage: Stage, _back: int) -> Staged:
    past, last = stage.remember(), _newest(stage)
    stage.forward(FORWARD)
    noted = damages.head_at(stage, _newest(stage))
    stage.put_store_back(past)
    stage.put_memory_back(past)
    damages.cut_copy(stage, last)
    told = f"{_put_back('memory, store and audit copy', last)}: nothing within can tell, but who was shown more"
    return Staged(told, Expected((Outcome.AUDIT,), done=()), noted=noted)


def _two_histories(stage: Stage, _back: int) -> Staged:
    other = stage.copy(stage.folder / "other")
    stage.forward(1)
    other.forward(1)
    for path in other.audit.iterdir():
        (stage.audit / path.name).write_bytes(path.read_bytes())
    last = _newest(stage)
    told = f"a second copy of the module wrote record {last} too, and its audit copy was put beside the store"
    return Staged(told, _stops("audit copy"))


def _store_tail_deleted(stage: Stage, back: int) -> Staged:
    last = _past(stage, back)
    damages.cut_records(stage, last)
    told = f"the store's records behind {last} were deleted, and its packages and replies left"
    return Staged(told, Expected((Outcome.MENDED,), done=(Action.REDO,), records=("store-redone",)))


def _store_missing(stage: Stage, _back: int) -> Staged:
    stage.store.unlink()
    return Staged("the store's file is gone", _stops("store-missing"))


def _copy_missing(stage: Stage, _back: int) -> Staged:
    damages.lose_copy(stage)
    return Staged("the folder of the audit copy is empty", Expected((Outcome.MENDED,), done=(Action.COMPLETE_COPY,)))


def _memory_missing(stage: Stage, _back: int) -> Staged:
    stage.memory = RamMemory(None)
    return Staged("the memory file is gone", _stops("memory-not-authentic"))


def _static_parts_missing(stage: Stage, back: int) -> Staged:
    last = _past(stage, back)
    if not _meters_behind(stage, damages.head_at(stage, last)):
        raise Unfit(why="no meter was used in the records that are put back")
    damages.cut_store(stage, last, {})
    damages.lose_static_parts(stage)
    told = f"{_put_back('store', last)}, and the sealed static parts are gone from it and from the audit copy"
    return Staged(told, _stops("static-part-missing"))


def _copy_torn(stage: Stage, _back: int) -> Staged:
    damages.tear(stage)
    expected = Expected((Outcome.MENDED,), done=(Action.COMPLETE_COPY,))
    return Staged("the audit copy ends in the middle of its last record", expected)


def _copy_torn_otherwise(stage: Stage, _back: int) -> Staged:
    damages.tear_otherwise(stage)
    return Staged("the audit copy ends in half a line of something else", _stops("audit copy"))


def _copy_altered(stage: Stage, _back: int) -> Staged:
    last = _newest(stage)
    damages.alter_line(stage, last)
    return Staged(f"one bit of record {last}, the newest, was altered in the audit copy", _stops("audit copy"))


def _copy_altered_before(stage: Stage, back: int) -> Staged:
    sequence = _past(stage, back)
    damages.alter_line(stage, sequence)
    expected = Expected((Outcome.AUDIT, Outcome.STOPPED))
    return Staged(f"one bit of record {sequence} was altered in the audit copy", expected)


def _record_altered(stage: Stage, _back: int) -> Staged:
    last = _newest(stage)
    damages.alter_record(stage, last)
    return Staged(f"one bit of record {last}, the newest, was altered in the store", _stops("store"))


def _record_altered_before(stage: Stage, back: int) -> Staged:
    sequence = _past(stage, back)
    damages.alter_record(stage, sequence)
    expected = Expected((Outcome.AUDIT, Outcome.STOPPED))
    return Staged(f"one bit of record {sequence} was altered in the store", expected)


def _package_altered(stage: Stage, _back: int) -> Staged:
    with Store.open(stage.url) as store:
        homes = (package for package in store.packages() if is_home(package.moving, stage.actors.serial))
        found = next(homes, None)
    if found is None:
        raise Unfit(why="it has no meter")
    damages.alter_package(stage, found.psd_id, 100_000)
    told = f"the package of meter {found.psd_id} was given 100.00 more, in the store"
    return Staged(told, Expected((Outcome.METER_REFUSED,), done=()), (found.psd_id,))


def _memory_altered(stage: Stage, _back: int) -> Staged:
    stage.memory = damages.alter_memory(stage.memory.load())
    return Staged("one bit of the memory's sealed part was altered", _stops("memory-not-authentic"))


SCENARIOS: Final[Mapping[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        Scenario("store-put-back", "yesterday's store", _store_put_back),
        Scenario("copy-put-back", "yesterday's audit copy", _copy_put_back),
        Scenario("memory-put-back", "yesterday's memory", _memory_put_back),
        Scenario("store-and-copy-put-back", "yesterday's store and audit copy", _store_and_copy_put_back),
        Scenario("store-and-copy-at-checkpoint", "store and audit copy of a moment ago", _store_and_copy_at_checkpoint),
        Scenario("memory-and-store-put-back", "yesterday's memory and store", _memory_and_store_put_back),
        Scenario("memory-and-copy-put-back", "yesterday's memory and audit copy", _memory_and_copy_put_back),
        Scenario("all-put-back", "all three places of yesterday", _all_put_back),
        Scenario("two-histories", "a second copy of the module that went on", _two_histories),
        Scenario("store-tail-deleted", "a store that lost its last records alone", _store_tail_deleted),
        Scenario("store-missing", "no store", _store_missing),
        Scenario("copy-missing", "no audit copy", _copy_missing),
        Scenario("memory-missing", "no memory", _memory_missing),
        Scenario("static-parts-missing", "a store put back, and no sealed static parts", _static_parts_missing),
        Scenario("copy-torn", "an audit copy cut off in its last line", _copy_torn),
        Scenario("copy-torn-otherwise", "an audit copy with half a line too many", _copy_torn_otherwise),
        Scenario("copy-altered", "one bit of the audit copy's newest record", _copy_altered),
        Scenario("copy-altered-before", "one bit of an older record of the audit copy", _copy_altered_before),
        Scenario("record-altered", "one bit of the store's newest record", _record_altered),
        Scenario("record-altered-before", "one bit of an older record of the store", _record_altered_before),
        Scenario("package-altered", "a meter that was given more in the store", _package_altered),
        Scenario("memory-altered", "one bit of the memory", _memory_altered),
    )
}
"""All of them, by name, in the order in which they are held."""


class Backups(NamedTuple):
    """Real backups that somebody has, to be put back."""

    store: str | None = None
    """A file, or the URL of a server that was started from one."""
    memory: Path | None = None
    copy: Path | None = None
    """The folder `audit/`, as it was."""

    @property
    def named(self) -> str:
        """Name the places that there is a backup of."""
        named = (("store", self.store), ("memory", self.memory), ("audit copy", self.copy))
        return ", ".join(name for name, backup in named if backup is not None)


def of_backups(backups: Backups) -> Scenario:
    """Make a scenario of real backups. Where they end is not known: it is mended, or it stops, and nothing is lost."""

    def make(stage: Stage, _back: int) -> Staged:
        outcomes: tuple[Outcome, ...] = (Outcome.MENDED, Outcome.DISCARDED, Outcome.STOPPED)
        if backups.store is not None:
            stage.store.unlink()
            named = backups.store
            copy_store(named if "://" in named else f"sqlite:///{Path(named).absolute()}", stage.store)
        if backups.memory is not None:
            stage.memory = RamMemory(memory_in(backups.memory))
        if backups.copy is not None:
            damages.replace_copy(stage, backups.copy)
        if None not in backups:
            outcomes = (*outcomes, Outcome.AUDIT)
        return Staged(f"put back from backups: {backups.named}", Expected(outcomes))

    return Scenario("backups", "backups that you have", make)


def _put_back(what: str, last: int) -> str:
    return f"the {what} of when record {last} was the newest"


def _newest(stage: Stage) -> int:
    with Store.open(stage.url) as store:
        newest = store.head(stage.chain)
    return 0 if newest is None else newest.sequence


def _past(stage: Stage, back: int) -> int:
    """Choose the record that was the newest in the past: before all checkpoints, and in the copy's open file."""
    checkpoints = stage.power_up().older
    oldest = min((head.sequence for head in checkpoints), default=_newest(stage))
    first = damages.first_in_copy(stage)
    if not 0 < first < oldest:
        raise Unfit(why="its audit copy holds too few records before the checkpoints")
    return max(first, oldest - back)


def _meters_behind(stage: Stage, head: Head) -> bool:
    """Tell whether a meter moved behind a record."""
    with Store.open(stage.url) as store:
        return any(record.psd_id is not None for record in store.records(stage.chain, after=head.sequence))
