"""A ceremony one command at a time, as people hold it who do not stand at one terminal (H-20, H-29)."""

import io
import signal
from pathlib import Path

import orjson
import pytest

from indicium.app import Ledger
from indicium.domain.errors import CeremonyUnfinished
from indicium.entrypoints.connecting import connect
from indicium.parties import attended
from tests.app.homes import LETTER, assert_whole, data_of, rows_of
from tests.entrypoints.command import Terminal, write_mailing
from tests.entrypoints.people import (
    ADMINISTRATOR,
    AUDITOR,
    CUSTODIAN_1,
    OFFICER,
    PASSPHRASES,
    PEOPLE,
    SERIAL,
    Script,
    assert_nowhere,
    lines,
)
from tests.entrypoints.pseudo_terminal import typed
from tests.entrypoints.running_module import module_of


def test_step_by_step_a_module_becomes_operational(new: Path, script: Script, terminal: Terminal) -> None:
    """H-20, H-21, M-56: each role does its own step, and the chain says who did."""
    with module_of(new) as module:
        assert module.said["chain"] == ""
        script.users(new)
        assert "and is Operational." in script.done("generate", "--home", new, by=[OFFICER])
        script.finished(new)
        assert terminal.run("module", "stop", "--home", new)[0] == 0
    who = {row.event: orjson.loads(row.line.partition(b"\t")[0])["user"] for row in rows_of(new)}
    assert who["access-control-database-initialized"] is None
    assert who["master-key-set-generated"] == who["crypto-card-initialized"] == OFFICER
    assert who["audit-key-exported"] == AUDITOR
    with Ledger.open(new) as ledger:
        meter = ledger.lease("Ada", "40505")
        meter.refill("1.00")
        meter.print("0.33", LETTER)
    assert_whole(new, {"Ada": 330})
    assert_nowhere(new)


def test_names_are_given_as_options_and_say_who_has_which_role(new: Path, script: Script, terminal: Terminal) -> None:
    with module_of(new):
        assert terminal.run("module", "start", "--home", new)[0] == 0
        names = [
            "--officer",
            "Ann",
            "--custodian",
            "Bo",
            "--custodian",
            "Cy",
            "--administrator",
            "Di",
            "--auditor",
            "Ed",
        ]
        script.done("users", "--home", new, *names, by=PEOPLE)
        script.done("generate", "--home", new, "--user", "Ann", by=[OFFICER])
    (entered,) = (row for row in rows_of(new) if row.event == "access-control-database-initialized")
    assert [(user["name"], user["role"]) for user in data_of(entered)["users"]] == [
        ("Ann", "security-officer"),
        ("Bo", "key-custodian"),
        ("Cy", "key-custodian"),
        ("Di", "administrator"),
        ("Ed", "auditor"),
    ]


@pytest.mark.parametrize("step", ["start", "users", "generate"])
def test_a_step_that_the_modules_end_would_undo_needs_a_running_one(step: str, new: Path, script: Script) -> None:
    """C-21: an Initializing module that boots has failed, so no command of a moment may leave it there."""
    arguments = (step, "--home", new)
    ended = script.run(*arguments, by=PEOPLE) if step != "start" else script._terminal.run("module", *arguments)
    assert ended == (
        3,
        "",
        f"No process runs the module of {new}: start one with 'indicium module run --home {new}'.\n",
    )
    assert rows_of(new) == []


def test_what_begins_and_ends_operational_needs_no_running_module(new: Path, script: Script) -> None:
    with module_of(new):
        script.users(new)
        script.done("generate", "--home", new, by=[OFFICER])
    script.finished(new)
    assert_whole(new, {})


def test_c_21_a_module_killed_while_initializing_is_in_error_and_still_runs(
    new: Path, script: Script, terminal: Terminal
) -> None:
    with module_of(new) as module:
        script.users(new)
        module.stop(signal.SIGKILL)
    with module_of(new):
        refused = script.refused("generate", "--home", new, by=[OFFICER])
        assert refused.startswith(f"Module {SERIAL} is in the Error state")
        assert terminal.run("module", "stop", "--home", new)[0] == 0


