"""Sheets: leaves, the tree of RFC 9162 over them, and items that check alone (G13)."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indicium.domain.commands.sheets import CreateSheet, SheetItem
from indicium.domain.errors import BadValue, FinerThanAMill, IndiciumError, ItemNotOfSheet, NotAnItem
from indicium.domain.kinds import LARGEST_SHEET, Sheet, Voucher, postage
from indicium.domain.sheets import Draft, ItemOfSheet, SignedSheet, Tree, leaves, priced, root_of
from indicium.domain.vbi import render_body

LETTER = postage("40505", "95567", "first-class letter", 1)
SEED = bytes(range(32))

# The reference tree of Certificate Transparency's own tests.
INPUTS = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    bytes.fromhex("5051525354555657"),
    bytes.fromhex("606162636465666768696a6b6c6d6e6f"),
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
"""Leaf and size of the tree, and the path."""


def sheet_of(values: list[int]) -> SignedSheet:
    """Have a sheet of vouchers signed."""
    draft = Draft(SEED, [SheetItem(value=value, elements=Voucher(purpose=f"item {value}")) for value in values])
    sheet = draft.signed(item_for(draft))
    assert sheet is not None
    return sheet


def item_for(draft: Draft, *, items: int | None = None, root: str | None = None, value: int | None = None) -> str:
    """Write the item that a module signs for a draft, with a signature that nobody looks at here."""
    elements = Sheet(items=items or len(draft.items), root=root or draft.tree.root.hex())
    body = render_body(
        device="1000000001",
        certificate="7f",
        transaction=6,
        ar=draft.value,
        dr=1,
        value=draft.value if value is None else value,
        date="2026-03-02",
        elements=elements.rendered(),
    )
    return body.decode() + "\tMEUC"


def tree_hash(data: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word."""
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    k = split(len(data))
    return hashlib.sha256(b"\x01" + tree_hash(data[:k]) + tree_hash(data[k:])).digest()


def audit_path(m: int, data: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1, word for word."""
    if len(data) == 1:
        return []
    k = split(len(data))
    if m < k:
        return [*audit_path(m, data[:k]), tree_hash(data[k:])]
    return [*audit_path(m - k, data[k:]), tree_hash(data[:k])]


def split(n: int) -> int:
    """The largest power of two that is smaller than n."""
    return 1 << (n - 1).bit_length() - 1


@pytest.mark.parametrize("size", range(1, 9))
def test_the_trees_of_certificate_transparency_have_their_published_roots(size: int) -> None:
    assert Tree(INPUTS[:size]).root.hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_the_trees_of_certificate_transparency_have_their_published_paths(index: int, size: int) -> None:
    path = bytes.fromhex("".join(PATHS[index, size]))

    assert Tree(INPUTS[:size]).path(index) == path
    assert root_of(INPUTS[index], index, size, path).hex() == ROOTS[size - 1]


@given(st.integers(1, 70))
def test_trees_and_paths_of_any_size_are_those_of_the_rfc(size: int) -> None:
    data = [b"%d" % number for number in range(size)]
    tree = Tree(data)

    assert tree.root == tree_hash(data)
    assert [tree.path(index) for index in range(size)] == [b"".join(audit_path(index, data)) for index in range(size)]


@pytest.mark.parametrize("size", [1, 2, 3, 1023, 1024, 1025, 2047, 2049, 5000])
def test_paths_that_are_made_in_a_row_are_those_that_are_made_one_by_one(size: int) -> None:
    """They are made for 1,024 items at a time."""
    tree = Tree([b"%d" % number for number in range(size)])

    assert list(tree.paths()) == [tree.path(index) for index in range(size)]


@given(st.data(), st.integers(1, 300))
def test_every_path_leads_to_the_root_and_no_other_place_size_or_bit_does(data: st.DataObject, size: int) -> None:
    content = [b"%d" % number for number in range(size)]
    tree = Tree(content)
    index = data.draw(st.integers(0, size - 1))
    path = tree.path(index)

    assert root_of(content[index], index, size, path) == tree.root
    other_place = data.draw(st.integers(0, size + 1).filter(lambda other: other != index))
    assert not leads(content[index], other_place, size, path, tree.root)
    assert not leads(content[index] + b" ", index, size, path, tree.root)
    assert not leads(content[index], index, size, path + bytes(32), tree.root)
    assert not leads(content[index], index, size, path[:-1] or b"x", tree.root)
    if path:
        assert not leads(content[index], index, size, path[:-32], tree.root)
        place, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 7))
        changed = path[:place] + bytes([path[place] ^ 1 << bit]) + path[place + 1 :]
        assert not leads(content[index], index, size, changed, tree.root)


def leads(leaf: bytes, index: int, count: int, path: bytes, root: bytes) -> bool:
    try:
        return root_of(leaf, index, count, path) == root
    except ItemNotOfSheet:
        return False


@given(st.integers(2, 64), st.integers(1, 66))
def test_a_path_is_of_one_size_of_tree_wherever_that_can_be_told(size: int, other: int) -> None:
    """The last leaf's place tells the size; the first of a full tree has the same way up in every tree as deep."""
    content = [b"%d" % number for number in range(size)]
    last = size - 1

    if other != size:
        assert not leads(content[last], last, other, Tree(content).path(last), Tree(content).root)


def test_no_inner_node_passes_for_a_leaf() -> None:
    """RFC 9162, 2.1.1: what is hashed for a leaf begins otherwise than what is hashed for a node."""
    content = [b"%d" % number for number in range(4)]
    tree = Tree(content)
    node = Tree(content[:2])
    beside = Tree(content[2:]).root
    children = node.path(1) + node.path(0)

    assert hashlib.sha256(b"\x01" + node.root + beside).digest() == tree.root
    assert hashlib.sha256(b"\x01" + children).digest() == node.root
    assert not leads(children, 0, 2, beside, tree.root)


def test_a_leaf_says_salt_value_and_data_elements_as_they_are_rendered_once() -> None:
    (leaf,) = leaves(SEED, [SheetItem(value=330, elements=Voucher(purpose='a "coffee"\n'.strip()))])

    salt = hashlib.shake_256(b"indicium sheet salts\n" + SEED).hexdigest(16)
    elements = '{"kind":"voucher","purpose":"a \\"coffee\\""}'
    assert leaf.decode() == f'{{"salt":"{salt}","value":330,"elements":{elements}}}'


def test_equal_items_have_different_leaves_so_that_one_does_not_tell_of_the_others() -> None:
    """A hundred equal coupons: nobody who holds one can work out another, or that it has an equal beside it."""
    item = SheetItem(value=330, elements=Voucher(purpose="a coffee"))

    made = [*leaves(SEED, [item] * 100), *leaves(bytes(32), [item] * 100)]

    assert len(set(made)) == 200


def test_items_come_out_in_order_alone_or_all_together() -> None:
    sheet = sheet_of([10, 20, 30])

    assert len(sheet) == 3
    assert list(sheet) == [sheet[0], sheet[1], sheet[2]]
    assert sheet[-1] == sheet[2]
    assert list(sheet.lines()) == [item.line for item in sheet]
    assert [item.check()[0].value for item in sheet] == [10, 20, 30]
    with pytest.raises(IndexError):
        sheet[3]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=40))
