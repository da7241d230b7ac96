"""What a drill's outcome is: found by comparing what the ledger held with what it holds, apart from the engine.

Three lines of defence are looked at in this order: the engine when it is opened, the module when a meter is used, and
an auditor with a public key and the head that was noted last.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice, takewhile, zip_longest
from typing import Final, NamedTuple

import orjson

from indicium.cryptomodule.keyring import Lines, assign
from indicium.cryptomodule.lines import lines_in
from indicium.cryptomodule.pieces import joined
from indicium.cryptomodule.verifier import AuditKey, ChainReport, Verdict, verify_chain
from indicium.domain.errors import BadRecord, HeadsDisagree, IndiciumError
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package
from indicium.domain.record import line_hash, split
from indicium.drill.scenarios import Expected, Outcome
from indicium.drill.stage import Reaction, Stage, is_home
from indicium.infrastructure.redoing import batches
from indicium.infrastructure.segments import segments_of, sequence_of
from indicium.infrastructure.store import Store


class Discarded(NamedTuple):
    """A record that a signed record of the recovery names."""

    sequence: int
    hash: str
    value: int
    """In mills."""


class Shown(NamedTuple):
    """What a customer's client was shown last: a witness outside of the three places (M-58)."""

    customer: str
    device: DeviceId
    version: int
    record: str


class Difference(NamedTuple):
    """What the ledger holds no more, or otherwise, of what it held."""

    records: tuple[int, ...]
    """Records that are gone or altered, by sequence: the first of them."""
    more: int
    """How many there are beyond those."""
    meters: tuple[DeviceId, ...]
    """Meters whose package is another one, and that nothing was discarded of."""
    discarded: tuple[Discarded, ...]

    @property
    def unexplained(self) -> bool:
        """Whether there is something that no record of a recovery names."""
        return bool(self.records or self.meters)


Audit = Mapping[str, ChainReport]
"""What an auditor finds, by place."""

_NAMED: Final = 20
"""Records that are named one by one."""
_BAD: Final = {Verdict.PASS: 0, Verdict.INCOMPLETE: 1, Verdict.FAIL: 2}
"""Which verdict is worse: what was moved to an archive is missing, and no news."""


def difference(before: Stage, after: Stage, sealed: Sequence[bytes]) -> Difference:
    """Compare the stores of a stage before it was damaged and after the engine was opened, record by record."""
    discarded = tuple(_discarded(sealed))
    named = {(lost.sequence, lost.hash) for lost in discarded}
    lost: list[int] = []
    more, meters = 0, set[str]()
    for record in _not_held(before, after):
        if (record.sequence, line_hash(record.line)) in named:
            meters.add(_meter_of(record.line))
        elif len(lost) < _NAMED:
            lost.append(record.sequence)
        else:
            more += 1
    return Difference(tuple(lost), more, tuple(_other_packages(before, after, meters)), discarded)


def audited(stage: Stage, keys: Sequence[AuditKey], noted: Head) -> Audit:
    """Verify what store and audit copy hold of the records up to a noted head, as an auditor who noted it does."""
    files = [partial(lines_in, file.path) for file in segments_of(stage.audit, stage.actors.serial, stage.chain)]
    sources: dict[str, Lines] = {
        "store": lambda: (record.line for record in stage.records()),
        "audit copy": partial(joined, files),
    }
    whose = assign(sources, keys)
    reports = {}
    for name, lines in sources.items():
        try:
            reports[name] = verify_chain(_upto(lines(), noted), whose[name], noted)
        except BadRecord:  # the first line of a file is none: then nothing says which of its lines are known already
            reports[name] = verify_chain(
                _upto(chain.from_iterable(file() for file in files), noted), whose[name], noted
            )
    return reports


def outcome_of(reaction: Reaction, found: Difference, audit: Audit, before: Audit) -> Outcome:
    """Say what became of it. `before` is what an auditor found in the copy as it was taken."""
    if reaction.refusal is not None:
        return Outcome.STOPPED
    if not found.records and found.meters and set(found.meters) <= reaction.refused.keys():
        return Outcome.METER_REFUSED
    if any(_BAD[report.verdict] > _BAD[before[place].verdict] for place, report in audit.items()):
        return Outcome.AUDIT
    if found.unexplained:
        return Outcome.UNNOTICED
    return Outcome.DISCARDED if found.discarded else Outcome.MENDED


def shown_more(stage: Stage, shown: Sequence[Shown]) -> Iterator[str]:
    """Give the customers whose clients were shown a record that their meters do not stand at, or beyond, any more."""
    with Store.open(stage.url) as store:
        for some in batches(shown):
            packages = store.gather(stage.chain, [client.device for client in some], ()).packages
            for client in some:
                package = packages.get(client.device)
                now = (0, "") if package is None else (package.version, package.made_by.hex())
                if client.version > now[0] or (client.version == now[0] and client.record != now[1]):
                    yield client.customer


def as_expected(expected: Expected, outcome: Outcome, reaction: Reaction, sealed: Sequence[bytes]) -> bool:
    """Tell whether that is what should become of it, and is said in the records that were made."""
    signed = {orjson.loads(split(line)[0])["event"] for line in sealed if split(line)[1] is not None}
    if outcome not in expected.outcomes or not signed >= {*expected.records}:
        return False
    if outcome is Outcome.STOPPED:
        return not expected.says or said(reaction.refusal) in expected.says
    return expected.done is None or reaction.done == expected.done


def said(refusal: IndiciumError | None) -> str:
    """Give the place that a refusal names, or its code."""
    if refusal is None:
        return ""
    return refusal.place if isinstance(refusal, HeadsDisagree) else refusal.code


def _upto(lines: Iterator[bytes], noted: Head) -> Iterator[bytes]:
    """Give the lines up to a record: behind it there may be some that were sealed in the drill."""
    first = next(lines, None)
    if first is None:
        return iter(())
    return chain([first], islice(lines, max(0, noted.sequence - (sequence_of(first) or 1))))


def _not_held(before: Stage, after: Stage) -> Iterator[SealedRecord]:
    """Give the records that one store holds and the other does not, or with other columns."""
    held = takewhile(lambda pair: pair[0] is not None, zip_longest(before.records(), after.records()))
    for record, now in held:
        if record is not None and record != now:
            yield record


def _discarded(sealed: Sequence[bytes]) -> Iterator[Discarded]:
    for line in sealed:
        record = orjson.loads(split(line)[0])
        if record["event"] == "checkpoint-recovered":
            for lost in record["data"]["discarded"]:
                yield Discarded(lost["sequence"], lost["hash"], lost["value"])


def _meter_of(line: bytes) -> str:
    return str(orjson.loads(split(line)[0])["data"]["package"]["psd"])


def _other_packages(before: Stage, after: Stage, but: set[str]) -> Iterator[DeviceId]:
    """Give the meters of this module whose packages differ, but for those of whose records something was discarded.

    Those of another module of the vault come back when that one is opened.
    """
    with Store.open(before.url) as one, Store.open(after.url) as other:
        for batch in batches(one.packages()):
            now = other.gather(after.chain, [package.psd_id for package in batch], ()).packages
            for package in batch:
                ours = is_home(package.moving, before.actors.serial) and package.psd_id not in but
                if ours and not _same(package, now.get(package.psd_id)):
                    yield package.psd_id


def _same(package: Package, now: Package | None) -> bool:
    """Compare what a package says, whatever wrote its JSON."""
    if now is None:
        return False
    alike = package._replace(moving=b"") == now._replace(moving=b"")
    return alike and orjson.loads(package.moving) == orjson.loads(now.moving)
