"""Meters that go from one module of a vault to another at the command line (ADR 0024)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from indicium.domain.commands.hand_over import GiveMeter, OfferHome
from indicium.domain.errors import Refusal
from indicium.domain.hand_over import HomeOffer
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.roles import Role
from indicium.entrypoints.connecting import connect
from indicium.infrastructure.home import Home
from indicium.vault import Vault
from tests.app.homes import LETTER, shared
from tests.app.vaults import Homes, assert_whole, copy_of, make_vault, print_until_done
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import Script, passphrase_of
from tests.entrypoints.running_module import module_of


@pytest.fixture(scope="session")
def three_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed vault of three modules. Not to be changed."""
    return shared(tmp_path_factory, "three-modules", make_vault)


@pytest.fixture
def homes(three_modules: Path, tmp_path: Path) -> Homes:
    """A copy of it: Ada and Dan at module 1, Ben and Eve at 2, Cy and Fay at 3."""
    return copy_of(three_modules, tmp_path / "vault")


def names_in(home: Path) -> list[str]:
    return list(Home(home).customer_names())


def test_a_customer_goes_to_another_module_with_meter_and_keys(homes: Homes, terminal: Terminal) -> None:
    status, out, _ = terminal.run("meter", "move", "Ada", "--home", homes["1"], "--to", homes["2"])

    assert (status, out) == (0, "1 meter is at home in module 2 now.\n")
    assert (names_in(homes["1"]), names_in(homes["2"])) == (["Dan"], ["Ada", "Ben", "Eve"])
    assert terminal.json("meter", "status", "Ada", "--home", homes["2"])["dr"] == 100_000
    rows = terminal.json("meters", "--home", homes["1"])["meters"]
    assert {row["customer"]: row["module"] for row in rows}["Ada"] == "2"
    back = terminal.json("meter", "move", "Ada", "--home", homes["2"], "--to", homes["1"])
    assert back == {"moved": 1, "refused": {}}
    assert_whole(homes.all, homes.folder)


def test_a_module_is_emptied_while_it_goes_on_working(homes: Homes, terminal: Terminal) -> None:
    """N-17: in groups, between processes that serve others."""
    with module_of(homes["1"]), module_of(homes["2"]):
        moved = terminal.json("module", "hand-over", "--home", homes["1"], "--to", homes["2"])
    assert moved == {"moved": 2, "refused": {}}
    assert (names_in(homes["1"]), names_in(homes["2"])) == ([], ["Ada", "Ben", "Dan", "Eve"])
    assert terminal.json("module", "hand-over", "--home", homes["1"], "--to", homes["2"])["moved"] == 0
    assert_whole(homes.all, homes.folder)


def test_a_customer_of_a_name_that_is_taken_there_stays(homes: Homes, terminal: Terminal) -> None:
    with Vault.open([homes["2"]]) as vault:
        vault.lease("Dan", "40505")

    moved = terminal.json("module", "hand-over", "--home", homes["1"], "--to", homes["2"], status=1)

    assert moved == {"moved": 1, "refused": {"Dan": "customer-there-already"}}
    assert names_in(homes["1"]) == ["Dan"]
    assert terminal.json("meter", "status", "Dan", "--home", homes["1"])["dr"] == 100_000


def test_what_was_given_and_never_arrived_is_finished(homes: Homes, terminal: Terminal) -> None:
    with homes.open() as vault:
        device = DeviceId(vault.meter("Ada").device)
        offer = HomeOffer.model_validate_json(vault.homes[Serial("2")].execute(OfferHome()))
        vault.homes[Serial("1")].execute(GiveMeter(psd_id=device, offer=offer))
    said = terminal.refused("meter", "status", "Ada", "--home", homes["1"], status=1)
    assert said == f"Meter {device} is at home in module 2, not here."

    done = terminal.json("module", "hand-over", "--finish", "--home", homes["2"], "--to", homes["1"])

    assert done == {"moved": 1, "refused": {}}
    terminal.run("meter", "move", "Ada", "--home", homes["1"], "--to", homes["2"])
    assert terminal.json("meter", "status", "Ada", "--home", homes["2"])["dr"] == 100_000


