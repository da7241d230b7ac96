"""The ceremony by which a Master Key Set goes from one module to another: three people at each (H-20 … H-29, Y-06)."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from indicium.domain.commands.initialization import GenerateMasterKeySet, GenerateTransportKeyPair
from indicium.domain.commands.master_keys import (
    AbortExport,
    ActivateMks,
    CombineMksShares,
    CreateMksShares,
    ExportMksShare,
    ImportMksShare,
    StartImportingMks,
)
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import (
    BadStatement,
    BadValue,
    CommandNotAllowed,
    CustodianHasShare,
    DestinationDiffers,
    DormantMksExists,
    ExportToItself,
    MksAlreadyHeld,
    MksNotExportable,
    ModuleInError,
    NoDeviceKey,
    NoTransportKey,
    OtherSuite,
    RetainedChoiceDiffers,
    ShareForOtherModule,
    ShareOfOtherExport,
    ShareRepeated,
    SharesDoNotCombine,
    SharesTooFew,
    StatementNotAuthentic,
    StoreFailed,
    TooFewCustodians,
)
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import Serial
from indicium.domain.switches import Switches
from indicium.parties.manufacturer import Manufacturer
from tests.fleet import Fleet, Site
from tests.harness import data_of, flipped, make_parties


def keys_of(site: Site) -> tuple[bytes, bytes] | None:
    active = site.inner.cold.active
    return (active.mek, active.mak) if active else None


def newest(site: Site, event: str) -> SealedRecord:
    return next(record for record in reversed(site.records()) if record.event == event)


def envelope_of(record: SealedRecord) -> dict[str, Any]:
    envelope: dict[str, Any] = orjson.loads(record.line.partition(b"\t")[0])
    return envelope


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


def test_all_shares_of_an_export_go_to_one_module_with_one_choice(fleet: Fleet) -> None:
    """M-52, H-24."""
    master, clone, third = fleet.master(), fleet.newcomer(), fleet.newcomer("10000012")
    master.officer(CreateMksShares(share_count=3, threshold=2))
    master.give(1, clone.transport_key())
    with pytest.raises(RetainedChoiceDiffers):
        master.give(2, clone.transport_key(), retained=False)
    with pytest.raises(DestinationDiffers) as refused:
        master.give(2, third.transport_key())
    assert refused.value.module == "10000002"

    master.give(2, clone.transport_key(custodian=2))  # stated anew: the same key of the same module
    master.give(3, clone.transport_key())
    assert master.module.state == "operational"


def test_a_module_does_not_export_to_itself(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key(), retained=False))
    own = clone.transport_key()
    clone.officer(CreateMksShares(share_count=2, threshold=2))

    with pytest.raises(ExportToItself):
        clone.give(1, own)


def other_manufacturers(fleet: Fleet, clone: Site) -> bytes:
    """The same module, as another manufacturer certified it."""
    keys = make_parties()
    stranger = Manufacturer(keys.maker, keys.manufacturer, clone.suite)
    return clone.stating(stranger.make(clone.serial, fleet.clock.now()))


def another_modules(fleet: Fleet, clone: Site) -> bytes:
    """Certified by the manufacturer, and for another serial number."""
    return clone.stating(fleet.manufacturer.make(Serial("10000011"), fleet.clock.now()))


def with_another_signature(line: bytes) -> bytes:
    """Change a bit of the signature itself: one of its base64 may make it none at all."""
    body, _, signature = line.partition(b"\t")
    return body + b"\t" + base64.b64encode(flipped(base64.b64decode(signature), -9))


FALSE_STATEMENTS: dict[str, tuple[Callable[[Fleet, Site], bytes], type[Exception]]] = {
    "of another manufacturer": (other_manufacturers, StatementNotAuthentic),
    "with the certificate of another module": (another_modules, StatementNotAuthentic),
    "with another key in it": (
        lambda _, clone: clone.transport_key().replace(b'"key":"', b'"key":"AAAA', 1),
        StatementNotAuthentic,
    ),
    "with another signature": (lambda _, clone: with_another_signature(clone.transport_key()), StatementNotAuthentic),
    "of another suite": (
        lambda _, clone: clone.transport_key().replace(b'"suite":"modern"', b'"suite":"ancient"'),
        OtherSuite,
    ),
    "unsigned": (lambda _, clone: clone.transport_key().partition(b"\t")[0], BadStatement),
    "a share": (lambda fleet, clone: fleet.master("10000011").export(clone.transport_key())[0], BadStatement),
    "no statement": (lambda _fleet, _clone: b"transport key", BadStatement),
}


@pytest.mark.parametrize("false", FALSE_STATEMENTS)
def test_a_transport_key_that_no_module_of_the_manufacturer_states_gets_no_share(fleet: Fleet, false: str) -> None:
    """Y-06, M-14: the wrong transport key."""
    make, error = FALSE_STATEMENTS[false]
    master, clone = fleet.master(), fleet.newcomer()
    statement = make(fleet, clone)
    master.officer(CreateMksShares(share_count=2, threshold=2))
    with pytest.raises(error):
        master.give(1, statement)

    assert master.inner.cold.exporting is not None
    assert master.inner.cold.exporting.custodians == []
    master.give(1, clone.transport_key())


def test_a_certificate_that_has_run_out_is_believed_no_longer(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    key = clone.transport_key()
    fleet.clock.pass_by(days=21 * 365)
    master.officer(CreateMksShares(share_count=2, threshold=2))

    with pytest.raises(StatementNotAuthentic):
        master.give(1, key)


def test_a_module_whose_certification_was_destroyed_neither_exports_nor_states_its_key(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    for site in (master, clone):
        site.hardware.device.destroy()

    with pytest.raises(NoDeviceKey):
        master.officer(CreateMksShares(share_count=2, threshold=2))
    with pytest.raises(NoDeviceKey):
        clone.transport_key()


def test_a_share_opens_in_the_module_it_was_made_for_and_in_no_other(fleet: Fleet) -> None:
    """F-08, H-09, G-701: encrypted for it; nor in the same module after a reset, whose transport key is another."""
    master, clone, third = fleet.master(), fleet.newcomer(), fleet.newcomer("10000012")
    share, _ = master.export(clone.transport_key(), count=2)
    with pytest.raises(ShareForOtherModule):
        third.custodian(1, ImportMksShare(share=share))

    clone.reset().officer(GenerateTransportKeyPair())
    with pytest.raises(ShareForOtherModule):
        clone.custodian(1, ImportMksShare(share=share))


def test_shares_of_two_exports_are_not_mixed(fleet: Fleet) -> None:
    """M-83."""
    master, clone = fleet.master(), fleet.newcomer()
    key = clone.transport_key()
    one, other = master.export(key), master.export(key)
    clone.custodian(1, ImportMksShare(share=one[0]))

    with pytest.raises(ShareOfOtherExport):
        clone.custodian(2, ImportMksShare(share=other[1]))
    clone.custodian(2, ImportMksShare(share=one[1]))
    clone.combine()
    assert keys_of(clone) == keys_of(master)


def test_a_share_in_a_statement_that_its_module_did_not_sign_is_refused(fleet: Fleet) -> None:
    """H-09, G-704: authenticated."""
    master, clone = fleet.master(), fleet.newcomer()
    share, _ = master.export(clone.transport_key(), count=2)
    for altered in (share.replace(b'"retained":true', b'"retained":false'), with_another_signature(share)):
        with pytest.raises(StatementNotAuthentic):
            clone.custodian(1, ImportMksShare(share=altered))
    with pytest.raises(BadStatement):
        clone.custodian(1, ImportMksShare(share=clone.transport_key()))


def test_an_export_is_aborted_and_what_was_given_out_is_useless_below_the_threshold(fleet: Fleet) -> None:
    """Y-06, C-09, B-08."""
    master, clone = fleet.master(), fleet.newcomer()
    key = clone.transport_key()
    master.officer(CreateMksShares(share_count=3, threshold=2))
    stray = master.give(1, key)
    with pytest.raises(CommandNotAllowed):
        master.custodian(1, AbortExport())

    master.officer(AbortExport())

    assert (master.module.state, master.inner.cold.exporting) == ("operational", None)
    assert data_of(newest(master, "mks-export-aborted"))["given"] == 1
    clone.custodian(1, ImportMksShare(share=stray))
    with pytest.raises(ShareOfOtherExport):
        clone.custodian(2, ImportMksShare(share=master.export(key)[1]))


def test_an_export_does_not_survive_a_boot_and_the_chain_says_so(fleet: Fleet) -> None:
    """Y-06, C-24, M-02, M-03: once in Error, with its shares gone; the next boot is Operational again."""
    master, clone = fleet.master(), fleet.newcomer()
    master.officer(CreateMksShares(share_count=3, threshold=2))
    master.give(1, clone.transport_key())
    master.reboot()

    (refused,) = master.run([InitializePsd()])

    assert isinstance(refused, ModuleInError)
    aborted, error = master.records()[-2:]
    assert (aborted.event, error.event) == ("mks-export-aborted", "error-entered")
    assert data_of(aborted) | {"boot": True, "given": 1, "count": 3, "threshold": 2} == data_of(aborted)
    assert data_of(error) == {"cause": "booted in the exporting-shares state", "fatal": False}
    assert master.inner.cold.exporting is None
    master.reboot()
    assert master.inner.cold.exporting is None
    assert master.status()["state"] == "operational"
    clone.receive(master.export(clone.transport_key()))
    assert keys_of(clone) == keys_of(master)


def test_a_first_import_does_not_survive_a_boot(fleet: Fleet) -> None:
    """C-22: without an MKS there is nothing to go back to; only Reset helps."""
    master, clone = fleet.master(), fleet.newcomer()
    shares = master.export(clone.transport_key())
    clone.take(shares[:1])
    clone.reboot()

    (refused,) = clone.run([InitializePsd()])

    assert isinstance(refused, ModuleInError)
    assert data_of(clone.records()[-1])["fatal"] is True
    clone.reboot()
    assert (clone.status()["state"], clone.inner.cold.importing) == ("error", [])
    clone.reset().officer(GenerateTransportKeyPair())
    clone.receive(master.export(clone.transport_key()))
    assert keys_of(clone) == keys_of(master)


def test_the_import_of_a_replacement_is_forgotten_by_a_boot_and_the_old_mks_goes_on(fleet: Fleet) -> None:
    """C-23: the shares that were brought are destroyed at once."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    other = fleet.master("10000011")
    shares = other.export(clone.transport_key())
    clone.officer(StartImportingMks())
    clone.take(shares[:1])
    clone.reboot()

    clone.run([InitializePsd()])  # whatever comes first

    assert clone.module.state == "operational"
    memory = clone.memory.load()
    assert memory is not None
    assert clone.inner.codec.decode(memory, "").cold.importing == []
    clone.reboot()
    assert clone.status()["persistent"] == "operational"
    assert keys_of(clone) == keys_of(master)
    clone.officer(StartImportingMks())
    clone.receive(shares)
    assert clone.inner.cold.dormant is not None


