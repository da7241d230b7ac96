"""The compact form of an item of a sheet: the same item in bytes, and it fits a Data Matrix (docs/sheets.md)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.domain import compact
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.compact import DATA_MATRIX_BYTES
from indicium.domain.compact_sheets import decode, encode
from indicium.domain.errors import IndiciumError, ItemNotOfSheet, NotAnItem
from indicium.domain.kinds import LARGEST_SHEET, Elements, Sheet, Voucher, postage
from indicium.domain.sheets import Draft, ItemOfSheet, SignedSheet
from indicium.domain.vbi import render_body

LETTER = postage("40505", "95567", "first-class letter", 1)
SIGNATURE = bytes.fromhex("3044" + "0220" + "7f" * 32 + "0220" + "7e" * 32)
"""As long as an ECDSA signature on P-256 is."""

CERTIFICATE = bytes(450)
"""Longer than a meter's certificate of the suite modern."""


def sheet_of(items: list[SheetItem]) -> SignedSheet:
    draft = Draft(bytes(32), items)
    body = render_body(
        device="1000000001",
        certificate="f" * 40,
        transaction=2**30,
        ar=2**40,
        dr=2**40,
        value=draft.value,
        date="2026-03-02",
        elements=Sheet(items=len(items), root=draft.tree.root.hex()).rendered(),
    )
    sheet = draft.signed((body + b"\t" + base64.b64encode(SIGNATURE)).decode())
    assert sheet is not None
    return sheet


@given(st.integers(1, 40), st.data())
def test_every_item_is_read_back_as_it_was_and_written_as_the_same_bytes(count: int, data: st.DataObject) -> None:
    sheet = sheet_of(
        [SheetItem(value=number, elements=Voucher(purpose=f"c {number}")) for number in range(1, count + 1)]
    )
    item = sheet[data.draw(st.integers(0, count - 1))]
    certificate = data.draw(st.binary(max_size=20))

    written = encode(item, certificate)

    read = decode(written)
    assert read == (item, certificate)
    assert ItemOfSheet.read(read.item.line) == item
    assert encode(*read) == written


@pytest.mark.parametrize("elements", [LETTER, Voucher(purpose="c" * 200)], ids=["a letter", "a voucher of 200 letters"])
def test_an_item_of_the_largest_sheet_fits_one_data_matrix_with_its_certificate(elements: Elements) -> None:
    sheet = sheet_of([SheetItem(value=100_000, elements=elements)] * LARGEST_SHEET)

    assert len(encode(sheet[LARGEST_SHEET - 1], CERTIFICATE)) <= DATA_MATRIX_BYTES


def test_any_bit_changed_is_refused_or_changes_what_is_signed_or_the_certificate() -> None:
    sheet = sheet_of([SheetItem(value=10 * number, elements=LETTER) for number in range(1, 6)])
    item = sheet[2]
    written = encode(item, b"certificate")

    for place in range(len(written)):
        for bit in range(8):
            changed = written[:place] + bytes([written[place] ^ 1 << bit]) + written[place + 1 :]
            try:
                read = decode(changed)
            except IndiciumError:
                continue
            assert encode(*read) == changed
            assert read.item.sheet != item.sheet or read.certificate != b"certificate"
            assert (read.item.leaf, read.item.place, read.item.path) == (item.leaf, item.place, item.path)


@pytest.mark.parametrize("length", range(0, 190, 7))
def test_an_item_that_is_cut_off_is_none(length: int) -> None:
    written = encode(sheet_of([SheetItem(value=10, elements=LETTER)] * 2)[0])

    with pytest.raises(NotAnItem):
        decode(written[:length])
    with pytest.raises(NotAnItem):
        decode(written + b"\0")


def test_the_two_forms_are_not_taken_for_each_other() -> None:
    written = encode(sheet_of([SheetItem(value=10, elements=LETTER)])[0])

    with pytest.raises(NotAnItem, match="form 2 is not known"):
        compact.decode(written)
    with pytest.raises(NotAnItem):
        decode(written[:1] + b"\x01" + written[2:])
    with pytest.raises(NotAnItem, match="too long"):
        decode(bytes(20_000))


def test_what_does_not_lead_to_its_sheet_has_no_compact_form() -> None:
    one, other = sheet_of([SheetItem(value=10, elements=LETTER)] * 2)

    with pytest.raises(ItemNotOfSheet):
        encode(one._replace(leaf=other.leaf))
    with pytest.raises(ItemNotOfSheet):
        decode(encode(one).replace(one.path, other.path))
