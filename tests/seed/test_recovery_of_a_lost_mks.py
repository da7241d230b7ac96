"""A Master Key Set is lost: what still works, and how everything comes back, while customers print (Y-07, H3).

Each test is a case of L957-1054, step by step. A set is lost as it is lost in life: by a reset, a sensor, a memory file
that is gone, the wrong command. Customers print and are refilled before it, in it and after it, and in the end chains,
views, registers and the company's own books agree.
"""

from typing import Any

import pytest

from indicium.domain.commands.initialization import GenerateMasterKeySet, GenerateTransportKeyPair
from indicium.domain.commands.master_keys import (
    ActivateMks,
    CreateMksShares,
    DeleteDormantMks,
    ImportMksShare,
    StartImportingMks,
)
from indicium.domain.errors import (
    CommandNotAllowed,
    MksNotExportable,
    MksNotHeld,
    MksStillNeeded,
    ModuleTampered,
    NoTransportKey,
    NotTakenYet,
    ShareForOtherModule,
)
from indicium.parties.rollover import Rollover, roll_over
from tests.fleet import Fleet, Site
from tests.harness import data_of
from tests.seed.company import Company, lose_by_reset, lose_by_zeroizing, lose_memory, tamper_with

SHARES = CreateMksShares(share_count=2, threshold=2)


@pytest.fixture
def company(fleet: Fleet) -> Company:
    """A master without meters; see `Company`."""
    return Company(fleet)


def transport_key_of(site: Site) -> str:
    """Give the fingerprint of the transport key that the module stated last."""
    stated = [record for record in site.records() if record.event == "transport-public-key-exported"]
    return str(data_of(stated[-1])["transport_key"])


def set_of(combined: dict[str, Any]) -> dict[str, Any]:
    """Give what Combine says of the set itself."""
    return {name: combined[name] for name in ("mks", "exportable", "active")}


def test_no_exportable_copy_lost(company: Company) -> None:
    """H-31, H-09: ordinary modules lost the set, each in another way; nothing but their bandwidth is missing."""
    fleet, master = company.fleet, company.master
    working = company.branch("10000002", master)
    lost = [company.branch("10000003", master, colleague=working)]
    lost += [company.joined(fleet.newcomer(serial), master) for serial in ("10000004", "10000005")]
    homeless = lost[0].customers
    company.trade(working, lost[0])

    # Three modules lose the set, and their transport keys with it. One is of no use any more.
    lose_by_reset(lost[0])
    lose_memory(lost[1])
    tamper_with(lost[2])
    with pytest.raises(ModuleTampered):
        lost[2].execute(SHARES)
    replacement = fleet.site("10000006")
    company.trade(working)

    # "The recovery procedure is repeated for each of the modules that have lost the MKS" (L1001), or replaces one.
    for site in (lost[0], lost[1], replacement):
        # 1. A new module, or its transport key is also lost: generate a new Transport Key Pair in Initializing
        assert site.module.state == "initializing"
        site.officer(GenerateTransportKeyPair())
        # 2. export the Transport Public Key from the destination
        key = site.transport_key()
        # 3. export encrypted shares of the MKS, for this Transport Public Key, from the source
        shares = master.export(key, count=2)
        company.trade(working)
        # 4. import the encrypted MKS to the destination
        assert site.receive(shares)["active"] is True
        # 5. activate the MKS in the destination: the first is active already, and stays so (M-48)
        assert site.officer(ActivateMks()) == {"mks": company.mks, "dormant": None}
        company.audited(site)

    # The set is back, and with it the capacity: each prints, with the keys of the one that always worked. But a module
    # in its second life does not know the meters of its first. They stand in the store, as do their registers.
    lost[0].customers = {}
    for site in (lost[0], lost[1], replacement):
        company.equip(site, working)
        company.welcome(site, f"eve of {site.serial}")
    company.trade(working, lost[0], lost[1], replacement)
    for customer in homeless.values():
        with pytest.raises(NotTakenYet):
            lost[0].execute(customer.ask())
    assert company.holders(company.mks) == [
        ("10000001", "holds", "exportable"),
        ("10000002", "holds", "retained"),
        ("10000003", "held", "retained"),
        ("10000004", "held", "retained"),
        ("10000005", "holds", "retained"),  # no record tells that a sensor was triggered: its last one was made before
        ("10000003", "holds", "retained"),
        ("10000004", "holds", "retained"),
        ("10000006", "holds", "retained"),
    ]
    company.close_the_books()


