"""The kinds of items (K-22): typed data elements, limits of their own, and texts as people send them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from indicium.domain.errors import (
    BadValue,
    BadWeight,
    IndiciumError,
    NotAZipCode,
    UnknownKind,
    UnknownMailClass,
    ValueUnfitForKind,
)
from indicium.domain.kinds import KINDS, Elements, Ticket, elements_from, within_kind
from tests.kinds import LONGEST, USUAL

COUPON = {"issuer": "Acme", "product": "Tea", "offer": "50 cents off", "valid_until": "2026-12-31"}
TICKET = {"event": "Tosca", "place": "City Opera", "day": "2026-05-01", "begins": "19:30", "seat": ""}
GIFT = {"merchant": "Books & More", "message": "", "valid_until": "2028-02-29"}
POSTAGE = {"origin_zip": "94107", "destination_zip": "04973", "mail_class": "priority", "weight_ounces": "16"}
TEXTS = {
    "coupon": COUPON,
    "ticket": TICKET,
    "gift-certificate": GIFT,
    "postage": POSTAGE,
    "voucher": {"purpose": "Tea"},
}
ANY: TypeAdapter[Elements] = TypeAdapter(Elements)


def test_every_kind_stands_in_the_registry_under_its_name_and_a_number_of_its_own() -> None:
    assert [kind.model_fields["kind"].default for kind in KINDS.values()] == list(KINDS)
    assert sorted(kind.NUMBER for kind in KINDS.values()) == [1, 2, 3, 4, 5]
    assert set(USUAL) == set(LONGEST) == set(TEXTS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_built_from_texts_as_people_send_them(kind: str) -> None:
    elements = elements_from(kind, TEXTS[kind])

    assert elements.kind == kind
    said = elements.model_dump(mode="json")
    assert {name: str(said[name]) for name in TEXTS[kind]} == TEXTS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_data_elements_come_back_from_their_bytes(kind: str) -> None:
    for elements in (USUAL[kind][1], LONGEST[kind]):
        rendered = elements.rendered()
        assert rendered == elements.model_dump_json().encode()
        assert ANY.validate_json(rendered) == elements
        assert ANY.validate_json(rendered).rendered() == rendered


@pytest.mark.parametrize(
    ("kind", "change", "error", "said"),
    [
        ("money", {}, UnknownKind, "postage, voucher, coupon, ticket, gift-certificate"),
        ("Coupon", {}, UnknownKind, "coupon"),
        (
            "coupon",
            {"colour": "red"},
            BadValue,
            "colour: the kind coupon has no such data element, only issuer, product, offer, valid_until.",
        ),
        ("coupon", {"issuer": None}, BadValue, "issuer: it is missing."),
        ("coupon", {"issuer": ""}, BadValue, "issuer: it is empty."),
        ("coupon", {"issuer": "x" * 81}, BadValue, "issuer: at most 80 bytes in UTF-8."),
        ("coupon", {"issuer": "é" * 41}, BadValue, "issuer: at most 80 bytes in UTF-8."),
        ("coupon", {"offer": "x" * 121}, BadValue, "offer: at most 120 bytes in UTF-8."),
        ("coupon", {"valid_until": "31.12.2026"}, BadValue, "valid_until: a day, as in 2026-11-30."),
        ("coupon", {"valid_until": "2026-02-29"}, BadValue, "valid_until: a day, as in 2026-11-30."),
        ("coupon", {"valid_until": "2026-1-1"}, BadValue, "valid_until: a day, as in 2026-11-30."),
        ("coupon", {"valid_until": "20261231"}, BadValue, "valid_until: a day, as in 2026-11-30."),
        ("coupon", {"valid_until": "1798675200"}, BadValue, "valid_until: a day, as in 2026-11-30."),
        ("ticket", {"begins": "24:00"}, BadValue, "begins: hour and minute, as in 19:30."),
        ("ticket", {"begins": "7:30"}, BadValue, "begins: hour and minute, as in 19:30."),
        ("ticket", {"begins": "19:30\n"}, BadValue, "begins: hour and minute, as in 19:30."),
        ("ticket", {"begins": "١٩:٣٠"}, BadValue, "begins: hour and minute, as in 19:30."),
        ("ticket", {"event": ""}, BadValue, "event: it is empty."),
        ("gift-certificate", {"message": "x" * 241}, BadValue, "message: at most 240 bytes in UTF-8."),
        ("voucher", {"purpose": "x" * 201}, BadValue, "purpose: it has more than 200 characters."),
        ("postage", {"origin_zip": "9410"}, NotAZipCode, "04973"),
        ("postage", {"mail_class": "fourth"}, UnknownMailClass, "first-class letter"),
        ("postage", {"weight_ounces": "1.5"}, BadWeight, "1120"),
        ("postage", {"weight_ounces": None}, BadValue, "weight_ounces: it is missing."),
    ],
)
def test_texts_that_break_a_rule_are_refused_with_the_members_name(
    kind: str, change: dict[str, str | None], error: type[IndiciumError], said: str
) -> None:
    texts = TEXTS.get(kind, {}) | change

    with pytest.raises(error) as refused:
        elements_from(kind, {name: text for name, text in texts.items() if text is not None})
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "two\nlines",
        "a\ttab",
        "bell\x07",
        "escape \x1b[31m",
        "\u202eright to left",
        "zero\u200bwidth",
        "zero\u200djoiner",
        "mark\ufeff",
        "line\u2028separator",
        "no-break\u00a0blank",
        "ideographic\u3000blank",
        "private\ue000use",
        " blank before",
        "blank behind ",
        "e\u0301 in two parts",  # decomposed
        "\u212b",  # the unit angstrom, which NFC writes as the letter
    ],
)
def test_a_line_is_what_everybody_sees_and_types_alike(text: str) -> None:
    for kind, member in (
        ("coupon", "issuer"),
        ("ticket", "place"),
        ("ticket", "seat"),
        ("gift-certificate", "message"),
        ("voucher", "purpose"),
    ):
        with pytest.raises(BadValue) as refused:
            elements_from(kind, TEXTS[kind] | {member: text})
        assert refused.value.field == member
        with pytest.raises(ValidationError):
            ANY.validate_python(USUAL[kind][1].model_dump() | {member: text})


@pytest.mark.parametrize("text", ["Ångström", "東京 タワー", "🎟 x", "مسرح", "\U0001fae8 or newer \U000e0fff"])
def test_a_line_may_be_of_any_script(text: str) -> None:
    """Also of characters that this Python does not know: who checks an item may have an older one than its module."""
    assert elements_from("coupon", COUPON | {"issuer": text}).model_dump()["issuer"] == text


@given(st.text())
def test_what_is_taken_comes_back_byte_for_byte(text: str) -> None:
    try:
        elements = elements_from("gift-certificate", GIFT | {"message": text})
    except BadValue:
        return
    assert elements.model_dump()["message"] == text
    assert ANY.validate_json(elements.model_dump_json()) == elements


@pytest.mark.parametrize(
    ("kind", "smallest", "largest"),
    [
        ("postage", 1, 500_000),
        ("voucher", 1, 2**53 - 1),
        ("coupon", 10, 100_000),
        ("ticket", 100, 10_000_000),
        ("gift-certificate", 1000, 2_000_000),
    ],
)
def test_a_kind_has_limits_of_its_own_both_inclusive(kind: str, smallest: int, largest: int) -> None:
    elements = USUAL[kind][1]

    for value in (smallest, largest):
        within_kind(elements, value)
    for value in (smallest - 1, largest + 1, -smallest):
        with pytest.raises(ValueUnfitForKind) as refused:
            within_kind(elements, value)
        assert vars(refused.value) == {"kind": kind, "smallest": smallest, "largest": largest}


def test_some_kinds_have_a_last_day() -> None:
    assert {kind: elements.last_day for kind, (_, elements) in USUAL.items()} == {
        "postage": None,
        "voucher": None,
        "coupon": date(2099, 12, 31),
        "ticket": date(2099, 5, 1),
        "gift-certificate": date(2099, 3, 2),
    }


def test_a_day_is_written_as_a_day_and_nothing_else() -> None:
    ticket = USUAL["ticket"][1].model_dump_json()

    for other in ('"2099-05-01T00:00:00"', "4081190400", '"4081190400"', "null", "[2099,5,1]"):
        with pytest.raises(ValidationError):
            Ticket.model_validate_json(ticket.replace('"2099-05-01"', other))
