"""A whole audit (I-26): each module's chain first, then all chains combined, meter by meter."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from indicium.cryptomodule.verifier import ChainReport, Verdict, overall
from indicium.domain import amounts
from indicium.domain.amounts import Mills
from indicium.domain.errors import BadFile
from indicium.domain.flow import Head
from indicium.entrypoints.audit import Examination, examine, report_as_json
from indicium.entrypoints.counted import counted
from indicium.entrypoints.results import COLOURS, show_report
from indicium.entrypoints.screen import Screen
from indicium.projections.combined import MISSING, Finding, combination

MOST_FINDINGS: Final = 1000
"""Most findings that are listed; the others are counted."""

_LOOK: Final = "Keep this source as it is, verify the module's other copy, and let the module rest until both agree."
_STOP: Final = "Have the provider refuse this meter's downloads, and compare the records named with what was paid."
_GIVE: Final = "Give the audit what is missing, and run it again."


class Problem(NamedTuple):
    """Something that the Security Officer must know of."""

    what: str
    """What failed, and where. The same sentence in each round, for as long as it is so."""
    remedy: str
    """What to do."""


class Inspection(NamedTuple):
    """What an audit found."""

    chains: Sequence[tuple[str, ChainReport]]
    """Each chain's report, with the source that it was found in."""
    meters: int
    transactions: int
    unread: int
    """Records of meters that this version cannot read."""
    findings: Sequence[Finding]
    more: int
    """How many findings there are beyond those listed; what is only missing is not counted."""
    lost: Mapping[str, Head]
    """Noted heads of chains that are in no source."""

    @property
    def reports(self) -> list[ChainReport]:
        """The chains' reports."""
        return [report for _, report in self.chains]

    @property
    def verdict(self) -> Verdict:
        """The worst that was found. What is missing is INCOMPLETE, all else that does not fit is FAIL."""
        worst = overall(self.reports)
        if worst is Verdict.FAIL or self.more or any(found.kind != MISSING for found in self.findings):
            return Verdict.FAIL
        return Verdict.INCOMPLETE if self.findings or self.unread or self.lost else worst

    @property
    def problems(self) -> list[Problem]:
        """Everything that stands against PASS."""
        found: list[Problem] = []
        for source, report in self.chains:
            where = f"{source}: " + (f"module {report.module}, chain {report.chain}" if report.chain else "no chain")
            if report.first_bad is not None:
                bad = f"{where}: record {report.first_bad.sequence}: {report.first_bad.reason}"
                found.append(Problem(bad, _LOOK))
            found += [Problem(f"{where}: missing: {missing}", _GIVE) for missing in report.missing]
        found += [] if self.chains else [Problem("there is no chain in any source", _GIVE)]
        for chain, head in self.lost.items():
            found.append(Problem(f"chain {chain}, noted up to record {head.sequence}, is in no source", _GIVE))
        for finding in self.findings:
            remedy = _GIVE if finding.kind == MISSING else _STOP
            found.append(Problem(f"meter {finding.meter}: {finding.why}{_places(finding)}", remedy))
        found += [Problem(f"{self.more} more findings about meters", _STOP)] if self.more else []
        found += [Problem(f"{self.unread} records of meters cannot be read", _GIVE)] if self.unread else []
        return found

    @property
    def noteworthy(self) -> bool:
        """Whether it is to be shown: always."""
        return True

    def show(self, screen: Screen) -> None:
        """Show each chain's report, what the combination of all chains found, and the verdict over all."""
        for source, report in self.chains:
            screen.plain(f"  {source}")
            show_report(screen, report)
        for finding in self.findings:
            screen.plain(f"  meter {finding.meter}: {finding.why}")
            for move in finding.records:
                screen.plain(
                    f"    module {move.module}, record {move.sequence}: version {move.version}, {move.event} at "
                    f"{move.at}, AR {amounts.dollars(Mills(move.ar))}, DR {amounts.dollars(Mills(move.dr))}"
                )
        if self.more:
            screen.plain(f"  and {self.more} more findings")
        for chain, head in self.lost.items():
            screen.plain(f"  missing: chain {chain}, noted up to record {head.sequence}")
        colour = COLOURS[self.verdict]
        screen.say(
            f"  [{colour} bold]{self.verdict}[/] {counted(self.meters, 'meter')}, "
            f"{counted(self.transactions, 'transaction')}"
        )

    def as_json(self) -> dict[str, Any]:
        """Give the members of `audit --json`: those of `verify`, and what the combination found."""
        return {
            "verdict": self.verdict,
            "chains": [report_as_json(report) | {"source": source} for source, report in self.chains],
            "meters": self.meters,
            "transactions": self.transactions,
            "unread": self.unread,
            "findings": [finding.as_json() for finding in self.findings],
            "more_findings": self.more,
            "lost": {chain: head._asdict() for chain, head in self.lost.items()},
        }


def inspect(sources: Sequence[str], how: Examination) -> Inspection:
    """Verify the chains of all sources, and combine what was accepted of them. Raises as `examine`."""
    chains = [(source, found) for source in sources for found in examine(source, how)]
    there = {found.report.chain for _, found in chains}
    with TemporaryDirectory(prefix="indicium-audit-") as folder:
        try:
            with combination(Path(folder) / "moves.db") as combined:
                for _, found in chains:
                    combined.add(found.accepted())
                rows = combined.findings()
                findings = list(islice(rows, MOST_FINDINGS))
                return Inspection(
                    [(source, found.report) for source, found in chains],
                    *combined.counts,
                    combined.unread,
                    findings,
                    sum(finding.kind != MISSING for finding in rows),
                    {chain: head for chain, head in how.heads.items() if chain not in there},
                )
        except OSError as error:
            raise BadFile(path=folder, why=error.strerror or str(error)) from None


def _places(finding: Finding) -> str:
    """Name the records that show a finding."""
    named = [f"record {m.sequence} of module {m.module} (version {m.version}, {m.at})" for m in finding.records[:4]]
    return f" [{'; '.join(named)}]" if named else ""
