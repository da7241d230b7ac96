"""Writes the vectors of items: each as a line, in its compact form with and without certificate, postage as IBI-Lite.

`bad` holds changed compact forms with what a reader must say. Needs the package `cryptography` and this checkout.
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

from indicium.domain import compact
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.vbi import parse_item, render_body
from tests.kinds import LONGEST, USUAL

HERE = Path(__file__).parent
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALGORITHM = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
DEVICE, TRANSACTION = "1000000001", 6


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
    (HERE / "items.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def item_signature(case: dict[str, str | None]) -> bytes:
    return base64.b64decode(str(case["line"]).partition("\t")[2])


if __name__ == "__main__":
    main()
