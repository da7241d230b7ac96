"""What a running module says of itself on the command line, and whether it is believed (N-05, C-38, M-86)."""

import base64
import signal
from pathlib import Path

from indicium.entrypoints.connecting import connect
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import OFFICER, PASSPHRASES, SERIAL, Script
from tests.entrypoints.running_module import module_of

CHALLENGE = "0123456789abcdef" * 2


def test_a_genuine_module_signs_what_it_says(home: Path, terminal: Terminal) -> None:
    with module_of(home):
        said = terminal.json("module", "status", "--home", home)
        assert (said["verified"], said["doubt"], said["state"], said["operational"]) == (
            True,
            None,
            "operational",
            True,
        )
        assert "signature" not in said
        status, out, err = terminal.run("module", "status", "--home", home)
    assert (status, err) == (0, "")
    assert "  state           operational; meters are served\n" in out
    assert "  genuine         yes: signed just now by the device key that its manufacturer certified\n" in out


def test_who_names_a_challenge_gets_what_was_signed(home: Path, terminal: Terminal) -> None:
    with module_of(home):
        said = terminal.json("module", "status", "--challenge", CHALLENGE, "--home", home)
        for not_one in ("0" * 31, "G" * 32, "A" * 32):
            refused = terminal.refused("module", "status", "--challenge", not_one, "--home", home, status=3)
            assert refused == "challenge: it is 32 hex digits in small letters."
    assert said["challenge"] == CHALLENGE
    assert CHALLENGE.encode() in base64.b64decode(said["signed"])
    assert said["signature"]
    assert said["certificate"]


def test_a_module_of_another_manufacturer_is_doubted(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    other = tmp_path / "other"
    assert terminal.run("module", "init", "--home", other, "--serial", "2")[0] == 0
    root = (other / "keys" / "manufacturer.pem").read_bytes()
    (home / "keys" / "manufacturer.pem").write_bytes(root)
    with module_of(home):
        said = terminal.json("module", "status", "--home", home)
    assert said["verified"] is False
    assert "manufacturer" in said["doubt"]


def test_the_state_of_a_module_without_a_status_is_said(new: Path, terminal: Terminal) -> None:
    """B-31: Uninitialized it gives none."""
    with module_of(new) as module:
        assert terminal.json("module", "status", "--home", new) == {
            "module": SERIAL,
            "running": True,
            "process": module.process.pid,
            "chain": "",
            "state": "uninitialized",
            "verified": False,
        }
        assert "It is uninitialized" in terminal.run("module", "status", "--home", new)[1]


def test_m_06_in_error_it_says_why_and_signs_nothing(new: Path, script: Script, terminal: Terminal) -> None:
    with module_of(new) as module:
        script.users(new)
        module.stop(signal.SIGKILL)
    with module_of(new):
        said = terminal.json("module", "status", "--home", new)
        assert (said["state"], said["fatal"], said["verified"]) == ("error", True, False)
        out = terminal.run("module", "status", "--home", new)[1]
        assert "only a reset helps" in out
        assert "  genuine         not shown: the module is in the Error state and signs nothing\n" in out


def test_who_is_logged_on_is_told(new: Path, script: Script, terminal: Terminal) -> None:
    with module_of(new):
        script.users(new)
        with connect(new) as client, client.office.operator(SERIAL) as operator:
            operator.logon(OFFICER, PASSPHRASES[OFFICER])
            assert (
                "  logged on       officer (security-officer)\n" in terminal.run("module", "status", "--home", new)[1]
            )
        assert "  logged on       nobody\n" in terminal.run("module", "status", "--home", new)[1]
