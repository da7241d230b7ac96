"""The table of errors: every leaf stands in it once, under names that no other one has (G-510)."""

import pickle
from collections import Counter
from collections.abc import Iterator

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