@pytest.mark.parametrize(
    ("step", "by", "sentence"),
    [
        ("generate", [AUDITOR], "The user name or the passphrase is wrong."),
        ("export-key", [OFFICER], "The user name or the passphrase is wrong."),
    ],
)
def test_a_wrong_passphrase_does_nothing(step: str, by: list[str], sentence: str, new: Path, script: Script) -> None:
    with module_of(new):
        script.users(new)
        before = [row.event for row in rows_of(new)]
        assert script.refused(step, "--home", new, by=by) == sentence
        assert [row.event for row in rows_of(new)] == [*before, "command-refused"]  # I-32


def test_who_has_another_role_does_nothing(new: Path, script: Script) -> None:
    """J-13: the sets of commands are disjoint."""
    with module_of(new):
        script.users(new)
        refused = script.refused("generate", "--home", new, "--user", CUSTODIAN_1, by=[CUSTODIAN_1])
        assert refused == (
            "This is for the Security Officer, and whoever is logged on is the Key Custodian: the next try is theirs."
        )
        script.done("generate", "--home", new, by=[OFFICER])
        refused = script.refused("export-key", "--home", new, "--user", ADMINISTRATOR, by=[ADMINISTRATOR])
        assert refused == (
            "This is for the Auditor, and whoever is logged on is the Administrator: the next try is theirs."
        )


def test_m_55_three_wrong_passphrases_lock_an_account(new: Path, script: Script) -> None:
    with module_of(new):
        script.users(new)
        for _ in range(3):
            assert "is wrong" in script.refused("generate", "--home", new, given="nobody's passphrase\n")
        locked = script.refused("generate", "--home", new, by=[OFFICER])
        assert locked == "The account officer is locked after too many failed logons: an Administrator unlocks it."


@pytest.mark.parametrize(
    ("given", "status", "why"),
    [
        ("", 3, "standard input has no whole line left for the passphrase of officer"),
        ("half a line", 3, "standard input has no whole line left for the passphrase of officer"),
        ("too short\n", 1, "it has fewer than 12 characters"),
        ("with a \x07 bell in it\n", 1, "it holds a character that cannot be printed"),
        (2 * lines(OFFICER), 1, "another person of this ceremony has the same"),
    ],
)
def test_passphrases_that_do_not_do_enter_nobody(
    given: str, status: int, why: str, new: Path, script: Script, terminal: Terminal
) -> None:
    with module_of(new):
        assert terminal.run("module", "start", "--home", new)[0] == 0
        sentence = script.refused("users", "--home", new, given=given, status=status)
        assert sentence.endswith(f": {why}.")
        script.done("users", "--home", new, by=PEOPLE)


def test_without_a_terminal_a_passphrase_is_not_taken_from_just_anywhere(
    new: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines(OFFICER)))
    assert terminal.refused("module", "generate", "--home", new, status=3) == (
        "People answer this at a terminal, and there is none: scripts give passphrases with --passphrase-stdin."
    )


def test_at_a_terminal_one_is_asked_and_nothing_is_shown(new: Path, script: Script) -> None:
    with module_of(new):
        script.users(new)
        with typed("module", "generate", "--home", new) as at:
            at.answer("Name of the Security Officer [officer]: ", "")
            at.answer("Passphrase of officer (not shown): ", PASSPHRASES[OFFICER])
            assert at.ended() == 0
            assert_nowhere(at.shown)
            assert "and is Operational." in at.shown


