"""Ledgers that are broken on purpose: the judges must find out each of them, or they judge nothing."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from indicium.cryptomodule import checks, hand_over_checks, ladders, user_checks
from indicium.cryptomodule.adoption import Adoption
from indicium.cryptomodule.evidence import Evidence
from indicium.cryptomodule.group import Group
from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreateRefundIndicium
from indicium.domain.errors import StoreFailed
from indicium.domain.flow import Receipt, SealedRecord
from indicium.domain.heads import Heads, Verdict, judge
from indicium.domain.lifecycle import LIFE, PsdState
from indicium.infrastructure import mending
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.places import Places
from indicium.simulator.database import Database
from indicium.simulator.disks import FileDisk
from indicium.simulator.run import Failed, run

SEEDS = range(1, 41)
"""Those that are tried where the one that found it last does not any more."""
STEPS = 150

Break = Callable[[pytest.MonkeyPatch], None]


def released_before_it_is_saved(patch: pytest.MonkeyPatch) -> None:
    """The reply goes out whatever the places say (against O-17)."""
    save = Places.save

    def careless(self, chain, dispatched, gathered):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        try:
            return save(self, chain, dispatched, gathered)
        except StoreFailed:
            return Receipt(chain, dispatched.head)

    patch.setattr(Places, "save", careless)


def leave_out(patch: pytest.MonkeyPatch, left_out: checks.Check) -> None:
    for name, ladder in vars(ladders).items():
        if isinstance(ladder, tuple) and left_out in ladder:
            patch.setattr(ladders, name, tuple(check for check in ladder if check is not left_out))


def no_version_check(patch: pytest.MonkeyPatch) -> None:
    """An old package is as good as the newest: for the module, and for the constraint that is the last resort."""
    leave_out(patch, checks.package_is_current)
    patch.setattr(Database, "demand_new_version", lambda *_anything: None)


def the_copy_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    """Whatever the copy says is taken for what the store says."""

    def blind(heads: Heads) -> Verdict:
        return judge(heads._replace(copy=heads.store, store_at_copy=heads.store.hash, copy_at_store=None))

    patch.setattr("indicium.infrastructure.places.judge", blind)


def nothing_is_compared(patch: pytest.MonkeyPatch) -> None:
    """A ledger opens as it lies there (against O-01, O-07)."""
    reconcile = Places.reconcile

    def trusting(self, module, *told):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
        return reconcile(self, module, *told) if module.head.sequence < 2 else ()

    patch.setattr(Places, "reconcile", trusting)


def neither_store_nor_copy_syncs(patch: pytest.MonkeyPatch) -> None:
    """A commit is only written: what `synchronous = OFF` does. One of the two alone would give the other all back."""
    patch.setattr(Database, "sync", lambda _self: None)
    patch.setattr(FileDisk, "synced", property(lambda _self: 0, lambda _self, _size: None), raising=False)


def replies_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    """A repeat is done once more, and charged once more."""
    patch.setattr(Group, "keep_reply", lambda *_anything: None)


def recovered_to_older_totals(patch: pytest.MonkeyPatch) -> None:
    """The Security Officer's recovery leaves the module's totals as memory had them (against M-64)."""
    demand = Evidence.demand

    def lazy(self, stated):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        demand(self, stated)
        return self._inner.hot.totals

    patch.setattr(Evidence, "demand", lazy)


def no_maximum_of_a_user(patch: pytest.MonkeyPatch) -> None:
    """A user of a meter spends whatever it holds (against K-20)."""
    leave_out(patch, user_checks.maximum_total_covers_value)


def no_privileges(patch: pytest.MonkeyPatch) -> None:
    """A user of a meter does all that its customer may (against K-18)."""
    leave_out(patch, user_checks.privilege_is_granted)


def a_refunded_meter_goes_on(patch: pytest.MonkeyPatch) -> None:
    """A meter whose rest was paid back is not withdrawn (against D-08)."""
    refund: type[Command] = CreateRefundIndicium
    patch.setitem(LIFE, refund, {state: PsdState(state or "") for state in LIFE[refund]})


def static_parts_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    """The copy keeps records without what their packages are made of again."""
    append = AuditCopy.append
    patch.setattr(AuditCopy, "append", lambda self, lines, *_static: append(self, lines))


def no_hole_is_looked_for(patch: pytest.MonkeyPatch) -> None:
    """The copy is opened by its last line alone (against O-19)."""
    patch.setattr(mending, "_mend_hole", lambda *_anything: None)


def a_store_takes_older_packages(patch: pytest.MonkeyPatch) -> None:
    """A redo puts a meter back to where it was before it came to another module (against Y-29)."""
    patch.setattr(Database, "takes", lambda *_anything: True)


def a_meter_that_was_given_away_is_processed_on(patch: pytest.MonkeyPatch) -> None:
    """Between the halves of a hand-over the giver goes on (against N-19, ADR 0024)."""

    def made_here(p: checks.Presented[Any]) -> None:
        if p.known.version != p.moving.version:
            checks.package_is_current(p)

    for name, ladder in vars(ladders).items():
        if isinstance(ladder, tuple) and checks.package_is_current in ladder:
            instead = tuple(made_here if check is checks.package_is_current else check for check in ladder)
            patch.setattr(ladders, name, instead)


def a_meter_is_taken_by_an_old_hand_over(patch: pytest.MonkeyPatch) -> None:
    """Whoever gave a meter away believes the package again by which it came (against I-30, ADR 0024)."""
    leave_out(patch, hand_over_checks.package_is_later)
    patch.setattr(Database, "demand_new_version", lambda *_anything: None)


def an_adoption_closes_nothing(patch: pytest.MonkeyPatch) -> None:
    """There is no mark, so whoever was only slow goes on (against N-22, ADR 0025)."""
    closed = Adoption.closed

    def unmarked(self: Adoption, at: str) -> SealedRecord:
        mark = closed(self, at)
        self.marked = True
        return mark

    patch.setattr(Adoption, "closed", unmarked)


def the_mark_is_in_the_store_alone(patch: pytest.MonkeyPatch) -> None:
    """What closes a chain is lost with the newest of the store (the model's `adopt-unmarked`)."""
    patch.setattr(Places, "_close_other", lambda *_anything: None)


def first_violation(seeds: Iterable[int]) -> str:
    """Give the first broken promise that a judge found; an error over which the ledger itself stumbles is none."""
    for seed in seeds:
        try:
            run(seed, STEPS)
        except Failed as failed:
            if str(failed).startswith("Violation: "):
                return str(failed)
    return ""


@pytest.mark.parametrize(
    ("broken", "finder"),
    [
        (released_before_it_is_saved, 3),
        (no_version_check, 29),
        (the_copy_is_not_compared, 1),
        (nothing_is_compared, 2),
        (neither_store_nor_copy_syncs, 1),
        (replies_are_not_kept, 1),
        (recovered_to_older_totals, 8),
        (no_maximum_of_a_user, 2),
        (no_privileges, 1),
        (a_refunded_meter_goes_on, 1),
        (static_parts_are_not_kept, 25),
        (a_store_takes_older_packages, 12),
        (a_meter_that_was_given_away_is_processed_on, 7),
        (a_meter_is_taken_by_an_old_hand_over, 14),
        (an_adoption_closes_nothing, 1),
        (the_mark_is_in_the_store_alone, 1),
        (no_hole_is_looked_for, 13),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_ledger_is_found_out(broken: Break, finder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run(finder, STEPS)  # the seed finds nothing wrong with a whole one
    broken(monkeypatch)
    assert "See it again: indicium simulate --seed" in first_violation((finder, *SEEDS))
