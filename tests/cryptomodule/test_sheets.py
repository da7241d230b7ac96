"""Sheets in the module: many items, one transaction, one record, one signature (G13, E6)."""

import hashlib
from collections.abc import Sequence

import orjson
import pytest
from pydantic import ValidationError

from indicium.cryptomodule.vault import StaticPart
from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import (
    BadRecord,
    ClientNotAuthentic,
    InsufficientFunds,
    ModuleNotAuthentic,
    RequestIdReused,
    SheetItemOutOfLimits,
    SheetSumMismatch,
)
from indicium.domain.events import SheetCreated, parse_event
from indicium.domain.flow import RequestKey
from indicium.domain.identity import DeviceId
from indicium.domain.kinds import LARGEST_SHEET, Coupon, Elements, Sheet, Voucher
from indicium.domain.record import split
from indicium.domain.sheets import ItemOfSheet, SignedSheet
from tests.harness import LETTER, MAXIMUM, MINIMUM, World, data_of, remac

COFFEE = Voucher(purpose="a coffee")


def items_of(*values: int, elements: Elements = COFFEE) -> list[SheetItem]:
    return [SheetItem(value=value, elements=elements) for value in values]


def make_sheet(world: World, items: Sequence[SheetItem], request_id: str = "sheet") -> SignedSheet:
    """Have ada's meter make a sheet."""
    ada = world.customers["ada"]
    draft = ada.draft_sheet(request_id, items)
    return ada.accept_sheet(request_id, world.execute(ada.create_sheet(request_id, draft)), draft)


def assert_genuine(world: World, line: bytes, item: SheetItem) -> None:
    """Check a printed item by itself: path, signature under the meter's key, and what it says."""
    read = ItemOfSheet.read(line)
    leaf, sheet = read.check()
    key = StaticPart.model_validate_json(world.package("ada").static).public_key
    world.suite.load_verify_key(key, "UDSK_psd").verify(sheet.signed, sheet.signature)
    assert (leaf.value, leaf.elements) == (item.value, item.elements)
    assert sheet.body.device == world.meters["ada"]


def test_a_sheet_takes_its_sum_from_dr_and_each_item_checks_alone(world: World) -> None:
    before = world.ask("ada")
    items = [
        *items_of(10, 20),
        *items_of(330, elements=LETTER),
        *items_of(500, elements=Coupon.read(COUPON)),
        *items_of(10),
    ]

    sheet = make_sheet(world, items)

    after = world.ask("ada")
    assert (after.ar, after.dr, after.version) == (before.ar + 870, before.dr - 870, before.version + 1)
    assert len(sheet) == 5
    for printed, item in zip(sheet, items, strict=True):
        assert_genuine(world, printed.line, item)


COUPON = {"issuer": "Acme", "product": "soap", "offer": "50 cents off", "valid_until": "2026-12-31"}


def test_a_sheet_of_one_is_a_sheet(world: World) -> None:
    (printed,) = make_sheet(world, items_of(330))

    assert printed.path == b""
    assert_genuine(world, printed.line, *items_of(330))


def test_record_and_reply_of_a_sheet_are_as_long_for_many_items_as_for_one(world: World) -> None:
    """One transaction, one record, one package version; none of the items stands in it, and nothing to spend."""
    lengths = []
    for request_id, count in (("a", 1000), ("b", 8000)):
        before = len(world.records())
        sheet = make_sheet(world, items_of(*[10] * count), request_id)
        (record,) = world.records()[before:]
        said = parse_event(record.line)
        assert isinstance(said, SheetCreated)
        assert said.data.vbi.elements == Sheet(items=count, root=sheet.tree.root.hex())
        assert said.data.item_sha256 == hashlib.sha256(sheet.line.encode()).hexdigest()
        assert said.data.checkpoint.value == said.data.vbi.value == 10 * count
        assert sheet.line.partition("\t")[2].encode() not in record.line
        assert b"coffee" not in record.line
        lengths.append(len(split(record.line)[0]) + len(kept(world, request_id)))

    assert abs(lengths[0] - lengths[1]) < 32  # digits of the registers


def kept(world: World, request_id: str) -> bytes:
    request = world.customers["ada"].create_sheet(request_id, world.customers["ada"].draft_sheet(request_id, ITEM))
    return world.gather([request]).replies[RequestKey(DeviceId(world.meters["ada"]), request_id)].token


ITEM = items_of(10)


def test_the_modules_total_of_what_was_printed_grows_by_the_sum(world: World) -> None:
    printed = world.inner.hot.totals.printed

    make_sheet(world, items_of(10, 20, 30))

    assert world.inner.hot.totals.printed == printed + 60
    assert data_of(world.records()[-1])["checkpoint"]["printed"] == printed + 60


def test_a_repeat_gets_the_same_sheet_and_costs_once(world: World) -> None:
    first = make_sheet(world, items_of(10, 20))
    ar = world.ask("ada").ar
    make_sheet(world, items_of(30), "later")

    again = make_sheet(world, items_of(10, 20))

    assert list(again) == list(first)
    assert world.ask("ada").ar == ar + 30


@pytest.mark.parametrize("other", [(10, 21), (20, 10), (10,), (10, 20, 10)])
def test_a_request_id_of_a_sheet_stands_for_its_items_in_their_order(world: World, other: tuple[int, ...]) -> None:
    make_sheet(world, items_of(10, 20))
    before = world.snapshot()

    with pytest.raises(RequestIdReused):
        make_sheet(world, items_of(*other))
    assert world.snapshot() == before


def test_a_request_id_of_an_item_is_not_one_of_a_sheet(world: World) -> None:
    world.spend("ada", 10, "sheet")

    with pytest.raises(RequestIdReused):
        make_sheet(world, items_of(10, elements=LETTER))