def test_the_transport_key_is_not_lost(company: Company) -> None:
    """H-32, M-51: no reset, no new key pair. A set was deleted too early, and its meters come back with it."""
    master, mks = company.master, company.mks
    working, careless = company.branch("10000002", master), company.branch("10000003", master)
    key, chain = transport_key_of(careless), careless.module.chain
    company.trade(working, careless)

    # A second set comes, and the officer deletes the first before the meters are translated. No transport key is lost.
    careless.officer(StartImportingMks())
    careless.receive(company.stranger.export(careless.transport_key(), count=2))
    careless.officer(ActivateMks())
    company.trade(careless)  # the meters still lie under the dormant one
    with pytest.raises(MksStillNeeded):
        careless.officer(DeleteDormantMks())
    careless.officer(DeleteDormantMks(forced=True))
    with pytest.raises(MksNotHeld):
        company.trade(careless)
    company.trade(working)

    # 1. export the Transport Public Key; 2. export encrypted shares; 3. import; 4. activate
    statement = careless.transport_key()
    assert transport_key_of(careless) == key
    with pytest.raises(CommandNotAllowed):
        careless.officer(GenerateTransportKeyPair())
    shares = master.export(statement, count=2)
    company.trade(working)
    careless.officer(StartImportingMks())
    assert set_of(careless.receive(shares)) == {"mks": mks, "exportable": False, "active": False}
    assert careless.officer(ActivateMks())["mks"] == mks

    company.trade(working, careless)
    careless.officer(DeleteDormantMks())
    company.trade(working, careless)
    assert careless.module.chain == chain
    assert company.holders(mks) == [
        ("10000001", "holds", "exportable"),
        ("10000002", "holds", "retained"),
        ("10000003", "held", "retained"),
        ("10000003", "holds", "retained"),
    ]
    company.close_the_books()


def test_some_but_not_all_exportable_copies_lost(company: Company) -> None:
    """H-33: the set goes back from a remaining exportable copy, and may be exported from there again."""
    fleet, master, mks = company.fleet, company.master, company.mks
    second = company.joined(fleet.newcomer("10000012"), master, retained=False)
    working = company.branch("10000002", master)
    company.trade(working)

    # The master is lost, and an ordinary module with it.
    ordinary = company.joined(fleet.newcomer("10000003"), master)
    lose_by_reset(master)
    lose_memory(ordinary)
    company.trade(working)

    # No capability is lost: the remaining copy exports, to the one that was lost as exportable, as before.
    for site, retained in ((master, False), (ordinary, True)):
        site.officer(GenerateTransportKeyPair())
        company.trade(working)
        company.joined(site, second, retained=retained)
        company.trade(working)
    assert master.status()["master_key_set"] == mks

    # And each acts as the other's backup copy: now the other one is lost.
    lose_by_zeroizing(second)
    second.officer(GenerateTransportKeyPair())
    company.joined(second, master, retained=False)
    company.equip(ordinary, working)
    company.welcome(ordinary, "eve")
    company.trade(working, ordinary)
    with pytest.raises(MksNotExportable):
        ordinary.officer(SHARES)
    assert company.holders(mks) == [
        ("10000001", "held", "exportable"),
        ("10000012", "held", "exportable"),
        ("10000002", "holds", "retained"),
        ("10000003", "held", "retained"),
        ("10000001", "holds", "exportable"),
        ("10000003", "holds", "retained"),
        ("10000012", "holds", "exportable"),
    ]
    company.close_the_books()


