"""Who could hold the key: replayed from all chains, and nothing else (H-13, issue: who holds, held or could export)."""

from datetime import timedelta

import pytest

from indicium.domain.commands.initialization import GenerateTransportKeyPair
from indicium.domain.commands.master_keys import (
    AbortExport,
    ActivateMks,
    CreateMksShares,
    DeleteDormantMks,
    StartImportingMks,
)
from indicium.domain.errors import SharesTooFew
from indicium.projections.key_holders import Holder, KeyHistory, key_holders
from tests.fleet import Fleet, Site
from tests.harness import BEGINNING


def history_of(site: Site) -> KeyHistory:
    """Give the history of the set that is active in a module."""
    active = site.inner.cold.active
    assert active is not None
    (found,) = (history for history in key_holders(site.store) if history.mks == active.mks)
    return found


def where(history: KeyHistory) -> list[tuple[str, str, str, bool]]:
    return [(held.module, held.status, held.came, held.exportable) for held in history.holders]


def at(**after: int) -> str:
    return f"{BEGINNING + timedelta(**after):%Y-%m-%dT%H:%M:%S.%fZ}"


def test_a_set_is_where_it_was_made_and_where_it_was_combined(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    fleet.clock.pass_by(hours=1)
    clone.receive(master.export(clone.transport_key(), retained=False))

    history = history_of(master)

    assert history.holders == [
        Holder("10000001", master.module.chain, "holds", "generated", exportable=True, active=True, since=at()),
        Holder("10000002", clone.module.chain, "holds", "imported", exportable=True, active=True, since=at(hours=1)),
    ]


def test_an_export_tells_where_it_went_and_through_whose_hands(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    key = clone.transport_key()
    fleet.clock.pass_by(hours=1)
    shares = master.export(key)
    fleet.clock.pass_by(hours=1)
    clone.receive([shares[2], shares[0]])

    (export,) = history_of(master).exports

    assert (export.module, export.chain) == ("10000001", master.module.chain)
    assert (export.destination, export.destination_chain) == ("10000002", clone.module.chain)
    assert (export.count, export.threshold, export.retained, export.state) == (3, 2, True, "complete")
    assert (export.begun_by, export.begun_at) == ("officer", at(hours=1))
    assert [(share.number, share.custodian, share.at) for share in export.shares] == [
        (number, f"custodian-{number}", at(hours=1)) for number in (1, 2, 3)
    ]
    assert [(share.brought_by, share.brought_at) for share in export.shares] == [
        ("custodian-2", at(hours=2)),
        (None, None),
        ("custodian-1", at(hours=2)),
    ]


def test_who_was_present_is_told_with_role_module_and_moment(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key(), count=2))

    present = {(one.user, one.role, one.module, one.event) for one in history_of(master).present}

    officer, custodian = "security-officer", "key-custodian"
    assert present == {
        ("officer", officer, "10000001", "master-key-set-generated"),
        ("officer", officer, "10000001", "mks-shares-created"),
        ("custodian-1", custodian, "10000001", "mks-share-exported"),
        ("custodian-2", custodian, "10000001", "mks-share-exported"),
        ("custodian-1", custodian, "10000002", "mks-share-imported"),
        ("custodian-2", custodian, "10000002", "mks-share-imported"),
        ("officer", officer, "10000002", "mks-shares-combined"),
    }


@pytest.mark.parametrize(("given", "could"), [(1, False), (2, True), (3, True)])
def test_a_module_that_enough_shares_went_to_could_hold_the_set(fleet: Fleet, given: int, *, could: bool) -> None:
    """Whatever its own chain says; also if the export was aborted afterwards."""
    master, clone = fleet.master(), fleet.newcomer()
    key = clone.transport_key()
    master.officer(CreateMksShares(share_count=3, threshold=2))
    for number in range(1, given + 1):
        fleet.clock.pass_by(hours=1)
        master.give(number, key)
    if given < 3:
        master.officer(AbortExport())

    history = history_of(master)

    assert where(history)[1:] == ([("10000002", "could-hold", "exported-to", False)] if could else [])
    assert [held.since for held in history.holders[1:]] == ([at(hours=2)] if could else [])
    assert history.exports[0].state == ("complete" if given == 3 else "aborted")


def test_shares_that_were_brought_and_made_nothing_leave_it_possible(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    clone.take(master.export(clone.transport_key())[:1])
    with pytest.raises(SharesTooFew):
        clone.combine()

    assert where(history_of(master))[1:] == [("10000002", "could-hold", "exported-to", False)]


def test_an_export_that_a_boot_cut_short_is_aborted_and_nobody_was_present(fleet: Fleet) -> None:
    """M-03."""
    master = fleet.master()
    master.officer(CreateMksShares(share_count=3, threshold=2))
    master.reboot()
    master.status()

    history = history_of(master)

    assert (history.exports[0].state, history.exports[0].destination) == ("aborted", None)
    assert "mks-export-aborted" not in {one.event for one in history.present}


def test_a_set_that_was_deleted_was_held_until_then(fleet: Fleet) -> None:
    """H-07; and activation tells which of two is at work."""
    master, clone, other = fleet.master(), fleet.newcomer(), fleet.master("10000011")
    clone.receive(master.export(clone.transport_key()))
    shares = other.export(clone.transport_key())
    clone.officer(StartImportingMks())
    clone.receive(shares)
    assert [held.active for held in history_of(other).holders] == [True, False]
    clone.officer(ActivateMks())
    assert [held.active for held in history_of(other).holders] == [True, True]
    assert [held.active for held in history_of(master).holders] == [True, False]
    fleet.clock.pass_by(hours=3)
    clone.officer(DeleteDormantMks())

    first, second = history_of(master).holders
    assert (first.status, second.status, second.until) == ("holds", "held", at(hours=3))
    assert [held.status for held in history_of(other).holders] == ["holds", "holds"]


def test_a_module_that_was_reset_held_its_set_until_its_next_life_began(fleet: Fleet) -> None:
    """C-15, M-90: a reset stands in no chain; the beginning of the next one tells of it."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    fleet.clock.pass_by(hours=2)
    clone.reset().officer(GenerateTransportKeyPair())
    fleet.clock.pass_by(hours=1)
    clone.receive(master.export(clone.transport_key()))

    _, before, after = history_of(master).holders

    assert (before.module, before.status, before.until, before.active) == ("10000002", "held", at(hours=2), False)
    assert (after.module, after.status, after.since, after.until) == ("10000002", "holds", at(hours=3), None)
    assert before.chain != after.chain == clone.module.chain


def test_a_combination_without_any_share_tells_of_no_set(fleet: Fleet) -> None:
    clone = fleet.newcomer()
    with pytest.raises(SharesTooFew):
        clone.combine()

    histories = key_holders(clone.store)

    assert {history.mks for history in histories} == {
        fleet.master(serial).status()["master_key_set"] for serial in ("10000001", "10000011")
    }
    assert clone.module.chain not in {held.chain for history in histories for held in history.holders}


def test_progress_is_told_by_records(fleet: Fleet) -> None:
    master, told = fleet.master(), list[tuple[int, int]]()
    total = sum(last for _, last in master.store.chains())

    key_holders(master.store, lambda done, of: told.append((done, of)))

    assert told[-1] == (total, total)
    assert told == sorted(told)
