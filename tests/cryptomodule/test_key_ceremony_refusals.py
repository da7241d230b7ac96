"""Who gets no share of a Master Key Set, and which shares no module takes (Y-06)."""

import base64
from collections.abc import Callable

import pytest

from indicium.domain.commands.initialization import GenerateTransportKeyPair
from indicium.domain.commands.master_keys import CreateMksShares, ImportMksShare
from indicium.domain.errors import (
    BadStatement,
    DestinationDiffers,
    ExportToItself,
    NoDeviceKey,
    OtherSuite,
    RetainedChoiceDiffers,
    ShareForOtherModule,
    ShareOfOtherExport,
    StatementNotAuthentic,
)
from indicium.domain.identity import Serial
from indicium.parties.manufacturer import Manufacturer
from tests.fleet import Fleet, Site, keys_of
from tests.harness import flipped, make_parties


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
