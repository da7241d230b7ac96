"""Five people with passphrases, and how they bring a module up."""

import base64
from pathlib import Path

from indicium.domain.messages import password
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


def choose(typed: Typed, name: str) -> None:
    """Have a person choose a passphrase."""
    typed.answer(f"({name}).", "")
    typed.answer(f"New passphrase of {name} (not shown): ", PASSPHRASES[name])
    typed.answer("The same once more: ", PASSPHRASES[name])


def log_on(typed: Typed, name: str) -> None:
    """Have a person log on."""
    typed.answer(f"({name}).", "")
    typed.answer(f"Passphrase of {name} (not shown): ", PASSPHRASES[name])
