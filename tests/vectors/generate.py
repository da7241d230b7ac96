"""Writes the chain vectors of record format 1: good and bad files, each with the verdict it must get.

Chain level only: a verifier needs to know no event to judge these. Needs the package `cryptography`.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

HERE = Path(__file__).parent
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


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


GOOD = chain()
HEAD = f"10:{hashlib.sha256(GOOD[9]).hexdigest()}"
HEAD8 = f"8:{hashlib.sha256(GOOD[7]).hexdigest()}"
UNSIGNED4 = GOOD[3].partition(b"\t")[0]
BODY8 = GOOD[7].partition(b"\t")[0]
WHOLE = file_of(GOOD)
CASES: list[Case] = [
    # name, bytes, key file, head, verdict, first bad sequence, why
    ("good", WHOLE, "key.pem", None, "PASS", None, "ten records, unsigned tail of two"),
    ("good-with-head", WHOLE, "key.pem", HEAD, "PASS", None, "ends at the noted head"),
    ("good-earlier-head", WHOLE, "key.pem", HEAD8, "PASS", None, "passes through the noted head and goes on"),
    ("no-key", WHOLE, None, None, "INCOMPLETE", None, "signatures were not checked"),
    ("wrong-key", WHOLE, "other.pem", None, "FAIL", 1, "the auditor's key is not the chain's"),
    (
        "cut-without-head",
        file_of(GOOD[:7]),
        "key.pem",
        None,
        "PASS",
        None,
        "nothing in a chain shows that its end was cut: unsigned tail of three",
    ),
    ("cut-with-head", file_of(GOOD[:7]), "key.pem", HEAD, "INCOMPLETE", None, "the noted head is not there"),
    ("beginning-missing", file_of(GOOD[2:]), "key.pem", HEAD, "INCOMPLETE", None, "records 3 to 10 only"),
    ("empty", b"", "key.pem", HEAD, "INCOMPLETE", None, "no records"),
    (
        "byte-in-middle",
        flip(WHOLE, WHOLE.index(b"\n", 0) + 250),
        "key.pem",
        None,
        "FAIL",
        2,
        "record 3 does not link to what record 2 is now",
    ),
    (
        "byte-in-last",
        file_of([*GOOD[:9], GOOD[9].replace(b"operational", b"administered", 1)]),
        "key.pem",
        HEAD,
        "FAIL",
        10,
        "the head's hash differs",
    ),
    ("deleted", file_of(GOOD[:5] + GOOD[6:]), "key.pem", None, "FAIL", 7, "sequence 6 is missing inside the file"),
    (
        "swapped",
        file_of([*GOOD[:5], GOOD[6], GOOD[5], *GOOD[7:]]),
        "key.pem",
        None,
        "FAIL",
        7,
        "7 stands where 6 belongs",
    ),
    ("doubled", file_of([*GOOD[:5], GOOD[4], *GOOD[5:]]), "key.pem", None, "FAIL", 5, "5 stands where 6 belongs"),
    (
        "stripped-signature",
        file_of([*GOOD[:3], UNSIGNED4, *GOOD[4:]]),
        "key.pem",
        None,
        "FAIL",
        4,
        "a multiple of the interval must be signed",
    ),
    ("stripped-at-end", file_of([*GOOD[:7], BODY8]), "key.pem", None, "FAIL", 8, "the same, with nothing behind it"),
    (
        "high-s",
        file_of([*GOOD[:7], BODY8 + b"\t" + sign(BODY8, low=False)]),
        "key.pem",
        None,
        "FAIL",
        8,
        "valid for openssl, but not the one form",
    ),
    (
        "loose-base64",
        file_of([*GOOD[:7], BODY8 + b"\t" + sign(BODY8) + b"="]),
        "key.pem",
        None,
        "FAIL",
        8,
        "not strict base64",
    ),
    (
        "duplicate-member",
        file_of([*GOOD[:9], GOOD[9].replace(b'"reason":0', b'"reason":0,"reason":1', 1)]),
        "key.pem",
        None,
        "FAIL",
        10,
        "a member twice",
    ),
    ("torn-line", WHOLE[:-40], "key.pem", None, "FAIL", 10, "the last line has no end"),
    (
        "not-utf8",
        file_of([*GOOD[:9], GOOD[9].replace("№".encode(), b"\xff\xfe", 1)]),
        "key.pem",
        None,
        "FAIL",
        10,
        "not UTF-8",
    ),
    (
        "other-chain",
        file_of([*GOOD[:9], body(10, hashlib.sha256(GOOD[8]).hexdigest(), "audit-entry-created", {}, chain="f" * 32)]),
        "key.pem",
        None,
        "FAIL",
        10,
        "another chain's name in the middle of this one",
    ),
    (
        "other-suite",
        file_of(
            [*GOOD[:9], body(10, hashlib.sha256(GOOD[8]).hexdigest(), "audit-entry-created", {}, suite="fips140_1")]
        ),
        "key.pem",
        None,
        "FAIL",
        10,
        "a suite changes only with a key announcement",
    ),
]


def remade(line: bytes, sequence: int = 10) -> bytes:
    """The good chain with this line in place of its record; what follows is linked and signed anew."""
    lines = [*GOOD[: sequence - 1], line]
    for later in range(sequence + 1, 11):
        lines.append(signed_on_schedule(later, body(later, line_hash(lines[-1]), "audit-entry-created", {})))
    return file_of(lines)


def signed_on_schedule(sequence: int, unsigned: bytes) -> bytes:
    return unsigned + b"\t" + sign(unsigned) if sequence % INTERVAL == 0 else unsigned


def line_hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def last(value: object, **change: object) -> bytes:
    """A tenth record that says `value`, and is right but for the change."""
    members = json.loads(body(10, line_hash(GOOD[8]), "audit-entry-created", {"value": value}))
    return json.dumps(members | change, separators=(",", ":"), ensure_ascii=False).encode()


def first(data: dict[str, object], previous: str = "0" * 64) -> bytes:
    """A file of one signed record."""
    unsigned = body(1, previous, "initialization-started", data)
    return file_of([unsigned + b"\t" + sign(unsigned)])


def ten(old: bytes, new: bytes) -> bytes:
    """The good file with a change to the bytes of its last record."""
    assert old in GOOD[9]
    return file_of([*GOOD[:9], GOOD[9].replace(old, new, 1)])


def nested(depth: int) -> bytes:
    """A tenth record whose objects and arrays nest this deep, the record and its data included."""
    return last("@").replace(b'"@"', b"[" * (depth - 2) + b"]" * (depth - 2))


def number(digits: str) -> bytes:
    return file_of([*GOOD[:9], last("@").replace(b'"@"', digits.encode())])


def boot(*, signed: bool, data: dict[str, object] | None = None) -> bytes:
    line = body(6, line_hash(GOOD[4]), "audit-entry-created", data or {"boot": True, "text": "up"})
    return remade(line + b"\t" + sign(line) if signed else line, 6)


def signed_by(key: ec.EllipticCurvePrivateKey) -> bytes:
    return remade(BODY8 + b"\t" + base64.b64encode(key.sign(BODY8, ALGORITHM)), 8)


def long_form() -> bytes:
    """The signature of record 8 with its length written in two bytes: BER, not DER."""
    der = base64.b64decode(sign(BODY8))
    return remade(BODY8 + b"\t" + base64.b64encode(der[:1] + b"\x81" + der[1:]), 8)


def stray_bits(text: bytes) -> bytes:
    """The same bytes in base64, but with the bits set that padding leaves over."""
    kept = text.rstrip(b"=")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = kept[:-1] + alphabet[alphabet.index(kept[-1:]) + 1 :][:1] + text[len(kept) :]
    assert base64.b64decode(changed) == base64.b64decode(text)
    return changed


def passes(name: str, data: bytes, why: str, key: str | None = "key.pem", head: str | None = None) -> Case:
    return name, data, key, head, "PASS", None, why


def incomplete(name: str, data: bytes, why: str, key: str | None = "key.pem", head: str | None = None) -> Case:
    return name, data, key, head, "INCOMPLETE", None, why


def fails(
    name: str, data: bytes, first_bad: int, why: str, key: str | None = "key.pem", head: str | None = None
) -> Case:
    return name, data, key, head, "FAIL", first_bad, why


HEAD2 = f"2:{line_hash(GOOD[1])}"
CASES += [
    fails("torn-newline", WHOLE[:-1], 10, "only the last newline is missing", head=HEAD),
    fails("blank-line", WHOLE + b"\n", 11, "a line of no bytes at the end"),
    fails("blank-line-in-middle", file_of([*GOOD[:5], b"", *GOOD[5:]]), 6, "a line of no bytes"),
    fails("one-newline", b"\n", 1, "nothing but a line of no bytes"),
    fails("zero-bytes", WHOLE + b"\0" * 80 + b"\n", 11, "a line of zero bytes, as a crash may leave"),
    fails("zeros-unended", WHOLE + b"\0" * 80, 11, "the same without an end"),
    fails("carriage-returns", WHOLE.replace(b"\n", b"\r\n"), 1, "lines end with a newline alone"),
    fails("carriage-return-in-tail", WHOLE[:-1] + b"\r\n", 10, "the same, once"),
    fails("byte-order-mark", b"\xef\xbb\xbf" + WHOLE, 1, "not JSON"),
    fails("not-json", file_of([*GOOD, b"record 11"]), 11, "a line of something else"),
    fails("array", file_of([*GOOD, b"[" + GOOD[9] + b"]"]), 11, "not an object"),
    fails("half-a-record", file_of([*GOOD, GOOD[9][:300]]), 11, "half a record that has an end"),
    fails("bytes-behind", file_of([*GOOD[:9], GOOD[9] + b"{}"]), 10, "two objects in a line"),
    fails("overlong-utf8", ten("№".encode(), b"\xc1\x81"), 10, "a byte too many for the letter A"),
    fails("surrogate-bytes", ten("№".encode(), b"\xed\xa0\x80"), 10, "half a pair in UTF-8"),
    fails("surrogate-escape", ten("№".encode(), b"\\ud800"), 10, "half a pair in an escape"),
    passes("surrogate-pair", ten("№".encode(), b"\\ud83d\\ude00"), "a whole pair"),
    passes("escapes", ten("№".encode(), rb"\"\\\/\b\f\n\r\t\u2116"), "all that JSON has"),
    fails("bad-escape", ten("№".encode(), rb"\x41"), 10, "not an escape of JSON"),
    fails("tab-inside", ten(b'"text":"', b'"text":"\t'), 10, "what follows is no signature"),
    fails("control-inside", ten(b'"text":"', b'"text":"\x01'), 10, "JSON escapes these"),
    passes("braces-in-text", remade(last('}],{"[\\"boot":true,"interval":2')), "only text"),
    fails("space-between", ten(b',"reason"', b', "reason"'), 10, "white space before data"),
    fails("space-in-data", ten(b'{"text":', b'{"text": '), 10, "white space outside strings"),
    fails("space-at-end", ten(b'"}}', b'"}} '), 10, "the same"),
    passes("space-in-text", remade(last(" a : b , c ")), "strings hold any"),
    fails("reordered", ten(b'"user":null,"role":null', b'"role":null,"user":null'), 10, "order"),
    fails("extra-member", ten(b',"data"', b',"more":0,"data"'), 10, "no member of the format"),
    fails("extra-member-behind", ten(b'"}}', b'"},"more":0}'), 10, "the same, after data"),
    fails("missing-member", ten(b',"role":null', b""), 10, "a member is not there"),
    fails("escaped-member", ten(b'"role"', b'"r\\u006fle"'), 10, "not its one form"),
    fails("duplicate-in-data", ten(b'{"text"', b'{"text":"","text"'), 10, "a member twice in data"),
    fails(
        "duplicate-nested",
        remade(last("@").replace(b'"@"', b'[{"a":{"b":1,"c":2,"b":1}}]')),
        10,
        "a member twice, deep inside",
    ),
    fails("duplicate-escaped", ten(b'{"text"', b'{"t\\u0065xt":"","text"'), 10, "the same name"),
    fails("float", number("1.5"), 10, "numbers are integers"),
    fails("float-whole", number("1.0"), 10, "numbers are written as integers"),
    fails("exponent", number("1e3"), 10, "the same"),
    fails("not-a-number", number("NaN"), 10, "not JSON"),
    fails("infinity", number("-Infinity"), 10, "not JSON"),
    fails("leading-zero", number("012"), 10, "not JSON"),
    fails("minus-zero", number("-0"), 10, "zero has one form"),
    passes("number-below-limit", number(str(2**53 - 1)), "2^53 - 1"),
    fails("number-at-limit", number(str(2**53)), 10, "2^53"),
    fails("number-below-least", number(str(-(2**53))), 10, "-2^53"),
    passes("number-least", number(str(1 - 2**53)), "1 - 2^53"),
    fails("number-huge", number("9" * 5000), 10, "five thousand digits"),
    passes("numbers-in-list", number('[0,1,-2,3,[],{},null,true,false,"",{"a":[4]}]'), "all"),
    passes("nested", remade(nested(32)), "32 levels"),
    fails("nested-too-deep", remade(nested(33)), 10, "33 levels"),
    fails("nested-very-deep", remade(nested(30000)), 10, "thirty thousand levels"),
    fails("bare-interval", number("I4"), 10, "not JSON"),
    fails("bare-word", number("N"), 10, "not JSON"),
    fails("leading-comma", number("[,1]"), 10, "not JSON"),
    fails("trailing-comma", number('{"a":1,}'), 10, "not JSON"),
    fails("missing-value", number('{"a":}'), 10, "not JSON"),
    fails("bare-member", number("{a:1}"), 10, "not JSON"),
    fails("brackets-crossed", number("[{]}"), 10, "not JSON"),
    fails("unbalanced", file_of([*GOOD[:9], b"[" * 30000]), 10, "arrays that never end"),
    fails(
        "upper-case-hash",
        ten(line_hash(GOOD[8]).encode(), line_hash(GOOD[8]).upper().encode()),
        10,
        "hex is lower case",
    ),
    fails("upper-case-chain", remade(last("", chain=CHAIN.upper())), 10, "hex is lower case"),
    fails("short-hash", ten(line_hash(GOOD[8]).encode(), line_hash(GOOD[8])[:-2].encode()), 10, "hash"),
    fails("format-2", remade(last("", format=2)), 10, "another format"),
    fails("format-true", remade(last("", format=True)), 10, "true is not 1"),
    fails("module-name", remade(last("", module="module 1")), 10, "a serial number is digits"),
    fails("sequence-text", remade(last("", sequence="10")), 10, "a number is no text"),
    fails("sequence-zero", remade(last("", sequence=0)), 10, "sequences begin with 1"),
    fails("event-capital", remade(last("", event="AuditEntryCreated")), 10, "kebab-case"),
    passes("event-unknown", remade(last("", event="from-a-later-version")), "judged as bytes"),
    fails("at-without-fraction", remade(last("", at="1999-08-06T23:53:10Z")), 10, "microseconds"),
    fails("at-with-offset", remade(last("", at="1999-08-06T23:53:10.000000+00:00")), 10, "Z"),
    fails("reason-negative", remade(last("", reason=-1)), 10, "reason codes begin with 0"),
    fails("reason-true", remade(last("", reason=True)), 10, "true is not 1"),
    passes("user-and-role", remade(last("", user='O"Neil, "at":', role="Auditor")), "texts"),
    fails("user-number", remade(last("", user=7)), 10, "neither a text nor null"),
    fails("software-null", remade(last("", software=None)), 10, "a text"),
    fails("data-null", remade(last("", data=None)), 10, "an object"),
    passes("data-empty", remade(last("", data={})), "nothing to say"),
    fails("other-module", remade(last("", module="34576591")), 10, "another module's record"),
    fails("other-key", remade(last("", key=fingerprint(OTHER))), 10, "a key changes announced only"),
    fails("other-key-unkeyed", remade(last("", key=fingerprint(OTHER))), 10, "seen without a key too", key=None),
    fails(
        "suite-of-key",
        remade(body(1, "0" * 64, "initialization-started", {"interval": 4}, suite="fips140_1"), 1),
        1,
        "the auditor's key is not of that suite",
    ),
    fails(
        "next-chain",
        WHOLE + remade(last("", chain="f" * 32, sequence=1, previous="0" * 64))[len(file_of(GOOD[:9])) :],
        1,
        "a reset module's chain has its own file",
    ),
    fails("first-names-earlier", first({"interval": 4}, "1" * 64), 1, "no record is before the first"),
    fails("first-unsigned", file_of([GOOD[0].partition(b"\t")[0]]), 1, "record 1 is signed"),
    passes("one-record", file_of(GOOD[:1]), "a chain of one"),
    fails("no-interval", first({}), 1, "record 1 states the interval"),
    fails("interval-zero", first({"interval": 0}), 1, "not an interval"),
    fails("interval-true", first({"interval": True}), 1, "not an interval"),
    fails("interval-elsewhere", first({"text": {"interval": 4}}), 1, "not an interval of the record"),
    passes("boot-signed", boot(signed=True), "the first record after a boot"),
    fails("boot-unsigned", boot(signed=False), 6, "the first record after a boot is signed"),
    fails("boot-unsigned-unkeyed", boot(signed=False), 6, "seen without a key too", key=None),
    fails("boot-behind", boot(signed=False, data={"text": "up", "boot": True}), 6, "wherever it stands"),
    passes("boot-false", boot(signed=False, data={"boot": False}), "not a boot"),
    passes("boot-elsewhere", boot(signed=False, data={"x": {"boot": True}}), "not the record's"),
    incomplete("beginning-missing-no-head", file_of(GOOD[2:]), "records 3 to 10 only"),
    incomplete("goes-on-from-head", file_of(GOOD[2:]), "begins where the last audit ended", head=HEAD2),
    fails("goes-on-from-other", file_of(GOOD[2:]), 2, "record 2 was another one then", head="2:" + "1" * 64),
    incomplete("head-before-file", file_of(GOOD[2:]), "not in the file", head=f"1:{line_hash(GOOD[0])}"),
    fails("gap-and-missing", file_of([*GOOD[2:5], *GOOD[6:]]), 7, "FAIL outranks INCOMPLETE"),
    fails("other-head-in-middle", WHOLE, 8, "record 8 was another one then", head="8:" + "0" * 64),
    fails("stripped-unkeyed", file_of([*GOOD[:3], UNSIGNED4, *GOOD[4:]]), 4, "seen without a key too", key=None),
    fails("text-changed", WHOLE.replace("№5".encode(), "№6".encode()), 5, "record 6 does not link to what 5 is now"),
    fails("stray-bits", remade(BODY8 + b"\t" + stray_bits(sign(BODY8)), 8), 8, "two texts for the same bytes"),
    fails("empty-signature", remade(BODY8 + b"\t", 8), 8, "a TAB and nothing"),
    fails("two-signatures", remade(GOOD[7] + b"\t" + sign(BODY8), 8), 8, "one signature in a line"),
    fails("signature-not-der", remade(BODY8 + b"\tAAAA", 8), 8, "base64 of something else"),
    fails("signature-long-form", long_form(), 8, "BER, not DER"),
    fails("signature-of-other", signed_by(OTHER), 8, "signed with another key"),
    fails("signature-moved", remade(BODY8 + b"\t" + GOOD[3].partition(b"\t")[2], 8), 8, "of record 4"),
    fails("signature-unpadded", remade(BODY8 + b"\t" + sign(BODY8).rstrip(b"="), 8), 8, "padding"),
]


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


RELAY = relay()
RELAYED = file_of(RELAY)


def relay_head(sequence: int) -> str:
    return f"{sequence}:{line_hash(RELAY[sequence - 1])}"


def announcing(change: dict[str, object]) -> bytes:
    """A chain whose first announcement says something else."""
    return file_of(relay(data={5: change}))


def said_otherwise(old: bytes, new: bytes) -> bytes:
    """A chain whose announcement, signed as it should be, is written otherwise; nothing is behind it."""
    line = relay({5: SECOND}, 5)[4].partition(b"\t")[0]
    assert old in line
    return file_of([*RELAY[:4], signed(line.replace(old, new, 1), KEY)])


def compressed(key: Key) -> str:
    """The same key with its point in the shorter form: another text for the same key."""
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"


def other_curve() -> str:
    key = ec.derive_private_key(7, ec.SECP384R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


SAID = announcement(SECOND)
ONE_FORM = "an announcement has one form"
CASES += [
    passes("relay", RELAYED, "three keys: the first vouches for the second, that for the third"),
    passes("relay-with-head", RELAYED, "to the noted head", head=relay_head(12)),
    passes("relay-at-end", file_of(RELAY[:5]), "nothing is behind the announcement yet"),
    passes("relay-in-a-row", file_of(relay({5: SECOND, 6: THIRD})), "the first record of a key announces the next"),
    passes("relay-on-schedule", file_of(relay({4: SECOND, 8: THIRD})), "announcements that are due anyway"),
    passes("relay-boot", file_of(relay(data={5: {"boot": True, **SAID}})), "the first record after a boot announces"),
    passes("relay-to-same", file_of(relay({5: KEY})), "the key that it is already"),
    passes("relay-not-meant", file_of(relay({}, data={5: SAID, 7: {"event": "audit-key-created"}})), "only data"),
    incomplete("relay-unkeyed", RELAYED, "followed without a key too", key=None),
    incomplete("relay-second-key", RELAYED, "nobody checked the signatures up to record 5", key="second.pem"),
    incomplete("relay-third-key", RELAYED, "nobody checked the signatures up to record 9", key="third.pem"),
    incomplete("relay-head-before", RELAYED, "records 5 and before", key="second.pem", head=relay_head(4)),
    passes("relay-head-at", RELAYED, "the head vouches for the announcement", key="second.pem", head=relay_head(5)),
    passes("relay-head-behind", RELAYED, "and for all before it", key="second.pem", head=relay_head(7)),
    passes("relay-third-head", RELAYED, "the same with the newest key", key="third.pem", head=relay_head(11)),
    incomplete("relay-third-head-early", RELAYED, "records 8 and 9", key="third.pem", head=relay_head(7)),
    incomplete("relay-head-cut", file_of(RELAY[:9]), "no head there", key="third.pem", head=relay_head(11)),
    incomplete("relay-goes-on", file_of(RELAY[5:]), "begins with the key", key="second.pem", head=relay_head(5)),
    incomplete("relay-goes-on-later", file_of(RELAY[6:]), "records 7 and 9", key="third.pem", head=relay_head(7)),
    incomplete("relay-from-announcement", file_of(RELAY[4:]), "begins with the announcement", key="second.pem"),
    fails("relay-first-key-later", file_of(RELAY[5:]), 6, "its key is gone before the file begins"),
    fails("relay-other-key", RELAYED, 1, "never announced", key="other.pem"),
    fails("relay-second-key-cut", file_of(RELAY[:4]), 1, "not announced in what is there", key="second.pem"),
    fails("relay-second-broken", file_of([*RELAY[:2], *RELAY[3:]]), 1, "broken before it", key="second.pem"),
    fails("relay-second-head", RELAYED, 7, "another head", key="second.pem", head="7:" + "0" * 64),
    fails("relay-head-other", RELAYED, 5, "another announcement", head="5:" + "0" * 64),
    fails("relay-unsigned", file_of(relay(signer={5: None})), 5, "an announcement is signed"),
    fails("relay-unsigned-unkeyed", file_of(relay(signer={5: None})), 5, "seen without a key too", key=None),
    fails("relay-unsigned-last", file_of(relay(signer={5: None})[:5]), 5, "with nothing behind it"),
    fails("relay-by-other", file_of(relay(signer={5: OTHER})), 5, "announced by a key that is not in force"),
    fails("relay-by-new", file_of(relay(signer={5: SECOND})), 5, "no key announces itself"),
    fails("relay-named-new", file_of(relay(named={5: SECOND}, signer={5: SECOND})), 5, "nor names itself before"),
    fails("relay-behind-unsigned", file_of(relay(signer={6: None})), 6, "the new key shows itself at once"),
    fails("relay-behind-unkeyed", file_of(relay(signer={6: None})), 6, "seen without a key too", key=None),
    fails("relay-behind-by-old", file_of(relay(signer={6: KEY})), 6, "signed with the key before"),
    fails("relay-behind-names-old", file_of(relay(named={6: KEY}, signer={6: KEY})), 6, "the key before is over"),
    fails("relay-back", file_of(relay(named={7: KEY})), 7, "the key before is over"),
    fails("relay-back-signed", file_of(relay(signer={8: KEY})), 8, "signed with the key before"),
    fails("relay-unannounced", file_of(relay({9: THIRD}, named={6: SECOND}, signer={6: SECOND})), 6, "a key of nobody"),
    fails("relay-not-announced", file_of(relay(event={5: "audit-entry-created"})), 6, "only data of another event"),
    fails("relay-fingerprint", announcing(SAID | {"fingerprint": fingerprint(OTHER)}), 5, "not that of the key"),
    fails("relay-suite", announcing(SAID | {"suite": "fips140_1"}), 5, "not that of the key"),
    fails("relay-no-key", announcing({"text": "x"}), 5, "announces nothing"),
    fails("relay-bad-key", announcing(SAID | {"audit_key": "PEM"}), 5, "no key"),
    fails("relay-bad-key-unkeyed", announcing(SAID | {"audit_key": "PEM"}), 5, "seen without a key too", key=None),
    fails("relay-other-curve", announcing(SAID | {"audit_key": other_curve()}), 5, "no P-256 key"),
    fails("relay-compressed", announcing(SAID | {"audit_key": compressed(SECOND)}), 5, ONE_FORM),
    fails("relay-text-before", announcing(SAID | {"audit_key": "x\n" + public_pem(SECOND).decode()}), 5, ONE_FORM),
    fails("relay-more", announcing(SAID | {"more": 1}), 5, ONE_FORM),
    fails("relay-reordered", announcing(dict(reversed(SAID.items()))), 5, ONE_FORM),
    fails("relay-boot-false", announcing({"boot": False, **SAID}), 5, ONE_FORM),
    fails("relay-nested", announcing({"data": SAID}), 5, ONE_FORM),
    fails("relay-escaped", said_otherwise(b"\\n", b"\\u000a"), 5, ONE_FORM),
    fails("relay-event-escaped", said_otherwise(b"audit-key-created", b"audit-key-cre\\u0061ted"), 5, "not its form"),
]


def main() -> None:
    (HERE / "key.pem").write_bytes(public_pem(KEY))
    (HERE / "other.pem").write_bytes(public_pem(OTHER))
    (HERE / "second.pem").write_bytes(public_pem(SECOND))
    (HERE / "third.pem").write_bytes(public_pem(THIRD))
    listed = []
    for name, data, key, head, verdict, first_bad, why in CASES:
        (HERE / f"{name}.audit").write_bytes(data)
        listed.append(
            {"file": f"{name}.audit", "key": key, "head": head, "expect": verdict, "first_bad": first_bad, "why": why}
        )
    (HERE / "cases.json").write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
