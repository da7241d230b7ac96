"""What a drill found, for people and programs: something to be filed, and looked at in a year."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from indicium.cryptomodule.verifier import ChainReport, Verdict
from indicium.domain import amounts
from indicium.domain.errors import IndiciumError
from indicium.domain.flow import Head
from indicium.drill.judging import Audit, Difference, said
from indicium.drill.original import Kept
from indicium.drill.scenarios import Expected, Outcome
from indicium.drill.stage import Heads, Reaction

FORMAT = 1
"""Number of the evidence's form."""


class Held(NamedTuple):
    """One scenario, as it was held."""

    name: str
    told: str
    """What was done to the copy; or why the scenario could not be made of it."""
    expected: Expected
    damaged: Heads
    """Where the places ended when the engine was opened."""
    reaction: Reaction
    sentence: str
    """Why the engine stopped, as it would say it of the original; empty where it went on."""
    ended: Heads
    """Where they ended afterwards."""
    difference: Difference
    audit: Audit
    """What an auditor finds in each place; empty where the engine stopped before."""
    shown_more: tuple[str, ...]
    """Customers of this home whose clients were shown more than the ledger holds now, and will say so (M-58)."""
    sealed: tuple[str, ...]
    """The records that the engine made, as they are: line by line, signature and all."""
    outcome: Outcome
    as_expected: bool

    def as_json(self) -> dict[str, object]:
        """Give its members."""
        refusal, stopped = self.reaction.refusal, self.outcome is Outcome.STOPPED
        return {
            "scenario": self.name,
            "did": self.told,
            "heads_before": _heads(self.damaged),
            "heads_after": _heads(self.ended),
            "done": [action.value for action in self.reaction.done],
            "stopped": None
            if refusal is None
            else {"error": refusal.code, "sentence": self.sentence, "where": said(refusal)},
            "officer_could_set_it_to": None if self.reaction.officer is None else str(self.reaction.officer),
            "refused_meters": {psd_id: _refusal(why) for psd_id, why in self.reaction.refused.items()},
            "lost_records": [] if stopped else [*self.difference.records],
            "more_lost_records": 0 if stopped else self.difference.more,
            "altered_meters": [] if stopped else [*self.difference.meters],
            "discarded": [lost._asdict() for lost in self.difference.discarded],
            "audit": {place: _report(report) for place, report in self.audit.items()},
            "customers_shown_more": list(self.shown_more),
            "records_made": list(self.sealed),
            "expected": [outcome.value for outcome in self.expected.outcomes],
            "outcome": self.outcome.value,
            "as_expected": self.as_expected,
        }


class Unmade(NamedTuple):
    """A scenario that could not be made of this ledger."""

    name: str
    why: str


class Evidence(NamedTuple):
    """A whole drill."""

    made: str
    """When it ended: UTC, to the second."""
    versions: Mapping[str, str]
    home: str
    module: str
    chain: str
    suite: str
    store: str
    """Where the original's store is; never a password."""
    found: Heads
    """Where the places of the copy ended, as they were taken."""
    at_rest: bool
    brought_together: tuple[str, ...]
    """What had to be done before the drill: nothing, unless a request was under way, or cut off."""
    noted: Head
    """The head of the original when the copy was taken."""
    audit: Audit
    """What an auditor finds in the copy as it was taken."""
    drill_key: str
    """The key that the records made here bear, PEM. No chain announces it."""
    held: tuple[Held, ...]
    unmade: tuple[Unmade, ...]
    files: tuple[Kept, ...]
    signed_by: str | None
    """SHA-256 of the key that signs this, where somebody named one."""

    @property
    def as_expected(self) -> bool:
        """Whether all that was held ended as it should."""
        sound = all(report.verdict is not Verdict.FAIL for report in self.audit.values())
        return sound and all(held.as_expected for held in self.held)

    @property
    def untouched(self) -> bool:
        """Whether the original's files are the same as before; a ledger that was used meanwhile changes its own."""
        return all(kept.same for kept in self.files)

    def as_json(self) -> dict[str, object]:
        """Give the whole as one object."""
        return {
            "drill": FORMAT,
            "made": self.made,
            "versions": dict(self.versions),
            "home": self.home,
            "module": self.module,
            "chain": self.chain,
            "suite": self.suite,
            "store": self.store,
            "taken": {
                "heads": _heads(self.found),
                "at_rest": self.at_rest,
                "brought_together": list(self.brought_together),
            },
            "noted_head": str(self.noted),
            "audit": {place: _report(report) for place, report in self.audit.items()},
            "drill_key": self.drill_key,
            "verdict": self.verdict,
            "scenarios": [held.as_json() for held in self.held],
            "not_made": [unmade._asdict() for unmade in self.unmade],
            "original": {"same": self.untouched, "files": [kept.as_json() for kept in self.files]},
            "signed_by": self.signed_by,
        }

    @property
    def verdict(self) -> str:
        """Say it in a word or two."""
        if not self.as_expected:
            return "NOT AS EXPECTED"
        return "AS EXPECTED" if self.held else "NOTHING HELD"

    def lines(self) -> Iterator[str]:
        """Say it for people."""
        yield f"Drill of module {self.module}, chain {self.chain}"
        yield f"  {self.made}, {', '.join(f'{name} {version}' for name, version in self.versions.items())}"
        yield f"  original: {self.home}, store {self.store}"
        rest = "at rest" if self.at_rest else "while a request was under way, or cut off"
        yield f"  copied {rest}; memory, store and audit copy ended at {_told(self.found)}"
        for done in self.brought_together:
            yield f"  before the drill: {done}"
        yield f"  head to note: {self.noted}"
        yield from _audited(self.audit)
        for held in self.held:
            yield ""
            yield from _scenario(held)
        for unmade in self.unmade:
            yield ""
            yield f"{unmade.name}: not made, {unmade.why}"
        yield ""
        if not self.store.startswith("sqlite"):
            yield "the store is a server's, and was read in a transaction in which it takes no writes"
        changed = [kept.path for kept in self.files if not kept.same]
        same = f"the original's {len(self.files)} files are the same as before, byte for byte"
        yield same if not changed else f"while the drill was held, the ledger itself changed {', '.join(changed)}"
        yield "not signed: no key was named" if self.signed_by is None else f"signed with key {self.signed_by}"
        wrong = sum(not held.as_expected for held in self.held)
        yield f"{self.verdict}: {len(self.held)} held, {wrong} not as expected, {len(self.unmade)} not made"