def test_a_module_joins_another_ones_vault(homes: Homes, terminal: Terminal) -> None:
    """H-21 … H-28, E-102: the keys go from module to module as in people's ceremony."""
    new = homes.folder / "4"
    made = terminal.json("init", "--home", new, "--serial", "4", "--join", homes["1"])
    assert made["module"] == "4"

    moved = terminal.json("meter", "move", "Ada", "Dan", "--home", homes["1"], "--to", new)

    assert moved["moved"] == 2
    with Vault.open([*homes.all, new]) as vault:
        assert vault.meter("Ada").print("0.33", LETTER).reply.dr == 99_670
    assert_whole([*homes.all, new], homes.folder)


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("1", "Setting --to: it is the module itself: name the home of another one."),
        ("alone", "Setting --to: it has another store: meters go only between modules of one vault."),
    ],
)
def test_two_homes_of_one_vault_are_named(
    homes: Homes, leased: Path, terminal: Terminal, to: str, sentence: str
) -> None:
    other = leased if to == "alone" else homes[to]
    said = terminal.refused("meter", "move", "Ada", "--home", homes["1"], "--to", other, status=3)
    assert said == sentence


def test_the_officer_takes_over_a_dead_modules_meters_and_it_comes_too_late(
    homes: Homes, terminal: Terminal, script: Script
) -> None:
    """ADR 0025 as it is typed: a process that lives is no dead module; one that comes back is reset."""
    officer = passphrase_of(homes["2"], Role.SECURITY_OFFICER)
    with module_of(homes["1"]):
        status, _, err = script.run("adopt", homes["1"], "--home", homes["2"], "--user", "officer", given=officer)
        assert (status, "in use by another process" in err) == (3, True)

    status, out, err = script.run("adopt", homes["1"], "--home", homes["2"], "--user", "officer", given=officer)

    assert (status, err) == (0, "")
    assert "2 meters are at home there." in out
    assert "Adopted by module 2: 2. Chain" in out
    assert names_in(homes["2"]) == ["Ada", "Ben", "Dan", "Eve"]
    assert terminal.json("meter", "status", "Ada", "--home", homes["2"])["dr"] == 100_000
    said = terminal.refused("recover", "--home", homes["1"], status=1)
    assert said.startswith("Module 1 was believed to be dead: module 2 adopted its meters")
    ended = terminal.json("module", "reset", "--yes", "--home", homes["1"])["ended"]
    assert terminal.json("init", "--home", homes["1"], "--serial", "1", "--join", homes["2"])["chain"] != ended
    assert terminal.json("meter", "move", "Ada", "--home", homes["2"], "--to", homes["1"])["moved"] == 1


def test_y_29_two_servers_race_for_one_meter_of_modules_in_processes_of_their_own(homes: Homes) -> None:
    """Y-29, N-22: each brings the meter to its own module and prints; it is spent from once for each request."""
    with (
        module_of(homes["1"]),
        module_of(homes["2"]),
        Vault.open(homes.all[:2], connect) as one,
        Vault.open(homes.all[:2], connect) as two,
        ThreadPoolExecutor(2) as pool,
    ):
        device = DeviceId(one.meter("Ada").device)

        def race(server: Vault, serial: str) -> None:
            for number in range(5):
                with suppress(Refusal):  # the other one has it just now
                    server.move([device], Serial(serial))
                print_until_done(server, "Ada", f"{serial}-{number}")

        for racer in [pool.submit(race, one, "1"), pool.submit(race, two, "2")]:
            racer.result()
        assert {row.customer: row.ar for row in one.meters()}["Ada"] == 3300
    assert_whole(homes.all, homes.folder)