def test_j_08_ctrl_c_and_a_kill_leave_no_session_open(new: Path, script: Script) -> None:
    """Nobody could open another one, and the module could not be switched off without losing all (C-21)."""
    with module_of(new):
        script.users(new)
        with typed("module", "generate", "--home", new) as at:
            at.answer("[officer]: ", "")
            at.expect("(not shown): ")
            assert at.interrupted() == 130
        client = connect(new)
        operator = client.office.operator(SERIAL)
        operator.logon(OFFICER, PASSPHRASES[OFFICER])
        client.close()  # as the end of a process does, without a word to the module
        script.done("generate", "--home", new, by=[OFFICER])


def test_a_session_ends_with_its_own_connection_and_with_no_other(new: Path, script: Script) -> None:
    with module_of(new):
        script.users(new)
        with connect(new) as client, client.office.operator(SERIAL) as operator:
            operator.logon(OFFICER, PASSPHRASES[OFFICER])
            assert script.refused("generate", "--home", new, by=[OFFICER]) == "Another session is open: close it first."
            operator.logoff()  # it is still there


def test_a_ceremony_that_people_began_is_theirs_to_finish(
    new: Path, script: Script, terminal: Terminal, tmp_path: Path
) -> None:
    sentence = f"The key ceremony in {new} is not finished: 'indicium module ceremony --home {new}' goes on with it."
    mailing = write_mailing(tmp_path / "mailing.csv", [])
    post = ("post", mailing, "--out", tmp_path / "out.csv", "--home", new)
    with pytest.raises(CeremonyUnfinished):
        Ledger.open(new)
    with module_of(new):
        script.users(new)
        assert terminal.refused(*post, status=3) == sentence
    assert terminal.refused("init", "--home", new, status=3) == sentence
    assert terminal.refused(*post, status=3) == sentence


def test_a_module_that_nobody_began_with_can_be_left_to_an_unattended_ceremony(new: Path, terminal: Terminal) -> None:
    device = (new / "secrets" / f"{SERIAL}.device").read_bytes()
    assert terminal.run("init", "--home", new)[0] == 0
    assert (new / "secrets" / f"{SERIAL}.device").read_bytes() == device
    assert_whole(new, {})


def test_init_makes_one_module_and_no_second_over_it(new: Path, terminal: Terminal) -> None:
    assert rows_of(new) == []
    with Ledger.attend(new) as ledger:
        assert attended.progress(ledger) == (*attended.progress(ledger)[:1], "", False, None, False)
        assert attended.progress(ledger).state == "uninitialized"
    assert "holds a ledger already" in terminal.refused("module", "init", "--home", new, status=3)


def test_modules_of_one_manufacturer_stand_under_one_root(new: Path, terminal: Terminal, tmp_path: Path) -> None:
    second = tmp_path / "second"
    assert terminal.run("module", "init", "--home", second, "--serial", "2", "--manufacturer", new)[0] == 0
    root = "manufacturer.pem"
    assert (second / "keys" / root).read_bytes() == (new / "keys" / root).read_bytes()
    assert not (second / "secrets" / "manufacturer.key").exists()  # it stays with the manufacturer
    third = tmp_path / "third"
    refused = terminal.refused("module", "init", "--home", third, "--serial", "3", "--manufacturer", second, status=3)
    assert refused == f"{second / 'secrets' / 'manufacturer.key'}: it is missing."
    nobody, fourth = tmp_path / "nobody", tmp_path / "fourth"
    refused = terminal.refused("module", "init", "--home", fourth, "--serial", "4", "--manufacturer", nobody, status=3)
    assert refused.startswith(f"{nobody} holds no ledger")
    assert not fourth.exists()
    assert terminal.run("module", "init", "--home", third, "--serial", "3", "--manufacturer", new)[0] == 0


def test_a_serial_number_that_the_store_knows_is_refused_at_start(
    terminal: Terminal, script: Script, tmp_path: Path
) -> None:
    """Two homes were made before either began; the store tells them apart when the second begins."""
    store = f"sqlite:///{tmp_path / 'vault.db'}"
    first, second = tmp_path / "first", tmp_path / "second"
    for home in (first, second):
        assert terminal.run("module", "init", "--home", home, "--store", store)[0] == 0
    with module_of(first):
        script.users(first)
    with module_of(second):
        assert "give this one a serial number of its own" in terminal.refused(
            "module", "start", "--home", second, status=3
        )


