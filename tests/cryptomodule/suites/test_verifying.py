"""Chains of every suite are verified with the public key alone (F-04, I-07); the suite follows from the key's type."""

import base64
from collections.abc import Callable, Iterable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import (
    AuditKey,
    ChainReport,
    Verdict,
    load_key,
    verify_chain,
    verify_signature,
)
from indicium.domain.commands.auditing import CreateAuditKey
from indicium.domain.errors import BadRecord, KeyNotUsable
from indicium.domain.record import join, split
from indicium.domain.roles import Role
from tests.harness import World, flipped

pytestmark = pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")


def key_of(ledger: World) -> AuditKey:
    assert ledger.born is not None
    return load_key(ledger.born.audit_key)


def lines_of(ledger: World) -> list[bytes]:
    return [record.line for record in ledger.records()]


def first_bad(report: ChainReport) -> tuple[int, str]:
    assert report.verdict is Verdict.FAIL
    assert report.first_bad is not None
    return report.first_bad.sequence, report.first_bad.reason


def signed(lines: Iterable[bytes]) -> list[int]:
    return [number for number, line in enumerate(lines) if split(line)[1] is not None]


def test_a_chain_passes_with_its_key_and_the_key_tells_the_suite(ledger: World) -> None:
    key, lines = key_of(ledger), lines_of(ledger)
    report = verify_chain(lines, key)

    assert key.suite == ledger.suite.name
    assert load_key(key.pem)[:2] == key[:2]
    assert (report.verdict, report.records, report.signatures) == (Verdict.PASS, len(lines), len(signed(lines)))
    assert verify_rows(ledger.records(), key).verdict is Verdict.PASS


def test_a_new_audit_key_of_each_suite_is_followed(ledger: World) -> None:
    """M-24: the announcement is as long as the suite's keys are, and its form is one."""
    officer = ledger.plan.of(Role.SECURITY_OFFICER)
    with ledger.operator() as operator:
        operator.logon(officer.name, officer.passphrase)
        named = operator.send(CreateAuditKey())["fingerprint"]

    report = verify_chain(lines_of(ledger), key_of(ledger))
    assert (report.verdict, report.missing) == (Verdict.PASS, ())
    assert f'"key":"{named}"'.encode() in lines_of(ledger)[-1]


def test_a_chain_fails_with_the_key_of_another_suite_or_another_of_its_own(ledger: World) -> None:
    lines = lines_of(ledger)
    for key in (ledger.suite.generate_signing_key(), ledger.suite.generate_indicia_key()):
        why = "its suite or key is not the auditor's, and no record announces that"
        assert first_bad(verify_chain(lines, load_key(key.public().pem))) == (1, why)


def test_a_change_under_a_signature_is_found(ledger: World) -> None:
    key, lines = key_of(ledger), lines_of(ledger)
    last = signed(lines)[-1]
    body, signature = split(lines[last])
    assert signature is not None
    changed = join(body.replace(b'"at":"2026', b'"at":"2027'), base64.b64decode(signature))
    assert first_bad(verify_chain([*lines[:last], changed], key)) == (last + 1, "the signature does not verify")


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: flipped(signature, 20),
        lambda signature: flipped(signature, 9),
        lambda signature: signature + b"\0",
        lambda signature: signature[:-1],
        lambda _: b"\0",
        lambda _: b"0",
    ],
)
def test_another_signature_is_refused(ledger: World, change: Callable[[bytes], bytes]) -> None:
    key, line = key_of(ledger), lines_of(ledger)[0]
    body, signature = split(line)
    assert signature is not None
    verify_signature(key, body, signature)
    with pytest.raises(BadRecord):
        verify_signature(key, body, base64.b64encode(change(base64.b64decode(signature))))


def test_a_signature_is_not_read_beyond_its_length(ledger: World) -> None:
    key, line = key_of(ledger), lines_of(ledger)[0]
    with pytest.raises(BadRecord, match="too long"):
        verify_signature(key, split(line)[0], b"A" * 8196)


def test_a_signature_in_der_has_one_form(ledger: World) -> None:
    """ECDSA verifies with two values of s, DSA with one; both are DER, whose lengths and integers are the shortest."""
    key, line = key_of(ledger), lines_of(ledger)[0]
    body, signature = split(line)
    assert signature is not None
    if ledger.suite.name == "post_quantum":
        assert len(base64.b64decode(signature)) == 3309
        return
    der = base64.b64decode(signature)
    r, s = decode_dss_signature(der)
    order = {"modern": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551}.get(
        ledger.suite.name, 0x9760508F15230BCCB292B982A2EB840BF0581CF5
    )
    long_form = der[:1] + b"\x81" + der[1:]
    for other, why in (
        (encode_dss_signature(r, order - s), "high s|does not verify"),
        (encode_dss_signature(r, s + order), "high s|does not verify"),
        (long_form, "is not DER"),
        (der + b"\0", "is not DER"),
    ):
        with pytest.raises(BadRecord, match=why):
            verify_signature(key, body, base64.b64encode(other))


def test_a_dsa_key_of_another_group_is_none_of_an_auditor() -> None:
    parameters = dsa.generate_parameters(1024)
    public = parameters.generate_private_key().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyNotUsable, match="group"):
        load_key(pem)
