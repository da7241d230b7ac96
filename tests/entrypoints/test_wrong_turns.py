"""What people ask for too early, too late, in another's place or in a way that cannot be meant, and what they are told.

Every sentence names a verb, or what was typed. The exit status is 3 where nothing but the typing is wrong.
"""

import signal
from pathlib import Path

import pytest

from indicium.domain.errors import CommandNotAllowed
from indicium.domain.fig6 import FIG6, ModuleState
from indicium.domain.roles import Role
from indicium.entrypoints.next_steps import told
from tests.app.homes import rows_of
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import AUDITOR, CUSTODIAN_1, OFFICER, PEOPLE, Script
from tests.entrypoints.running_module import module_of


def test_a_step_out_of_its_order_names_the_verb_that_comes_first(new: Path, script: Script, terminal: Terminal) -> None:
    """H-20, B-00a: a master's whole ceremony, and at each of its stands what is not to be done there."""
    with module_of(new):
        turns = {"users": PEOPLE, "generate": (OFFICER,), "combine": (OFFICER,), "export-key": (AUDITOR,)}
        for verb, people in turns.items():
            refused = script.refused(verb, "--home", new, by=people)
            assert refused == "The module is Uninitialized: 'indicium module start' comes first."
        script.users(new)
        again = terminal.refused("module", "start", "--home", new, status=1)
        assert again.startswith(
            "The module is Initializing: 'indicium module users' comes first, then 'indicium module"
        )
        refused = script.refused("combine", "--home", new, by=[OFFICER])
        assert "then 'indicium module generate', or where it joins another module 'indicium module tr" in refused
        script.done("generate", "--home", new, by=[OFFICER])
        for step, sentence in (
            ("generate", "that is done once in its life: 'indicium module reset' erases it, and it begins another."),
            ("transport-key generate", "that is done once in its life: 'indicium module reset' erases it, and it begi"),
            ("combine", "'indicium module shares start-import' comes first, then 'indicium module shares import'."),
            ("shares abort", "no export is under way."),
            ("admin end", "there is nothing to end."),
        ):
            refused = script.refused(*step.split(), "--home", new, by=[OFFICER])
            assert refused.startswith(f"The module is Operational: {sentence}")
        again = terminal.refused("module", "start", "--home", new, status=1)
        assert again.startswith("The module is Operational: that is done once in its life: 'indicium module reset'")
        script.done("admin", "begin", "--home", new, by=[OFFICER])
        refused = script.refused("export-key", "--home", new, by=[AUDITOR])
        assert refused == "The module is Administrative: 'indicium module admin end' comes first."
        script.done("admin", "end", "--home", new, by=[OFFICER])
        script.done("shares", "create", "--count", "2", "--threshold", "2", "--home", new, by=[OFFICER])
        refused = script.refused("configure", "--home", new, by=[OFFICER])
        assert refused.startswith("The module is Exporting Shares: 'indicium module shares export' goes on with the ex")
        refused = script.refused("shares", "abort", "--user", CUSTODIAN_1, "--home", new, by=[CUSTODIAN_1])
        assert refused.startswith("This is for the Security Officer, and whoever is logged on is the Key Custodian")


def test_a_module_that_waits_for_shares_says_what_ends_its_waiting(new: Path, script: Script) -> None:
    with module_of(new):
        script.users(new)
        script.done("transport-key", "generate", "--home", new, by=[OFFICER])
        refused = script.refused("configure", "--home", new, by=[OFFICER])
    assert refused == (
        "The module is Importing Shares: 'indicium module shares import' brings a share, and 'indicium module combine' "
        "comes after the last one."
    )


def test_no_refusal_of_figure_6_reaches_people_with_a_name_of_a_command_in_it() -> None:
    """B-00a: whatever is refused in whatever state, for whatever role."""
    for command, rule in FIG6.items():
        for state in ModuleState:
            for role in Role:
                if not (rule.allows(state) and rule.admits(role)):
                    sentence = told(CommandNotAllowed(command=command.__name__, state=state, role=role))
                    assert command.__name__ not in sentence
                    assert sentence.startswith(("The module is ", "This is for the "))
                    assert sentence.endswith(".")


