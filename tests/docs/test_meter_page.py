"""What README and `docs/meter.md` show of a meter's life can be typed as it stands there, from the first line on."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from indicium.entrypoints.cli import app
from tests.app.homes import assert_whole
from tests.entrypoints.command import COMMAND, ROOT, environment

PATIENCE_SECONDS = 300


def blocks(page: str, heading: str = "") -> str:
    """Give all that a page has people type, below a heading if one is named."""
    text = (ROOT / page).read_text()
    section = re.split(r"\n## ", text.partition(f"\n## {heading}\n")[2])[0] if heading else text
    found: list[str] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return "".join(found)


def typed(script: str, folder: Path) -> str:
    """Type lines in a folder where `indicium` is installed; give what was shown. Each must succeed."""
    python, *words = COMMAND
    command = folder / "bin" / "indicium"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {python} {words[0]} "{words[1]}" "$@"\n')
    command.chmod(0o755)
    (folder / "typed").write_text(script)
    done = subprocess.run(
        ["/bin/sh", "-eu", "typed"],
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env=environment(PATH=f"{command.parent}{os.pathsep}{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def command_names(*words: str) -> list[str]:
    """Give the verbs of a group of the command line."""
    found = get_command(app)
    for word in words:
        found = found.commands[word]  # type: ignore[attr-defined]  # typer exports no such type
    return sorted(found.commands)  # type: ignore[attr-defined]  # the same


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which somebody has typed the README's walk, and what that showed."""
    folder = tmp_path_factory.mktemp("walk")
    return folder, typed(blocks("README.md", "A meter's life"), folder)


def test_a_stranger_who_types_the_readme_takes_a_meter_through_its_life(walked: tuple[Path, str]) -> None:
    folder, shown = walked
    assert "10 meters made" in shown
    assert shown.count("GENUINE") == 3
    assert "noted as shown" in shown
    assert "Passphrase and key of Ada are replaced.\n" in shown
    for event in ("sheet-created", "password-reset", "postage-correction-created", "meter-user-added"):
        assert event in shown
    assert re.search(r"Item refund of Ada in|\"kind\":\"refund\"", shown)
    assert shown.endswith("The book agrees with the records: 1 meter.\n")
    assert_whole(folder / "shop")


def test_a_stranger_who_types_the_page_of_a_meter_sees_every_verb_of_it_work(tmp_path: Path) -> None:
    script = blocks("docs/meter.md")
    shown = typed(script, tmp_path)
    assert "80 meters made" in shown
    assert "2026-48: 50.00 for meter" in shown
    assert shown.endswith("The book agrees with the records: 1 meter.\n")
    verbs = {f"meter {name}" for name in command_names("meter")} | {
        f"meter users {name}" for name in command_names("meter", "users")
    }
    assert {verb for verb in verbs if f"indicium {verb}" not in script} == set()
    assert_whole(tmp_path / "shop")


def test_every_verb_of_the_provider_is_on_the_page() -> None:
    page = (ROOT / "docs" / "meter.md").read_text()
    assert [name for name in command_names("provider") if f"provider {name}" not in page] == []
