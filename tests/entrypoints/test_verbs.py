"""The other verbs: shapes for programs, sentences for people, exit statuses for scripts."""

import gc
import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.heads import Action
from indicium.entrypoints import cli
from indicium.entrypoints.main import main
from indicium.infrastructure.schema import SCHEMA
from tests.app import seams
from tests.app.homes import LETTER, STORE, assert_whole, audit_file, rows_of
from tests.entrypoints.command import Terminal, indicium, write_mailing
from tests.hostile.test_cli import verbs

VERBS = ("init", "demo", "post", "status", "meters", "modules", "history", "movement", "verify", "rebuild", "recover")


def test_g_4_meters_and_modules_have_the_shapes_that_programs_read(home: Path, terminal: Terminal) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.334", LETTER, "job-1")
        chain = ledger.chain
    meters = terminal.json("meters", "--home", home)
    assert meters.keys() == {"meters"}
    assert meters["meters"][0] == {
        "device": "1000000001",
        "customer": "Ada",
        "module": "34576590",
        "state": "leased",
        "psd_version": 6,
        "ar": 334,
        "dr": 99_666,
    }
    assert [meter["customer"] for meter in meters["meters"]] == ["Ada", "Ben", "Cy"]
    modules = terminal.json("modules", "--home", home)
    head = terminal.json("verify", home)["chains"][0]["head"]
    (module,) = modules["modules"]
    assert module["last"].keys() == {"at", "value"}
    assert module == {
        "module": "34576590",
        "chain": chain,
        "suite": "modern",
        "state": "operational",
        "head": head,
        "last": {"at": module["last"]["at"], "value": 334},
        "totals": {"downloaded": 300_000, "printed": 334, "refunded": 0},
    }


def test_one_meter_is_listed_alone_and_an_unknown_one_is_refused(home: Path, terminal: Terminal) -> None:
    (meter,) = terminal.json("meters", "1000000002", "--home", home)["meters"]
    assert meter["customer"] == "Ben"
    for device in ("1000000009", "Ben", "1000000002; DROP TABLE records", ""):
        assert terminal.json("meters", device, "--home", home, status=1)["error"] == "unknown-meter"
    assert terminal.refused("meters", "1000000009", "--home", home, status=1) == "There is no meter 1000000009."


def test_status_sums_what_is_spent_and_what_is_left(home: Path, terminal: Terminal) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Cy").print("0.33", LETTER, "job-1")
    assert terminal.json("status", "--home", home) == {
        "home": str(home),
        "chains": 1,
        "suites": ["modern"],
        "records": rows_of(home)[-1].sequence,
        "meters": 3,
        "ar": 330,
        "dr": 299_670,
    }
    assert "0.33" in terminal.run("status", "--home", home)[1]


def test_tables_for_people_have_decimal_dollars_and_no_colour_without_a_terminal(
    home: Path, terminal: Terminal
) -> None:
    for verb, words in (("meters", ["Ada", "100.00", "leased"]), ("modules", ["34576590", "300.00", "operational"])):
        status, out, err = terminal.run(verb, "--home", home)
        assert (status, err) == (0, "")
        assert "\x1b" not in out
        assert all(word in out for word in words)


def test_y_32_rebuild_check_finds_a_view_that_was_changed_and_rebuild_mends_it(home: Path, terminal: Terminal) -> None:
    terminal.json("status", "--home", home)
    assert terminal.json("rebuild", "--check", "--home", home) == {"equal": True, "differences": []}
    with closing(sqlite3.connect(home / STORE)) as store:
        (view,) = (
            name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'") if "meters" in name
        )
        tamper = f"UPDATE {view} SET dr = 999000 WHERE device = '1000000001'"  # noqa: S608  # our own name
        assert store.execute(tamper).rowcount == 1
        store.commit()
    found = terminal.json("rebuild", "--check", "--home", home, status=1)
    assert found["equal"] is False
    assert "1000000001" in found["differences"][0]
    assert terminal.json("rebuild", "--home", home) == {"records": rows_of(home)[-1].sequence} | found
    assert terminal.json("rebuild", "--check", "--home", home)["equal"] is True
    assert_whole(home, {})


def test_recover_says_what_was_done(home: Path, terminal: Terminal) -> None:
    assert terminal.json("recover", "--home", home) == {"done": []}
    assert "nothing to do" in terminal.run("recover", "--home", home)[1]
    lines = audit_file(home).read_bytes().splitlines(keepends=True)
    audit_file(home).write_bytes(b"".join(lines[:-2]) + lines[-2][:50])
    assert terminal.json("recover", "--home", home) == {"done": ["complete the audit copy from the store"]}
    assert seams.killed(seams.print_twice, home, seams.AFTER_MEMORY)
    assert "give the store what it never got" in terminal.run("recover", "--home", home)[1]
    assert_whole(home, {})