def test_a_printed_item_reads_as_what_it_is_and_says_what_was_asked_for(values: list[int]) -> None:
    for item, value in zip(sheet_of(values), values, strict=True):
        read = ItemOfSheet.read(item.line)
        leaf, sheet = read.check()

        assert read == item
        assert b"\n" not in item.line
        assert (leaf.value, leaf.elements) == (value, Voucher(purpose=f"item {value}"))
        assert (sheet.body.value, sheet.body.elements) == (sum(values), Sheet(items=len(values), root=item_root(item)))


def item_root(item: ItemOfSheet) -> str:
    _, sheet = item.check()
    assert isinstance(sheet.body.elements, Sheet)
    return sheet.body.elements.root


def test_every_item_of_every_sheet_has_a_key_of_its_own() -> None:
    """What tells duplicates: the sheet's item and the place in it, so that equal coupons are no duplicates."""
    keys = [item.key for item in (*sheet_of([10, 10, 10]), *sheet_of([10, 10]))]

    assert len(set(keys)) == 5
    sheet = hashlib.sha256(sheet_of([10, 10]).line.encode()).hexdigest()
    assert keys[4] == hashlib.sha256(f"indicium item of sheet\n{sheet}\n1".encode()).hexdigest()


@given(st.data())
def test_an_item_with_any_byte_changed_is_refused_or_its_signature_is_of_other_bytes(data: st.DataObject) -> None:
    """What the tree does not cover is the sheet's own item, and that is signed."""
    item = sheet_of([10, 20, 30, 40, 50])[3]
    line = item.line
    place = data.draw(st.integers(0, len(line) - 1))
    changed = line[:place] + bytes([line[place] ^ 1 << data.draw(st.integers(0, 7))]) + line[place + 1 :]

    try:
        read = ItemOfSheet.read(changed)
        read.check()
    except IndiciumError:
        return
    assert read.sheet != item.sheet
    assert (read.leaf, read.place, read.path) == (item.leaf, item.place, item.path)


