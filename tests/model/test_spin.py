"""The models in docs/model, searched by Spin: what must hold holds, and each broken variant yields its counterexample.

The large searches are left to `make model`.
"""

import re
from pathlib import Path

import pytest

from docs.spin import ABSENT, BREAK, HOLD, MODELS, PAGE, Run, installed, main, table, verify

needs_spin = pytest.mark.skipif(not installed(), reason=ABSENT)
SMALL = [run for run in HOLD if run.small]


def named(run: Run) -> str:
    return run.name


@needs_spin
@pytest.mark.parametrize("run", SMALL, ids=named)
def test_a_search_of_all_states_finds_nothing(run: Run, tmp_path: Path) -> None:
    """C-13 … C-37 of one module; O-01, O-10 … O-14, O-17, N-20 … N-22 of two with their three places."""
    result = verify(run, tmp_path)

    assert result.complaint == ""
    assert result.states > 500


@needs_spin
@pytest.mark.parametrize("run", BREAK, ids=named)
def test_each_broken_variant_yields_the_counterexample_that_it_is_known_for(run: Run, tmp_path: Path) -> None:
    """M-03, C-29, O-17, N-19: what the models can find, they are seen to find."""
    result = verify(run, tmp_path)

    assert re.search(run.breaks, result.complaint), result
    assert list(tmp_path.glob("*.trail"))


@needs_spin
def test_a_model_that_holds_where_it_must_break_is_not_as_expected(tmp_path: Path) -> None:
    holds = verify(SMALL[0], tmp_path)

    assert holds.as_expected
    assert not holds._replace(run=BREAK[0]).as_expected
    assert not holds._replace(complaint="pan:1: assertion violated").as_expected


@needs_spin
def test_a_run_by_name_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["states"]) == 0
    assert re.fullmatch(r"states +holds as it must: [\d,]+ states, [\d.]+ s \n", capsys.readouterr().out)


def test_every_switch_of_a_run_stands_in_its_model() -> None:
    for run in (*HOLD, *BREAK):
        model = (MODELS / f"{run.model}.pml").read_text(encoding="utf-8")
        for define in run.defines.split():
            assert re.search(rf"\b{define.partition('=')[0]}\b", model), (run.name, define)


def test_the_page_has_a_line_for_every_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    heads = [line.split(" | ")[0] for line in table([]).splitlines()]

    for run in (*HOLD, *BREAK):
        assert page.count(f"\n| {run.name} |") == 1, run.name
    assert heads[0] in page
