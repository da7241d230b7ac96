"""Power-up self tests (F-01): every algorithm of a suite is asked, and one that errs is named."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from indicium.cryptomodule import suites
from indicium.cryptomodule.suites import (
    SelfTestFailed,
    curve25519,
    diffie_hellman,
    dsa,
    elliptic,
    lattice,
    rsa_oaep,
    sha1,
    symmetric,
    triple_des,
)
from indicium.cryptomodule.suites.known_answers import KnownAnswers
from indicium.infrastructure.devices import SystemEntropy

pytestmark = pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")

TABLES: dict[str, tuple[KnownAnswers, ...]] = {
    "modern": (symmetric.KNOWN_ANSWERS, elliptic.KNOWN_ANSWERS, curve25519.KNOWN_ANSWERS),
    "fips140_1": (
        sha1.KNOWN_ANSWERS,
        triple_des.KNOWN_ANSWERS,
        dsa.KNOWN_ANSWERS,
        diffie_hellman.KNOWN_ANSWERS,
        rsa_oaep.KNOWN_ANSWERS,
    ),
    "post_quantum": (symmetric.KNOWN_ANSWERS, elliptic.KNOWN_ANSWERS, lattice.KNOWN_ANSWERS),
}


@pytest.mark.parametrize("name", suites.SUITES)
def test_a_sound_suite_passes(name: str) -> None:
    suites.make(name, SystemEntropy()).self_test()


@pytest.mark.parametrize("name", suites.SUITES)
def test_modules_of_one_process_may_start_at_the_same_moment(name: str) -> None:
    """A self test that fails by chance would lead a sound module into the Error state for good."""
    sound = suites.make(name, SystemEntropy())
    with ThreadPoolExecutor(6) as pool:
        started = [pool.submit(sound.self_test) for _ in range(30)]

    assert [start.exception() for start in started] == [None] * 30


def wrong() -> bool:
    return False


def broken() -> bool:
    raise ZeroDivisionError


@pytest.mark.parametrize("failing", [wrong, broken])
@pytest.mark.parametrize(
    ("name", "table", "algorithm"),
    [(name, table, algorithm) for name, tables in TABLES.items() for table in tables for algorithm in table],
)
def test_an_algorithm_that_does_not_give_its_answer_is_named(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    table: KnownAnswers,
    algorithm: str,
    failing: Callable[[], bool],
) -> None:
    monkeypatch.setitem(table, algorithm, failing)

    with pytest.raises(SelfTestFailed) as failed:
        suites.make(name, SystemEntropy()).self_test()
    assert failed.value.algorithm == str(failed.value) == algorithm
