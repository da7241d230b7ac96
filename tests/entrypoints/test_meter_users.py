"""`indicium meter users` and `meter reset-password`: several people at one meter, and who lost what (K, M-17)."""

import io
from pathlib import Path

import pytest

from indicium.domain.privileges import Privilege
from tests.app.homes import assert_whole
from tests.entrypoints.command import Terminal
from tests.entrypoints.pseudo_terminal import typed as at_a_terminal
from tests.entrypoints.running_module import module_of

LETTER = ("origin_zip=40505", "destination_zip=95567", "mail_class=first-class letter", "weight_ounces=1")
FIRST, SECOND, THIRD = "correct horse battery", "nine blue lanterns", "a kettle of herons"
BOB = "bob's own kettle"


class Input:
    """Standard input as a script gives it."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._terminal, self._monkeypatch = terminal, monkeypatch

    def json(self, *words: str | Path, given: tuple[str, ...], status: int = 0) -> dict[str, object]:
        """Run `meter …` with passphrases, a line each; give the one JSON object."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in given)))
        said: dict[str, object] = self._terminal.json("meter", *words, "--passphrase-stdin", status=status)
        return said


@pytest.fixture
def typed(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Input:
    return Input(terminal, monkeypatch)


def print_as(terminal: Terminal, home: Path, user: str, value: str = "0.33", status: int = 0) -> dict[str, object]:
    said: dict[str, object] = terminal.json(
        "meter", "print", "Ada", value, *LETTER, "--user", user, "--home", home, status=status
    )
    return said


def test_k_15_a_user_is_entered_and_prints_with_a_key_of_his_own(terminal: Terminal, typed: Input, home: Path) -> None:
    entered = typed.json("users", "add", "Ada", "bob", "--home", home, given=(BOB,))
    assert entered["privileges"] == ["create-indicia", "reset-password", "retrieve-status", "retrieve-udsk-psd"]
    assert print_as(terminal, home, "bob")["ar"] == 330
    assert terminal.json("meter", "status", "Ada", "--user", "bob", "--home", home)["ar"] == 330
    (row,) = terminal.json("meter", "users", "list", "Ada", "--home", home)["users"]
    assert (row["name"], row["failures"], row["maximum_total"]) == ("bob", 0, None)
    assert "bob" in terminal.run("meter", "users", "list", "Ada", "--home", home)[1]
    assert print_as(terminal, home, "eve", status=1)["error"] == "unknown-meter-user"
    assert_whole(home)


def test_k_15_a_user_who_is_there_already_is_not_entered_again_and_stays_as_he_is(
    terminal: Terminal, typed: Input, home: Path
) -> None:
    typed.json("users", "add", "Ada", "bob", "--maximum", "5", "--home", home, given=(BOB,))
    again = typed.json("users", "add", "Ada", "bob", "--maximum", "50", "--home", home, given=(SECOND,), status=1)
    assert again["error"] == "meter-user-exists"
    assert "'indicium meter users modify'" in str(again["sentence"])
    (row,) = terminal.json("meter", "users", "list", "Ada", "--home", home)["users"]
    assert row["maximum_total"] == 5_000
    assert print_as(terminal, home, "bob")["ar"] == 330


def test_k_18_privileges_are_granted_and_revoked(terminal: Terminal, typed: Input, home: Path) -> None:
    typed.json("users", "add", "Ada", "bob", "--privilege", "retrieve-status", "--home", home, given=(BOB,))
    assert print_as(terminal, home, "bob", status=1)["error"] == "privilege-missing"
    granted = terminal.run("meter", "users", "grant", "Ada", "bob", *["create-indicia"] * 9, "--home", home)
    assert granted[:2] == (0, "bob may do this on Ada's meter: create-indicia.\n")
    assert print_as(terminal, home, "bob")["ar"] == 330
    terminal.json("meter", "users", "revoke", "Ada", "bob", "create-indicia", "--home", home)
    assert print_as(terminal, home, "bob", status=1)["error"] == "privilege-missing"
    said = terminal.refused("meter", "users", "grant", "Ada", "bob", "everything", "--home", home, status=3)
    assert said.startswith("Invalid value for 'PRIVILEGE...': 'everything' is not one of 'create-indicia', ")


def test_k_19_a_user_who_was_granted_that_administers(terminal: Terminal, typed: Input, home: Path) -> None:
    privileges = ("--privilege", "add-user", "--privilege", "create-indicia")
    typed.json("users", "add", "Ada", "bob", *privileges, "--home", home, given=(BOB,))
    by_bob = ("users", "add", "Ada", "eve", "--user", "bob", "--home", home)
    assert typed.json(*by_bob, given=(SECOND,), status=1)["error"] == "privilege-missing"  # he gives what he has
    typed.json(*by_bob, "--privilege", "create-indicia", given=(SECOND,))
    assert print_as(terminal, home, "eve")["ar"] == 330
    delete = ("meter", "users", "delete", "Ada", "eve", "--home", home)
    assert terminal.json(*delete, "--user", "bob", status=1)["error"] == "privilege-missing"
    terminal.json(*delete)
    assert print_as(terminal, home, "eve", status=1)["error"] == "unknown-meter-user"


def test_k_20_what_a_user_is_held_to_is_said_and_changed(terminal: Terminal, typed: Input, home: Path) -> None:
    held = ("--maximum", "0.50", "--failure-limit", "3", "--expires", "2099-12-31")
    typed.json("users", "add", "Ada", "bob", *held, "--home", home, given=(BOB,))
    assert print_as(terminal, home, "bob")["ar"] == 330
    assert print_as(terminal, home, "bob", status=1)["error"] == "maximum-total-exceeded"
    modify = ("meter", "users", "modify", "Ada", "bob")
    terminal.json(*modify, "--no-maximum", "--never-expires", "--password-expires", "2099-01-01", "--home", home)
    assert print_as(terminal, home, "bob")["ar"] == 660
    (row,) = terminal.json("meter", "users", "list", "Ada", "--home", home)["users"]
    assert (row["maximum_total"], row["account_expires"], row["password_expires"]) == (None, None, "2099-01-01")
    assert row["failure_limit"] == 3
    said = terminal.run(*modify, "--maximum", "7.5", "--never-expires", "--home", home)[1]
    assert said == "bob is held to this on Ada's meter: last day none, maximum 7.5.\n"
    for words in ((), ("--maximum", "1", "--no-maximum"), ("--expires", "tomorrow"), ("--maximum", "1e3")):
        assert terminal.run(*modify, *words, "--home", home)[0] == 3


def test_k_20_a_locked_user_is_unlocked_and_one_who_lost_all_gets_new_keys(
    terminal: Terminal, typed: Input, home: Path
) -> None:
    typed.json("users", "add", "Ada", "bob", "--failure-limit", "1", "--home", home, given=(BOB,))
    by_passphrase = ("reset-password", "Ada", "--user", "bob", "--proof", "passphrase", "--home", home)
    wrong = typed.json(*by_passphrase, given=(FIRST, SECOND), status=1)
    assert wrong["error"] == "passphrase-wrong"
    assert str(wrong["sentence"]).startswith(
        "That is not the passphrase of bob for meter 1000000001: nothing was changed"
    )
    assert FIRST not in str(wrong)
    assert print_as(terminal, home, "bob", status=1)["error"] == "meter-user-locked"
    assert "LOCKED" in terminal.run("meter", "users", "list", "Ada", "--home", home)[1]
    terminal.json("meter", "users", "unlock", "Ada", "bob", "--home", home)
    assert print_as(terminal, home, "bob")["ar"] == 330
    typed.json(*by_passphrase, given=(BOB, SECOND))
    assert print_as(terminal, home, "bob")["ar"] == 660
    (home / "secrets" / "customers" / "Ada.users" / "bob.json").unlink()
    typed.json("users", "reset-password", "Ada", "bob", "--home", home, given=(THIRD,))
    assert print_as(terminal, home, "bob")["ar"] == 990


def test_k_21_the_report_says_what_each_did_and_who_let_him(terminal: Terminal, typed: Input, home: Path) -> None:
    typed.json("users", "add", "Ada", "bob", "--home", home, given=(BOB,))
    print_as(terminal, home, "bob", "0.55")
    terminal.json("meter", "users", "revoke", "Ada", "bob", "create-indicia", "--home", home)
    report = terminal.json("meter", "users", "report", "Ada", "--home", home)
    assert {(row["user"], row["event"], row["value"]) for row in report["use"]} >= {("bob", "indicium-created", 550)}
    assert [row["event"] for row in report["administration"]] == ["meter-user-added", "meter-user-modified"]
    terminal.json("meter", "users", "modify", "Ada", "bob", "--maximum", "5", "--home", home)
    terminal.json("meter", "users", "grant", "Ada", "bob", *map(str, Privilege), "--home", home)
    said = terminal.run("meter", "users", "report", "Ada", "--home", home)[1]
    assert "0.55" in said
    assert "failure limit 10, maximum 5.00" in said
    assert "…" not in said  # a wide table is not cut
    assert "privileges reset-password retrieve-status retrieve-udsk-psd" in said


def test_m_17_a_customer_replaces_the_passphrase_and_prints_on(terminal: Terminal, typed: Input, home: Path) -> None:
    """D-09: both steps at once, from Leased to Leased."""
    done = typed.json("reset-password", "Ada", "--home", home, given=(FIRST,))
    assert (done["state"], done["dr"]) == ("leased", 100_000)
    assert typed.json("reset-password", "Ada", "--home", home, given=(FIRST,), status=1)["error"] == (
        "passphrase-used-before"
    )
    events = [row["event"] for row in terminal.json("meter", "history", "Ada", "--home", home)["history"]]
    assert events[-2:] == ["password-reset-requested", "password-reset"]
    assert terminal.json("meter", "print", "Ada", "0.33", *LETTER, "--home", home)["ar"] == 330
    assert_whole(home)


def test_e_1101_whoever_lost_the_key_comes_back_with_the_passphrase_or_by_the_providers_word(
    terminal: Terminal, typed: Input, home: Path
) -> None:
    device = typed.json("reset-password", "Ada", "--home", home, given=(FIRST,))["device"]
    key = home / "secrets" / "customers" / "Ada.json"
    key.unlink()
    lost = ("reset-password", "Ada", "--proof", "passphrase", "--home", home)
    assert typed.json(*lost, given=(FIRST, SECOND), status=1)["error"] == "unknown-customer"
    named = (*lost, "--device", str(device))
    assert typed.json(*named, given=(THIRD, SECOND), status=1)["error"] == "passphrase-wrong"
    assert typed.json(*named, given=(FIRST, SECOND))["state"] == "leased"
    key.unlink()
    vouched = ("reset-password", "Ada", "--proof", "provider", "--device", str(device), "--home", home)
    assert typed.json(*vouched, given=(THIRD,))["state"] == "leased"
    assert terminal.json("meter", "print", "Ada", "0.33", *LETTER, "--home", home)["ar"] == 330


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--device", "1000000002"), "bad-value"),  # Ben's
        (("--device", "1"), "bad-value"),
        (("--user", "a\nb"), "bad-value"),
    ],
)
def test_a_slip_resets_nobody_elses_meter_and_is_found_before_anybody_types(
    terminal: Terminal, typed: Input, home: Path, words: tuple[str, ...], code: str
) -> None:
    asked = ("reset-password", "Ada", "--proof", "passphrase", *words)
    assert typed.json(*asked, "--home", home, given=(), status=3)["error"] == code
    assert terminal.json("meter", "history", "Ben", "--home", home)["history"][-1]["event"] == (
        "postage-value-downloaded"
    )


