"""No secret leaves by the command line, nor lies in a home outside `secrets/`: after a demo, everything is searched."""

from pathlib import Path

import orjson

from indicium.app import Ledger
from indicium.infrastructure.devices import DeviceKeyFile, PpdKeyFile
from indicium.infrastructure.home import Home
from indicium.parties.customer import CustomerState
from tests.canary import demand_unseen, scalar
from tests.entrypoints.command import Terminal


def secrets_of(home: Path) -> dict[str, bytes]:
    """Give what the parties of a home keep, and what its module keeps inside."""
    place = Home(home)
    found = {path.name: scalar(path.read_bytes()) for path in place.secrets.glob("*.key")}
    for person in orjson.loads((place.secrets / "ceremony.json").read_bytes())["people"]:
        found[f"passphrase of {person['name']}"] = person["passphrase"].encode()
    for path in place.customers.glob("*.json"):
        found[f"HMK of {path.stem}"] = CustomerState.model_validate_json(path.read_bytes()).hmk
    with Ledger.open(home) as ledger:
        inner, serial = ledger._module._core.inner, ledger._serial
        assert inner is not None
        assert inner.desk is not None
        assert inner.cold.active is not None
        assert inner.cold.card is not None
        found |= {"MEK": inner.cold.active.mek, "MAK": inner.cold.active.mak, "ASK": scalar(inner.cold.audit_key)}
        found |= {"VDSK_ipost": scalar(inner.cold.card.challenge_key), "VRSK_ipost": inner.cold.card.registration_key}
        for user in inner.cold.users:
            found[f"hash of {user.name}"] = user.hash
        found["PPD key"] = PpdKeyFile(place.ppd(serial)).load()
        identity = DeviceKeyFile(place.device(serial)).load()
        assert identity is not None
        found["device key"] = scalar(identity.key)
    return found


def test_no_secret_lies_outside_of_secrets_or_was_said(shown: Path, demo_home: Path, terminal: Terminal) -> None:
    seen = {"what the demo said": (shown / "said").read_bytes()}
    for verb in ("status", "meters", "modules"):
        status, out, err = terminal.run(verb, "--home", demo_home, "--json")
        assert status == 0
        seen[f"{verb} --json"] = (out + err).encode()
    for path in sorted(demo_home.rglob("*")):
        if path.is_file() and demo_home / "secrets" not in path.parents:
            seen[str(path.relative_to(demo_home))] = path.read_bytes()

    secrets = secrets_of(demo_home)

    assert {"ca.key", "provider.key", "metergen.key", "manufacturer.key", "device key", "MEK"} <= secrets.keys()
    assert {"ledger.db", "items.csv", "what the demo said", "status --json"} <= seen.keys()
    demand_unseen(secrets, seen)


def test_the_search_finds_what_it_looks_for(demo_home: Path) -> None:
    """The secrets are those that the home has: each of them is found where it belongs, or inside the sealed memory."""
    kept = b"".join(path.read_bytes() for path in (demo_home / "secrets").rglob("*") if path.is_file())
    passphrases = [secret for name, secret in secrets_of(demo_home).items() if name.startswith("passphrase")]

    assert passphrases
    assert all(passphrase in kept for passphrase in passphrases)
