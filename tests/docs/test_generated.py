"""The generator of the docs: what it writes comes from the tables, and the check notices a page that does not."""

from pathlib import Path

import pytest

from docs.generate import PAGES, main
from indicium.domain.errors import TABLE
from indicium.domain.fig6 import FIG6
from indicium.domain.lifecycle import LIFE


def test_what_was_written_is_up_to_date(tmp_path: Path) -> None:
    assert main([], tmp_path) == 0
    assert sorted(page.name for page in tmp_path.iterdir()) == sorted(PAGES)
    assert main(["--check"], tmp_path) == 0


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_was_edited_or_is_missing_is_named_and_left_alone(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([], tmp_path)
    (tmp_path / name).write_text("edited", encoding="utf-8")

    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err == f"docs/{name} is not up to date: run 'make docs'\n"
    assert (tmp_path / name).read_text(encoding="utf-8") == "edited"

    (tmp_path / name).unlink()
    assert main(["--check"], tmp_path) == 1


def test_every_command_step_and_error_has_its_line() -> None:
    figure, life, errors = (PAGES[name]().splitlines() for name in ("fig6.md", "psd-life.md", "errors.md"))

    for lines, kinds in ((figure, FIG6), (life, LIFE), (errors, TABLE)):
        for kind in kinds:
            assert sum(line.startswith(f"| `{kind.__name__}` |") for line in lines) == 1, kind


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for page in PAGES.values():
        for block in page().split("\n\n"):
            if block.startswith("|"):
                assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1, block


def test_another_argument_is_a_usage_error(tmp_path: Path) -> None:
    assert main(["--chekc"], tmp_path) == 3
    assert not list(tmp_path.iterdir())