def test_parts_of_two_sheets_make_no_item() -> None:
    one, other = sheet_of([10, 20, 30]), sheet_of([10, 20, 40])

    with pytest.raises(ItemNotOfSheet):
        one[0]._replace(sheet=other[0].sheet).check()
    with pytest.raises(ItemNotOfSheet):
        one[0]._replace(leaf=one[1].leaf).check()
    with pytest.raises(ItemNotOfSheet) as refused:
        one[0]._replace(place=1).check()
    assert refused.value.number == 2


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\t\t\t\t",
        b"{}\t0\t\t{}",
        b"{}\t0\t\t{}\t\t",
        b"{}\t00\t\t{}\t",
        b"{}\t-1\t\t{}\t",
        b"{}\t+1\t\t{}\t",
        b"{}\t1_0\t\t{}\t",
        b"{}\t 1\t\t{}\t",
        b"{}\t\xd9\xa1\t\t{}\t",
        b"{}\t100000\t\t{}\t",
        b"{}\t0\tAA==\t{}\t",
        b"{}\t0\t=\t{}\t",
        b"{}\t0\t%b\t{}\t" % base64.b64encode(bytes(32)).replace(b"A=", b"B="),
        b"{}\t0\t\xff\t{}\t",
    ],
)
def test_what_has_not_the_form_of_an_item_is_not_read(line: bytes) -> None:
    with pytest.raises(NotAnItem):
        ItemOfSheet.read(line)


@pytest.mark.parametrize(
    ("leaf", "sheet"),
    [
        (b"{}", None),
        (b"\xff", None),
        (b'{"salt":"x","value":1,"elements":{"kind":"voucher","purpose":"a"}}', None),
        (b'{"salt":"%b","value":1,"elements":{"kind":"sheet","items":1,"root":"%b"}}' % (b"0" * 32, b"0" * 64), None),
        (None, b"{}\tMEUC"),
        (None, b""),
    ],
)
def test_what_is_neither_leaf_nor_sheet_is_refused(leaf: bytes | None, sheet: bytes | None) -> None:
    item = sheet_of([10])[0]
    with pytest.raises((NotAnItem, ItemNotOfSheet)):
        item._replace(leaf=leaf or item.leaf, sheet=item.sheet if sheet is None else sheet).check()


def test_an_ordinary_item_is_no_sheet() -> None:
    item = sheet_of([10])[0]
    body = render_body(
        device="1000000001",
        certificate="7f",
        transaction=6,
        ar=10,
        dr=1,
        value=10,
        date="2026-03-02",
        elements=LETTER.rendered(),
    )
    with pytest.raises(NotAnItem):
        item._replace(sheet=body + b"\tMEUC").check()


def test_a_draft_takes_only_the_item_that_is_for_it() -> None:
    draft = Draft(SEED, [SheetItem(value=10, elements=LETTER), SheetItem(value=20, elements=LETTER)])

    assert draft.signed(item_for(draft)) is not None
    for item in (
        item_for(draft, items=3),
        item_for(draft, root="0" * 64),
        item_for(draft, value=31),
        "",
        "{}\tMEUC",
    ):
        assert draft.signed(item) is None


@pytest.mark.parametrize(
    "items",
    [
        (),
        (SheetItem(value=1, elements=LETTER),) * (LARGEST_SHEET + 1),
        (SheetItem(value=2**53 - 1, elements=LETTER), SheetItem(value=1, elements=LETTER)),
    ],
    ids=["none", "65,537", "more than a register holds"],
)
def test_a_sheet_has_at_least_one_item_at_most_65536_and_a_sum_that_a_register_holds(
    items: tuple[SheetItem, ...],
) -> None:
    with pytest.raises(BadValue):
        Draft(SEED, items)


def test_a_request_for_no_items_or_too_many_is_malformed() -> None:
    item = SheetItem(value=1, elements=LETTER)
    good = {
        "psd_id": "1000000001",
        "request_id": "a",
        "value": 1,
        "seed": SEED,
        "client_challenge": "0" * 32,
        "module_challenge": "0" * 32,
        "shown_ar": 0,
        "shown_dr": 0,
        "shown_record": "0" * 64,
        "mac": bytes(32),
    }
    assert len(CreateSheet.model_validate({**good, "items": (item,) * LARGEST_SHEET}).items) == LARGEST_SHEET
    for items in ((), (item,) * (LARGEST_SHEET + 1)):
        with pytest.raises(ValidationError):
            CreateSheet.model_validate({**good, "items": items})


def test_a_seed_is_not_shown() -> None:
    """Whoever knows it and the items has all of them."""
    draft = Draft(b"s" * 32, [SheetItem(value=1, elements=LETTER)])
    request = CreateSheet(
        psd_id="1000000001",
        request_id="a",
        value=1,
        seed=draft.seed,
        items=draft.items,
        client_challenge="0" * 32,
        module_challenge="0" * 32,
        shown_ar=0,
        shown_dr=0,
        shown_record="0" * 64,
        mac=bytes(32),
    )
    assert "ssss" not in repr(request)


def test_a_price_is_read_as_every_amount_is() -> None:
    assert priced("0.33", LETTER) == SheetItem(value=330, elements=LETTER)
    with pytest.raises(FinerThanAMill):
        priced("0.3301", LETTER)
