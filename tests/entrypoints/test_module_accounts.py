"""Users and clock of a module from the command line: an Administrator acts, the Security Officer is there (B-67)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import CommandNotAllowed
from indicium.entrypoints.connecting import connect
from tests.app.homes import assert_whole, rows_of
from tests.entrypoints.people import (
    ADMINISTRATOR,
    AUDITOR,
    CUSTODIAN_1,
    OFFICER,
    PASSPHRASES,
    PEOPLE,
    Script,
    assert_nowhere,
    lines,
)
from tests.entrypoints.pseudo_terminal import typed
from tests.entrypoints.running_module import module_of

EVE = "a newcomer with a lamp"


@pytest.fixture
def closed(new: Path, script: Script) -> Path:
    """A home whose module is Operational, and run by no process."""
    with module_of(new):
        script.users(new)
        script.done("generate", "--home", new, by=[OFFICER])
        script.finished(new)
    return new


@pytest.fixture
def operational(closed: Path) -> Iterator[Path]:
    """The same, run by a process."""
    with module_of(closed):
        yield closed


def both(*more: str) -> str:
    """Give the passphrases of officer and Administrator, after those of `more`."""
    return "".join(f"{passphrase}\n" for passphrase in more) + lines(OFFICER, ADMINISTRATOR)


def accounts(script: Script, home: Path) -> dict[str, dict[str, object]]:
    status, out, _ = script.run("accounts", "list", "--home", home, "--json", by=[ADMINISTRATOR])
    assert status == 0
    return {user["name"]: user for user in orjson.loads(out)["users"]}


def test_officer_and_administrator_enter_a_user_in_one_go(closed: Path, script: Script) -> None:
    """B-21, dual control: without a running module too, for it begins and ends Operational."""
    given = ("accounts", "add", "eve", "--role", "auditor", "--failure-limit", "5", "--home", closed)
    status, out, err = script.run(*given, given=both(EVE))
    assert (status, out, err) == (0, "eve is a user of module 34576590: auditor.\n", "")
    found = accounts(script, closed)
    assert list(found) == [*PEOPLE, "eve"]
    assert (found["eve"]["role"], found["eve"]["failure_limit"], found["eve"]["timeout_seconds"]) == ("auditor", 5, 900)
    who = [
        (row.event, orjson.loads(row.line.partition(b"\t")[0])["user"])
        for row in rows_of(closed)
        if row.event in {"administration-begun", "account-created", "administration-ended"}
    ]
    assert who == [
        ("administration-begun", OFFICER),
        ("account-created", ADMINISTRATOR),
        ("administration-ended", OFFICER),
    ]
    assert_whole(closed, {})
    assert_nowhere(closed)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (f"{EVE}\nnot the officer's\n" + lines(ADMINISTRATOR), "The user name or the passphrase is wrong."),
        (f"{EVE}\n" + lines(OFFICER) + "not the administrator's\n", "The user name or the passphrase is wrong."),
        ("short\n" + lines(OFFICER, ADMINISTRATOR), "it has fewer than 12 characters."),
    ],
    ids=["officer", "administrator", "newcomer"],
)
def test_whatever_is_wrong_the_module_is_operational_afterwards(
    given: str, sentence: str, operational: Path, script: Script
) -> None:
    refused = script.refused("accounts", "add", "eve", "--role", "auditor", "--home", operational, given=given)
    assert refused.endswith(sentence)
    assert "eve" not in accounts(script, operational)
    script.done("export-key", "--home", operational, by=[AUDITOR])


def test_between_begin_and_end_the_administrator_needs_nobody(operational: Path, script: Script) -> None:
    """B-19, B-20, M-07."""
    script.done("admin", "begin", "--home", operational, by=[OFFICER])
    script.done("accounts", "modify", AUDITOR, "--timeout", "60", "--home", operational, by=[ADMINISTRATOR])
    refused = script.refused("accounts", "remove", CUSTODIAN_1, "--home", operational, by=[ADMINISTRATOR])
    assert refused == "The users must include 2 key-custodian."
    refused = script.refused("admin", "end", "--user", ADMINISTRATOR, "--home", operational, by=[ADMINISTRATOR])
    assert refused == (
        "This is for the Security Officer, and whoever is logged on is the Administrator: the next try is theirs."
    )
    script.done("admin", "end", "--home", operational, by=[OFFICER])
    assert accounts(script, operational)[AUDITOR]["timeout_seconds"] == 60


def test_m_55_a_locked_account_is_unlocked(operational: Path, script: Script) -> None:
    for _ in range(3):
        script.refused("export-key", "--home", operational, given="not the auditor's\n")
    assert "is locked" in script.refused("export-key", "--home", operational, by=[AUDITOR])
    status, out, _ = script.run("accounts", "list", "--home", operational, by=[ADMINISTRATOR])
    assert status == 0
    assert next(line for line in out.splitlines() if "LOCKED" in line).split()[0] == AUDITOR
    unlock = ("accounts", "unlock", AUDITOR, "--home", operational)
    assert script.run(*unlock, given=both()) == (0, "auditor may log on again.\n", "")
    script.done("export-key", "--home", operational, by=[AUDITOR])
    said = (0, "auditor was not locked; failed logons count from none again.\n", "")
    assert script.run(*unlock, given=both()) == said
    assert script.run("accounts", "unlock", "eve", "--home", operational, given=both())[0] == 1


def test_a_last_day_that_is_over_has_to_be_meant(operational: Path, script: Script) -> None:
    """G-207: nobody could log on with the account; an Administrator may want just that."""
    modify = ("accounts", "modify", AUDITOR, "--expires", "2020-01-31", "--home", operational)
    question = "2020-01-31 is over: nobody could log on with the account. Is it meant?"
    assert question in script.refused(*modify, given=both(), status=3)
    assert question in script.refused(
        "accounts", "add", "eve", "--role", "auditor", *modify[3:], given=both(), status=3
    )
    assert accounts(script, operational)[AUDITOR]["account_expires"] is None
    assert script.run(*modify, "--yes", given=both())[0] == 0
    assert "has expired" in script.refused("export-key", "--home", operational, by=[AUDITOR])
    with typed("module", "accounts", "modify", AUDITOR, "--expires", "2020-01-30", "--home", operational) as at:
        at.answer(f"{question.replace('31', '30')} [y/N]: ", "n")
        assert at.ended() == 130


def test_an_account_ends_and_goes(operational: Path, script: Script) -> None:
    """B-22, B-23, G-207."""
    add = ("accounts", "add", "eve", "--role", "auditor", "--expires", "2099-12-31", "--password-days", "90")
    assert script.run(*add, "--home", operational, given=both(EVE))[0] == 0
    assert accounts(script, operational)["eve"]["account_expires"] == "2099-12-31"
    assert accounts(script, operational)["eve"]["password_expires"] is not None
    modify = ("accounts", "modify", "eve", "--never-expires", "--home", operational)
    assert script.run(*modify, given=both())[0] == 0
    assert accounts(script, operational)["eve"]["account_expires"] is None
    assert script.run("accounts", "remove", "eve", "--home", operational, given=both())[0] == 0
    assert list(accounts(script, operational)) == list(PEOPLE)
    unknown = script.refused("accounts", "remove", "eve", "--home", operational, given=both())
    assert unknown == "There is no account eve: view the access control database."


def test_who_forgot_a_passphrase_chooses_another_before_the_administrator(operational: Path, script: Script) -> None:
    new = "chosen after the other was lost"
    modify = ("accounts", "modify", AUDITOR, "--new-passphrase", "--home", operational)
    assert script.run(*modify, given=both(new))[0] == 0
    assert "is wrong" in script.refused("export-key", "--home", operational, by=[AUDITOR])
    assert script.run("export-key", "--home", operational, given=f"{new}\n")[0] == 0


def test_everybody_changes_the_own_passphrase(operational: Path, script: Script) -> None:
    """B-29."""
    new = "chosen in place of the old one"
    change = ("accounts", "password", "--user", CUSTODIAN_1, "--home", operational)
    assert "fewer than 12" in script.refused(*change, given=lines(CUSTODIAN_1) + "short\n")
    assert script.run(*change, given=lines(CUSTODIAN_1) + f"{new}\n")[0] == 0
    assert "is wrong" in script.refused(*change, given=lines(CUSTODIAN_1) + "another one, long enough\n")
    assert_nowhere(operational)


NO_ROLE = "Invalid value for '--role': '{role}' is none of security-officer, key-custodian, administrator, auditor"
NO_NAME = "name: a name has 1 to 64 characters, and no blank at its beginning or end."
WITCH = "\N{MAGE}\N{ZERO WIDTH JOINER}\N{FEMALE SIGN}"
UNSEEN = "name: U+200D is a character that nobody sees, as are those that join emoji: leave it out."


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (("add", "eve", "--role", "auditor", "--expires", "soon"), "--expires: write a day, as in 2027-12-31."),
        (("modify", AUDITOR, "--expires", "foo"), "--expires: write a day, as in 2027-12-31."),
        *((("add", "eve", "--role", role), NO_ROLE.format(role=role)) for role in ("user", "king", "default", "")),
        *((("add", name, "--role", "auditor"), NO_NAME) for name in ("x" * 65, "", " ", "   ", " eve", "eve ")),
        (("remove", " "), NO_NAME),
        (("add", WITCH, "--role", "auditor"), UNSEEN),
    ],
)
def test_what_no_account_can_be_is_said_before_anybody_logs_on(
    option: tuple[str, ...], sentence: str, operational: Path, script: Script
) -> None:
    before = len(rows_of(operational))
    assert script.refused("accounts", *option, "--home", operational, given=both(EVE), status=3) == sentence
    assert len(rows_of(operational)) == before


def test_the_clock_is_shown_and_set(operational: Path, script: Script) -> None:
    """B-30, M-08: by an Administrator, in the Administrative state."""
    show = ("clock", "--home", operational, "--json")
    shown = datetime.fromisoformat(orjson.loads(script.run(*show, by=[ADMINISTRATOR])[1])["at"])
    assert abs(datetime.now(UTC) - shown) < timedelta(minutes=1)
    later = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    assert script.run("clock", "--set", later.isoformat(), "--home", operational, given=both())[0] == 0
    shown = datetime.fromisoformat(orjson.loads(script.run(*show, by=[ADMINISTRATOR])[1])["at"])
    assert timedelta(0) <= shown - later < timedelta(minutes=1)
    assert script.run("clock", "--set", "now", "--home", operational, given=both())[0] == 0
    shown = datetime.fromisoformat(orjson.loads(script.run(*show, by=[ADMINISTRATOR])[1])["at"])
    assert abs(datetime.now(UTC) - shown) < timedelta(minutes=1)
    for no_moment, sentence in (
        ("yesterday", "Not a moment"),
        ("0001-01-01T00:00:00+14:00", "Not a moment"),
        ("2026-03-02T09:00:00", "write a time with its zone"),
        ("2026-03-02", "write a time with its zone"),
    ):
        assert sentence in script.refused("clock", "--set", no_moment, "--home", operational, given=both(), status=3)


def test_at_the_terminal_both_type_and_ctrl_c_changes_nothing(operational: Path, script: Script) -> None:
    add = ("module", "accounts", "add", "eve", "--role", "auditor", "--home", operational)
    with typed(*add) as at:
        at.answer("New passphrase of eve (not shown): ", EVE)
        at.answer("once more: ", EVE)
        at.answer("Name of the Security Officer [officer]: ", "")
        at.expect("(not shown): ")
        assert at.interrupted() == 130
    assert "eve" not in accounts(script, operational)
    with typed(*add) as at:
        at.answer("New passphrase of eve (not shown): ", EVE)
        at.answer("once more: ", EVE)
        at.answer("Name of the Security Officer [officer]: ", "")
        at.answer("(not shown): ", PASSPHRASES[OFFICER])
        at.answer("Name of the Administrator [administrator]: ", "")
        at.answer("(not shown): ", PASSPHRASES[ADMINISTRATOR])
        assert at.ended() == 0
        assert_nowhere(at.shown)
        assert EVE not in at.shown
    assert "eve" in accounts(script, operational)


def test_meters_wait_while_the_module_is_administrative(operational: Path, script: Script) -> None:
    """B-67."""
    with connect(operational) as client:
        script.done("admin", "begin", "--home", operational, by=[OFFICER])
        with pytest.raises(CommandNotAllowed):
            client.execute(InitializePsd())
        script.done("admin", "end", "--home", operational, by=[OFFICER])
        assert b'"psd":' in client.execute(InitializePsd())


@pytest.mark.parametrize("step", ["begin", "end"])
def test_the_administrative_state_is_one_of_a_running_module(step: str, closed: Path, script: Script) -> None:
    """C-26: a boot ends it."""
    refused = script.refused("admin", step, "--home", closed, by=[OFFICER], status=3)
    assert refused.startswith("No process runs the module of")
