"""Users and logons (Y-23; J-09 … J-13, J-21)."""

import pytest

from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase, Logoff, Logon, NewUser
from indicium.domain.commands.auditing import ExportAuditKey
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.errors import (
    AccessControlDatabaseExists,
    AccountExpired,
    AccountLocked,
    CommandNotAllowed,
    LogonFailed,
    SessionRequired,
    StoreFailed,
    UserSetIncomplete,
    UserStillLoggedOn,
)
from indicium.domain.fig6 import Role
from indicium.domain.messages import password
from tests.cryptomodule.staff import ADMINISTRATOR, CUSTODIANS, MINIMAL, OFFICER, user
from tests.harness import SERIAL, World, data_of

WRONG = "not the passphrase"


def failures(world: World, name: str) -> int:
    """Read a user's failure count as the memory file has it."""
    world.reboot()
    return next(user.failures for user in world.inner.cold.users if user.name == name)


@pytest.mark.parametrize(
    ("users", "missing"),
    [
        ((ADMINISTRATOR, *CUSTODIANS), "1 security-officer"),
        ((OFFICER, *CUSTODIANS), "1 administrator"),
        ((OFFICER, ADMINISTRATOR, CUSTODIANS[0]), "2 key-custodian"),
        ((*MINIMAL, user("one", Role.AUDITOR)), "each name once"),
    ],
)
def test_the_first_users_are_the_minimal_set_at_least(empty: World, users: tuple[NewUser, ...], missing: str) -> None:
    empty.execute(StartInitialization())
    with empty.operator() as operator:
        with pytest.raises(UserSetIncomplete) as refused:
            operator.send(InitializeAccessControlDatabase(users=users), encrypted=True)
        assert refused.value.missing == missing
        assert not empty.inner.cold.users


def test_the_first_users_are_entered_once(empty: World) -> None:
    empty.execute(StartInitialization())
    with empty.operator() as operator:
        assert operator.send(InitializeAccessControlDatabase(users=MINIMAL), encrypted=True) == {"users": 4}
        with pytest.raises(AccessControlDatabaseExists):
            operator.send(InitializeAccessControlDatabase(users=MINIMAL), encrypted=True)

    assert [record.event for record in empty.records()][1] == "access-control-database-initialized"
    assert data_of(empty.records()[1])["users"][1:3] == [
        {"name": "administrator", "role": "administrator", "account_expires": "2026-03-09", "password_expires": None},
        {"name": "one", "role": "key-custodian", "account_expires": None, "password_expires": "2026-03-09"},
    ]


def test_nobody_is_entered_in_a_role_that_does_not_log_on() -> None:
    for role in (Role.USER, Role.PROVIDER, Role.DEFAULT):
        with pytest.raises(ValueError, match="nobody logs on"):
            user("eve", role)


def test_one_user_is_logged_on_at_a_time(staffed: World) -> None:
    with staffed.operator() as operator:
        operator.logon("officer", "officer")
        with pytest.raises(UserStillLoggedOn):
            operator.logon("administrator", "administrator")
        operator.logoff()
        operator.logon("administrator", "administrator")


def test_logon_and_logoff_are_chained_with_who_it_was(staffed: World) -> None:
    with staffed.operator() as operator:
        operator.logon("officer", "officer")
        operator.logoff()

    on, off = staffed.records()[-2:]
    assert (on.event, off.event) == ("user-logged-on", "user-logged-off")
    for record in (on, off):
        assert b'"user":"officer","role":"security-officer"' in record.line


def test_a_wrong_passphrase_and_an_unknown_name_are_refused_alike_and_chained(staffed: World) -> None:
    with staffed.operator() as operator:
        for name in ("officer", "correct horse battery staple"):
            with pytest.raises(LogonFailed) as refused:
                operator.logon(name, WRONG)
            assert str(refused.value) == str(LogonFailed())
            record = staffed.records()[-1]
            assert data_of(record)["code"] == "logon-failed"
            assert data_of(record)["named"] == ("officer" if name == "officer" else None)
            assert b"horse" not in record.line  # a passphrase that was typed in the name's place stays unsaid
            assert b'"user":null,"role":null' in record.line
            assert b'"reason":115' in record.line