def test_recover_refuses_what_it_cannot_do_with_its_verdict(home: Path, terminal: Terminal) -> None:
    rows = rows_of(home)
    with closing(sqlite3.connect(home / STORE)) as store:
        store.execute("DELETE FROM records WHERE sequence > ?", (rows[-1].sequence - 3,))
        store.commit()
    for copied in (home / "audit").glob("*.audit"):
        before, told, after = copied.read_bytes().rpartition(b'"reason":0')
        copied.write_bytes(before + told[:-1] + b"1" + after)
    said = terminal.json("recover", "--home", home, status=1)
    assert said["error"] == "heads-disagree"
    assert "disagrees from record" in said["sentence"]


def test_recover_gives_a_store_that_was_put_back_what_it_lost(home: Path, terminal: Terminal, tmp_path: Path) -> None:
    shutil.copy(home / STORE, tmp_path / "older")
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    lines = [row.line for row in rows_of(home)]
    for beside in home.glob(f"{STORE}*"):
        beside.unlink()
    shutil.copy(tmp_path / "older", home / STORE)
    assert terminal.json("recover", "--home", home) == {"done": [Action.REDO.value]}
    assert [row.line for row in rows_of(home)][: len(lines)] == lines
    assert_whole(home)


def test_init_makes_a_ledger_that_goes_on_with_the_other_verbs(tmp_path: Path) -> None:
    home = tmp_path / "shop"
    done = indicium("init", "--home", home, "--serial", "34582152", "--json")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    said = json.loads(done.stdout)
    assert said == {"home": str(home), "module": "34582152", "chain": rows_of(home)[0].chain, "suite": "modern"}
    status = json.loads(indicium("status", "--json", INDICIUM_HOME=str(home)).stdout)
    assert (status["meters"], status["records"]) == (0, rows_of(home)[-1].sequence)
    plan = json.loads((home / "secrets" / "ceremony.json").read_text())
    roles = [person["role"] for person in plan["people"]]
    assert sorted(roles) == ["administrator", "auditor", "key-custodian", "key-custodian", "security-officer"]
    secrets = [person["passphrase"] for person in plan["people"]]
    everything = b"".join(
        path.read_bytes() for path in home.rglob("*") if path.is_file() and "secrets" not in path.parts
    )
    assert not any(secret.encode() in everything for secret in secrets)
    assert not any(secret in done.stdout for secret in secrets)


def test_an_init_that_was_interrupted_is_told_from_a_ledger_and_goes_on(tmp_path: Path, terminal: Terminal) -> None:
    home = tmp_path / "home"
    assert seams.killed(seams.ceremony, home, seams.AFTER_MEMORY, 6)
    chain = rows_of(home)[0].chain
    for verb in (["recover"], ["post", write_mailing(tmp_path / "m.csv", []), "--out", tmp_path / "out.csv"]):
        said = terminal.refused(*verb, "--home", home, status=3)
        assert said == f"The key ceremony in {home} is not finished: 'indicium init --home {home}' goes on with it."
    assert terminal.json("init", "--home", home)["chain"] == chain
    assert terminal.json("init", "--home", home, status=3)["error"] == "ledger-exists"
    assert_whole(home, {})


def test_where_there_is_no_ledger_every_verb_says_so(tmp_path: Path, terminal: Terminal) -> None:
    mailing, out = write_mailing(tmp_path / "m.csv", []), tmp_path / "out.csv"
    nowhere = tmp_path / "nowhere"
    for verb in (["status"], ["meters"], ["modules"], ["rebuild"], ["recover"], ["post", mailing, "--out", out]):
        said = terminal.refused(*verb, "--home", nowhere, status=3)
        assert said == (
            f"{nowhere} holds no ledger: 'indicium init --home {nowhere}' makes one, "
            f"'indicium module init --home {nowhere}' one for a ceremony that people hold."
        )
    assert not nowhere.exists()


def test_a_home_that_is_no_folder_is_one_sentence(tmp_path: Path, terminal: Terminal) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for home in (file, file / "below"):
        for verb in ("init", "status", "recover"):
            terminal.refused(verb, "--home", home, status=3)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("content", ["", "serial = ", "serial = 5", "unknown = 1", "ring = 1", "\x00"], ids=repr)
