"""Every transition of FIG. 6 is atomic: power is lost at each of its durable steps, before it and after it (Y-03).

C-29: Current State first, then all actions, Persistent State last. C-30: whoever finds the old Persistent State finds
all else as it was; whoever finds the new one finds the whole transaction. Which transitions there are is taken from
FIG. 6; each has its way here, and one without a way fails.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from indicium.cryptomodule.ports import Hardware
from indicium.domain.boot import boot_state
from indicium.domain.commands.access import BeginAdmin, EndAdmin
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import (
    GenerateMasterKeySet,
    GenerateTransportKeyPair,
    StartInitialization,
)
from indicium.domain.commands.master_keys import (
    AbortExport,
    CombineMksShares,
    CreateMksShares,
    ExportMksShare,
    StartImportingMks,
)
from indicium.domain.errors import SharesTooFew
from indicium.domain.fig6 import FIG6, ModuleState
from indicium.domain.flow import Receipt
from tests.fleet import MASTERS, Fleet, Site
from tests.seed.stands import administrative, exporting, importing, initializing, operational, uninitialized


class Poised(NamedTuple):
    """A module just before a transition: everybody who is needed is logged on."""

    site: Site
    transition: Callable[[], object]


class PowerLost(BaseException):
    """The module stops where it is; nothing of it is caught inside."""


class Fuse:
    """Counts the durable steps of a module and cuts its power at one of them."""

    def __init__(self, blows_at: int, *, after: bool) -> None:
        self._blows_at, self._after, self.steps = blows_at, after, 0

    def around(self, step: Callable[..., object], *given: object) -> object:
        self.steps += 1
        if self.steps == self._blows_at and not self._after:
            raise PowerLost
        done = step(*given)
        if self.steps == self._blows_at:
            raise PowerLost
        return done


class Fused:
    """A part of the hardware behind a fuse: the real one does the work."""

    def __init__(self, part: object, fuse: Fuse) -> None:
        self._part, self._fuse = part, fuse

    def __getattr__(self, name: str) -> Callable[..., object]:
        step: Callable[..., object] = getattr(self._part, name)
        if name in {"write", "erase", "renew", "destroy"}:
            return lambda *given: self._fuse.around(step, *given)
        return step


def officers(make: Callable[[Fleet], Site], command: Command) -> Callable[[Fleet], Poised]:
    """Have the Security Officer give the command in the state that a way leads to."""

    def way(fleet: Fleet) -> Poised:
        site = make(fleet)
        operator = site.logged_on("officer")
        return Poised(site, lambda: operator.send(command))

    return way


def starts(fleet: Fleet) -> Poised:
    site = uninitialized(fleet)
    return Poised(site, lambda: site.execute(StartInitialization()))


def exports(number: int) -> Callable[[Fleet], Poised]:
    """Have the custodian of that number take a share, the others before have theirs."""

    def way(fleet: Fleet) -> Poised:
        site = exporting(fleet)
        to = fleet.newcomer().transport_key()
        for before in range(1, number):
            site.give(before, to)
        operator = site.logged_on(f"custodian-{number}")
        return Poised(site, lambda: operator.send(ExportMksShare(transport_key=to)))

    return way


def combines(fleet: Fleet) -> Poised:
    site = importing(fleet)
    site.take(fleet.master(MASTERS[1]).export(site.transport_key()))
    operator = site.logged_on("officer")
    return Poised(site, lambda: operator.send(CombineMksShares()))


def combines_nothing(fleet: Fleet) -> Poised:
    site = importing(fleet)
    operator = site.logged_on("officer")

    def combine() -> None:
        with suppress(SharesTooFew):
            operator.send(CombineMksShares())

    return Poised(site, combine)


def with_an_imported_mks(fleet: Fleet) -> Site:
    site = importing(fleet)
    site.receive(fleet.master(MASTERS[1]).export(site.transport_key()))
    return site


U, I, O, A, X, M, E = ModuleState  # noqa: E741  # the letters of FIG. 6

WAYS: dict[tuple[type[Command], ModuleState], Callable[[Fleet], Poised]] = {
    (StartInitialization, I): starts,
    (GenerateMasterKeySet, O): officers(initializing, GenerateMasterKeySet()),
    (GenerateTransportKeyPair, M): officers(initializing, GenerateTransportKeyPair()),
    (BeginAdmin, A): officers(operational, BeginAdmin()),
    (EndAdmin, O): officers(administrative, EndAdmin()),
    (CreateMksShares, X): officers(operational, CreateMksShares(share_count=3, threshold=2)),
    (ExportMksShare, X): exports(1),
    (ExportMksShare, O): exports(3),
    (AbortExport, O): officers(exporting, AbortExport()),
    (StartImportingMks, M): officers(with_an_imported_mks, StartImportingMks()),
    (CombineMksShares, O): combines,
    (CombineMksShares, E): combines_nothing,
}
"""How a module comes to stand before each transition."""

TRANSITIONS = [(kind, then) for kind, rule in FIG6.items() for then in rule.then]


def remembered(site: Site) -> dict[str, Any] | None:
    """Read the whole of memory at rest; None if it was never written."""
    content, core = site.memory.load(), site.module._core
    if content is None or core.inner is None:
        return None
    kept = core.inner.codec.decode(content, site.serial)
    return {"hot": asdict(kept.hot), "cold": kept.cold.model_dump(), "meters": kept.meters}


def shape(kept: dict[str, Any] | None) -> dict[str, object]:
    """Say what of a secret part is there: keys are drawn anew each time, but a whole transition leaves the same."""
    return {name: bool(value) for name, value in kept["cold"].items()} if kept else {}


def persistent(kept: dict[str, Any] | None) -> ModuleState:
    return kept["hot"]["persistent"] if kept else U


def power_on(site: Site) -> None:
    """Power the module on again, and let the store have what it never got."""
    site.reboot()
    gathered = site.gather([])
    resumed = site.module.resume(gathered)
    if resumed is not None:
        site.store.save(resumed.changes)
        site.module.release(Receipt(site.module.chain, resumed.head))


def fused(site: Site, fuse: Fuse) -> None:
    """Put a fuse before all that the module writes; what it has loaded stays."""
    core = site.module._core
    parts: Any = {"memory": Fused(core.hardware.memory, fuse), "ppd": Fused(core.hardware.ppd, fuse)}
    core.hardware = Hardware(**{**core.hardware._asdict(), **parts})


@pytest.mark.parametrize(("kind", "then"), TRANSITIONS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_transition_that_power_cuts_short_has_happened_or_has_not(
    prepared: Path, tmp_path: Path, kind: type[Command], then: ModuleState
) -> None:
    fleet = Fleet.copy_of(prepared, tmp_path / "whole")
    site, transition = WAYS[kind, then](fleet)
    never = Fuse(0, after=False)
    fused(site, never)
    transition()
    whole = remembered(site)
    assert (site.module.state, persistent(whole), never.steps > 0) == (then, then, True)
    fleet.close()

    seen = set()
    for step in range(1, never.steps + 1):
        for after in (False, True):
            fleet = Fleet.copy_of(prepared, tmp_path / f"{step} {after}")
            site, transition = WAYS[kind, then](fleet)
            before, state = remembered(site), site.module.state
            fused(site, Fuse(step, after=after))
            with pytest.raises(PowerLost):
                transition()
            power_on(site)

            found = remembered(site)
            seen.add(persistent(found))
            if persistent(found) is state and state is not then:
                assert found == before, f"before step {step} of {never.steps}: something is left of it"
            elif found != before:
                assert (persistent(found), shape(found)) == (then, shape(whole)), f"after step {step}: it is not whole"
                assert site.records()[-1].sequence == site.module.head.sequence
            site.run([CreateAuditEntry(text="the first function")])
            boot = boot_state(persistent(found), has_active_mks=bool(found and found["cold"]["active"]))
            assert (site.module.state, persistent(remembered(site))) == (boot.current, boot.persistent)
            fleet.close()
    assert seen == {FIG6_FROM[kind], then}


FIG6_FROM = {kind: next(state for state in ModuleState if rule.allows(state)) for kind, rule in FIG6.items()}
"""The state that each command with a transition is given in; there is one."""


def test_every_transition_of_figure_6_has_its_way() -> None:
    assert set(TRANSITIONS) == set(WAYS)
