"""All chains combined, meter by meter (I-26, I-27, Y-21): what no chain shows by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indicium.projections import combined
from indicium.projections.combined import Combination, Finding, combination
from tests.vectors import making

CHAIN = {"1": "1" * 32, "2": "2" * 32, "3": "3" * 32}
METER = "1000000001"


@pytest.fixture
def combining(tmp_path: Path) -> Iterator[Combination]:
    with combination(tmp_path / "moves.db") as made:
        yield made


def line(  # noqa: PLR0913 - a member of the record each
    sequence: int,
    version: int,
    value: int,
    ar: int,
    dr: int,
    *,
    event: str = "indicium-created",
    module: str = "1",
    home: str = "1",
    psd: str = METER,
) -> bytes:
    """A record of a meter, as a module would seal it."""
    at = f"2026-03-02T09:00:00.{sequence:06d}Z"
    package = {"psd": psd, "version": version, "home": home, "ar": ar, "dr": dr}
    point = {"value": value, "at": at, "ar": ar, "dr": dr}
    return making.body(
        sequence, "0" * 64, event, {"package": package, "checkpoint": point}, chain=CHAIN[module], module=module, at=at
    )


BORN = line(1, 1, 0, 0, 0, event="psd-initialized")
LOADED = line(2, 2, 1000, 0, 1000, event="postage-value-downloaded")
SPENT = line(3, 3, 330, 330, 670)
AGAIN = line(4, 4, 170, 500, 500)
GOOD = [BORN, LOADED, SPENT, AGAIN]


def kinds(found: list[Finding]) -> list[str]:
    return [finding.kind for finding in found]


def found_in(combining: Combination, *chains: list[bytes]) -> list[Finding]:
    for lines in chains:
        combining.add(lines)
    return list(combining.findings())


def test_a_history_without_a_flaw_has_no_finding(combining: Combination) -> None:
    assert found_in(combining, GOOD) == []
    assert combining.counts == (1, 4)


def test_a_correction_spends_and_a_refund_empties_as_an_item_does(combining: Combination) -> None:
    """E-1105: neither changes the control total; what does not say so is found."""
    corrected = line(5, 5, 100, 600, 400, event="postage-correction-created")
    refunded = line(6, 6, 400, 1000, 0, event="refund-indicium-created")
    assert found_in(combining, [*GOOD, corrected, refunded]) == []


@pytest.mark.parametrize("event", ["postage-correction-created", "refund-indicium-created", "sheet-created"])
def test_a_refund_or_correction_that_takes_more_or_adds_less_than_it_says_is_found(
    combining: Combination, event: str
) -> None:
    takes_more, adds_less = line(5, 5, 100, 600, 300, event=event), line(6, 6, 100, 800, 100, event=event)
    found = found_in(combining, [*GOOD, takes_more, adds_less])
    assert kinds(found) == ["control-total-changed", "value-not-moved"]


def test_a_meter_that_moved_between_modules_is_followed_by_its_versions(combining: Combination) -> None:
    """M-30, and no clock of one module agrees with another's: the second's is behind."""
    first = [BORN, LOADED, line(3, 3, 330, 330, 670, home="2")]
    second = [line(1, 4, 170, 500, 500, module="2", home="2"), line(2, 5, 0, 500, 500, module="2", home="1")]
    back = [line(9, 6, 500, 1000, 0, module="1", home="1")]
    assert found_in(combining, second, first + back) == []


def test_a_database_replay_is_found_by_the_ar_that_fell_back_and_by_the_version_that_came_again(
    combining: Combination,
) -> None:
    """I-27: the package of version 2 was put back after version 4, and spent once more."""
    replayed = line(5, 3, 100, 100, 900)
    found = found_in(combining, [*GOOD, replayed])
    assert kinds(found) == ["version-twice", "ar-fell-back"]
    twice, fell = found
    assert [(move.sequence, move.version, move.ar) for move in twice.records] == [(3, 3, 330), (5, 3, 100)]
    assert [(move.sequence, move.version, move.ar) for move in fell.records] == [(4, 4, 500), (5, 3, 100)]
    assert twice.meter == fell.meter == METER
    assert "AR fell back from 0.50 to 0.10" in fell.why
    assert "version 3 was made twice: by record 3 of module 1 and record 5 of module 1" in twice.why


def test_a_package_that_was_spent_on_two_modules_is_found(combining: Combination) -> None:
    """I-30: each chain is sound by itself, and neither module saw the other's."""
    other = [line(1, 4, 170, 500, 500, module="2", home="2"), line(2, 5, 100, 600, 400, module="2", home="2")]
    found = found_in(combining, GOOD, other)
    assert kinds(found) == ["version-twice", "not-at-home"]
    assert {(move.module, move.sequence) for move in found[0].records} == {("1", 4), ("2", 1)}
    assert [(move.module, move.sequence) for move in found[1].records] == [("1", 3), ("2", 1)]


def test_the_same_value_spent_twice_is_found_though_ar_is_the_same(combining: Combination) -> None:
    assert kinds(found_in(combining, [*GOOD, line(5, 4, 170, 500, 500)])) == ["version-twice"]


