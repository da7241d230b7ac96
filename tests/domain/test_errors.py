"""The table of errors: every leaf stands in it once, under names that no other one has (G-510)."""

import pickle
import re
from collections import Counter
from collections.abc import Iterator
from string import Formatter

import pytest

from indicium.domain.errors import (
    BY_CODE,
    TABLE,
    IndiciumError,
    Inhibited,
    InsufficientFunds,
    Malformed,
    Misconfigured,
    NotSaved,
    Refusal,
    revive,
)

BRANCHES = {Refusal, Inhibited, NotSaved, Malformed, Misconfigured}


def leaves(kind: type[IndiciumError] = IndiciumError) -> Iterator[type[IndiciumError]]:
    for below in kind.__subclasses__():
        if below in BRANCHES:
            yield from leaves(below)
        elif below.__module__.startswith("indicium."):
            yield below


def test_every_leaf_stands_in_the_table() -> None:
    assert set(leaves()) == set(TABLE)


@pytest.mark.parametrize("name", ["code", "reason"])
def test_no_two_leaves_share_a_name(name: str) -> None:
    shared = Counter(getattr(entry, name) for entry in TABLE.values())

    assert [value for value, times in shared.items() if times > 1] == []


def test_a_leaf_comes_back_from_its_code_and_its_facts() -> None:
    error = InsufficientFunds(psd_id="1000000001", needed=330, held=100)

    for again in (revive(error.code, vars(error)), pickle.loads(pickle.dumps(error))):  # noqa: S301  # we wrote it
        assert (type(again), vars(again), str(again)) == (InsufficientFunds, vars(error), str(error))
    assert BY_CODE[error.code] is InsufficientFunds


def test_an_amount_reads_as_people_type_it_and_stays_mills_in_the_fact() -> None:
    """M-62: decimal dollars in sentences, mills for programs."""
    error = InsufficientFunds(psd_id="1000000001", needed=334, held=1_234_500)

    assert str(error) == "Meter 1000000001 holds 1234.50, 0.334 is needed: refill it first."
    assert (error.needed, error.held) == (334, 1_234_500)


AMOUNTS = {
    "minimum",
    "maximum",
    "smallest",
    "largest",
    "held",
    "needed",
    "named",
    "value",
    "would_be",
    "limit",
    "booked",
}
OF_METERS = [
    kind for kind in TABLE if kind.__module__.rpartition(".")[2] in {"psd", "sheets", "meter_users", "parties"}
]


@pytest.mark.parametrize("error", OF_METERS, ids=lambda kind: kind.__name__)
def test_no_sentence_about_meters_shows_people_an_amount_in_mills(error: type[IndiciumError]) -> None:
    shown = {name: written for _, name, written, _ in Formatter().parse(error.sentence) if name}
    amounts = {name for name, kind in error.__annotations__.items() if kind is int} & AMOUNTS

    assert not re.search(r"\bmills\b", error.sentence)
    assert {name for name in amounts & set(shown) if shown[name] != "dollars"} == set()