def test_the_paper_of_a_ceremony_that_failed_for_good_says_what_helps(
    new: Path, script: Script, terminal: Terminal
) -> None:
    """C-21, C-22: the same ceremony never goes on."""
    with module_of(new) as module:
        script.users(new)
        script.done("transport-key", "generate", "--home", new, by=[OFFICER])
        unfinished = terminal.refused("module", "paper", "--home", new, status=3)
        module.stop(signal.SIGKILL)
    assert unfinished == (
        f"The key ceremony in {new} is not finished: 'indicium module ceremony --home {new}' goes on with it."
    )
    with module_of(new):
        terminal.run("module", "status", "--home", new)
        script.run("combine", "--home", new, by=[OFFICER])
    assert rows_of(new)[-1].event == "error-entered"
    assert terminal.refused("module", "paper", "--home", new, status=3) == (
        f"The module of {new} came into the Error state before its key ceremony was finished: "
        f"'indicium module reset --home {new}', and begin again."
    )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("meters", "--at", "9999-99-99"), "Not a moment: write a date (UTC), as in 2026-11-01, or a time"),
        (
            ("movement", "--from", "2026-11-02", "--to", "2026-11-01"),
            "--to: 2026-11-01 lies before the first day, 2026",
        ),
        (("post", "gone.csv", "--out", "out.csv"), "gone.csv: No such file or directory."),
        (("verify", "gone.audit"), "gone.audit: No such file or directory."),
        (("verify", ""), "SOURCE: it is empty: name an audit file, a folder of them, a home or a store."),
        (("verify", "a.audit", "--head", "12"), "--head: write SEQUENCE:HASH, the hash as 64 hex digits."),
    ],
    ids=lambda case: " ".join(case)[:40],
)
def test_what_was_mistyped_is_status_3(
    typed: tuple[str, ...], sentence: str, home: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INDICIUM_HOME", str(home))
    assert terminal.refused(*typed, status=3).startswith(sentence)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("clock", "--set", "yesterday"), "Not a moment: write a date"),
        (("translate", "--from", "zz", "--to", "0" * 16), "--from: 'zz' is not 16 hex digits in small letters."),
        (("translate", "--from", "0" * 16, "--to", "zz"), "--to: 'zz' is not 16 hex digits in small letters."),
        (("shares", "create", "--count", "2", "--threshold", "3"), "--threshold: 2 shares cannot be 3: say at most"),
        (("shares", "import", "gone"), "gone: it cannot be read (No such file or directory)."),
        (
            ("shares", "export", "--to", "gone", "--out", "share"),
            "gone: it cannot be read (No such file or directory).",
        ),
        (("configure", "--load", "gone"), "gone: it cannot be read (No such file or directory)."),
        (("generate", "--user", ""), "name: a name has 1 to 64 characters, and no blank"),
        (("users", "--officer", ""), "name: a name has 1 to 64 characters, and no blank"),
        (("users", "--custodian", " "), "name: a name has 1 to 64 characters, and no blank"),
    ],
    ids=lambda case: " ".join(case)[:40],
)
def test_what_was_mistyped_is_said_before_anybody_gives_a_passphrase(
    typed: tuple[str, ...], sentence: str, new: Path, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with module_of(new):
        assert script.refused(*typed, "--home", new, given="", status=3).startswith(sentence)
    assert rows_of(new) == []


def test_a_source_that_is_no_chain_is_doubted_in_so_many_words(tmp_path: Path, terminal: Terminal) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("buy milk\n")
    status, out, _ = terminal.run("verify", file)
    assert status == 1
    assert "nothing of it could be read as a record: is it the source that was meant?" in out
    empty = tmp_path / "empty"
    empty.mkdir()
    assert terminal.run("verify", empty)[:2] == (
        2,
        f"INCOMPLETE: {empty} holds no chain: is it the source that was meant?\n",
    )
