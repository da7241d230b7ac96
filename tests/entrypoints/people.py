"""Five people with passphrases, and how they bring a module up."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from indicium.domain.messages import password
from indicium.domain.roles import Role
from indicium.infrastructure.home import Home
from indicium.parties import ceremony
from tests.entrypoints.command import Terminal
from tests.entrypoints.pseudo_terminal import Typed

SERIAL = "34576590"
OFFICER, CUSTODIAN_1, CUSTODIAN_2, ADMINISTRATOR, AUDITOR = PEOPLE = (
    "officer",
    "custodian-1",
    "custodian-2",
    "administrator",
    "auditor",
)
PASSPHRASES = {
    OFFICER: "Correct horse battery",
    CUSTODIAN_1: "staple under the oak",
    CUSTODIAN_2: "nine blue lanterns, lit",
    ADMINISTRATOR: "a kettle of four herons",
    AUDITOR: "salt, pepper, ledger ink",
}
"""What nothing may show or keep."""


def lines(*names: str) -> str:
    """Give people's passphrases as standard input has them."""
    return "".join(f"{PASSPHRASES[name]}\n" for name in names)


def passphrase_of(home: Path, role: Role) -> str:
    """Give a line with the passphrase of somebody of a home's unattended ceremony, as standard input has it."""
    plan = ceremony.CeremonyPlan.model_validate_json(Home(home).secret(ceremony.PLAN_FILE) or b"")
    return f"{plan.of(role).passphrase}\n"


def assert_nowhere(*places: str | bytes | Path) -> None:
    """See that no passphrase, nor what the host makes of it, is in a text, in bytes, or in a folder's files."""
    found: list[bytes] = []
    for place in places:
        if isinstance(place, Path):
            found += [path.read_bytes() for path in place.rglob("*") if path.is_file()]
        else:
            found.append(place if isinstance(place, bytes) else place.encode())
    for name, passphrase in PASSPHRASES.items():
        hashed = password(SERIAL, name, passphrase)
        for secret in (passphrase.encode(), hashed, hashed.hex().encode(), base64.b64encode(hashed)):
            assert not any(secret in content for content in found)


def begin(typed: Typed) -> None:
    """Answer the guided ceremony up to the people's names."""
    typed.answer("Press Enter to begin. ", "")
    typed.answer("Press Enter to start the initialization. ", "")


def give_names(typed: Typed) -> None:
    """Take the names that are offered."""
    for offered in ("[officer]", "[2]", "[custodian-1]", "[custodian-2]", "[administrator]", "[auditor]"):
        typed.answer(f"{offered}: ", "")


def sit_down(typed: Typed, name: str) -> None:
    """Have a person come to the keyboard."""
    typed.expect(f"({name}).")
    typed.answer("Press Enter when you sit at the keyboard. ", "")


def choose(typed: Typed, name: str) -> None:
    """Have a person choose a passphrase."""
    sit_down(typed, name)
    typed.answer(f"New passphrase of {name} (not shown): ", PASSPHRASES[name])
    typed.answer("The same once more: ", PASSPHRASES[name])


def log_on(typed: Typed, name: str) -> None:
    """Have a person log on."""
    sit_down(typed, name)
    typed.answer(f"Passphrase of {name} (not shown): ", PASSPHRASES[name])


class Script:
    """The command line as a script calls it: passphrases come by standard input."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal, self._monkeypatch = terminal, monkeypatch

    def run(self, *arguments: str | Path, by: Sequence[str] = (), given: str | None = None) -> tuple[int, str, str]:
        """Run `module …` with the passphrases of the people named; give exit status, output and errors."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(lines(*by) if given is None else given))
        return self._terminal.run("module", *arguments, "--passphrase-stdin")

    def done(self, *arguments: str | Path, by: Sequence[str] = ()) -> str:
        """Demand that it was done; give what it said."""
        status, out, err = self.run(*arguments, by=by)
        assert (status, err) == (0, "")
        return out

    def refused(self, *arguments: str | Path, by: Sequence[str] = (), given: str | None = None, status: int = 1) -> str:
        """Demand a status and one sentence, and give it."""
        ended, out, err = self.run(*arguments, by=by, given=given)
        assert (ended, out, err.count("\n")) == (status, "", 1)
        return err.strip()

    def users(self, home: Path) -> None:
        """Start the initialization of the running module, and enter the five people."""
        assert self._terminal.run("module", "start", "--home", home)[0] == 0
        self.done("users", "--home", home, by=PEOPLE)

    def finished(self, home: Path) -> None:
        """Take an Operational module to the end of its ceremony."""
        self.done("configure", "--home", home, by=[OFFICER])
        self.done("export-key", "--home", home, by=[AUDITOR])
