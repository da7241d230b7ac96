import base64
import functools
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from indicium.cryptomodule import lines as lines_module
from indicium.cryptomodule import verifier
from indicium.cryptomodule.verifier import (
    AuditKey,
    FirstBad,
    Verdict,
    load_key,
    overall,
    verify_chain,
    verify_signature,
)
from indicium.domain.errors import BadRecord, KeyNotUsable
from indicium.domain.flow import GENESIS, Head
from indicium.domain.record import Shapes, split
from tests.vectors import generate, making
from tests.vectors.chains import chain_of, entries, head_of

VECTORS = Path(making.__file__).parent
KEY = load_key((VECTORS / "key.pem").read_bytes())
CHAIN = entries(300)
quick_to_learn = functools.partial(Shapes, learn_every=2)
learns_nothing = functools.partial(Shapes, most_shapes=0)


class Vector(NamedTuple):
    file: str
    key: str | None
    head: str | None
    expect: str
    first_bad: int | None
    why: str


CASES = [Vector(**case) for case in json.loads((VECTORS / "cases.json").read_text())]


def noted(head: str | None) -> Head | None:
    return head if head is None else Head(int(head.partition(":")[0]), head.partition(":")[2])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_a_vector_gets_its_verdict_and_its_first_bad_record(case: Vector) -> None:
    key = None if case.key is None else load_key((VECTORS / case.key).read_bytes())
    with (VECTORS / case.file).open("rb") as stream:
        report = verify_chain(stream, key, noted(case.head))
    assert report.verdict == case.expect, report
    assert (report.first_bad and report.first_bad.sequence) == case.first_bad, report


def test_the_vectors_are_what_their_generator_writes() -> None:
    assert {name + ".audit": data for name, data, *_ in generate.CASES} == {
        path.name: path.read_bytes() for path in VECTORS.glob("*.audit")
    }


def test_the_report_says_what_was_covered() -> None:
    report = verify_chain(making.GOOD, KEY)
    assert report.chain == making.CHAIN
    assert report.module == making.SERIAL
    assert (report.records, report.signatures, report.unsigned_tail, report.range) == (10, 3, 2, (1, 10))
    assert report.head == noted(making.HEAD)
    assert (report.first_bad, report.missing) == (None, ())


def test_the_report_of_a_later_beginning_says_what_was_covered() -> None:
    report = verify_chain(making.GOOD[4:7], KEY)
    assert (report.records, report.signatures, report.unsigned_tail, report.range) == (3, 0, 3, (5, 7))
    assert report.missing == ("the records before 5",)


def test_the_report_of_nothing_says_so() -> None:
    report = verify_chain([], None, noted(making.HEAD))
    assert (report.chain, report.module, report.records, report.range, report.head) == (None, None, 0, None, GENESIS)
    assert report.missing == ("no key: signatures were not checked", "no records", "the noted head, record 10")


def test_the_report_of_a_failure_covers_what_was_accepted_before() -> None:
    report = verify_chain([*making.GOOD[:5], b"{}", *making.GOOD[6:]], None, noted(making.HEAD))
    assert (report.records, report.unsigned_tail, report.range) == (5, 1, (1, 5))
    assert report.first_bad == FirstBad(making.SERIAL, 6, "not the members of the format in their order")
    assert report.missing == ()


def test_a_first_line_that_cannot_be_read_has_no_module() -> None:
    assert verify_chain([b"{}"], KEY).first_bad == FirstBad(None, 1, "not the members of the format in their order")


def test_a_head_before_the_first_record_is_that_of_every_chain() -> None:
    assert verify_chain(making.GOOD, KEY, GENESIS).verdict == Verdict.PASS
    report = verify_chain(making.GOOD, KEY, Head(0, "1" * 64))
    assert report.first_bad == FirstBad(making.SERIAL, 1, "its hash is not that of the noted head")


