"""The chain vectors whose records are signed with one key."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec

from tests.vectors.making import (
    ALGORITHM,
    BODY8,
    CHAIN,
    GOOD,
    HEAD,
    HEAD8,
    INTERVAL,
    OTHER,
    UNSIGNED4,
    WHOLE,
    Case,
    body,
    fails,
    file_of,
    fingerprint,
    incomplete,
    line_hash,
    passes,
    sign,
)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


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
