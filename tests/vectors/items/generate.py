"""Writes the vectors of items: each as a line, in its compact form with and without certificate, postage as IBI-Lite.

`bad` holds changed compact forms that a reader refuses. `sheets.json` holds items of sheets in both their forms, and
changed ones with what a reader must say. Needs the package `cryptography` and this checkout.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from indicium.domain import compact, compact_sheets
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.kinds import Sheet
from indicium.domain.sheets import HASH_BYTES, Draft, SignedSheet
from indicium.domain.vbi import parse_item, render_body
from tests.kinds import LONGEST, USUAL

HERE = Path(__file__).parent
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALGORITHM = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
DEVICE, TRANSACTION = "1000000001", 6
SEED = bytes(range(32))


def key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()), ec.SECP256R1())


METER, AUTHORITY = key("indicium item vector meter"), key("indicium item vector authority")


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def certificate(name: str, public: ec.EllipticCurvePublicKey, serial: int, *, ca: bool) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("Vector CA"))
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(datetime(2026, 3, 1, tzinfo=UTC))
        .not_valid_after(datetime(2029, 3, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .sign(AUTHORITY, hashes.SHA256(), ecdsa_deterministic=True)
    )


def signed(body: bytes) -> bytes:
    r, s = decode_dss_signature(METER.sign(body, ALGORITHM))
    return body + b"\t" + base64.b64encode(encode_dss_signature(r, min(s, ORDER - s)))


def main() -> None:
    ca = certificate("Vector CA", AUTHORITY.public_key(), 1, ca=True)
    proof = certificate(DEVICE, METER.public_key(), 0x7F, ca=False)
    der = proof.public_bytes(serialization.Encoding.DER)
    (HERE / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    good = []
    for kind, (value, usual) in USUAL.items():
        for name, elements in (("usual", usual), ("longest", LONGEST[kind])):
            body = render_body(
                device=DEVICE,
                certificate="7f",
                transaction=TRANSACTION,
                ar=value,
                dr=500_000 - value,
                value=value,
                date="2026-03-02",
                elements=elements.rendered(),
            )
            item = parse_item(signed(body))
            good.append(
                {
                    "name": f"{kind}-{name}",
                    "line": item.line.decode(),
                    "sha256": item.sha256,
                    "compact": compact.encode(item).hex(),
                    "with_certificate": compact.encode(item, der).hex(),
                    "ibi_lite": IbiLite.of(item).encode().hex() if kind == "postage" else None,
                }
            )
    first = bytes.fromhex(str(good[0]["compact"]))
    bad = {
        "empty": b"",
        "version-2": b"\2" + first[1:],
        "form-99": first[:1] + b"\x63" + first[2:],
        "kind-99": first[:2] + b"\x63" + first[3:],
        "kind-number-too-long": first[:2] + b"\x81\0" + first[3:],
        "cut": first[:-1],
        "byte-behind": first + b"\0",
        "zip-letter": first.replace(b"94107", b"9410x"),
        "signature-as-it-is": first[:-66] + b"\0" + b"\x47" + item_signature(good[0]) + b"\0",
    }
    cases = {"good": good, "bad": {name: data.hex() for name, data in bad.items()}}
    write("items.json", cases)
    write("sheets.json", sheets(der))


def write(name: str, cases: object) -> None:
    (HERE / name).write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sheet_of(items: list[SheetItem]) -> SignedSheet:
    draft = Draft(SEED, items)
    body = render_body(
        device=DEVICE,
        certificate="7f",
        transaction=TRANSACTION,
        ar=draft.value,
        dr=500_000 - draft.value,
        value=draft.value,
        date="2026-03-02",
        elements=Sheet(items=len(items), root=draft.tree.root.hex()).rendered(),
    )
    sheet = draft.signed(signed(body).decode())
    assert sheet is not None
    return sheet


def sheets(der: bytes) -> object:
    """A sheet of one item, and one of seven, whose tree is not full: of each kind one, and two letters."""
    items = [SheetItem(value=value, elements=elements) for value, elements in (*USUAL.values(), *USUAL.values())][:7]
    good = [
        {
            "name": f"{item.place + 1}-of-{len(sheet)}",
            "line": item.line.decode(),
            "key": item.key,
            "compact": compact_sheets.encode(item).hex(),
            "with_certificate": compact_sheets.encode(item, der).hex(),
        }
        for sheet in (sheet_of(items[:1]), sheet_of(items))
        for item in sheet
    ]
    sheet = sheet_of(items)
    item, written = sheet[2], compact_sheets.encode(sheet[2])
    at = written.index(bytes.fromhex(item.check()[0].salt)) - 1
    path = written.index(item.path)
    bad = {
        "empty": ("not-an-item", b""),
        "version-2": ("not-an-item", b"\2" + written[1:]),
        "form-1": ("not-an-item", written[:1] + b"\1" + written[2:]),
        "cut": ("not-an-item", written[:-1]),
        "byte-behind": ("not-an-item", written + b"\0"),
        "place-too-long": ("not-an-item", written[:at] + b"\x82\0" + written[at + 1 :]),
        "path-of-17": ("not-an-item", written[: path - 1] + b"\x11" + bytes(17 * HASH_BYTES) + b"\0"),
        "place-of-another": ("item-not-of-sheet", written[:at] + b"\3" + written[at + 1 :]),
        "place-behind-the-last": ("item-not-of-sheet", written[:at] + b"\7" + written[at + 1 :]),
        "salt": ("item-not-of-sheet", written[: at + 1] + bytes(16) + written[at + 17 :]),
        "path-of-another": ("item-not-of-sheet", written.replace(item.path, sheet[3].path)),
        "path-reversed": ("item-not-of-sheet", written.replace(item.path, item.path[::-1])),
        "path-shorter": (
            "item-not-of-sheet",
            written[: path - 1] + b"\2" + item.path[: 2 * HASH_BYTES] + written[path + len(item.path) :],
        ),
    }
    return {
        "seed": SEED.hex(),
        "good": good,
        "bad": {name: {"error": error, "bytes": data.hex()} for name, (error, data) in bad.items()},
    }


def item_signature(case: dict[str, str | None]) -> bytes:
    return base64.b64decode(str(case["line"]).partition("\t")[2])


if __name__ == "__main__":
    main()
