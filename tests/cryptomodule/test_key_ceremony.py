"""The ceremony by which a Master Key Set goes from one module to another: three people at each (H-20 … H-29, Y-06)."""

from pathlib import Path

import pytest

from indicium.domain.commands.initialization import GenerateMasterKeySet, GenerateTransportKeyPair
from indicium.domain.commands.master_keys import (
    ActivateMks,
    CombineMksShares,
    CreateMksShares,
    ExportMksShare,
    ImportMksShare,
    StartImportingMks,
)
from indicium.domain.errors import (
    BadValue,
    CommandNotAllowed,
    CustodianHasShare,
    DormantMksExists,
    MksAlreadyHeld,
    MksNotExportable,
    NoTransportKey,
    ShareRepeated,
    TooFewCustodians,
)
from indicium.domain.switches import Switches
from tests.fleet import Fleet, Site, keys_of, newest
from tests.harness import data_of, envelope_of


def replace_mks(fleet: Fleet, site: Site) -> Site:
    """Give a module that holds one MKS a second one, from a new master."""
    other = fleet.master("10000011")
    shares = other.export(site.transport_key())
    site.officer(StartImportingMks())
    site.receive(shares)
    return other


def test_two_of_three_custodians_carry_an_mks_from_a_master_to_a_new_module(fleet: Fleet) -> None:
    """Y-06 as prose: C-03, C-04, C-07, C-08, C-11, H-20 … H-28, M-48."""
    master, clone = fleet.master(), fleet.newcomer()
    assert (master.module.state, clone.module.state) == ("operational", "importing-shares")

    transport_key = clone.transport_key(custodian=3)
    master.officer(CreateMksShares(share_count=3, threshold=2))
    assert master.module.state == "exporting-shares"
    first = master.give(1, transport_key)
    second = master.give(2, transport_key)
    assert master.module.state == "exporting-shares"
    third = master.give(3, transport_key)
    assert master.module.state == "operational"
    assert master.inner.cold.exporting is None

    clone.custodian(1, ImportMksShare(share=third))
    clone.custodian(2, ImportMksShare(share=first))
    mks = master.status()["master_key_set"]
    source = {"module": master.serial, "chain": master.module.chain}
    assert clone.combine() == {"mks": mks, "exportable": False, "active": True, "source": source}

    assert clone.module.state == "operational"
    assert keys_of(clone) == keys_of(master) is not None
    assert clone.inner.cold.importing == []
    assert len({first, second, third}) == 3


def test_what_one_module_made_the_other_reads(fleet: Fleet) -> None:
    """H-08, H-29, E-101: a key token of the one opens in the other, which then does its own work."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    master.configure()
    clone.configure()

    assert master.inner.desk is not None
    assert clone.inner.desk is not None
    static, key = master.inner.desk.vault.new_static("1000000001")
    assert clone.inner.desk.vault.load(static.encode()).signing_key.der == key.der
    clone.new_meter("ada")
    clone.register("ada")
    clone.lease("ada")
    clone.download("ada", 1000, "first")
    assert clone.spend("ada", 330, "one").dr == 670


@pytest.mark.parametrize("count", [2, 3])
def test_all_shares_may_be_needed_and_more_than_needed_may_come(fleet: Fleet, count: int) -> None:
    master, clone = fleet.master(), fleet.newcomer()

    clone.receive(master.export(clone.transport_key(), count=count, threshold=2))

    assert keys_of(clone) == keys_of(master)


@pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")
@pytest.mark.parametrize("suite", ["fips140_1", "post_quantum"])
def test_an_mks_travels_under_any_suite(tmp_path: Path, suite: str) -> None:
    """Table L: the transport key, the device key and what seals the MKS are the suite's own."""
    fleet = Fleet.of(tmp_path, suite)
    master, clone = fleet.founder("10000001"), fleet.newcomer()

    clone.receive(master.export(clone.transport_key()))

    assert keys_of(clone) == keys_of(master) is not None
    assert clone.inner.cold.active is not None
    assert clone.inner.cold.active.suite == suite
    fleet.close()


def test_records_say_who_took_and_who_brought_which_share_and_nothing_that_helps_to_the_key(fleet: Fleet) -> None:
    """H-10, H-23, H-27: the custodian is the envelope's user."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    mks = master.status()["master_key_set"]

    taken = envelope_of(newest(master, "mks-share-exported"))
    brought = envelope_of(newest(clone, "mks-share-imported"))
    combined = envelope_of(newest(clone, "mks-shares-combined"))

    export = taken["data"]["export"]
    said = {"mks": mks, "export": export, "count": 3, "threshold": 2, "number": 3, "retained": True}
    there = {"module": "10000002", "chain": clone.module.chain}
    here = {"module": "10000001", "chain": master.module.chain}
    transport_key = data_of(newest(clone, "transport-public-key-exported"))["transport_key"]
    assert (taken["user"], taken["role"]) == ("custodian-3", "key-custodian")
    assert taken["data"] == {**said, "destination": there, "transport_key": transport_key}
    assert (brought["user"], brought["data"]) == ("custodian-3", {**said, "source": here})
    assert (combined["user"], combined["role"]) == ("officer", "security-officer")
    assert combined["data"] == {"mks": mks, "export": export, "source": here, "exportable": False, "active": True}
    for site in (master, clone):
        assert all(b"\t" in record.line for record in site.records() if record.event.startswith("mks-"))


def test_a_retained_mks_is_not_exported_again(fleet: Fleet) -> None:
    """Y-06, H-12, G-702: the default, and the destination obeys it."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))

    with pytest.raises(MksNotExportable):
        clone.officer(CreateMksShares(share_count=2, threshold=2))
    assert clone.module.state == "operational"