def test_modules_can_be_added_after_a_reset_as_long_as_one_exportable_copy_exists(company: Company) -> None:
    """H-45: the copy goes on from holder to holder; with the last one it is over."""
    fleet, holder, mks = company.fleet, company.master, company.mks
    working = company.branch("10000002", holder)
    for serial in ("10000012", "10000013"):
        following = company.joined(fleet.newcomer(serial), holder, retained=False)
        lose_by_reset(holder)
        company.trade(working)
        holder = following
    added = company.branch("10000003", holder, colleague=working)
    company.trade(working, added)

    lose_by_reset(holder)

    for site in (working, added):
        with pytest.raises(MksNotExportable):
            site.officer(SHARES)
    company.trade(working, added)
    assert company.holders(mks) == [
        ("10000001", "held", "exportable"),
        ("10000002", "holds", "retained"),
        ("10000012", "held", "exportable"),
        ("10000013", "held", "exportable"),
        ("10000003", "holds", "retained"),
    ]
    company.close_the_books()


def test_the_only_remaining_exportable_copy_is_the_backup(company: Company) -> None:
    """H-34, H-44: two of three shares lie with their custodians, and the module that reads them waits in reserve."""
    fleet, master, mks = company.fleet, company.master, company.mks
    working = company.branch("10000002", master)
    reserve = fleet.newcomer("10000012")
    shares = master.export(reserve.transport_key(), count=3, threshold=2, retained=False)
    company.trade(working)
    assert reserve.module.state == "importing-shares"  # no operational module stands there without attendance
    assert company.holders(mks)[-1] == ("10000012", "could-hold", "exportable")

    # The master is lost: what is retained is not exported, and no module can be added until the backup is there.
    lose_by_reset(master).officer(GenerateTransportKeyPair())
    company.trade(working)
    with pytest.raises(MksNotExportable):
        working.officer(SHARES)
    with pytest.raises(CommandNotAllowed):
        reserve.officer(SHARES)

    # "First import n of the backup shares into the backup module" (L1020): the first one's custodian is not needed.
    reserve.custodian(2, ImportMksShare(share=shares[1]))
    company.trade(working)
    reserve.custodian(3, ImportMksShare(share=shares[2]))
    assert set_of(reserve.combine()) == {"mks": mks, "exportable": True, "active": True}

    # "This module now is a normal module with an exportable MKS": it gives the set back to the master, and to others.
    company.audited(reserve)
    company.joined(master, reserve, retained=False)
    company.trade(working)
    added = company.branch("10000003", reserve, colleague=working)
    company.trade(working, added)
    assert company.holders(mks) == [
        ("10000001", "held", "exportable"),
        ("10000002", "holds", "retained"),
        ("10000012", "holds", "exportable"),
        ("10000001", "holds", "exportable"),
        ("10000003", "holds", "retained"),
    ]
    company.close_the_books()


def test_a_reserve_that_was_switched_off_reads_its_shares_no_more(company: Company) -> None:
    """H-44, C-22: a module without a set fails for good at a boot in Importing Shares, and the backup with it."""
    master, reserve = company.master, company.fleet.newcomer("10000012")
    working = company.branch("10000002", master)
    shares = master.export(reserve.transport_key(), count=2, retained=False)
    company.trade(working)

    reserve.reboot()
    assert (reserve.status()["state"], reserve.status()["fatal"]) == ("error", True)
    reserve.reset().officer(GenerateTransportKeyPair())
    company.trade(working)

    with pytest.raises(ShareForOtherModule):
        reserve.custodian(1, ImportMksShare(share=shares[0]))
    company.joined(reserve, master, retained=False)  # as long as another exportable copy is there, it is made anew
    company.trade(working)
    company.close_the_books()


