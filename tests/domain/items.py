"""Items as hypothesis makes them, of every kind."""

import unicodedata
from datetime import date

from hypothesis import strategies as st

from indicium.domain.kinds import Coupon, Elements, GiftCertificate, Ticket, Voucher, postage
from indicium.domain.kinds.postage import HEAVIEST_OUNCES, MAIL_CLASSES
from indicium.domain.vbi import render_body

_ZIPS = st.from_regex(r"[0-9]{5}", fullmatch=True).filter(str.isascii)
_LINES = st.text(alphabet="abc éß東🎟-,", min_size=1, max_size=20).map(lambda text: text.strip() or "x")
_DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))

SEEN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"), include_characters=" "),
    min_size=1,
    max_size=60,
).map(lambda text: unicodedata.normalize("NFC", text).strip() or "x")
"""Lines of whatever characters people see."""

ELEMENTS: st.SearchStrategy[Elements] = st.one_of(
    st.builds(postage, _ZIPS, _ZIPS, st.sampled_from(MAIL_CLASSES), st.integers(1, HEAVIEST_OUNCES)),
    st.builds(Voucher, purpose=SEEN),
    st.builds(Coupon, issuer=_LINES, product=_LINES, offer=_LINES, valid_until=_DAYS),
    st.builds(Ticket, event=_LINES, place=_LINES, day=_DAYS, begins=st.just("23:59"), seat=_LINES | st.just("")),
    st.builds(GiftCertificate, merchant=_LINES, message=_LINES | st.just(""), valid_until=_DAYS),
)


def body_of(elements: Elements, **members: object) -> bytes:
    """Render an item's body; what is not named is as in an item of a letter."""
    said = {"device": "1000000001", "certificate": "7f", "transaction": 6, "ar": 330, "dr": 9670, "value": 330}
    said |= {"date": "2026-03-02"} | members
    return render_body(**said, elements=elements.rendered())  # type: ignore[arg-type]  # what a test names


_NUMBERS = st.integers(0, 2**53 - 1)

BODIES = st.builds(
    body_of,
    ELEMENTS,
    device=st.integers(0, 9_999_999_999).map("{:010d}".format),
    certificate=st.integers(0, 2**160 - 1).map("{:x}".format),
    transaction=_NUMBERS,
    ar=_NUMBERS,
    dr=_NUMBERS,
    value=_NUMBERS,
    date=_DAYS.map(date.isoformat),
)


def der(r: int, s: int) -> bytes:
    """Write a signature of two numbers, as DSA and ECDSA have it."""
    parts = b"".join(
        bytes((2, size)) + value.to_bytes(size) for value in (r, s) for size in (value.bit_length() // 8 + 1,)
    )
    return bytes((0x30, len(parts))) + parts


DER_SIGNATURES = st.one_of(
    *(st.builds(der, st.integers(0, 2**bits - 1), st.integers(0, 2**bits - 1)) for bits in (8, 160, 161, 256, 257, 400))
)