@pytest.mark.parametrize(
    ("values", "number", "limits"),
    [
        ((MINIMUM - 1, 10), 1, (MINIMUM, MAXIMUM)),
        ((10, MAXIMUM + 1), 2, (MINIMUM, MAXIMUM)),
        ((10, 10, 0), 3, (MINIMUM, MAXIMUM)),
        ((20, -10), 2, (MINIMUM, MAXIMUM)),
        ((2**53 - 1, 1 - 2**53), 1, (MINIMUM, MAXIMUM)),  # together nothing at all
    ],
)
def test_an_item_outside_the_limits_is_named_and_the_whole_sheet_refused(
    world: World, values: tuple[int, ...], number: int, limits: tuple[int, int]
) -> None:
    """E-606, for each item: a sheet is no way around the limits, in neither direction."""
    before = world.snapshot()

    with pytest.raises(SheetItemOutOfLimits) as refused:
        make_sheet(world, items_of(*values))

    assert vars(refused.value) == {
        "number": number,
        "value": values[number - 1],
        "minimum": limits[0],
        "maximum": limits[1],
    }
    assert world.snapshot() == before


def test_the_limits_of_an_items_kind_hold_in_a_sheet_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """K-22. The kind's limits lie within the module's here."""
    monkeypatch.setattr(Coupon, "LARGEST", 500)
    coupon = Coupon.read(COUPON)

    make_sheet(world, [*items_of(501), *items_of(500, elements=coupon)], "a")
    with pytest.raises(SheetItemOutOfLimits) as refused:
        make_sheet(world, [*items_of(501), *items_of(501, elements=coupon)], "b")
    assert (refused.value.number, refused.value.maximum) == (2, 500)


@pytest.mark.parametrize("said", [29, 31, 0, -30, 2**53 - 1])
def test_a_sum_that_is_not_what_the_items_are_worth_is_refused(world: World, said: int) -> None:
    ada = world.customers["ada"]
    request = ada.create_sheet("a", ada.draft_sheet("a", items_of(10, 20)))
    before = world.snapshot()

    with pytest.raises(SheetSumMismatch) as refused:
        world.execute(remac(ada, request.model_copy(update={"value": said})))

    assert (refused.value.named, refused.value.held) == (said, 30)
    assert world.snapshot() == before


def test_dr_must_hold_the_whole_sheet_or_none_of_it_is_made(world: World) -> None:
    before = world.snapshot()

    with pytest.raises(InsufficientFunds) as refused:
        make_sheet(world, items_of(60_000, 40_010))

    assert (refused.value.needed, refused.value.held) == (100_010, 100_000)
    assert world.snapshot() == before
    assert len(make_sheet(world, items_of(60_000, 40_000))) == 2


@pytest.mark.parametrize("changed", ["an item's value", "an item's text", "the seed", "the order", "one more"])
def test_the_mac_covers_every_item_and_the_seed(world: World, changed: str) -> None:
    ada = world.customers["ada"]
    request = ada.create_sheet("a", ada.draft_sheet("a", items_of(10, 20)))
    first, second = request.items
    changes: dict[str, dict[str, object]] = {
        "an item's value": {"items": (first.model_copy(update={"value": 11}), second)},
        "an item's text": {"items": (first, *items_of(20, elements=Voucher(purpose="a cake")))},
        "the seed": {"seed": bytes(32)},
        "the order": {"items": (second, first)},
        "one more": {"items": (first, second, first)},
    }

    with pytest.raises(ClientNotAuthentic):
        world.execute(request.model_copy(update=changes[changed]))


def test_nobody_gets_a_sheet_signed_by_asking_for_an_item(world: World) -> None:
    """What the root stands for is the module's own work; a root that a client makes up would be blank paper."""
    root = {"kind": "sheet", "items": 65_536, "root": "0" * 64}
    asked = orjson.loads(world.customers["ada"].create_indicium("a", 10, LETTER).model_dump_json())
    CreateIndicium.model_validate_json(orjson.dumps(asked))
    with pytest.raises(ValidationError):
        CreateIndicium.model_validate_json(orjson.dumps(asked | {"elements": root}))
    with pytest.raises(ValidationError):
        SheetItem.model_validate({"value": 10, "elements": Sheet(items=1, root="0" * 64)})


def test_a_client_believes_no_sheet_but_the_one_that_it_asked_for(world: World) -> None:
    ada = world.customers["ada"]
    asked, other = ada.draft_sheet("a", items_of(10, 20)), ada.draft_sheet("a", items_of(10, 30))
    reply = world.execute(ada.create_sheet("a", asked))

    with pytest.raises(ModuleNotAuthentic):
        ada.accept_sheet("a", reply, other)


def test_sheets_and_items_of_several_meters_travel_in_one_group(world: World) -> None:
    ada, ben = world.customers["ada"], world.customers["ben"]
    draft = ada.draft_sheet("a", items_of(10, 20))
    requests = [ben.create_indicium("b", 330, LETTER), ada.create_sheet("a", draft)]

    item, sheet = world.run(requests)

    assert isinstance(item, bytes)
    assert isinstance(sheet, bytes)
    assert ben.accept("b", item).ar == 330
    assert len(ada.accept_sheet("a", sheet, draft)) == 2
    assert [record.event for record in world.records()[-2:]] == ["indicium-created", "sheet-created"]


def test_a_record_of_a_sheet_has_no_more_items_than_a_sheet_can_have(world: World) -> None:
    make_sheet(world, items_of(10))
    line = world.records()[-1].line

    with pytest.raises(BadRecord):
        parse_event(line.replace(b'"items":1,', b'"items":%d,' % (LARGEST_SHEET + 1)))