def test_the_failure_limit_locks_an_account_and_a_reboot_does_not_open_it(staffed: World) -> None:
    with staffed.operator() as operator:
        for _ in range(2):
            with pytest.raises(LogonFailed):
                operator.logon("officer", WRONG)
        with pytest.raises(AccountLocked):
            operator.logon("officer", "officer")
    staffed.reboot()
    with staffed.operator() as operator:
        with pytest.raises(AccountLocked):
            operator.logon("officer", "officer")
        operator.logon("administrator", "administrator")
    assert failures(staffed, "officer") == 2


def test_a_good_logon_clears_the_failures(staffed: World) -> None:
    with staffed.operator() as operator:
        with pytest.raises(LogonFailed):
            operator.logon("officer", WRONG)
        operator.logon("officer", "officer")
        operator.logoff()
        with pytest.raises(LogonFailed):
            operator.logon("officer", WRONG)

    assert failures(staffed, "officer") == 1


class PowerLost(BaseException):
    """What a process that dies does not raise, but ends with."""


def test_a_failure_is_durable_before_the_password_is_compared(staffed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> bytes:
        raise PowerLost

    for attempt in (1, 2):
        operator = staffed.operator()
        with monkeypatch.context() as patched:
            patched.setattr(Modern, "slow_hash", die)
            with pytest.raises(PowerLost):
                operator.logon("officer", WRONG)
        assert failures(staffed, "officer") == attempt
    with staffed.operator() as operator, pytest.raises(AccountLocked):
        operator.logon("officer", "officer")


def test_a_logon_whose_failure_cannot_be_noted_is_not_tried(staffed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = staffed.operator()
    monkeypatch.setattr(Modern, "slow_hash", lambda *_: pytest.fail("it was tried"))
    staffed.fail_memory()

    with pytest.raises(StoreFailed):
        operator.logon("officer", "officer")


def test_an_account_is_good_on_its_last_day_and_not_a_day_later(staffed: World) -> None:
    staffed.clock.pass_by(days=7)
    with staffed.operator() as operator:
        operator.logon("administrator", "administrator")
    staffed.clock.pass_by(days=1)
    with staffed.operator() as operator:
        with pytest.raises(AccountExpired):
            operator.logon("administrator", "administrator")
        with pytest.raises(LogonFailed):  # who does not know the passphrase does not learn that it expired
            operator.logon("administrator", WRONG)
        operator.logon("two", "two")


def test_inactivity_ends_a_logon_after_its_time_out_and_not_before(staffed: World) -> None:
    with staffed.operator() as operator:
        operator.logon("officer", "officer")
        for _ in range(3):
            staffed.clock.pass_by(seconds=60)
            assert operator.send(GetStatus())["user"] == "officer"
        staffed.clock.pass_by(seconds=60, microseconds=1)
        with pytest.raises(CommandNotAllowed) as refused:
            operator.send(Logoff())
        assert refused.value.role == "default"
        operator.logon("officer", "officer")


def test_a_logon_does_not_survive_a_reboot(staffed: World) -> None:
    operator = staffed.operator()
    operator.logon("officer", "officer")
    staffed.reboot()

    with pytest.raises(SessionRequired):
        operator.send(Logoff())
    with staffed.operator() as again, pytest.raises(CommandNotAllowed):
        again.send(Logoff())


@pytest.mark.parametrize("command", [GenerateMasterKeySet(), ExportAuditKey()])
def test_an_administrator_has_neither_the_officers_nor_the_auditors_commands(staffed: World, command: Command) -> None:
    with staffed.operator() as operator:
        operator.logon("administrator", "administrator")
        with pytest.raises(CommandNotAllowed):
            operator.send(command)
        operator.logoff()
    assert data_of(staffed.records()[-2])["code"] == "command-not-allowed"
    assert b'"user":"administrator","role":"administrator"' in staffed.records()[-2].line


def test_a_password_shows_in_no_text_of_its_command() -> None:
    secret = password(SERIAL, "officer", "officer")
    for command in (Logon(user="officer", password=secret), OFFICER):
        assert " password=" not in repr(command)
        assert repr(secret) not in f"{command!r} {command}"
