"""A chain that lies in several files is verified as one; what is missing of it is said (I-29, M-57)."""

from collections.abc import Sequence
from functools import partial

import pytest

from indicium.cryptomodule.keyring import Lines
from indicium.cryptomodule.pieces import joined, verify_pieces
from indicium.cryptomodule.verifier import ChainReport, Verdict, load_key, verify_chain
from indicium.domain.flow import Head
from indicium.domain.record import line_hash
from tests.vectors.making import GOOD, KEY, SECOND, body, public_pem, relay

HELD = load_key(public_pem(KEY))
LATER = load_key(public_pem(SECOND))
OTHER_SIX = body(6, line_hash(GOOD[4]), "audit-entry-created", {"text": "another"})


def pieces(*parts: Sequence[bytes]) -> list[Lines]:
    return [partial(iter, part) for part in parts]


def verified(*parts: Sequence[bytes], head: Head | None = None) -> ChainReport:
    return verify_pieces(pieces(*parts), HELD, head)


@pytest.mark.parametrize("cut", range(11))
def test_wherever_a_chain_is_cut_the_report_is_that_of_the_whole(cut: int) -> None:
    assert verified(GOOD[:cut], GOOD[cut:]) == verify_chain(GOOD, HELD)
    assert list(joined(pieces(GOOD[:cut], GOOD[cut:]))) == GOOD


def test_records_that_two_files_hold_count_once() -> None:
    assert verified(GOOD[:4], GOOD[:8], GOOD[2:]) == verify_chain(GOOD, HELD)
    assert list(joined(pieces(GOOD[:4], GOOD[:8], GOOD[2:]))) == GOOD


@pytest.mark.parametrize("second", [[*GOOD[4:5], OTHER_SIX], [OTHER_SIX, *GOOD[6:]]], ids=["at its end", "within"])
def test_two_files_that_differ_about_a_record_fail(second: Sequence[bytes]) -> None:
    report = verified(GOOD[:6] if len(second) == 2 else GOOD[:7], second)
    assert report.verdict is Verdict.FAIL
    assert report.first_bad is not None
    assert (report.first_bad.sequence, report.first_bad.reason) == (6, "two files hold different records there")


def test_a_missing_file_is_incomplete_with_its_range_and_the_rest_is_verified() -> None:
    report = verified(GOOD[:4], GOOD[7:])
    assert (report.verdict, report.missing) == (Verdict.INCOMPLETE, ("records 5 to 7",))
    assert (report.records, report.range, report.signatures, report.unsigned_tail) == (7, (1, 10), 3, 2)
    assert report.head == verify_chain(GOOD, HELD).head


def test_behind_a_gap_the_interval_is_known_and_each_signature_is_checked() -> None:
    stripped = [line.partition(b"\t")[0] for line in GOOD]
    report = verified(GOOD[:4], stripped[6:])
    assert report.first_bad is not None
    assert (report.first_bad.sequence, report.first_bad.reason) == (8, "it must be signed, and is not")
    assert (report.verdict, report.records) == (Verdict.FAIL, 5)


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        (Head(6, line_hash(GOOD[5])), ("the noted head, record 6", "records 5 to 7")),
        (Head(7, line_hash(GOOD[6])), ("records 5 to 7",)),
        (Head(9, line_hash(GOOD[8])), ("records 5 to 7",)),
    ],
)
def test_a_noted_head_that_was_taken_away_is_said(head: Head, missing: tuple[str, ...]) -> None:
    assert verified(GOOD[:4], GOOD[7:], head=head).missing == missing


@pytest.mark.parametrize("sequence", [7, 9])
def test_a_noted_head_that_differs_fails_behind_a_gap_and_before_it(sequence: int) -> None:
    report = verified(GOOD[:4], GOOD[7:], head=Head(sequence, "0" * 64))
    assert report.first_bad is not None
    assert (report.first_bad.sequence, report.verdict) == (sequence, Verdict.FAIL)


def test_a_key_that_was_announced_in_the_missing_file_is_said_to_be_missing() -> None:
    """M-24: what follows is chained, and nobody checked its signatures."""
    lines = relay(announced={6: SECOND})
    report = verify_pieces(pieces(lines[:4], lines[7:]), HELD)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.missing == ("records 5 to 7", "a key for the records from 8 on")
    assert report.signatures == 2
    assert verify_pieces(pieces(lines[:4], lines[7:]), LATER).missing[-1] == "records 5 to 7"


def test_a_torn_file_in_the_middle_fails() -> None:
    assert verified([*GOOD[:4], GOOD[4][:20]], GOOD[5:]).verdict is Verdict.FAIL


def test_no_files_and_empty_files_are_no_chain() -> None:
    assert verified().missing == ("no records",)
    assert verified([], []) == verified()
