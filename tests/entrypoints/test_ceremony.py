"""The guided ceremony: three people at one terminal, typed as they type (H-20, H-29, A-84, J-01)."""

import re
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict
from indicium.domain.flow import Head
from tests.app.homes import LETTER, assert_whole, data_of, rows_of
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import (
    AUDITOR,
    CUSTODIAN_1,
    OFFICER,
    PASSPHRASES,
    PEOPLE,
    SERIAL,
    assert_nowhere,
    begin,
    choose,
    give_names,
    log_on,
    sit_down,
)
from tests.entrypoints.pseudo_terminal import CTRL_C, CTRL_D, Typed, typed
from tests.entrypoints.running_module import module_of


def finish(at: Typed) -> str:
    """Go on from the people's passphrases to the end; give the last screen."""
    log_on(at, OFFICER)
    at.answer("Are they right? [Y/n]: ", "")
    log_on(at, OFFICER)
    log_on(at, AUDITOR)
    at.expect("The audit key is exported, and the ceremony is over.")
    assert at.ended() == 0
    return at.shown.rpartition("\x1b[3J")[2]


def test_three_people_make_a_module_operational_and_get_a_paper_to_sign(new: Path, tmp_path: Path) -> None:
    """H-20, A-75 … A-78, A-84, M-56: what the module is told by people, and by nobody else."""
    pdf = tmp_path / "paper.pdf"
    with typed("module", "ceremony", "--home", new, "--pdf", pdf) as at:
        begin(at)
        give_names(at)
        for name in PEOPLE:
            choose(at, name)
        paper = finish(at)
    with Ledger.open(new) as ledger:
        meter = ledger.lease("Ada", "40505")
        meter.refill("1.00")
        meter.print("0.33", LETTER)
    assert_whole(new, {"Ada": 330})
    assert f"Module            {SERIAL}" in paper
    sequence, digest = re.findall(r"^  ([0-9]+):([0-9a-f]{64})\r$", paper, re.MULTILINE)[0]
    with Ledger.open(new) as ledger:
        assert ledger.audit(Head(int(sequence), digest)).verdict is Verdict.PASS
    assert pdf.read_bytes().startswith(b"%PDF")


