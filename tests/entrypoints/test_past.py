"""`--at`: the public state of a module at a record, the registers at a moment."""

from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.record import parse
from indicium.infrastructure.store import Store
from indicium.settings import Settings
from tests.app.homes import LETTER, rows_of
from tests.entrypoints.command import Terminal


def test_a_module_is_shown_as_it_was_at_a_record(home: Path, terminal: Terminal) -> None:
    rows = rows_of(home)
    users = next(row.sequence for row in rows if row.event == "access-control-database-initialized")
    (module,) = terminal.json("modules", "--at", str(users), "--home", home)["modules"]
    assert module == {
        "chain": rows[0].chain,
        "module": "34576590",
        "sequence": users,
        "state": "initializing",
        "persistent": module["persistent"],
        "at": parse(rows[users - 1].line).at,
        "interval": 100,
        "audit_key": parse(rows[0].line).key,
        "users": module["users"],
        "master_key_sets": [],
        "exports": [],
        "shut_down": False,
        "configured": False,
        "totals": {"downloaded": 0, "printed": 0, "refunded": 0},
        "suite": "modern",
    }
    assert {"name", "role", "account_expires", "password_expires", "last_access"} == {
        name for user in module["users"] for name in user
    }
    (last,) = terminal.json("modules", "--at", str(len(rows)), "--module", "34576590", "--home", home)["modules"]
    assert (last["state"], last["configured"], last["totals"]["downloaded"]) == ("operational", True, 300_000)
    assert (
        f"record          {users} of chain {rows[0].chain}"
        in terminal.run("modules", f"--at={users}", "--home", home)[1]
    )


def test_a_record_or_a_chain_that_is_not_there_gets_one_sentence(home: Path, terminal: Terminal) -> None:
    rows = rows_of(home)
    chain, last = rows[0].chain, len(rows)
    for at in (0, -5, last + 1, 10**30):
        sentence = f"Chain {chain} has no record {at}: it has the records 1 to {last}."
        assert terminal.refused("modules", f"--at={at}", "--home", home, status=1) == sentence
    for option, named in (("--chain", "c" * 32), ("--module", "7")):
        sentence = f"The store holds no record of {option[2:]} {named}: 'indicium modules' says of whom it does."
        assert terminal.refused("modules", "--at=1", option, named, "--home", home, status=1) == sentence
    for wrong in (["--at=now"], ["--at=1.5"], ["--chain", chain], ["--module", "34576590"]):
        assert terminal.run("modules", *wrong, "--home", home)[0] == 3


def test_of_several_chains_one_has_to_be_named(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    store = Settings.read(home).store_url
    settings = Settings.of(tmp_path / "second", serial="7", store=store)
    with Ledger.create(settings) as second:
        chain = second.chain
    sentence = "Records are numbered in each of 2 chains: name the chain with --chain, or its module with --module."
    assert terminal.refused("modules", "--at=1", "--home", home, status=1) == sentence
    for named in (["--chain", chain], ["--module", "7"], ["--chain", chain, "--module", "7"]):
        (module,) = terminal.json("modules", "--at=1", *named, "--home", home)["modules"]
        assert (module["module"], module["chain"], module["sequence"]) == ("7", chain, 1)
    assert terminal.run("modules", "--at=1", "--chain", chain, "--module", "34576590", "--home", home)[0] == 1


def test_registers_are_shown_as_they_were(home: Path, terminal: Terminal) -> None:
    before = terminal.json("meters", "--home", home)["meters"]
    last = rows_of(home)[-1]
    moment = parse(last.line).at
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.334", LETTER, "job-1")

    found = terminal.json("meters", "--at", moment, "--home", home)
    assert found == {"at": moment, "records": {last.chain: last.sequence}, "meters": before}
    (ada,) = terminal.json("meters", "1000000001", "--at", "9999-12-31", "--home", home)["meters"]
    assert (ada["customer"], ada["ar"]) == ("Ada", 334)

    out = terminal.run("meters", "--at", "1999-12-31", "--home", home)[1]
    assert "The registers at 1999-12-31T23:59:59.999999Z:" in out
    assert f"no record yet of chain {last.chain}" in out
    assert "Ada" not in out
    out = terminal.run("meters", "--at", moment, "--home", home)[1]
    assert f"up to record {last.sequence} of chain {last.chain}" in out


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "2026-11-01T17:30", ""])
def test_what_is_no_moment_gets_one_sentence(home: Path, terminal: Terminal, text: str) -> None:
    sentence = "Not a moment: write a date (UTC), as in 2026-11-01, or a time, as in 2026-11-01T17:30:00Z."
    assert terminal.refused("meters", "--at", text, "--home", home, status=3) == sentence


def test_a_meter_that_did_not_exist_then_is_refused(home: Path, terminal: Terminal) -> None:
    sentence = "There is no meter 1000000001."
    assert terminal.refused("meters", "1000000001", "--at", "1999-12-31", "--home", home, status=1) == sentence


def test_an_empty_store_has_no_record_to_show(tmp_path: Path, terminal: Terminal, store_url: str) -> None:
    Store.create(store_url).close()
    sentence = "The store holds no record of any module: 'indicium modules' says of whom it does."
    assert terminal.refused("modules", "--at=1", "--store", store_url, "--home", tmp_path, status=1) == sentence
    assert terminal.json("meters", "--at=2026-11-01", "--store", store_url, "--home", tmp_path)["meters"] == []