def test_a_passphrase_that_is_short_or_missing_is_refused_and_never_shown(
    terminal: Terminal, typed: Input, home: Path
) -> None:
    for unfit in ("short", f"{FIRST}\x1b"):
        for words in (("users", "add", "Ada", "bob"), ("reset-password", "Ada")):
            assert typed.json(*words, "--home", home, given=(unfit,), status=1)["error"] == "passphrase-unfit"
            assert typed.json(*words, "--home", home, given=(), status=3)["error"] == "no-terminal"
    assert "--passphrase-stdin" in terminal.refused("meter", "users", "add", "Ada", "bob", "--home", home, status=3)
    typed.json("users", "add", "Ada", "bob", "--home", home, given=(BOB,))
    held = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert BOB.encode() not in held


def test_at_a_terminal_a_passphrase_is_typed_twice_and_not_shown(home: Path) -> None:
    with at_a_terminal("meter", "users", "add", "Ada", "bob", "--home", home) as screen:
        for first, second in (("short", "short"), (BOB, FIRST), (BOB, BOB)):
            screen.answer("New passphrase of bob (not shown): ", first)
            screen.answer("The same once more: ", second)
        screen.expect("bob is a user of meter 1000000001")
        assert BOB not in screen.shown


def test_the_verbs_of_a_meter_work_alike_where_another_process_runs_the_module(
    terminal: Terminal, typed: Input, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "menu.csv").write_text("value_usd,kind,purpose\n0.33,voucher,a coffee\n0.55,voucher,a tea\n")
    with module_of(home):
        assert terminal.json("meter", "create", "2", "--home", home)["ready"] == 2
        typed.json("users", "add", "Ada", "bob", "--home", home, given=(BOB,))
        asked = ("meter", "print-sheet", "Ada", tmp_path / "menu.csv", "--out", tmp_path / "items", "--user", "bob")
        assert terminal.json(*asked, "--home", home)["ar"] == 880
        typed.json("reset-password", "Ada", "--home", home, given=(FIRST,))
        assert terminal.json("meter", "refill", "Ada", "1", "--home", home)["dr"] == 100_120
        assert terminal.json("provider", "finish", "--home", home)["left"] == 0
    last = terminal.json("meter", "history", "Ada", "--home", home)["history"]
    assert [(row["user"], row["items"]) for row in last if row["event"] == "sheet-created"] == [("bob", 2)]
    assert_whole(home)
