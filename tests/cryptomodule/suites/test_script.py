"""examples/verify.sh agrees with the verifier on chains of every suite, with the openssl of this machine.

One before 3.5 does not know ML-DSA: then the script checks all else, and says INCOMPLETE and why.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, mldsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.commands.auditing import CreateAuditKey
from indicium.domain.flow import Head
from tests.examples.test_verify_sh import STATUS, facts, facts_of, run
from tests.harness import World, head_of
from tests.sets import officer

pytestmark = pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")


class Checked:
    """A chain with its key, and what the script and the verifier say of it."""

    def __init__(self, ledger: World, folder: Path) -> None:
        assert ledger.born is not None
        self.lines = [record.line for record in ledger.records()]
        self.head = head_of(ledger.records()[-1])
        self.pem = ledger.born.audit_key
        self._key, self._audit = folder / "key.pem", folder / "chain.audit"
        self._key.write_bytes(self.pem)
        known = ["openssl", "pkey", "-pubin", "-in", str(self._key), "-noout"]
        self.known = subprocess.run(known, check=False, capture_output=True).returncode == 0

    def facts(self, lines: Sequence[bytes], head: Head | None = None) -> Mapping[str, str]:
        """Give what the script says, after comparing it with what the verifier does."""
        self._audit.write_bytes(b"".join(line + b"\n" for line in lines))
        done = run(self._audit, self._key, *([str(head)] if head else []))
        said = dict(facts_of(done.stdout))
        assert (done.returncode, done.stderr) == (STATUS[said["verdict"]], "")
        report = verify_chain(lines, load_key(self.pem), head)
        told = {name: value for name, value in said.items() if name != "why"}
        if self.known:
            assert told == facts(report)
        elif report.verdict is Verdict.PASS:
            assert told == {**facts(report), "verdict": "INCOMPLETE", "signatures": "0"}
            assert "cannot check ML-DSA-65, 3.5 can" in said["why"]
        return said


@pytest.fixture
def checked(ledger: World, tmp_path: Path) -> Checked:
    return Checked(ledger, tmp_path)


def test_a_whole_chain_passes(checked: Checked) -> None:
    for head in (None, checked.head):
        assert checked.facts(checked.lines, head)["verdict"] == ("PASS" if checked.known else "INCOMPLETE")


def test_a_changed_record_fails_whether_its_signature_can_be_checked_or_not(checked: Checked) -> None:
    for at in range(len(checked.lines) - 1):
        changed = checked.lines[at].replace(b'"reason":0', b'"reason":1')
        said = checked.facts([*checked.lines[:at], changed, *checked.lines[at + 1 :]])
        assert said["verdict"] == "FAIL"
    assert checked.facts(checked.lines[:-1], checked.head)["verdict"] == "INCOMPLETE"


def test_a_changed_end_is_found_by_its_signature_or_by_a_noted_head(checked: Checked) -> None:
    signed = max(number for number, line in enumerate(checked.lines) if b"\t" in line)
    changed = checked.lines[signed].replace(b'"at":"2026', b'"at":"2027')
    lines = [*checked.lines[:signed], changed]
    assert checked.facts(lines)["verdict"] == ("FAIL" if checked.known else "INCOMPLETE")
    head = Head(signed + 1, checked.head.hash)
    assert checked.facts(lines, head)["verdict"] == "FAIL"


def test_a_key_that_is_not_the_chains_fails(checked: Checked, ledger: World) -> None:
    checked._key.write_bytes(ledger.suite.generate_signing_key().public().pem)
    done = run(checked._audit, checked._key)
    assert done.returncode == 3  # there is no file yet
    checked._audit.write_bytes(b"".join(line + b"\n" for line in checked.lines))
    assert facts_of(run(checked._audit, checked._key).stdout)["verdict"] == "FAIL"


def test_a_new_audit_key_is_followed(ledger: World, tmp_path: Path) -> None:
    """M-24: the key in the announcement is read as the auditor's is."""
    with officer(ledger) as operator:
        operator.send(CreateAuditKey())
    checked = Checked(ledger, tmp_path)

    assert checked.facts(checked.lines, checked.head)["verdict"] == ("PASS" if checked.known else "INCOMPLETE")
    announced = next(number for number, line in enumerate(checked.lines) if b'"event":"audit-key-created"' in line)
    changed = checked.lines[announced].replace(b'"fingerprint":"', b'"fingerprint":"0', 1)
    lines = [*checked.lines[:announced], changed]
    assert checked.facts(lines)["verdict"] == "FAIL"


def test_a_signature_that_is_too_long_cannot_be_read(checked: Checked) -> None:
    body = checked.lines[0].partition(b"\t")[0]
    assert checked.facts([body + b"\t" + b"A" * 8196])["verdict"] == "FAIL"


def pem(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_a_key_of_no_suite_is_a_usage_error(tmp_path: Path) -> None:
    audit, key = tmp_path / "chain.audit", tmp_path / "key.pem"
    audit.write_bytes(b"")
    for other in (
        dsa.generate_private_key(1024).public_key(),  # noqa: S505  # the length is right, the group is not
        mldsa.MLDSA44PrivateKey.generate().public_key(),
        mldsa.MLDSA87PrivateKey.generate().public_key(),
    ):
        key.write_bytes(pem(other))
        assert run(audit, key).returncode == 3
    longer = pem(mldsa.MLDSA65PrivateKey.generate().public_key()).splitlines()
    key.write_bytes(b"\n".join([*longer[:-2], b"AAAA", *longer[-2:]]) + b"\n")
    assert run(audit, key).returncode == 3