@pytest.mark.parametrize("shapes", [quick_to_learn, learns_nothing, Shapes])
def test_a_long_chain_passes(shapes: Callable[[], Shapes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "Shapes", shapes)
    report = verify_chain(CHAIN, KEY, head_of(CHAIN))
    assert (report.verdict, report.records, report.signatures, report.unsigned_tail) == (Verdict.PASS, 300, 76, 0)


@pytest.mark.parametrize("shapes", [quick_to_learn, learns_nothing])
def test_a_change_in_any_line_of_a_long_chain_is_found_there(
    shapes: Callable[[], Shapes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "Shapes", shapes)
    head = head_of(CHAIN)
    for at, line in enumerate(CHAIN):
        changed = line.replace(b'"operational"', b'"operationaL"', 1)
        assert changed != line
        report = verify_chain([*CHAIN[:at], changed, *CHAIN[at + 1 :]], KEY, head)
        assert report.first_bad is not None
        assert report.first_bad.sequence == at + 1, report


def test_every_flipped_byte_of_a_file_is_found() -> None:
    """I-04."""
    lines = making.GOOD[:6]
    whole, head = making.file_of(lines), head_of(lines)
    assert verify_chain(io.BytesIO(whole), KEY, head).verdict == Verdict.PASS
    for at in range(len(whole)):
        for bit in (0x01, 0x20):
            flipped = whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
            assert verify_chain(io.BytesIO(flipped), KEY, head).verdict != Verdict.PASS, at


def test_every_cut_of_a_file_is_found() -> None:
    lines = making.GOOD[:4]
    whole, head = making.file_of(lines), head_of(lines)
    for at in range(len(whole)):
        assert verify_chain(io.BytesIO(whole[:at]), KEY, head).verdict != Verdict.PASS, at
        if at > 0:
            assert verify_chain(io.BytesIO(whole[at:]), KEY, head).verdict != Verdict.PASS, at


def test_every_deleted_doubled_or_moved_line_is_found() -> None:
    """I-04, I-06."""
    lines, head = making.GOOD, head_of(making.GOOD)
    for at in range(len(lines)):
        deleted = [*lines[:at], *lines[at + 1 :]]
        assert verify_chain(deleted, KEY, head).verdict != Verdict.PASS
        for to in range(len(lines)):
            if to != at:
                assert verify_chain([*deleted[:to], lines[at], *deleted[to:]], KEY, head).verdict == Verdict.FAIL
            assert verify_chain([*lines[:to], lines[at], *lines[to:]], KEY, head).verdict == Verdict.FAIL


@given(st.lists(st.binary(max_size=60) | st.sampled_from(making.GOOD), max_size=5))
def test_whatever_the_bytes_are_the_answer_is_a_verdict(lines: list[bytes]) -> None:
    file = making.file_of(lines)
    for given_lines in (lines, io.BytesIO(file), io.BytesIO(file[:-1])):
        report = verify_chain(given_lines, KEY)
        assert report.verdict in Verdict
        assert (report.first_bad is not None) == (report.verdict == Verdict.FAIL)


@given(st.integers(1, 39), st.integers(0), st.integers(0, 3), st.binary(max_size=3))
def test_the_quick_way_and_the_slow_way_say_the_same(record: int, at: int, removed: int, put: bytes) -> None:
    lines = CHAIN[:40]
    at %= len(lines[record])
    lines[record] = lines[record][:at] + put + lines[record][at + removed :]
    reports = []
    with pytest.MonkeyPatch.context() as patch:
        for shapes in (quick_to_learn, learns_nothing):
            patch.setattr(verifier, "Shapes", shapes)
            reports.append(verify_chain(lines, KEY))
    assert reports[0] == reports[1]


RELAY = making.relay({40: making.SECOND, 90: making.THIRD}, 130)


@pytest.mark.parametrize("shapes", [quick_to_learn, learns_nothing])
def test_a_long_chain_of_several_keys_passes(shapes: Callable[[], Shapes], monkeypatch: pytest.MonkeyPatch) -> None:
    """M-24: the auditor holds the first key alone."""
    monkeypatch.setattr(verifier, "Shapes", shapes)
    report = verify_chain(RELAY, KEY, head_of(RELAY))
    assert (report.verdict, report.records, report.signatures) == (Verdict.PASS, 130, 1 + 32 + 1 + 2)


@pytest.mark.parametrize("shapes", [quick_to_learn, learns_nothing])
def test_no_record_goes_back_to_a_key_that_is_over(
    shapes: Callable[[], Shapes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shape that was learnt names the key before; it must not let a record of that key through later."""
    monkeypatch.setattr(verifier, "Shapes", shapes)
    for n in (42, 60, 89):
        lines = making.relay({40: making.SECOND, 90: making.THIRD}, 130, named={n: making.KEY})
        report = verify_chain(lines, KEY)
        assert report.first_bad == FirstBad(making.SERIAL, n, "its suite or key is not the one in force")


def test_no_announcement_is_recognised_by_its_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each must be read, however many of them there are, and though they name the key that it is already."""
    monkeypatch.setattr(verifier, "Shapes", functools.partial(Shapes, learn_every=1))
    keys = dict.fromkeys(range(2, 60), making.KEY)
    assert verify_chain(making.relay(keys, 60), KEY).verdict == Verdict.PASS
    unsigned = verify_chain(making.relay(keys, 60, signer={50: None}), KEY)
    assert unsigned.first_bad == FirstBad(making.SERIAL, 50, "it must be signed, and is not")


def test_what_nobody_could_check_is_said() -> None:
    """An auditor who holds the newest key alone, with no head and with one before the announcement."""
    third = load_key((VECTORS / "third.pem").read_bytes())
    report = verify_chain(RELAY, third)
    assert (report.verdict, report.signatures, report.range) == (Verdict.INCOMPLETE, 11, (1, 130))
    assert report.missing == ("a key for records 1 to 90: signatures there were not checked",)
    report = verify_chain(RELAY, third, head_of(RELAY[:70]))
    assert report.missing == ("a key for records 71 to 90: signatures there were not checked",)
    assert verify_chain(RELAY, third, head_of(RELAY[:90])).verdict == Verdict.PASS


def test_a_key_that_is_never_announced_accepts_nothing_and_the_reason_says_how_far_that_is_known() -> None:
    other = load_key((VECTORS / "other.pem").read_bytes())
    report = verify_chain(RELAY, other)
    why = "its suite or key is not the auditor's, and no record announces that"
    assert report.first_bad == FirstBad(making.SERIAL, 1, why)
    assert (report.records, report.range, report.head, report.unsigned_tail) == (0, None, GENESIS, 0)
    report = verify_chain([*RELAY[:9], *RELAY[10:]], other)
    assert report.first_bad == FirstBad(making.SERIAL, 1, f"{why} before record 11 (it stands where record 10 belongs)")


@pytest.mark.parametrize(("signed", "verdict"), [(True, Verdict.PASS), (False, Verdict.FAIL)])
def test_a_boot_among_records_of_one_shape_must_be_signed(
    *, signed: bool, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "Shapes", functools.partial(Shapes, learn_every=1))
    lines = chain_of(30, lambda sequence: {"boot": sequence == 30 or sequence % 4 == 0}, lambda _: "entry-made")
    if signed:
        lines[29] += b"\t" + making.sign(lines[29])
    report = verify_chain(lines, KEY)
    assert (report.verdict, report.first_bad and report.first_bad.sequence) == (verdict, None if signed else 30)


@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize(
    ("strip", "why"),
    [
        (lambda line: split(line)[0], "it must be signed, and is not"),
        (lambda line: line + b"=", "the signature is not strict base64"),
    ],
)
def test_a_due_signature_among_records_of_one_shape_is_looked_at(
    key: AuditKey | None, strip: Callable[[bytes], bytes], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "Shapes", quick_to_learn)
    report = verify_chain([*CHAIN[:39], strip(CHAIN[39])], key)
    assert report.first_bad == FirstBad(making.SERIAL, 40, why)


def test_a_line_that_never_ends_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LINE_LIMIT", 2000)
    stream = io.BytesIO(making.file_of(making.GOOD[:3]) + b"x" * 5000)
    assert verify_chain(stream, KEY).first_bad == FirstBad(making.SERIAL, 4, "the line is too long")
    assert stream.tell() < 5000


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_the_suite_and_the_fingerprint_follow_from_the_key() -> None:
    assert (KEY.suite, KEY.fingerprint) == ("modern", making.fingerprint(making.KEY))


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (pem_of(ec.generate_private_key(ec.SECP384R1())), "curve P-256"),
        (pem_of(ec.generate_private_key(ec.SECP256K1())), "curve P-256"),
        (pem_of(rsa.generate_private_key(65537, 2048)), "curve P-256"),
        (pem_of(ed25519.Ed25519PrivateKey.generate()), "curve P-256"),
        (b"", "not a public key in PEM"),
        (b"\xff\x00", "not a public key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a public key in PEM"),
        (
            making.KEY.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            "not a public key in PEM",
        ),
    ],
)
def test_another_key_cannot_be_used(pem: bytes, why: str) -> None:
    with pytest.raises(KeyNotUsable, match=why):
        load_key(pem)


def altered(change: Callable[[bytes], bytes]) -> bytes:
    """A good signature of `{}` in other bytes."""
    return base64.b64encode(change(base64.b64decode(making.sign(b"{}"))))


def test_a_signature_of_the_key_verifies() -> None:
    verify_signature(KEY, b"{}", making.sign(b"{}"))


@pytest.mark.parametrize(
    ("body", "signature", "why"),
    [
        (b"[]", making.sign(b"{}"), "does not verify"),
        (b"{}", making.sign(b"{}", low=False), "has a high s"),
        (b"{}", altered(lambda der: der[:1] + b"\x81" + der[1:]), "is not DER"),
        (b"{}", altered(lambda der: der + b"\x00"), "is not DER"),
        (b"{}", altered(lambda der: bytes([0x30, der[1] + 1, 2, der[3] + 1, 0]) + der[4:]), "is not DER"),
        (b"{}", b"MAYCAf8CAQE=", "is not DER"),
        (b"{}", b"MAYCAQACAQA=", "does not verify"),
        (b"{}", b"AAAA", "is not DER"),
        (b"{}", making.sign(b"{}") + b"=", "not strict base64"),
        (b"{}", b"", "not strict base64"),
    ],
)
def test_another_signature_is_refused(body: bytes, signature: bytes, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        verify_signature(KEY, body, signature)


def test_the_verdict_over_several_chains_is_the_worst() -> None:
    good, bad = verify_chain(making.GOOD, KEY), verify_chain([b""], KEY)
    incomplete = verify_chain(making.GOOD, None)
    assert overall([good, good]) == Verdict.PASS
    assert overall([good, incomplete]) == Verdict.INCOMPLETE
    assert overall([incomplete, bad, good]) == Verdict.FAIL
    assert overall([]) == Verdict.INCOMPLETE


def test_an_unsigned_record_has_no_signature_to_count() -> None:
    unsigned = split(CHAIN[0])[0]
    report = verify_chain([unsigned], KEY)
    assert (report.signatures, report.first_bad) == (
        0,
        FirstBad(making.SERIAL, 1, "it must be signed, and is not"),
    )