def test_all_exportable_copies_lost(company: Company) -> None:
    """H-35, H-36 … H-43, M-15: what works goes on, a new set is made, and all roll over to it while customers print."""
    fleet, master, old = company.fleet, company.master, company.mks
    second = company.joined(fleet.newcomer("10000012"), master, retained=False)
    north = company.branch("10000002", master)
    south = company.branch("10000003", master, colleague=north)
    company.trade(north, south)

    master.module.zeroize()
    tamper_with(second)

    # "All operational modules can continue operating with the current MKS" (L1023); what is lost is export of the MKS,
    # and therefore the addition of new modules.
    waiting = fleet.newcomer("10000004")
    for site, refusal in (
        (north, MksNotExportable), (south, MksNotExportable), (master, CommandNotAllowed), (second, ModuleTampered),
    ):  # fmt: skip
        company.trade(north, south)
        with pytest.raises(refusal):
            site.officer(SHARES)

    # 1. reset (or replace) the master
    lose_by_reset(master)
    # 2. generate a new MKS in Initializing
    assert master.module.state == "initializing"
    new = master.officer(GenerateMasterKeySet())["mks"]
    company.audited(master)
    with pytest.raises(NoTransportKey):  # M-09: a master of its own set takes nobody else's
        master.transport_key()
    for site, other in ((north, south), (south, north)):
        bring_dormant(company, site, other)
    # 6. translate the protection of all data from the old MKS to the new one
    for site in (north, south):
        company.welcome(site, f"new at {site.serial}")  # under the old set, as long as that is active
        translate_while_they_print(company, site, (old, new), (north, south), meters=3)
    # 7. activate the new MKS in each of the operational modules
    company.welcome(north, "late")
    for site in (north, south):
        assert site.officer(ActivateMks()) == {"mks": new, "dormant": old}
        company.trade(north, south)
    # A meter that was made just before still needs the old one, until it is translated too.
    with pytest.raises(MksStillNeeded):
        north.officer(DeleteDormantMks())
    translate_while_they_print(company, north, (old, new), (north, south), meters=1)
    for site in (north, south):
        assert site.officer(DeleteDormantMks())["meters"] == 0
    company.trade(north, south)

    # "This returns the system to a state equivalent to that before loss" (L1050): two export, capacity is added.
    replacement = company.joined(fleet.newcomer("10000013"), master, retained=False)  # it held no retained copy (H-39)
    company.joined(waiting, replacement)
    company.equip(waiting, north)
    company.welcome(waiting, "eve")
    company.trade(north, south, waiting)
    assert company.holders(old) == [
        ("10000001", "held", "exportable"),
        ("10000012", "holds", "exportable"),  # no record tells of the sensor: whoever reads them stays on the safe side
        ("10000002", "held", "retained"),
        ("10000003", "held", "retained"),
    ]
    assert company.holders(new) == [
        ("10000001", "holds", "exportable"),
        ("10000002", "holds", "retained"),
        ("10000003", "holds", "retained"),
        ("10000013", "holds", "exportable"),
        ("10000004", "holds", "retained"),
    ]
    company.close_the_books()


def bring_dormant(company: Company, site: Site, other: Site) -> None:
    """H-38 … H-40: bring the master's new set to a module that is still operational, while the other one prints."""
    master, old = company.master, site.status()["master_key_set"]
    # 3. import this module's Transport Public Key into the master; the same key as when it came
    statement = site.transport_key()
    # 4. export the new MKS under it, retained as is the old one
    shares = master.export(statement, count=2)
    company.trade(site, other)
    # 5. import it. A module that waits for shares does nothing else: capacity is reduced (L1053)
    site.officer(StartImportingMks())
    with pytest.raises(CommandNotAllowed):
        company.trade(site)
    company.trade(other)
    assert set_of(site.receive(shares)) == {"mks": company.mks, "exportable": False, "active": False}
    assert site.status()["master_key_set"] == old
    company.trade(site, other)


def translate_while_they_print(
    company: Company, site: Site, sets: tuple[str, str], working: tuple[Site, ...], *, meters: int
) -> None:
    """H-41: bring all meters of a module under the new set, one at a time; between two of them all customers print."""
    old, new = sets
    seen: list[tuple[int, int]] = []

    def between(done: int, total: int) -> None:
        seen.append((done, total))
        company.trade(*working)

    with site.logged_on("officer") as officer:
        rolled = roll_over(site.store, officer, Rollover(site.serial, old, new), between, batch=1)

    assert (rolled.translated, rolled.refused) == (meters, {})
    assert seen == [(done, meters) for done in range(1, meters + 1)]
    assert {site.moving(name).mks for name in site.customers} == {new}
