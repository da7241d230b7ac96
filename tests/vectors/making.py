"""The keys of the chain vectors, their lines, and their two good chains: of one key, and of three in a row."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEY = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"indicium test vector key").digest()), ec.SECP256R1())
OTHER = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"another key").digest()), ec.SECP256R1())
SECOND = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"the second key").digest()), ec.SECP256R1())
THIRD = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"the third key").digest()), ec.SECP256R1())
CHAIN, SERIAL, INTERVAL = "00112233445566778899aabbccddeeff", "34576590", 4
ALGORITHM = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
Case = tuple[str, bytes, str | None, str | None, str, int | None, str]
Key = ec.EllipticCurvePrivateKey


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def sign(body: bytes, key: ec.EllipticCurvePrivateKey = KEY, *, low: bool = True) -> bytes:
    r, s = decode_dss_signature(key.sign(body, ALGORITHM))
    if (s > ORDER // 2) == low:
        s = ORDER - s
    return base64.b64encode(encode_dss_signature(r, s))


def body(sequence: int, previous: str, event: str, data: dict[str, object], **change: object) -> bytes:
    members = {
        "format": 1,
        "previous": previous,
        "chain": CHAIN,
        "module": SERIAL,
        "sequence": sequence,
        "event": event,
        "suite": "modern",
        "key": fingerprint(KEY),
        "software": "audit",
        "command": "CreateAuditEntry",
        "user": None,
        "role": None,
        "state": "operational",
        "persistent": "operational",
        "at": f"1999-08-06T23:53:{sequence:02d}.000000Z",
        "reason": 0,
        "data": data,
    }
    return json.dumps(members | change, separators=(",", ":"), ensure_ascii=False).encode()


def chain() -> list[bytes]:
    """Ten records; 1 (start of the chain), 4 and 8 (the interval) are signed; the tail of two is not."""
    lines: list[bytes] = []
    previous = "0" * 64
    for sequence in range(1, 11):
        data: dict[str, object] = {"text": f"Prüfung №{sequence} ✓"}
        event = "audit-entry-created"
        if sequence == 1:
            event, data = "initialization-started", {"interval": INTERVAL, "audit_key": public_pem(KEY).decode()}
        line = body(sequence, previous, event, data)
        if sequence == 1 or sequence % INTERVAL == 0:
            line += b"\t" + sign(line)
        lines.append(line)
        previous = hashlib.sha256(line).hexdigest()
    return lines


def file_of(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


GOOD = chain()
HEAD = f"10:{hashlib.sha256(GOOD[9]).hexdigest()}"
HEAD8 = f"8:{hashlib.sha256(GOOD[7]).hexdigest()}"
UNSIGNED4 = GOOD[3].partition(b"\t")[0]
BODY8 = GOOD[7].partition(b"\t")[0]
WHOLE = file_of(GOOD)


def line_hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def passes(name: str, data: bytes, why: str, key: str | None = "key.pem", head: str | None = None) -> Case:
    return name, data, key, head, "PASS", None, why


def incomplete(name: str, data: bytes, why: str, key: str | None = "key.pem", head: str | None = None) -> Case:
    return name, data, key, head, "INCOMPLETE", None, why


def fails(
    name: str, data: bytes, first_bad: int, why: str, key: str | None = "key.pem", head: str | None = None
) -> Case:
    return name, data, key, head, "FAIL", first_bad, why


ANNOUNCED = {5: SECOND, 9: THIRD}
"""Which records of the chain of three keys announce which."""


def announcement(key: Key) -> dict[str, object]:
    return {"audit_key": public_pem(key).decode(), "fingerprint": fingerprint(key), "suite": "modern"}


def signed(unsigned: bytes, key: Key) -> bytes:
    return unsigned + b"\t" + sign(unsigned, key)


def relay(
    announced: dict[int, Key] = ANNOUNCED,
    count: int = 12,
    *,
    data: dict[int, dict[str, object]] | None = None,
    named: dict[int, Key] | None = None,
    signer: dict[int, Key | None] | None = None,
    event: dict[int, str] | None = None,
) -> list[bytes]:
    """A chain in which records announce keys: the old one signs the announcement, the new one the record behind it.

    `data`, `event`, the key that is named and the one that signs (none: unsigned) may be others than they should.
    """
    lines: list[bytes] = []
    previous, key, behind = "0" * 64, KEY, False
    for n in range(1, count + 1):
        due = n == 1 or n % INTERVAL == 0 or n in announced or behind
        says: tuple[str, dict[str, object]] = ("audit-entry-created", {"text": f"entry {n}"})
        if n == 1:
            says = ("initialization-started", {"interval": INTERVAL, "audit_key": public_pem(KEY).decode()})
        if n in announced:
            says = ("audit-key-created", announcement(announced[n]))
        what, about = (event or {}).get(n, says[0]), (data or {}).get(n, says[1])
        at = f"1999-08-06T23:53:00.{n:06d}Z"
        line = body(n, previous, what, about, key=fingerprint((named or {}).get(n, key)), at=at)
        signs = (signer or {}).get(n, key if due else None)
        lines.append(line if signs is None else signed(line, signs))
        previous = line_hash(lines[-1])
        behind = n in announced
        key = announced.get(n, key)
    return lines
