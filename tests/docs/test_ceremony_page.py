"""The pages of ceremony and recovery name only what there is: people follow them to the letter."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from indicium.entrypoints.cli import app

DOCS = Path(__file__).parents[2] / "docs"
PAGE = "\n".join((DOCS / name).read_text() for name in ("ceremony.md", "recovery.md"))
NAMED = sorted(set(re.findall(r"indicium (?:module )?[a-z-]+(?: (?:abort|begin|create|end|export|generate|import|list|"
                              r"modify|password|redate|start-import|unlock))?", PAGE)))  # fmt: skip


@pytest.mark.parametrize("line", NAMED)
def test_every_command_of_the_pages_is_one(line: str) -> None:
    found = get_command(app)
    for word in line.split()[1:]:
        assert word in found.commands, line  # type: ignore[attr-defined]  # typer exports no such type
        found = found.commands[word]  # type: ignore[attr-defined]  # the same
    assert not hasattr(found, "commands"), line


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(?<!-)--[a-z][a-z-]+", PAGE)) - {"--help"}))
def test_every_option_of_the_pages_is_one_of_a_command(option: str) -> None:
    assert f" {option} " in (DOCS / "cli.md").read_text()
