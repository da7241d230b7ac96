"""The compact form of an item: another writing of the same item, in one form, that fits a Data Matrix."""

import base64
import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indicium.domain import compact
from indicium.domain.binary import Reader, counted, number
from indicium.domain.errors import NotAnItem
from indicium.domain.kinds import KINDS, Elements
from indicium.domain.vbi import SignedItem, parse_item, render_body
from tests.domain.items import BODIES, DER_SIGNATURES, body_of
from tests.kinds import LONGEST, USUAL

SIGNATURE = base64.b64decode(
    "MEUCIQD8B71jFRo7ZNPpS7P19St83NP6KxGWdkUfAF4wdL+UzwIgO9V6HXAUflyqOQbg3ysI1Egr0Y0DY0Mb6r1qWC5QiBo="
)
"""Of ECDSA on P-256: r begins with a set bit, so that its DER has a zero before it."""
LARGEST = 2**53 - 1
CERTIFICATE_BYTES = 330
"""More than a meter's certificate of the suite `modern` has."""


def an_item(elements: Elements, signature: bytes = SIGNATURE, **members: object) -> SignedItem:
    body = body_of(elements, **members)
    return parse_item(body + b"\t" + base64.b64encode(signature))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("certificate", [b"", b"certificate"])
def test_an_item_of_each_kind_comes_back_as_the_bytes_that_were_signed(kind: str, certificate: bytes) -> None:
    for elements in (USUAL[kind][1], LONGEST[kind]):
        item = an_item(elements)

        read = compact.decode(compact.encode(item, certificate))

        assert (read.item.line, read.item.body, read.certificate) == (item.line, item.body, certificate)
        assert read.item.sha256 == hashlib.sha256(item.line).hexdigest()


@given(BODIES, st.binary(min_size=1, max_size=100) | DER_SIGNATURES, st.binary(max_size=400))
def test_every_item_has_a_compact_form_and_one_only(body: bytes, signature: bytes, certificate: bytes) -> None:
    item = parse_item(body + b"\t" + base64.b64encode(signature))

    written = compact.encode(item, certificate)

    read = compact.decode(written)
    assert (read.item.line, read.certificate) == (item.line, certificate)
    assert compact.encode(read.item, read.certificate) == written


@given(BODIES, DER_SIGNATURES, st.data())
def test_whatever_is_read_is_written_back_as_the_same_bytes(body: bytes, signature: bytes, data: st.DataObject) -> None:
    """Bytes that were changed are another item, or none; two writings of one item there are not."""
    written = compact.encode(parse_item(body + b"\t" + base64.b64encode(signature)), b"der")
    place = data.draw(st.integers(0, len(written) - 1))
    changed = data.draw(
        st.sampled_from([written[:place], written[:place] + written[place + 1 :]])
        | st.builds(lambda more: written[:place] + more + written[place:], st.binary(min_size=1, max_size=3))
        | st.builds(lambda bit: written[:place] + bytes([written[place] ^ 1 << bit]) + written[place + 1 :], _BITS)
    )

    try:
        read = compact.decode(changed)
    except NotAnItem:
        return
    assert compact.encode(read.item, read.certificate) == changed
    assert parse_item(read.item.line).body == read.item.body


_BITS = st.integers(0, 7)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\1\1")
def test_bytes_that_are_nothing_are_no_item(data: bytes) -> None:
    for given_bytes in (data, b"\1\1" + data, b"\1\1\2" + data):
        try:
            read = compact.decode(given_bytes)
        except NotAnItem:
            continue
        assert compact.encode(read.item, read.certificate) == given_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_at_its_longest_fits_one_data_matrix_with_the_meters_certificate(kind: str) -> None:
    item = an_item(LONGEST[kind], transaction=LARGEST, ar=LARGEST, dr=LARGEST, value=LARGEST, certificate="f" * 40)

    size = len(compact.encode(item, bytes(CERTIFICATE_BYTES)))

    assert size <= compact.DATA_MATRIX_BYTES
    assert size == {"postage": 476, "voucher": 1263, "coupon": 788, "ticket": 794, "gift-certificate": 788}[kind]