def _scenario(held: Held) -> Iterator[str]:
    yield f"{held.name}: {held.outcome.value}{'' if held.as_expected else ' - NOT AS EXPECTED'}"
    yield f"  done to the copy: {held.told}"
    yield f"  then memory, store and audit copy ended at {_told(held.damaged)}"
    if held.reaction.refusal is not None:
        yield f"  the engine stopped: {held.sentence}"
    else:
        yield f"  the engine went on: {', '.join(action.value for action in held.reaction.done) or 'nothing to do'}"
    yield f"  then they ended at {_told(held.ended)}"
    if held.reaction.officer is not None:
        yield f"  a Security Officer would log on now, and could set the module to record {held.reaction.officer}"
    for psd_id, why in held.reaction.refused.items():
        yield f"  meter {psd_id} is refused: {why}"
    if held.difference.discarded:
        value = amounts.dollars(sum(lost.value for lost in held.difference.discarded))
        named = ", ".join(str(lost.sequence) for lost in held.difference.discarded)
        yield f"  discarded, worth {value}, and named in a signed record: {named}"
    if held.difference.records:
        more = f" and {held.difference.more} more" if held.difference.more else ""
        yield f"  gone or altered, and named nowhere: record {', '.join(map(str, held.difference.records))}{more}"
    if held.difference.meters:
        yield f"  whose package is another one: meter {', '.join(held.difference.meters)}"
    yield from _audited(held.audit)
    if held.shown_more:
        yield f"  was shown more, and will say so: {', '.join(held.shown_more)}"
    for line in held.sealed:
        yield f"  record made: {line}"
    if not held.as_expected:
        yield f"  expected: {' or '.join(outcome.value for outcome in held.expected.outcomes)}"


def _audited(audit: Audit) -> Iterator[str]:
    for place, report in audit.items():
        bad = "" if report.first_bad is None else f", record {report.first_bad.sequence}: {report.first_bad.reason}"
        missing = "".join(f", missing: {missing}" for missing in report.missing)
        yield f"  the {place} verified with the noted head: {report.verdict}{bad}{missing}"


def _told(heads: Heads) -> str:
    return ", ".join("nothing that can be read" if head is None else f"record {head.sequence}" for head in heads)


def _heads(heads: Heads) -> dict[str, str | None]:
    return {place: None if head is None else str(head) for place, head in heads._asdict().items()}


def _refusal(refusal: IndiciumError) -> dict[str, str]:
    return {"error": refusal.code, "sentence": str(refusal)}


def _report(report: ChainReport) -> dict[str, object]:
    bad = report.first_bad
    return {
        "verdict": report.verdict,
        "records": report.records,
        "first_bad": None if bad is None else {"sequence": bad.sequence, "reason": bad.reason},
        "missing": list(report.missing),
    }