def test_an_exportable_mks_goes_on_from_its_destination(fleet: Fleet) -> None:
    """H-11, H-12, H-16: exportable copies back each other up."""
    master, clone, third = fleet.master(), fleet.newcomer(), fleet.newcomer("10000012")
    assert clone.receive(master.export(clone.transport_key(), retained=False))["exportable"] is True

    third.receive(clone.export(third.transport_key()))

    assert keys_of(third) == keys_of(master)
    with pytest.raises(MksNotExportable):
        third.officer(CreateMksShares(share_count=2, threshold=2))


def test_there_are_as_many_shares_as_custodians_at_most_and_no_fewer_than_the_threshold(fleet: Fleet) -> None:
    """M-11, H-22."""
    master = fleet.master(custodians=3)
    with pytest.raises(TooFewCustodians) as refused:
        master.officer(CreateMksShares(share_count=4, threshold=2))
    assert (refused.value.shares, refused.value.custodians) == (4, 3)
    with pytest.raises(BadValue):
        master.officer(CreateMksShares(share_count=2, threshold=3))
    assert master.module.state == "operational"


def test_a_custodian_takes_one_share_and_brings_one(fleet: Fleet) -> None:
    """Y-06, M-53."""
    master, clone = fleet.master(), fleet.newcomer()
    key = clone.transport_key()
    master.officer(CreateMksShares(share_count=2, threshold=2))
    first = master.give(1, key)
    with pytest.raises(CustodianHasShare):
        master.give(1, key)
    second = master.give(2, key)

    clone.custodian(1, ImportMksShare(share=first))
    with pytest.raises(CustodianHasShare):
        clone.custodian(1, ImportMksShare(share=second))
    with pytest.raises(ShareRepeated):
        clone.custodian(2, ImportMksShare(share=first))
    clone.custodian(2, ImportMksShare(share=second))
    clone.combine()


def test_a_replacement_is_dormant_until_it_is_activated(fleet: Fleet) -> None:
    """M-48, H-03, H-04; C-10."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    other = replace_mks(fleet, clone)
    first, second = master.status()["master_key_set"], other.status()["master_key_set"]
    assert (clone.status()["master_key_set"], keys_of(clone)) == (first, keys_of(master))

    assert clone.officer(ActivateMks()) == {"mks": second, "dormant": first}

    assert keys_of(clone) == keys_of(other)
    assert clone.officer(ActivateMks()) == {"mks": first, "dormant": second}


def test_a_module_that_holds_two_sets_imports_no_third(fleet: Fleet) -> None:
    """H-03."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    replace_mks(fleet, clone)

    with pytest.raises(DormantMksExists):
        clone.officer(StartImportingMks())
    assert clone.module.state == "operational"


def test_the_set_that_a_module_holds_is_not_imported_again(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    shares = master.export(clone.transport_key())
    clone.officer(StartImportingMks())

    with pytest.raises(MksAlreadyHeld):
        clone.custodian(1, ImportMksShare(share=shares[0]))


def test_a_master_has_no_transport_key_and_therefore_imports_nothing(fleet: Fleet) -> None:
    """M-09, C-04."""
    master = fleet.master()
    for give in (lambda: master.officer(StartImportingMks()), master.transport_key):
        with pytest.raises(NoTransportKey):
            give()
    assert master.module.state == "operational"


def test_a_module_generates_one_transport_key_pair_or_one_mks_in_its_life(fleet: Fleet) -> None:
    """F-07, C-36: Initializing is never seen again without a reset."""
    master, clone = fleet.master(), fleet.newcomer()
    for site in (master, clone):
        for command in (GenerateTransportKeyPair(), GenerateMasterKeySet()):
            with pytest.raises(CommandNotAllowed):
                site.officer(command)
    first = clone.inner.cold.transport_key
    clone.reset().officer(GenerateTransportKeyPair())
    assert clone.inner.cold.transport_key not in (None, first)


def test_a_dormant_set_is_generated_where_the_switch_allows_it(fleet: Fleet) -> None:
    """M-09: by default it is not (`CommandNotAllowed`, above)."""
    master = fleet.site("10000004", switches=Switches(generate_dormant_mks=True))
    first = master.officer(GenerateMasterKeySet())["mks"]
    second = master.officer(GenerateMasterKeySet())["mks"]

    assert (master.module.state, master.status()["master_key_set"]) == ("operational", first)
    assert master.inner.cold.dormant is not None
    assert master.inner.cold.dormant.mks == second
    with pytest.raises(DormantMksExists):
        master.officer(GenerateMasterKeySet())


def test_only_the_roles_that_the_seed_names_take_part(fleet: Fleet) -> None:
    """H-10, M-12: dual control; at least three people."""
    master, clone = fleet.master(), fleet.newcomer()
    key = clone.transport_key()
    with pytest.raises(CommandNotAllowed):
        master.custodian(1, CreateMksShares(share_count=2, threshold=2))
    master.officer(CreateMksShares(share_count=2, threshold=2))
    with pytest.raises(CommandNotAllowed):
        master.officer(ExportMksShare(transport_key=key))
    shares = [master.give(number, key) for number in (1, 2)]
    with pytest.raises(CommandNotAllowed):
        clone.officer(ImportMksShare(share=shares[0]))
    clone.take(shares)
    with pytest.raises(CommandNotAllowed):
        clone.custodian(1, CombineMksShares())