def test_nothing_shows_or_keeps_a_passphrase(new: Path, tmp_path: Path) -> None:
    """J-10, J-11: not the screen, not a file, not the list of processes, not a history."""
    person = tmp_path / "person"
    person.mkdir()
    seen = b""
    with typed("module", "ceremony", "--home", new, HOME=str(person)) as at:
        begin(at)
        give_names(at)
        for name in PEOPLE:
            choose(at, name)
            process = Path("/proc") / str(at.process.pid)
            seen += (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        finish(at)
        assert_nowhere(at.shown, seen, new)
    assert list(person.iterdir()) == []


def test_the_screen_is_cleared_between_two_people(new: Path) -> None:
    with typed("module", "ceremony", "--home", new) as at:
        begin(at)
        give_names(at)
        choose(at, OFFICER)
        assert "\x1b[2J\x1b[3J" in at.expect("It is the turn of the Key Custodian")
        assert at.interrupted() == 130


@pytest.mark.parametrize(
    ("first", "again", "sentence"),
    [
        ("short", "short", "This passphrase cannot be taken: it has fewer than 12 characters."),
        ("long enough, really", "long enough, rally", "The two are not alike: both once more, please."),
        (
            PASSPHRASES[OFFICER],
            PASSPHRASES[OFFICER],
            "This passphrase cannot be taken: another person of this ceremony has the same.",
        ),
    ],
)
def test_a_passphrase_that_does_not_do_is_asked_for_again(first: str, again: str, sentence: str, new: Path) -> None:
    with typed("module", "ceremony", "--home", new) as at:
        begin(at)
        give_names(at)
        choose(at, OFFICER)
        sit_down(at, CUSTODIAN_1)
        at.answer("(not shown): ", first)
        at.answer("once more: ", again)
        at.expect(sentence)
        at.answer("(not shown): ", PASSPHRASES[CUSTODIAN_1])
        at.answer("once more: ", PASSPHRASES[CUSTODIAN_1])
        at.expect("(custodian-2).")


def test_names_are_each_somebodys_own_and_of_characters_that_print(new: Path) -> None:
    """J-12: a person with two roles has two names."""
    with typed("module", "ceremony", "--home", new) as at:
        begin(at)
        at.answer("[officer]: ", "x" * 65)
        at.expect("name: a name has 1 to 64 characters, and no blank at its beginning or end.")
        at.answer("[officer]: ", "Zoë")
        at.answer("[2]: ", "one")
        at.answer("[2]: ", "1")
        at.answer("[2]: ", "3")
        at.answer("[custodian-1]: ", "Zoë")
        at.expect("Zoë is somebody else here: each role has a name of its own.")
        for offered in ("[custodian-1]", "[custodian-2]", "[custodian-3]", "[administrator]", "[auditor]"):
            at.answer(f"{offered}: ", "")
        at.expect("(Zoë).")


def test_who_mistypes_a_passphrase_tries_again(new: Path) -> None:
    with typed("module", "ceremony", "--home", new) as at:
        begin(at)
        give_names(at)
        for name in PEOPLE:
            choose(at, name)
        sit_down(at, OFFICER)
        at.answer("(not shown): ", PASSPHRASES[AUDITOR])
        at.expect("The user name or the passphrase is wrong.")
        at.answer("(not shown): ", PASSPHRASES[OFFICER])
        at.expect("is active, and the module is Operational.")


def test_an_account_that_gets_locked_ends_the_ceremony_in_one_sentence(new: Path) -> None:
    """M-55: nobody can unlock it before there is an Operational module."""
    with typed("module", "ceremony", "--home", new) as at:
        begin(at)
        give_names(at)
        for name in PEOPLE:
            choose(at, name)
        sit_down(at, OFFICER)
        for _ in range(4):
            at.answer("(not shown): ", "not the passphrase")
        at.expect("The account officer is locked after too many failed logons: an Administrator unlocks it.")
        assert at.ended() == 1


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_c_21_interrupted_while_initializing_it_begins_a_new_chain_and_says_so(key: str, new: Path) -> None:
    with typed("module", "ceremony", "--home", new) as at:
        begin(at)
        give_names(at)
        sit_down(at, OFFICER)
        at.expect("(not shown): ")
        assert at.interrupted(key) == 130
        assert "The ceremony is interrupted; the same command goes on with it." in at.shown
    (first,) = {row.chain for row in rows_of(new)}
    with typed("module", "ceremony", "--home", new) as at:
        at.expect("The module was switched off while it was Initializing: it is reset, and begins a new chain.")
        begin(at)
        give_names(at)
        for name in PEOPLE:
            choose(at, name)
        finish(at)
    with Ledger.open(new) as ledger:
        assert ledger.chain != first
    assert_whole(new)


@pytest.mark.parametrize("kill", [False, True], ids=["Ctrl-C", "kill"])
def test_through_a_running_module_it_goes_on_where_it_stopped(kill: bool, new: Path) -> None:  # noqa: FBT001  # a case
    """A session whose terminal is gone is over, or nobody could open another (J-08)."""
    with module_of(new):
        with typed("module", "ceremony", "--home", new) as at:
            begin(at)
            give_names(at)
            for name in PEOPLE:
                choose(at, name)
            sit_down(at, OFFICER)
            at.expect("(not shown): ")
            if kill:
                at.process.kill()
                at.ended()
            else:
                at.interrupted()
        with typed("module", "ceremony", "--home", new) as at:
            at.answer("Press Enter to begin. ", "")
            at.expect("Step 1 of 5: A new chain - done before")
            at.expect("Step 2 of 5: The people - done before")
            log_on(at, OFFICER)
            at.expect("is active, and the module is Operational.")
            at.expect("Are they right? [Y/n]: ")
            assert at.interrupted() == 130
        with typed("module", "ceremony", "--home", new) as at:
            at.answer("Press Enter to begin. ", "")
            at.expect("Step 3 of 5: The Master Key Set - done before")
            at.answer("Are they right? [Y/n]: ", "")
            log_on(at, OFFICER)
            log_on(at, AUDITOR)
            assert at.ended() == 0
    assert_whole(new)


def test_limits_that_are_not_right_are_changed_before_they_are_given(new: Path) -> None:
    with module_of(new):
        with typed("module", "ceremony", "--home", new) as at:
            begin(at)
            give_names(at)
            for name in PEOPLE:
                choose(at, name)
            log_on(at, OFFICER)
            at.expect("most that a meter may hold                          500.00")
            at.answer("Are they right? [Y/n]: ", "n")
            at.expect("then run the same command again.")
            assert at.ended() == 130
        settings = new / "indicium.toml"
        settings.write_text(settings.read_text().replace("dr_limit = 500000", "dr_limit = 900000"))
        with typed("module", "ceremony", "--home", new) as at:
            at.answer("Press Enter to begin. ", "")
            at.expect("most that a meter may hold                          900.00")
            at.answer("Are they right? [Y/n]: ", "")
            log_on(at, OFFICER)
            log_on(at, AUDITOR)
            assert at.ended() == 0
    (configured,) = (row for row in rows_of(new) if row.event == "crypto-card-initialized")
    assert data_of(configured)["dr_limit"] == 900_000


def test_without_a_terminal_nobody_is_asked(new: Path, terminal: Terminal) -> None:
    assert terminal.refused("module", "ceremony", "--home", new, status=3) == (
        "People answer this at a terminal, and there is none: "
        "the same steps, one command each, take passphrases from scripts."
    )


def test_a_finished_ceremony_is_not_held_again(home: Path, terminal: Terminal) -> None:
    assert "holds a ledger already" in terminal.refused("module", "ceremony", "--home", home, status=3)
