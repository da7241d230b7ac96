"""The audit file server (A-52): verifies all chains as they grow, and moves them to storage of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from indicium.cryptomodule.verifier import AuditKey, Verdict
from indicium.domain.errors import BadFile, StoreFailed
from indicium.entrypoints.counted import counted
from indicium.entrypoints.inspection import Problem
from indicium.entrypoints.results import COLOURS
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.watching import Bounds, Progress, Watch
from indicium.infrastructure.files import reason
from indicium.infrastructure.patience import Patience
from indicium.infrastructure.segments import Segment, segments_in


class Round(NamedTuple):
    """What one round over all chains found."""

    chains: Sequence[Progress]
    noteworthy: bool
    """Whether something is other than in the round before."""

    @property
    def verdict(self) -> Verdict:
        """The worst alarm; INCOMPLETE where there is no chain."""
        verdicts = {alarm.verdict for chain in self.chains for alarm in chain.alarms}
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        return Verdict.INCOMPLETE if verdicts or not self.chains else Verdict.PASS

    @property
    def problems(self) -> list[Problem]:
        """Everything that stands against PASS."""
        return [alarm.problem for chain in self.chains for alarm in chain.alarms]

    def as_json(self) -> dict[str, Any]:
        """Give the members of `audit-server --json`."""
        return {
            "verdict": self.verdict,
            "chains": [
                {
                    "module": chain.serial,
                    "chain": chain.chain,
                    "verified": chain.verified,
                    "new": chain.new,
                    "sealed": chain.sealed,
                    "segments": chain.segments,
                    "moved": chain.moved,
                    "alarms": [
                        {"verdict": alarm.verdict, "what": alarm.problem.what, "remedy": alarm.problem.remedy}
                        for alarm in chain.alarms
                    ],
                }
                for chain in self.chains
            ],
        }

    def show(self, screen: Screen) -> None:
        """Show it to a person."""
        for chain in self.chains:
            if chain.new or chain.segments or chain.moved or chain.alarms:
                screen.plain(f"  module {chain.serial}, chain {chain.chain}: verified up to record {chain.verified}")
            for name in chain.segments:
                screen.plain(f"    sealed {name}")
            for name in chain.moved:
                screen.plain(f"    moved {name}")
            for alarm in chain.alarms:
                screen.plain(f"    {alarm.verdict}: {alarm.problem.what}")
                screen.plain(f"      to do: {alarm.problem.remedy}")
        screen.say(f"  [{COLOURS[self.verdict]} bold]{self.verdict}[/] {counted(len(self.chains), 'chain')}")


class FileServer:
    """Watches the chains of one folder."""

    def __init__(self, source: Path, shelves: Sequence[Path], keys: Sequence[AuditKey], bounds: Bounds) -> None:
        """Name the folder that the ledger writes, and the folders that hold what was verified of it."""
        self._source, self._shelves, self._keys, self._bounds = source, shelves, keys, bounds
        self._patience = Patience(f"audit copy {source}", bounds.patience_seconds)
        self._watches: dict[tuple[str, str], Watch] = {}
        self._before: list[tuple[int, Sequence[Problem]]] | None = None

    def round(self) -> Round:
        """Take each chain one step on. Raises `BadFile` where there is nothing to be seen of the ledger's folder."""
        for file in self._files():
            if (file.serial, file.chain) not in self._watches:
                ours = file._replace(path=self._source / file.path.name)
                self._watches[file.serial, file.chain] = Watch(ours, self._shelves, self._keys, self._bounds)
        chains = [watch.step() for watch in self._watches.values()]
        state = [(chain.verified, [alarm.problem for alarm in chain.alarms]) for chain in chains]
        noteworthy = state != self._before
        self._before = list(state)
        return Round(chains, noteworthy)

    def close(self) -> None:
        """Let go of all files."""
        for watch in self._watches.values():
            watch.close()

    def _files(self) -> list[Segment]:
        """Give the chains' files: those of the ledger, and those on the first shelf, of which none may vanish."""

        def look() -> list[Segment]:
            next(self._source.iterdir(), None)
            return [*segments_in(self._source), *segments_in(self._shelves[0])]

        try:
            return self._patience.do(look)
        except OSError as error:
            raise BadFile(path=str(self._source), why=reason(error)) from None
        except StoreFailed as error:
            raise BadFile(path=str(self._source), why=error.why) from None