@pytest.mark.parametrize(
    ("last", "kind", "why"),
    [
        (line(4, 4, 170, 300, 700), "ar-fell-back", "AR fell back from 0.33 to 0.30"),
        (line(4, 4, 170, 500, 670), "control-total-changed", "went from 1.00 to 1.17 without a download"),
        (line(4, 4, 170, 600, 400), "value-not-moved", "the record states a value of 0.17"),
        (line(4, 4, 0, 330, 670, event="psd-configured"), None, ""),
        (line(4, 4, 170, 500, 500, event="psd-configured"), None, ""),
        (line(4, 4, 170, 500, 500, event="from-a-later-version"), None, ""),
        (line(4, 4, 500, 330, 1170, event="postage-value-downloaded"), None, ""),
        (line(4, 4, 500, 330, 1171, event="postage-value-downloaded"), "value-not-moved", "a value of 0.50"),
        (line(4, 4, 500, 331, 1170, event="postage-value-downloaded"), "value-not-moved", "a value of 0.50"),
        (line(4, 5, 170, 500, 500), "version-missing", "version 4 is in no chain here"),
        (line(4, 7, 170, 900, 100), "version-missing", "versions 4 to 6 are in no chain here"),
        (line(4, 4, 170, 500, 500, module="2", home="2"), "not-at-home", "whose home is module 1"),
    ],
)
def test_each_way_that_a_step_can_be_wrong(last: bytes, kind: str | None, why: str, combining: Combination) -> None:
    found = found_in(combining, GOOD[:3], [last])
    assert kinds(found) == ([] if kind is None else [kind])
    assert all(why in finding.why for finding in found)
    assert all([move.sequence for move in finding.records] == [3, 4] for finding in found)


def test_behind_a_gap_only_ar_can_be_compared(combining: Combination) -> None:
    found = found_in(combining, GOOD[:3], [line(4, 6, 1, 329, 5000, module="2", home="2")])
    assert kinds(found) == ["version-missing", "ar-fell-back"]


def test_a_new_meter_begins_with_version_1_and_registers_at_zero(combining: Combination) -> None:
    """E-203."""
    (born_rich,) = found_in(combining, [line(1, 1, 0, 0, 1, event="psd-initialized")])
    assert (born_rich.kind, len(born_rich.records)) == ("control-total-changed", 1)


def test_a_chain_that_begins_later_misses_the_versions_before(combining: Combination) -> None:
    (missing,) = found_in(combining, GOOD[2:])
    assert (missing.kind, missing.why) == ("version-missing", "versions 1 to 2 are in no chain here")


def recovered(sequence: int, *discarded: int) -> bytes:
    named = [{"sequence": number, "hash": "0" * 64, "value": 0} for number in discarded]
    return making.body(sequence, "0" * 64, "checkpoint-recovered", {"discarded": named}, chain=CHAIN["1"], module="1")


def test_a_discarded_transaction_is_none_and_its_version_comes_again(combining: Combination) -> None:
    """M-65."""
    lines = [*GOOD, recovered(5, 4), line(6, 4, 100, 430, 570)]
    assert found_in(combining, lines) == []
    assert combining.counts == (1, 4)


def test_meters_are_told_apart(combining: Combination) -> None:
    other = [line(9 + n, n, *registers, psd="1000000002") for n, registers in enumerate([(0, 0, 0), (7, 0, 7)], 1)]
    other[1] = line(11, 2, 7, 0, 7, psd="1000000002", event="postage-value-downloaded")
    assert found_in(combining, GOOD + other) == []
    assert combining.counts == (2, 6)


def test_a_chain_in_two_sources_counts_once_and_two_stories_of_it_are_told(combining: Combination) -> None:
    assert found_in(combining, GOOD, GOOD[:3]) == []
    assert combining.counts == (1, 4)
    combining.add([line(4, 4, 100, 430, 570)])
    (differ,) = combining.findings()
    assert (differ.kind, [move.ar for move in differ.records]) == ("sources-differ", [500, 430])


POINT: dict[str, object] = {"value": 0, "at": ""}
PACKAGE: dict[str, object] = {"psd": METER, "version": 1, "home": "1", "ar": 0, "dr": 0}


@pytest.mark.parametrize(
    "data",
    [
        {"package": {}},
        {"package": PACKAGE},
        {"package": PACKAGE | {"version": "1"}, "checkpoint": POINT},
        {"package": PACKAGE | {"psd": 7}, "checkpoint": POINT},
        {"package": PACKAGE | {"version": True}, "checkpoint": POINT},
        {"package": PACKAGE, "checkpoint": {}},
    ],
)
def test_what_cannot_be_read_is_counted(data: dict[str, object], combining: Combination) -> None:
    assert found_in(combining, [making.body(1, "0" * 64, "from-a-later-version", data)]) == []
    assert combining.unread == 1


def test_other_records_are_of_no_meter(combining: Combination) -> None:
    text: dict[str, object] = {"text": 'a customer may write "package":{} and checkpoint-recovered'}
    assert found_in(combining, [making.body(1, "0" * 64, "audit-entry-created", text), *making.GOOD]) == []
    assert (combining.counts, combining.unread) == ((0, 0), 0)


def test_however_often_a_version_came_only_so_many_records_are_looked_at(combining: Combination) -> None:
    often = [line(n, 4, 170, 500, 500) for n in range(4, 60)]
    (twice,) = found_in(combining, GOOD[:3] + often)
    assert len(twice.records) == combined.ALIKE


def combine_on_a_small_disk(file: Path, lines: list[bytes]) -> None:
    with combination(file) as made:
        made._database.execute("PRAGMA max_page_count = 10")
        made.add(lines)


def test_nothing_is_left_of_the_file_and_a_full_disk_is_said(tmp_path: Path) -> None:
    file = tmp_path / "moves.db"
    with combination(file) as made:
        made.add(GOOD)
        assert file.exists()
    assert not file.exists()
    lines = [line(n, n, 0, 0, 0, event="psd-configured") for n in range(1, 500)]
    with pytest.raises(OSError, match="full"):
        combine_on_a_small_disk(file, lines)
    assert not file.exists()
