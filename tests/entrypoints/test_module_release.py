"""What failed and how it is released at the command line (O-08, M-28, Y-15)."""

import shutil
from pathlib import Path

from indicium.domain.roles import Role
from indicium.settings import DEFAULT_SERIAL, SETTINGS_FILE
from tests.app import seams
from tests.app.homes import MEMORY, put_back
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import Script, passphrase_of
from tests.entrypoints.test_meter import LETTER


def test_y_15_modules_says_what_failed_and_release_ends_it(
    home: Path, tmp_path: Path, terminal: Terminal, script: Script
) -> None:
    """With a threshold of one, as the seed prefers it, a module that was put right still waits for its officer."""
    settings = home / SETTINGS_FILE
    settings.write_text(settings.read_text().replace("shutdown_threshold = 2", "shutdown_threshold = 1"))
    officer = passphrase_of(home, Role.SECURITY_OFFICER)
    status, _, said = script.run("release", "--home", home, "--user", "officer", given=officer)
    assert (status, said) == (
        1,
        "No module of the vault has failed, as far as this one knows: nothing is to be released.\n",
    )

    shutil.copytree(home / "modules", tmp_path / "older" / "modules")
    seams.print_twice(home)
    shutil.copytree(home / "modules", tmp_path / "newest" / "modules")
    put_back(home, tmp_path / "older", MEMORY)
    terminal.refused("recover", "--home", home, status=1)
    assert f"Module {DEFAULT_SERIAL} failed at 20" in terminal.run("modules", "--home", home)[1]
    (failed,) = terminal.json("modules", "--home", home)["failed"]
    assert (failed["module"], failed["standing"], failed["by"]) == (DEFAULT_SERIAL, "failed", "")

    put_back(home, tmp_path / "newest", MEMORY)
    refused = terminal.refused("meter", "print", "Ada", "0.33", *LETTER, "--home", home, status=1)
    assert f"The whole system is shut down, for modules failed ({DEFAULT_SERIAL})" in refused
    assert (
        "until a Security Officer releases it: 'indicium module release'" in terminal.run("modules", "--home", home)[1]
    )

    assert script.run("release", "--home", home, "--user", "auditor", given=passphrase_of(home, Role.AUDITOR))[0] == 1
    for named, status in (("7", 1), ("seven", 3)):
        assert script.run("release", "--home", home, "--failed", named, "--user", "officer", given=officer)[0] == status
    status, out, err = script.run("release", "--home", home, "--user", "officer", given=officer)
    assert (status, err) == (0, "")
    assert out.endswith(f"The system is released: the failure of {DEFAULT_SERIAL} counts no more.\n")
    assert terminal.json("recover", "--home", home) == {"done": []}
    assert "shut down until" not in terminal.run("modules", "--home", home)[1]