def test_shares_that_memory_did_not_take_were_never_brought(fleet: Fleet) -> None:
    """C-30: the old state stays, with what was there before."""
    master, clone = fleet.master(), fleet.newcomer()
    shares = master.export(clone.transport_key())
    clone.take(shares[:1])
    operator = clone.logged_on("custodian-2")
    clone.fail_memory()
    with pytest.raises(StoreFailed):
        operator.send(ImportMksShare(share=shares[1]))
    clone.mend_memory()

    assert len(clone.inner.cold.importing) == 1
    clone.custodian(2, ImportMksShare(share=shares[1]))
    clone.combine()
    assert keys_of(clone) == keys_of(master)


def test_too_few_shares_for_a_first_mks_are_fatal(fleet: Fleet) -> None:
    """M-05, M-83, C-12: literally."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.take(master.export(clone.transport_key())[:1])

    with pytest.raises(SharesTooFew) as refused:
        clone.combine()

    assert (refused.value.taken, refused.value.threshold, refused.value.recorded) == (1, 2, True)
    envelope = envelope_of(newest(clone, "mks-shares-not-combined"))
    assert (envelope["state"], envelope["reason"]) == ("error", refused.value.reason)
    assert envelope["data"] | {"code": "shares-too-few", "taken": 1} == envelope["data"]
    assert clone.inner.cold.importing == []
    clone.reboot()
    assert (clone.status()["state"], clone.status()["persistent"]) == ("error", "error")


def test_too_few_shares_for_a_replacement_leave_the_old_mks_at_work(fleet: Fleet) -> None:
    """M-05, M-83: back to Operational, the shares destroyed, with an error code."""
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    other = fleet.master("10000011")
    shares = other.export(clone.transport_key())
    clone.officer(StartImportingMks())
    clone.take(shares[:1])

    with pytest.raises(SharesTooFew):
        clone.combine()

    assert (clone.module.state, clone.inner.cold.importing, clone.inner.cold.dormant) == ("operational", [], None)
    assert keys_of(clone) == keys_of(master)


def test_no_share_at_all_is_too_few(fleet: Fleet) -> None:
    clone = fleet.newcomer()
    with pytest.raises(SharesTooFew) as refused:
        clone.combine()
    assert (refused.value.taken, refused.value.threshold) == (0, 2)
    data = data_of(newest(clone, "mks-shares-not-combined"))
    assert (data["mks"], data["export"]) == (None, None)


def test_a_module_that_was_told_so_collects_more_shares(fleet: Fleet) -> None:
    """M-83, the milder switch."""
    master = fleet.master()
    clone = fleet.newcomer(switches=Switches(collect_more_shares=True))
    shares = master.export(clone.transport_key())
    clone.take(shares[:1])
    with pytest.raises(SharesTooFew):
        clone.combine()
    assert (clone.module.state, len(clone.inner.cold.importing)) == ("importing-shares", 1)

    clone.custodian(2, ImportMksShare(share=shares[1]))
    clone.combine()
    assert keys_of(clone) == keys_of(master)


def test_enough_shares_that_make_another_key_are_found_out(fleet: Fleet) -> None:
    """M-83: as a source with a fault would make them, signed and well sealed."""
    master, clone = fleet.master(), fleet.newcomer()
    master.officer(CreateMksShares(share_count=2, threshold=2))
    key = clone.transport_key()
    first = master.give(1, key)
    assert master.inner.cold.exporting is not None
    master.inner.cold.exporting.shares[0] = flipped(master.inner.cold.exporting.shares[0], 0)
    second = master.give(2, key)
    clone.take([first, second])

    with pytest.raises(SharesDoNotCombine):
        clone.combine()
    assert clone.module.state == "error"


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
