"""Every parser of bytes from outside says no in our own words, soon, and takes nothing that it would write otherwise.

Mutations begin from real samples, and from the corpus, where every input lies that once did harm or found a new way
through the code. `make fuzz` looks for more.
"""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.fuzz.corpus import CORPUS, kept
from tests.fuzz.mutations import TOKENS, mutated
from tests.fuzz.parsers import PARSERS, Parser, offer
from tests.fuzz.stage import Stage
from tests.searching import examples

SECONDS = 2.0
"""So long may a parser compute over what is no longer than a few times 100 kB."""

ROOM = 40
"""So many bytes may a parser take for each byte that it reads."""

FREE = 4 << 20
"""And so many whatever it reads."""


@pytest.fixture(scope="module")
def stage(ready: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage.copy_of(ready, prepared, tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def parser_of(stage: Stage) -> Callable[[str], Parser]:
    made: dict[str, Parser] = {}

    def give(name: str) -> Parser:
        if name not in made:
            made[name] = PARSERS[name](stage)
        return made[name]

    return give


def within_time(parser: Parser, data: bytes) -> None:
    begun = time.process_time()
    offer(parser, data)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_takes_what_it_is_meant_for(parser_of: Callable[[str], Parser], name: str) -> None:
    """So that the mutations begin from something: not one of the seeds is refused."""
    parser = parser_of(name)
    for seed in parser.seeds:
        again = parser.read(seed)
        assert again is None or again == seed


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_meets_all_that_was_ever_kept_for_any(parser_of: Callable[[str], Parser], name: str) -> None:
    """What one of them fell over is offered to all; in bounded time and memory."""
    parser = parser_of(name)
    for data in [*TOKENS, b"", *(case for folder in PARSERS for case in kept(folder))]:
        tracemalloc.start()
        try:
            within_time(parser, data)
            assert tracemalloc.get_traced_memory()[1] < FREE + ROOM * len(data)
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_refuses_in_our_words_whatever_is_spoiled(parser_of: Callable[[str], Parser], name: str) -> None:
    parser = parser_of(name)
    seeds = [*parser.seeds, *kept(name)]

    @examples(200)
    @given(st.randoms(use_true_random=False))
    def spoiled(random: Random) -> None:
        data = mutated(random, seeds)
        note(f"to be kept as a file in tests/fuzz/corpus/{name}: {data[:2000]!r}")
        within_time(parser, data)

    spoiled()


def test_the_corpus_has_no_folder_that_no_parser_reads() -> None:
    assert {folder.name for folder in CORPUS.iterdir() if folder.is_dir()} <= set(PARSERS)