def test_c_15_a_reset_module_begins_anew_and_its_old_chain_stays(home: Path, terminal: Terminal) -> None:
    """M-74, M-90: an event of the device, not a command; nobody logs on for it."""
    (old,) = {row.chain for row in rows_of(home)}
    with module_of(home):
        assert "in use by another process" in terminal.refused("module", "reset", "--yes", "--home", home, status=3)
    assert terminal.run("module", "reset", "--yes", "--home", home)[0] == 0
    assert terminal.refused("recover", "--home", home, status=3).endswith(
        f"'indicium init --home {home}' goes on with it."
    )
    with module_of(home) as module:
        assert module.said["chain"] == ""
    assert terminal.run("init", "--home", home)[0] == 0
    assert_whole(home)
    assert {row.chain for row in rows_of(home)} > {old}


def test_a_reset_that_nobody_means_resets_nothing(home: Path, terminal: Terminal) -> None:
    assert "say --yes" in terminal.refused("module", "reset", "--home", home, status=3)
    with typed("module", "reset", "--home", home) as at:
        at.answer("its keys too? [y/N]: ", "")
        assert at.ended() == 130
    assert_whole(home, {})


def test_b_42_limits_that_were_changed_in_the_settings_reach_the_module(
    new: Path, script: Script, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    with module_of(new):
        script.users(new)
        script.done("generate", "--home", new, by=[OFFICER])
        early = script.refused("update", "--tokens", tokens, "--home", new, by=[OFFICER])
        assert early == "The crypto-card is not initialized: the Security Officer does that first."
        assert not tokens.exists()
        script.finished(new)
        settings = new / "indicium.toml"
        settings.write_text(settings.read_text().replace("dr_limit = 500000", "dr_limit = 900000"))
        script.done("update", "--tokens", tokens, "--home", new, by=[OFFICER])
    (updated,) = (row for row in rows_of(new) if row.event == "crypto-card-updated")
    assert data_of(updated)["dr_limit"] == 900_000
    assert tokens.stat().st_mode & 0o777 == 0o600
    assert set(orjson.loads(tokens.read_bytes())) == {"challenge_key", "registration_key"}


@pytest.mark.parametrize("content", [b"{}", b"tokens", b'{"challenge_key":"AA==","registration_key":"?"}'])
def test_what_holds_no_key_tokens_is_refused_before_anybody_logs_on(
    content: bytes, new: Path, script: Script, tmp_path: Path
) -> None:
    (tmp_path / "tokens").write_bytes(content)
    refused = script.refused("configure", "--load", tmp_path / "tokens", "--home", new, by=[OFFICER], status=3)
    assert refused == f"{tmp_path / 'tokens'}: it holds no key tokens."


def test_m_24_a_new_audit_key_is_announced_by_the_old_one_and_exported_beside_it(new: Path, script: Script) -> None:
    with module_of(new):
        script.users(new)
        script.done("generate", "--home", new, by=[OFFICER])
        script.finished(new)
        first = (new / "keys" / f"{SERIAL}.audit.pem").read_bytes()
        said = orjson.loads(script.done("new-audit-key", "--home", new, "--json", by=[OFFICER]))
        exported = orjson.loads(script.done("export-key", "--home", new, "--json", by=[AUDITOR]))["audit_key"]
    assert exported == str(new / "keys" / f"{SERIAL}-2.audit.pem")
    assert (new / "keys" / f"{SERIAL}.audit.pem").read_bytes() == first
    (announced,) = (row for row in rows_of(new) if row.event == "audit-key-created")
    assert data_of(announced)["fingerprint"] == said["fingerprint"]
    assert_whole(new, {})
