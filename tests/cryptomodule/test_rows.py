"""A chain as a store holds it: bytes and columns say the same, and what was discarded is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from indicium.cryptomodule import rows as module_under_test
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import FirstBad, Verdict, load_key
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from tests.vectors import making
from tests.vectors.chains import Data, chain_of, entries, head_of, meter_records, of_meter, rows_of

KEY = load_key((Path(making.__file__).parent / "key.pem").read_bytes())
RECOVERED = "checkpoint-recovered"


def test_the_rows_of_a_store_pass() -> None:
    lines = meter_records(9)
    report = verify_rows(rows_of(lines), KEY, head_of(lines))
    assert (report.verdict, report.records) == (Verdict.PASS, 9)


def test_rows_are_judged_by_their_bytes_too() -> None:
    rows = rows_of(meter_records(9))
    rows[5] = rows[5]._replace(line=rows[5].line.replace(b'"value":330', b'"value":331'))
    assert verify_rows(rows, KEY).first_bad == FirstBad(making.SERIAL, 6, "it is not what record 7 says it was")
    rows[5] = rows[5]._replace(line=b"")
    assert verify_rows(rows, KEY).first_bad == FirstBad(making.SERIAL, 6, "not JSON (Expecting value)")


@pytest.mark.parametrize("at", [3, 4, 8])
@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda row: row._replace(chain=ChainId("f" * 32)), "originator, version or topic"),
        (lambda row: row._replace(sequence=99), "originator, version or topic"),
        (lambda row: row._replace(event="indicium-refunded"), "originator, version or topic"),
        (lambda row: row._replace(event="\ud800"), "originator, version or topic"),
        (lambda row: row._replace(psd_id=DeviceId("0000000008")), "psd columns"),
        (lambda row: row._replace(psd_id=None), "psd columns"),
        (lambda row: row._replace(psd_version=99), "psd columns"),
        (lambda row: row._replace(psd_version=None), "psd columns"),
    ],
)
def test_a_column_that_is_not_what_the_bytes_say_is_found(
    at: int, change: Callable[[SealedRecord], SealedRecord], names: str
) -> None:
    rows = rows_of(meter_records(9))
    rows[at] = change(rows[at])
    report = verify_rows(rows, KEY)
    assert report.first_bad is not None
    assert report.first_bad.sequence == at + 1
    assert names in report.first_bad.reason


def test_psd_columns_of_a_record_without_a_meter_are_empty() -> None:
    rows = rows_of(entries(5))
    assert verify_rows(rows, KEY).verdict == Verdict.PASS
    rows[2] = rows[2]._replace(psd_id=DeviceId("0000000007"), psd_version=3)
    assert verify_rows(rows, KEY).first_bad == FirstBad(
        making.SERIAL, 3, "its row's psd columns are not what its bytes say"
    )


def recovered(discarded: Callable[[list[bytes]], object], count: int = 9) -> list[SealedRecord]:
    """Rows whose record 8, of an Auto-Recover, says `discarded` of the lines before it."""
    before = meter_records(7)
    lines = chain_of(
        count,
        lambda n: {"discarded": discarded(before)} if n == 8 else of_meter(n),
        lambda n: RECOVERED if n == 8 else "indicium-created",
    )
    return rows_of(lines)


def lost(*sequences: int) -> Callable[[list[bytes]], object]:
    return lambda lines: [{"sequence": n, "hash": making.line_hash(lines[n - 1]), "value": 330} for n in sequences]


def emptied(rows: list[SealedRecord], *sequences: int) -> list[SealedRecord]:
    return [row._replace(psd_id=None, psd_version=None) if row.sequence in sequences else row for row in rows]


def test_empty_columns_are_right_for_records_that_a_later_one_discards() -> None:
    assert verify_rows(emptied(recovered(lost(6, 7)), 6, 7), KEY).verdict == Verdict.PASS


def test_empty_columns_of_a_record_that_nothing_discards_are_found() -> None:
    report = verify_rows(emptied(recovered(lost(7)), 6, 7), KEY)
    assert report.first_bad == FirstBad(making.SERIAL, 6, "its psd columns are empty, and nothing discards it")


def test_a_record_is_not_discarded_by_an_earlier_one() -> None:
    report = verify_rows(emptied(recovered(lost(7)), 7, 9), KEY)
    assert report.first_bad == FirstBad(making.SERIAL, 9, "its psd columns are empty, and nothing discards it")


def test_columns_of_a_discarded_record_that_are_not_empty_are_found() -> None:
    report = verify_rows(emptied(recovered(lost(6, 7)), 7), KEY)
    assert report.first_bad == FirstBad(making.SERIAL, 6, "record 8 discards it, its psd columns are not empty")


def test_a_record_before_the_rows_may_be_discarded() -> None:
    rows = emptied(recovered(lost(4, 7)), 7)
    assert verify_rows(rows[4:], KEY).verdict == Verdict.INCOMPLETE
    assert verify_rows(rows[3:], KEY).first_bad == FirstBad(
        making.SERIAL, 4, "record 8 discards it, its psd columns are not empty"
    )


@pytest.mark.parametrize(
    "discarded",
    [
        None,
        {},
        [7],
        [{"sequence": 7}],
        [{"sequence": "7", "hash": "0" * 64}],
        [{"sequence": 7, "hash": "0" * 64, "value": 330}],
        [{"sequence": 8, "hash": "0" * 64, "value": 330}],
        [{"sequence": 2**53 - 1, "hash": "0" * 64, "value": 330}],
    ],
)
def test_a_recovery_that_does_not_name_what_it_discards_is_bad_itself(discarded: object) -> None:
    report = verify_rows(emptied(recovered(lambda _: discarded), 7), KEY)
    assert report.first_bad is not None
    assert (report.verdict, report.first_bad.sequence) == (Verdict.FAIL, 8)


def test_only_so_many_records_wait_to_be_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_under_test, "PENDING_LIMIT", 2)
    assert verify_rows(emptied(recovered(lost(6, 7)), 6, 7), KEY).verdict == Verdict.PASS
    report = verify_rows(emptied(recovered(lost(5, 6, 7)), 5, 6, 7), KEY)
    assert report.first_bad is not None
    assert (report.first_bad.sequence, report.records) == (5, 7)


def test_a_package_that_is_none_says_nothing_of_a_meter() -> None:
    packages: list[object] = [None, [], {}, {"psd": 7, "version": 1}, {"psd": "0000000007", "version": "1"}]
    data: dict[int, Data] = {n: {"package": package} for n, package in enumerate(packages, start=2)}
    rows = rows_of(chain_of(6, lambda n: data.get(n, {}), lambda _: "from-a-later-version"))
    assert verify_rows([row._replace(psd_id=None, psd_version=None) for row in rows], KEY).verdict == Verdict.PASS
