"""A drill from its beginning to its end."""

import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from sqlalchemy import make_url

from indicium.cryptomodule.state import said_in
from indicium.cryptomodule.verifier import AuditKey, load_key
from indicium.domain.flow import GENESIS, Head
from indicium.domain.identity import Serial
from indicium.drill import judging
from indicium.drill.evidence import Evidence, Held, Unmade
from indicium.drill.judging import Audit, Difference, Shown
from indicium.drill.original import compared, prints, shown
from indicium.drill.scenarios import Scenario, Unfit
from indicium.drill.stage import AUDIT, STORE, Actors, Stage
from indicium.infrastructure.devices import SystemClock
from indicium.infrastructure.home import Home
from indicium.infrastructure.moment import Moment, take
from indicium.settings import Settings

PATIENCE_SECONDS: Final = 10.0
"""How long a moment is waited for at which no request is under way."""

_NOTHING: Final = Difference((), 0, (), ())

Progress = Callable[[int, int], None]
"""Told how many of how many scenarios were held."""


class Known(NamedTuple):
    """What is known of the ledger outside of its three places, and what an auditor found in the copy of them."""

    noted: Head
    keys: Sequence[AuditKey]
    audit: Audit
    shown: Sequence[Shown]
    sealed: frozenset[bytes]
    """The records that bringing the copy together made, before anything was damaged."""


class Plan(NamedTuple):
    """What is to be drilled."""

    scenarios: Sequence[Scenario]
    back: int
    """How many records back the past is."""
    signed_by: str | None = None
    """SHA-256 of the key that is to sign the evidence."""
    keep: Path | None = None
    """A new folder for the stores and audit copies that the scenarios leave; None: they are removed."""


def drill(settings: Settings, plan: Plan, progress: Progress) -> Evidence:
    """Hold a drill on a copy of a ledger. Raises as `take`, and what opening the ledger itself would raise."""
    home, serial = Home(settings.home), Serial(settings.serial)
    before = prints(settings)
    with _scratch(plan.keep) as folder:
        base, moment = _taken(settings, home, serial, folder / "original")
        found = base.heads()
        brought = base.open(())
        if brought.refusal is not None:
            raise brought.refusal
        # What bringing it together sealed bears the drill's key already: an auditor notes what was there before.
        noted = found.store or GENESIS
        keys = [load_key(home.public(path.name)) for path in home.audit_keys(serial)]
        known = Known(noted, keys, judging.audited(base, keys, noted), list(shown(home)), frozenset(base.sealed_here()))
        held: list[Held] = []
        unmade: list[Unmade] = []
        for number, scenario in enumerate(plan.scenarios):
            progress(number, len(plan.scenarios))
            stage = base.copy(folder / scenario.name)
            try:
                held.append(_held(base, stage, scenario, plan.back, known))
            except Unfit as unfit:
                unmade.append(Unmade(scenario.name, unfit.why))
            stage.forget_past()
            if plan.keep is None:
                shutil.rmtree(stage.folder)
        progress(len(plan.scenarios), len(plan.scenarios))
        key = base.actors.key.public().pem.decode()
    return Evidence(
        SystemClock().now().isoformat(timespec="seconds")[:19] + "Z",
        {"indicium": version("indicium"), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version},
        str(settings.home.absolute()),
        serial,
        moment.chain,
        settings.suite,
        make_url(settings.store_url).render_as_string(hide_password=True),
        found,
        moment.at_rest,
        tuple(action.value for action in brought.done),
        noted,
        known.audit,
        key,
        tuple(held),
        tuple(unmade),
        compared(before, prints(settings)),
        plan.signed_by,
    )


def _taken(settings: Settings, home: Home, serial: Serial, folder: Path) -> tuple[Stage, Moment]:
    (folder / AUDIT).mkdir(parents=True)
    url, store, audit = settings.store_url, folder / STORE, folder / AUDIT
    moment = take(home, serial, url, said_in, store, audit, PATIENCE_SECONDS)
    return Stage(Actors(settings, moment.chain), folder, moment.memory), moment


def _held(base: Stage, stage: Stage, scenario: Scenario, back: int, known: Known) -> Held:
    """Damage a stage, open the engine on it, and compare."""
    staged = scenario.make(stage, back)
    damaged = stage.heads()
    reaction = stage.open(staged.asked)
    stopped = reaction.refusal is not None
    sealed = [] if stopped else [line for line in stage.sealed_here() if line not in known.sealed]
    difference = _NOTHING if stopped else judging.difference(base, stage, sealed)
    audit = {} if stopped else judging.audited(stage, known.keys, staged.noted or known.noted)
    outcome = judging.outcome_of(reaction, difference, audit, known.audit)
    return Held(
        scenario.name,
        staged.told,
        staged.expected,
        damaged,
        reaction,
        str(reaction.refusal or "").replace(str(stage.folder), str(base.actors.settings.home)),
        stage.heads(),
        difference,
        audit,
        () if stopped else tuple(judging.shown_more(stage, known.shown)),
        tuple(line.decode() for line in sealed),
        outcome,
        judging.as_expected(staged.expected, outcome, reaction, sealed),
    )


@contextmanager
def _scratch(keep: Path | None) -> Iterator[Path]:
    """Give an empty folder that nobody else can look into."""
    if keep is None:
        with TemporaryDirectory(prefix="indicium-drill-") as folder:
            yield Path(folder)
        return
    keep.mkdir(mode=0o700, parents=True)
    yield keep
