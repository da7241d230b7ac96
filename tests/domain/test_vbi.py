"""Value-bearing items (G-906): data elements as people send them, rendered once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indicium.domain.errors import BadWeight, IndiciumError, NotAZipCode, UnknownMailClass
from indicium.domain.kinds import Postage, Voucher, postage
from indicium.domain.kinds.postage import HEAVIEST_OUNCES, MAIL_CLASSES
from indicium.domain.record import parse
from indicium.domain.vbi import ItemBody, render_body

ELEMENTS = st.one_of(
    st.builds(
        postage,
        st.from_regex(r"[0-9]{5}", fullmatch=True).filter(str.isascii),
        st.from_regex(r"[0-9]{5}", fullmatch=True).filter(str.isascii),
        st.sampled_from(MAIL_CLASSES),
        st.integers(1, HEAVIEST_OUNCES),
    ),
    st.builds(Voucher, purpose=st.text(min_size=1, max_size=200)),
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
        elements=elements.model_dump_json(),
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
        elements=elements.model_dump_json(),
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
