"""Items of each kind: as people have them, and at their longest."""

from datetime import date

from indicium.domain.kinds import Coupon, Elements, GiftCertificate, Ticket, Voucher, postage
from indicium.domain.kinds.postage import HEAVIEST_OUNCES

USUAL: dict[str, tuple[int, Elements]] = {
    "postage": (330, postage("94107", "04973", "first-class letter", 1)),
    "voucher": (3500, Voucher(purpose="Kaffee & Kuchen «für zwei»")),
    "coupon": (
        500,
        Coupon(issuer="Acme Teas", product="Assam, 250 g", offer="50 cents off", valid_until=date(2099, 12, 31)),
    ),
    "ticket": (
        89_000,
        Ticket(event="Tosca", place="City Opera", day=date(2099, 5, 1), begins="19:30", seat="Block B, row 4, seat 17"),
    ),
    "gift-certificate": (
        25_000,
        GiftCertificate(merchant="Bücher Müller", message="Alles Gute, Opa 🎈", valid_until=date(2099, 3, 2)),
    ),
}
"""One of each kind that a client may ask for: its value in mills and its data elements."""

_FOUR_BYTES = "🎟"

LONGEST: dict[str, Elements] = {
    "postage": postage("94107", "04973", "first-class letter", HEAVIEST_OUNCES),
    "voucher": Voucher(purpose=_FOUR_BYTES * 200),
    "coupon": Coupon(
        issuer=_FOUR_BYTES * 20, product=_FOUR_BYTES * 30, offer=_FOUR_BYTES * 30, valid_until=date(9999, 12, 31)
    ),
    "ticket": Ticket(
        event=_FOUR_BYTES * 30, place=_FOUR_BYTES * 30, day=date(9999, 12, 31), begins="19:30", seat=_FOUR_BYTES * 20
    ),
    "gift-certificate": GiftCertificate(
        merchant=_FOUR_BYTES * 20, message=_FOUR_BYTES * 60, valid_until=date(9999, 12, 31)
    ),
}
"""One of each kind with as much in it as its members take."""
