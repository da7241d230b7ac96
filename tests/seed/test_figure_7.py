"""FIG. 7, the audit chain, and the seed's worked example of its audit (L2352-2365).

Four entries: each holds the hash of the one before it, some are signed. "If Audit Entry 4 were the last entry, one
would verify Signature 1, Hashes 1 through 4 … and Signature 4. (If Audit Entry 2 were signed as well, that signature
should be verified as well.) The Auditor would then log Hash 4 as verified …, such that the next audit can start at
Signature 4."
"""

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from indicium.cryptomodule import verifier
from indicium.cryptomodule.backward import verify_backward
from indicium.cryptomodule.verifier import AuditKey, ChainReport, FirstBad, Verdict, load_key, verify_chain
from indicium.domain.flow import Head
from indicium.domain.record import parse
from tests.vectors import making

KEY = load_key((Path(making.__file__).parent / "key.pem").read_bytes())
Verify = Callable[[list[bytes], Head | None], ChainReport]


def entries(count: int, signed: Collection[int]) -> list[bytes]:
    """Audit entries 1 to `count`; so many are signed. Record 1 states an interval of 4."""
    lines: list[bytes] = []
    previous = "0" * 64
    for number in range(1, count + 1):
        data: dict[str, object] = {"interval": 4} if number == 1 else {"text": f"audit entry {number}"}
        entry = making.body(number, previous, "audit-entry-created", data)
        lines.append(making.signed(entry, making.KEY) if number in signed else entry)
        previous = hashlib.sha256(lines[-1]).hexdigest()
    return lines


@pytest.fixture(params=["forward", "backward"])
def verify(request: pytest.FixtureRequest, tmp_path: Path) -> Verify:
    """I-25: from the newest entry back, or forward."""
    path = tmp_path / "figure-7.audit"

    def back(lines: list[bytes], logged: Head | None) -> ChainReport:
        path.write_bytes(making.file_of(lines))
        return verify_backward(path, KEY, logged, lambda _done, _size: None)

    return back if request.param == "backward" else lambda lines, logged: verify_chain(lines, KEY, logged)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the entries whose signatures are verified, in the order in which they are."""
    numbers: list[int] = []
    check = verifier.verify_signature

    def noting(key: AuditKey, body: bytes, signature: bytes) -> None:
        numbers.append(parse(body).sequence)
        check(key, body, signature)

    monkeypatch.setattr(verifier, "verify_signature", noting)
    return numbers


def hash_of(entry: bytes) -> str:
    return hashlib.sha256(entry).hexdigest()


@pytest.mark.parametrize("signed", [(1, 4), (1, 2, 4)])
def test_the_auditor_verifies_signatures_1_and_4_and_hashes_1_to_4_and_logs_hash_4(
    signed: tuple[int, ...], verify: Verify, verified: list[int]
) -> None:
    """I-24, in the seed's own numbers."""
    chain = entries(4, signed)
    assert [parse(entry).previous for entry in chain] == ["0" * 64, *map(hash_of, chain[:3])]

    report = verify(chain, None)

    assert verified == list(signed)
    assert (report.verdict, report.range, report.signatures) == (Verdict.PASS, (1, 4), len(signed))
    assert report.unsigned_tail == 0
    assert report.head == Head(4, hash_of(chain[3]))  # what the Auditor logs


@pytest.mark.parametrize("altered", [1, 2, 3])
def test_each_of_the_hashes_is_verified(altered: int, verify: Verify) -> None:
    """I-06, I-22: the signature of entry 4 covers all earlier ones, for each link is a hash."""
    chain = entries(4, (1, 4))
    chain[altered - 1] = chain[altered - 1].replace(b'"operational"', b'"operationaL"', 1)
    report = verify(chain, None)
    assert report.verdict is Verdict.FAIL
    assert report.first_bad is not None
    assert report.first_bad.sequence == altered


@pytest.mark.parametrize("number", [1, 2, 4])
def test_each_of_the_signatures_is_verified(number: int, verify: Verify) -> None:
    """I-22."""
    chain = entries(number, (1, 2, 4))
    forged = making.signed(chain[-1].partition(b"\t")[0], making.OTHER)
    report = verify([*chain[:-1], forged], None)
    assert report.first_bad == FirstBad(making.SERIAL, number, "the signature does not verify")


def test_the_next_audit_starts_at_signature_4(verify: Verify, verified: list[int]) -> None:
    """I-23: the logged hash vouches for entries 1 to 4; earlier entries are looked at all the same."""
    logged = Head(4, hash_of(entries(4, (1, 4))[3]))
    chain = entries(8, (1, 4, 8))
    report = verify(chain, logged)
    assert (report.verdict, report.head) == (Verdict.PASS, Head(8, hash_of(chain[7])))
    assert verified[-2:] == [4, 8]


def test_a_chain_that_was_replaced_as_a_whole_is_found_by_the_logged_hash(verify: Verify) -> None:
    """Y-18: every signature of the other chain verifies, and only Hash 4 is another."""
    logged = Head(4, hash_of(entries(4, (1, 4))[3]))
    other = entries(8, (1, 2, 4, 8))
    assert verify(other, None).verdict is Verdict.PASS
    assert verify(other, logged).first_bad == FirstBad(making.SERIAL, 4, "its hash is not that of the noted head")


def test_an_end_that_was_cut_off_is_missed_only_with_the_logged_hash(verify: Verify) -> None:
    chain = entries(8, (1, 4, 8))
    logged = Head(8, hash_of(chain[7]))
    assert verify(chain[:6], None).verdict is Verdict.PASS
    assert verify(chain[:6], None).unsigned_tail == 2  # "the last few entries … may be unsigned (and thus forgeable)"
    report = verify(chain[:6], logged)
    assert (report.verdict, report.missing) == (Verdict.INCOMPLETE, ("the noted head, record 8",))
