"""Value-bearing items (G-906): data elements as people send them, rendered once."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indicium.domain.errors import BadWeight, IndiciumError, NotAnItem, NotAZipCode, UnknownMailClass
from indicium.domain.kinds import Postage, Voucher, postage
from indicium.domain.kinds.postage import HEAVIEST_OUNCES, MAIL_CLASSES
from indicium.domain.record import parse
from indicium.domain.vbi import LONGEST_LINE, ItemBody, parse_item, render_body
from tests.domain.items import BODIES, SEEN, body_of
from tests.kinds import USUAL

ELEMENTS = st.one_of(
    st.builds(
        postage,
        st.from_regex(r"[0-9]{5}", fullmatch=True).filter(str.isascii),
        st.from_regex(r"[0-9]{5}", fullmatch=True).filter(str.isascii),
        st.sampled_from(MAIL_CLASSES),
        st.integers(1, HEAVIEST_OUNCES),
    ),
    st.builds(Voucher, purpose=SEEN),
)


@pytest.mark.parametrize(
    ("given_values", "error"),
    [
        (("9410", "x", "x", "x"), NotAZipCode),
        (("941070", "04973", "priority", 1), NotAZipCode),
        (("94107", "0497", "x", 0), NotAZipCode),
        (("94107", "04973\n", "priority", 1), NotAZipCode),
        (("94107", "٠٤٩٧٣", "priority", 1), NotAZipCode),  # digits of another script
        (("94107", "04973", "Priority", 0), UnknownMailClass),
        (("94107", "04973", "", 1), UnknownMailClass),
        (("94107", "04973", "priority", 0), BadWeight),
        (("94107", "04973", "priority", HEAVIEST_OUNCES + 1), BadWeight),
        (("94107", "04973", "priority", -1), BadWeight),
        (("94107", "04973", "priority", "1.5"), BadWeight),
        (("94107", "04973", "priority", "1" * 5000), BadWeight),
        (("94107", "04973", "priority", ""), BadWeight),
        (("94107", "04973", "priority", " 1"), BadWeight),
        (("94107", "04973", "priority", "²"), BadWeight),
    ],
)
def test_what_people_send_is_refused_in_its_order(
    given_values: tuple[str, str, str, str | int], error: type[IndiciumError]
) -> None:
    with pytest.raises(error):
        postage(*given_values)


@pytest.mark.parametrize("weight", ["1", "0001", 1, HEAVIEST_OUNCES, str(HEAVIEST_OUNCES)])
def test_weights_are_whole_ounces_up_to_seventy_pounds(weight: str | int) -> None:
    assert postage("94107", "04973", "express", weight).weight_ounces == int(weight)


@given(ELEMENTS, st.integers(1, 2**53 - 1), st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1))
def test_a_rendered_body_reads_as_what_it_says(elements: Postage | Voucher, value: int, ar: int, dr: int) -> None:
    body = render_body(
        device="1000000001",
        certificate="7f",
        transaction=6,
        ar=ar,
        dr=dr,
        value=value,
        date="2026-03-02",
        elements=elements.rendered(),
    )

    read = ItemBody.model_validate_json(body)
    assert read.model_dump_json().encode() == body
    assert (read.device, read.certificate, read.transaction) == ("1000000001", "7f", 6)
    assert (read.value, read.ar, read.dr, read.date, read.elements) == (value, ar, dr, "2026-03-02", elements)
    assert b"\n" not in body
    assert b"\t" not in body


@given(ELEMENTS)
def test_a_body_is_fit_to_stand_in_a_record(elements: Postage | Voucher) -> None:
    """Strict reading of record format 1 takes it, whatever a voucher says."""
    body = render_body(
        device="1",
        certificate="7f",
        transaction=6,
        ar=1,
        dr=2,
        value=3,
        date="2026-03-02",
        elements=elements.rendered(),
    )
    zeros = "0" * 64
    line = (
        f'{{"format":1,"previous":"{zeros}","chain":"{zeros[:32]}","module":"1","sequence":1,"event":"vbi",'
        f'"suite":"modern","key":"{zeros}","software":"psd","command":"CreateIndicium","user":null,"role":null,'
        f'"state":"operational","persistent":"operational","at":"2026-03-02T09:00:00.000000Z","reason":0,"data":'
    ).encode() + b'{"vbi":%b}}' % body

    assert parse(line).data["vbi"]["value"] == 3


@pytest.mark.parametrize("purpose", ["", "x" * 201])
def test_a_voucher_says_something_and_not_too_much(purpose: str) -> None:
    with pytest.raises(ValidationError):
        Voucher(purpose=purpose)


@given(BODIES, st.binary(min_size=1, max_size=100))
def test_an_item_is_read_from_its_line(body: bytes, signature: bytes) -> None:
    line = body + b"\t" + base64.b64encode(signature)

    item = parse_item(line)

    assert (item.signed, item.signature, item.line) == (body, signature, line)
    assert item.sha256 == hashlib.sha256(line).hexdigest()
    assert item.body.model_dump_json().encode() == body


LINE = body_of(USUAL["postage"][1]) + b"\tAAAA"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "it is not a JSON object, a TAB and a signature"),
        (LINE.replace(b"\t", b" "), "it is not a JSON object, a TAB and a signature"),
        (LINE[:-1], "its signature is not in strict base64"),
        (LINE[:-4], "its signature is not in strict base64"),
        (LINE + b"\n", "its signature is not in strict base64"),
        (LINE[:-4] + b"AB==", "its signature is not in strict base64"),  # stray bits
        (LINE[:-4] + b"AA-_", "its signature is not in strict base64"),
        (LINE + b"\tAAAA", "its signature is not in strict base64"),
        (b"[]" + LINE[-5:], "JSON is not as an item has it"),
        (LINE[1:], "JSON is not as an item has it"),
        (b"\xff" + LINE, "JSON is not as an item has it"),
        (b"[" * 5000 + LINE, "JSON is not as an item has it"),
        (LINE.replace(b'"vbi":1', b'"vbi":2'), "vbi is not as an item has it"),
        (LINE.replace(b'"vbi":1', b'"vbi":true'), "its members are written otherwise than a module writes them"),
        (LINE.replace(b'"ar":330', b'"ar":330.0'), "ar is not as an item has it"),
        (LINE.replace(b'"ar":330', b'"ar":-1'), "ar is not as an item has it"),
        (LINE.replace(b'"ar":330', b'"ar":9007199254740992'), "ar is not as an item has it"),
        (LINE.replace(b'"ar":330', b'"ar":"330"'), "ar is not as an item has it"),
        (LINE.replace(b'"ar":330,', b""), "ar is not as an item has it"),
        (LINE.replace(b'"ar":330', b'"ar":330,"br":1'), "br is not as an item has it"),
        (LINE.replace(b"1000000001", b"100000001"), "device is not as an item has it"),
        (LINE.replace(b'"7f"', b'"7F"'), "certificate is not as an item has it"),
        (LINE.replace(b'"7f"', b'"07f"'), "certificate is not as an item has it"),
        (LINE.replace(b"2026-03-02", b"2026-3-2"), "date is not as an item has it"),
        (LINE.replace(b"2026-03-02", b"2026-02-30"), "date is not as an item has it"),
        (LINE.replace(b'"kind":"postage"', b'"kind":"money"'), "elements is not as an item has it"),
        (LINE.replace(b"94107", b"9410x"), "elements.postage.origin_zip is not as an item has it"),
        (LINE.replace(b'"ar":330', b'"ar":1,"ar":330'), "its members are written otherwise than a module writes them"),
        (LINE.replace(b'"ar":330', b'"ar": 330'), "its members are written otherwise than a module writes them"),
        (LINE.replace(b'"7f"', b'"\\u0037f"'), "its members are written otherwise than a module writes them"),
        (
            LINE.replace(b'"ar":330,"dr":9670', b'"dr":9670,"ar":330'),
            "its members are written otherwise than a module writes them",
        ),
        (b" " * LONGEST_LINE + LINE, "it is too long"),
    ],
)
def test_a_line_has_one_form_and_says_what_is_wrong_with_another(line: bytes, why: str) -> None:
    with pytest.raises(NotAnItem) as refused:
        parse_item(line)
    assert refused.value.why == why
