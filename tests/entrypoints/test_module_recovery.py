"""The Security Officer recovers an inhibited module at the command line (O-15, M-64)."""

from pathlib import Path

from indicium.domain.roles import Role
from tests.app import seams
from tests.app.homes import MEMORY, assert_whole, clone_of, put_back
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import Script, passphrase_of


def test_what_is_wrong_names_the_command_that_helps_and_it_helps(
    home: Path, tmp_path: Path, terminal: Terminal, script: Script
) -> None:
    older = clone_of(home, tmp_path / "older")
    seams.print_twice(home)
    put_back(home, older, MEMORY)
    said = terminal.refused("recover", "--home", home, status=1)
    assert "the module memory disagrees from record" in said
    assert "'indicium module recover'" in said

    wrong = script.run("recover", "--home", home, "--user", "officer", given="not the passphrase\n")
    assert (wrong[0], wrong[2].count("\n")) == (1, 1)
    auditor = passphrase_of(home, Role.AUDITOR)
    assert script.run("recover", "--home", home, "--user", "auditor", given=auditor)[0] == 1

    officer = passphrase_of(home, Role.SECURITY_OFFICER)
    status, out, err = script.run("recover", "--home", home, "--user", "officer", given=officer)
    assert (status, err) == (0, "")
    assert "nothing that memory knew is lost" in out
    assert terminal.json("recover", "--home", home) == {"done": []}
    assert_whole(home, {"Ada": 880})

    status, out, err = script.run("recover", "--home", home, "--user", "officer", given=officer)
    assert (status, out) == (3, "")
    assert "is not inhibited" in err
