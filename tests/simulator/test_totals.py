"""The running totals add up, whoever ran what."""

from collections import Counter

from indicium.simulator.run import Failed, Result
from tests.simulator.totals import PAGE, Total, read, written


def world(seed: int, transactions: int, **faults: int) -> Result:
    return Result(seed, 300, "head", transactions, Counter(faults), Counter(), Counter(), Counter())


def test_what_several_versions_ran_stands_apart_and_adds_up() -> None:
    page = PAGE.read_text("utf-8")
    before = read(page)
    totals = before.with_runs("first", [world(1, 500, torn=20, late=30)], 2.6)
    totals = totals.with_runs("second", [world(2, 400, torn=10), Failed(3, 300, "nobody was served")], 4)
    totals = totals.with_runs("first", [world(4, 600, late=5)], 1)
    again = read(written(page, totals))
    assert again == totals
    assert again.versions[-2:] == (Total("first", 2, 0, 600, 1100, 55, 4), Total("second", 2, 1, 300, 400, 10, 4))
    assert again.kinds - before.kinds == Counter(late=35, torn=30)
    assert [new - old for new, old in zip(again.sum[1:], before.sum[1:], strict=True)] == [4, 1, 900, 1500, 65, 8]
    assert again.next_seed == before.next_seed + 4


def test_the_page_says_what_it_is_read_as() -> None:
    page = PAGE.read_text("utf-8")
    assert written(page, read(page)) == page