def test_settings_that_break_their_rule_are_one_sentence(content: str, home: Path, terminal: Terminal) -> None:
    (home / "indicium.toml").write_text(content)
    if content:
        assert "Setting " in terminal.refused("status", "--home", home, status=3)
    else:
        assert terminal.json("status", "--home", home)["meters"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["verify"],
        ["post"],
        ["post", "mailing.csv"],
        ["init", "--serial"],
        ["init", "--serial", "abc"],
        ["status", "--frobnicate"],
        ["meters", "one", "two"],
        ["demo", "--fresh=maybe"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_status_3(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = terminal.run(*arguments)
    assert status == 3
    assert err or not arguments
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, terminal: Terminal) -> None:
    status, out, err = terminal.run(verb, "--help")
    assert (status, err) == (0, "")
    assert "--json" in out
    assert verb in terminal.run("--help")[1]


def test_no_help_numbers_the_requirements() -> None:
    """They are for whoever reads the code, not for whoever types verbs."""
    helps = [help_text for _, verb in verbs() for help_text in (verb.help, *(each.help for each in verb.params))]
    shown = "\n".join(filter(None, helps))
    assert "Let a user do more." in shown
    assert re.findall(r"\(?\b(?:[A-Z]-[0-9]{2,3}|FIG\. ?[0-9]+|E[0-9]{1,2})\b\)?", shown) == []


def test_a_home_whose_path_is_no_utf8_is_refused_however_it_is_named(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/no\xfftext"))
    folder.mkdir()
    monkeypatch.setenv("INDICIUM_HOME", str(folder / "home"))
    said = terminal.refused("init", status=3)
    assert said == "Setting home: its path is no UTF-8: name another folder, or work in one that is."
    monkeypatch.delenv("INDICIUM_HOME")
    monkeypatch.chdir(folder)
    assert terminal.refused("init", status=3) == said
    assert list(folder.iterdir()) == []


def test_the_verbs_that_read_run_while_the_module_is_open(home: Path, terminal: Terminal) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
        assert terminal.json("status", "--home", home)["ar"] == 330
        assert terminal.json("meters", "--home", home)["meters"][0]["ar"] == 330
        assert terminal.json("modules", "--home", home)["modules"][0]["totals"]["printed"] == 330
        assert terminal.json("rebuild", "--check", "--home", home)["equal"] is True
        assert terminal.json("rebuild", "--home", home)["records"] == rows_of(home)[-1].sequence
        assert terminal.json("verify", home)["verdict"] == "PASS"
        assert terminal.json("verify", home / STORE, "--key", home / "keys" / "34576590.audit.pem")["verdict"] == "PASS"
        ledger.meter("Ada").print("0.33", LETTER, "job-2")
    assert_whole(home, {"Ada": 660})


def test_the_verbs_that_open_the_module_get_one_sentence_while_another_has_it(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    mailing = write_mailing(tmp_path / "m.csv", ["1,Ada,40505,95567,first-class letter,1,0.33"])
    with Ledger.open(home):
        for verb in (["recover"], ["post", mailing, "--out", tmp_path / "out.csv"]):
            said = terminal.refused(*verb, "--home", home, status=3)
            assert said == (
                "Module 34576590 is in use by another process: end that one first, with 'indicium module stop' if "
                "it is 'indicium module run'."
            )
        assert terminal.json("recover", "--home", home, status=3)["error"] == "ledger-in-use"
    assert terminal.json("post", mailing, "--home", home, "--out", tmp_path / "out.csv")["spent"] == 330


def test_a_store_that_is_named_is_looked_at_without_a_home(terminal: Terminal, home: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{home / 'ledger.db'}"
    named = terminal.json("meters", "--home", tmp_path / "nowhere", "--store", store)
    assert named == terminal.json("meters", "--home", home)
    assert named["meters"]
    status, _, err = terminal.run("meters", "--home", tmp_path / "nowhere")
    assert status == 3
    assert "holds no ledger" in err


def test_store_upgrade_says_when_there_is_nothing_to_do(home: Path, terminal: Terminal) -> None:
    assert terminal.json("store", "upgrade", "--home", home) == {"found": SCHEMA, "reached": SCHEMA}
    assert f"The store has schema {SCHEMA}: nothing to do." in terminal.run("store", "upgrade", "--home", home)[1]


def test_m_60_init_takes_a_range_of_device_numbers(tmp_path: Path, terminal: Terminal) -> None:
    vault = f"sqlite:///{tmp_path / 'vault.db'}"
    named = ("--first-device", "41", "--last-device", "42")
    terminal.json("init", "--home", tmp_path / "a", "--serial", "1", "--store", vault, *named)
    with Ledger.open(tmp_path / "a") as ledger:
        assert ledger.lease("Ada", "40505").device == "0000000041"
    sentence = terminal.refused("init", "--home", tmp_path / "b", "--serial", "2", "--store", vault, *named, status=3)
    assert sentence.startswith("Device numbers 0000000041 to 0000000042 meet those of module 1:")
    terminal.json("init", "--home", tmp_path / "b", "--serial", "2", "--store", vault)
    with Ledger.open(tmp_path / "b") as ledger:
        ledger.lease("Ben", "40505")
    shown = terminal.json("meters", "--home", tmp_path / "a")["meters"]
    assert [(meter["module"], meter["device"]) for meter in shown] == [("1", "0000000041"), ("2", "1000000001")]


def test_what_a_command_leaves_is_collected_though_loading_it_was_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that runs for months is such a command."""
    monkeypatch.setattr(cli, "run", lambda _arguments: 0 if gc.isenabled() else 1)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
