"""A key ceremony that is aborted, cut off by a boot or a full disk, or short of shares (Y-06)."""

import pytest

from indicium.domain.commands.initialization import GenerateTransportKeyPair
from indicium.domain.commands.master_keys import AbortExport, CreateMksShares, ImportMksShare, StartImportingMks
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import (
    CommandNotAllowed,
    ModuleInError,
    ShareOfOtherExport,
    SharesDoNotCombine,
    SharesTooFew,
    StoreFailed,
)
from indicium.domain.switches import Switches
from tests.fleet import Fleet, keys_of, newest
from tests.harness import data_of, envelope_of, flipped


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