def test_a_letters_item_takes_119_bytes_by_itself() -> None:
    serial = "75186002fe3ed01c5a7b3d01ddf5db2f765eae0"
    item = an_item(USUAL["postage"][1], transaction=6, ar=330, dr=9670, value=330, certificate=serial)

    written = compact.encode(item)

    assert written.hex() == (
        "01"  # version
        "01"  # form: an item by itself
        "01"  # kind: postage
        "8194ebdc03"  # device 1000000001
        "14075186002fe3ed01c5a7b3d01ddf5db2f765eae0"  # serial number of the certificate
        "06"  # transaction
        "ca02"  # ar
        "c64b"  # dr
        "ca02"  # value
        "dd922d"  # 2026-03-02
        "053934313037"  # 94107
        "053034393733"  # 04973
        "00"  # first-class letter
        "01"  # an ounce
        "20"  # a signature of two numbers of 32 bytes
        "fc07bd63151a3b64d3e94bb3f5f52b7cdcd3fa2b119676451f005e3074bf94cf"
        "3bd57a1d70147e5caa3906e0df2b08d4482bd18d0363431beabd6a582e50881a"
        "00"  # no certificate
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1], "it ends early"),
        (lambda data: data[:0], "it ends early"),
        (lambda data: data + b"\0", "bytes follow behind it"),
        (lambda data: b"\2" + data[1:], "version 2 of the compact form is not known"),
        (lambda data: data[:1] + b"\7" + data[2:], "form 7 is not known"),
        (lambda data: data[:2] + b"\x63" + data[3:], "no kind of item has the number 99"),
        (lambda data: data[:2] + b"\x81\0" + data[3:], "a number in it is longer than it must be"),
        (lambda data: data[:2] + b"\xff" * 8 + data[3:], "a number in it is too large"),
        (lambda data: data[:2] + b"\xff" * 7 + b"\x10" + data[3:], "a number in it is too large"),
        (lambda data: data.replace(b"\x14\7\x51", b"\x15\0\7\x51"), "a number in it is longer than it must be"),
        (lambda data: data.replace(b"\x14\7\x51", b"\x15\1\7\x51"), "certificate is not as an item has it"),
        (lambda data: data.replace(b"\xdd\x92\x2d", b"\0"), "a day in it is outside the calendar"),
        (lambda data: data.replace(b"\xdd\x92\x2d", b"\xff\xff\xff\x7f"), "a day in it is outside the calendar"),
        (lambda data: data.replace(b"94107", b"9410x"), "origin_zip is not as an item has it"),
        (lambda data: data.replace(b"94107", b"9410\xff"), "a text in it is not UTF-8"),
        (lambda data: data.replace(b"04973\0", b"04973\4"), "a choice in it is not known"),
        (lambda data: data.replace(b"04973\0\1", b"04973\0\0"), "weight_ounces is not as an item has it"),
        (lambda data: data.replace(b"\x20\xfc", b"\x21\xfc"), "its signature is of no known length"),
        (lambda data: data.replace(b"\x20\xfc", b"\0\0\xfc"), "its signature is written otherwise than it must be"),
        (lambda data: data[:-66] + number(0) + counted(SIGNATURE) + b"\0", "its signature is written otherwise"),
        (lambda data: data[:-65] + bytes(64) + b"\0", "its signature is written otherwise"),  # 20 bytes are enough
        (lambda data: data + bytes(compact.LONGEST), "it is too long"),
    ],
)
def test_what_is_written_otherwise_is_refused_with_its_reason(change: object, said: str) -> None:
    item = an_item(USUAL["postage"][1], certificate="75186002fe3ed01c5a7b3d01ddf5db2f765eae0")
    assert callable(change)
    changed = change(compact.encode(item))

    with pytest.raises(NotAnItem) as refused:
        compact.decode(changed)
    assert said in str(refused.value)


@given(st.integers(0, LARGEST))
@example(0)
@example(127)
@example(128)
@example(LARGEST)
def test_a_number_comes_back_from_its_shortest_form(value: int) -> None:
    written = number(value)

    reader = Reader(written)
    assert reader.number() == value
    reader.end()
    assert len(written) == max(1, -(-value.bit_length() // 7))


def test_kinds_have_the_numbers_by_which_they_are_read() -> None:
    for kind in KINDS.values():
        assert compact.kind_numbered(kind.NUMBER) is kind


def test_a_line_and_its_compact_form_are_one_item_for_the_ledger() -> None:
    line = render_body(
        device="1000000001",
        certificate="0",
        transaction=0,
        ar=0,
        dr=0,
        value=0,
        date="0001-01-01",
        elements=USUAL["voucher"][1].rendered(),
    )
    item = parse_item(line + b"\t" + base64.b64encode(b"\0"))

    assert compact.decode(compact.encode(item)).item.sha256 == hashlib.sha256(item.line).hexdigest()
