"""Changing passwords, and what an expired one is still good for (B-29, G-204 … G-209, M-55, Y-23)."""

import orjson
import pytest

from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import (
    BeginAdmin,
    ChangePassword,
    EndAdmin,
    GetStatus,
    Logoff,
    ModifyAccount,
    QueryCurrentUserId,
    QueryCurrentUserRole,
    ViewAccessControlDatabase,
)
from indicium.domain.commands.base import Command
from indicium.domain.commands.sessions import CloseSession
from indicium.domain.errors import (
    AccountExpired,
    AccountLocked,
    CommandNotAllowed,
    EncryptionRequired,
    LogonFailed,
    Malformed,
    OldPasswordWrong,
    PasswordExpired,
    PasswordNotNew,
    Refusal,
    SessionRequired,
    StoreFailed,
    UserStillLoggedOn,
)
from indicium.domain.fig6 import FIG6, NOT_YET, ModuleState
from indicium.domain.messages import password
from indicium.domain.record import parse
from indicium.domain.roles import Role
from indicium.parties.operator import Operator
from tests.cryptomodule.staff import OFFICER, administration, live, logged_on, profile, replayed
from tests.harness import SERIAL, World, data_of
from tests.samples import SAMPLES


def test_a_user_changes_the_own_password_and_the_old_one_is_good_no_more(staffed: World) -> None:
    with logged_on(staffed, "two") as operator:
        assert operator.change_passphrase("two", "another") == {"password_expires": None}
        operator.logoff()
        with pytest.raises(LogonFailed):
            operator.logon("two", "two")
        operator.logon("two", "another")

    changed = next(record for record in staffed.records() if record.event == "password-changed")
    assert parse(changed.line).user == "two"
    assert data_of(changed) == {"password_expires": None}
    assert b"\t" in changed.line
    assert replayed(staffed) == live(staffed)


def test_nobody_changes_a_password_without_a_logon_or_outside_the_operational_state(staffed: World) -> None:
    command = ChangePassword(old=bytes(32), new=bytes([1]) * 32)
    with staffed.operator() as operator:
        with pytest.raises(CommandNotAllowed):
            operator.send(command, encrypted=True)
        with pytest.raises(SessionRequired):
            operator.change_passphrase("two", "another")
    with administration(staffed) as operator, pytest.raises(CommandNotAllowed):
        operator.change_passphrase("administrator", "another")


def test_a_new_password_is_good_for_the_accounts_period_from_the_day_of_the_change(staffed: World) -> None:
    """G-209."""
    staffed.clock.pass_by(days=3)
    with logged_on(staffed, "one") as operator:
        assert operator.change_passphrase("one", "another") == {"password_expires": "2026-03-12"}

    assert profile(staffed, "one")["password_expires"] == "2026-03-12"
    assert replayed(staffed) == live(staffed)


def test_a_new_password_differs_from_the_old_one(staffed: World) -> None:
    before = profile(staffed, "two")
    with logged_on(staffed, "two") as operator:
        with pytest.raises(PasswordNotNew):
            operator.change_passphrase("two", "two")
        assert data_of(staffed.records()[-1])["code"] == "password-not-new"

    after = profile(staffed, "two")
    assert (after["hash"], after["salt"], after["failures"]) == (before["hash"], before["salt"], 0)


def test_a_wrong_old_password_counts_as_a_failed_logon_and_locks_the_account(staffed: World) -> None:
    """M-55: the officer's limit is two; who is locked out while logged on may log off and nothing more."""
    with logged_on(staffed, "officer") as operator:
        for failures in (1, 2):
            with pytest.raises(OldPasswordWrong):
                operator.change_passphrase("wrong", "another")
            assert staffed.inner.cold.users[0].failures == failures
        with pytest.raises(AccountLocked):
            operator.change_passphrase("officer", "another")
        with pytest.raises(AccountLocked):
            operator.send(BeginAdmin())
        operator.logoff()
        with pytest.raises(AccountLocked):
            operator.logon("officer", "officer")
    assert profile(staffed, "officer")["failures"] == 2
    refused = [parse(record.line) for record in staffed.records() if record.event == "command-refused"]
    assert [(record.command, record.user) for record in refused[:3]] == [("ChangePassword", "officer")] * 3


def test_failures_at_logons_and_changes_are_one_count_and_a_good_one_clears_it(staffed: World) -> None:
    with staffed.operator() as operator:
        with pytest.raises(LogonFailed):
            operator.logon("one", "wrong")
        operator.logon("one", "one")
        with pytest.raises(OldPasswordWrong):
            operator.change_passphrase("wrong", "another")
        assert staffed.inner.cold.users[2].failures == 1
        operator.change_passphrase("one", "another")
        assert staffed.inner.cold.users[2].failures == 0
    assert profile(staffed, "one")["failures"] == 0


class PowerLost(BaseException):
    """What a process that dies does not raise, but ends with."""


def test_a_wrong_old_password_is_durable_before_it_is_compared(staffed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> bytes:
        raise PowerLost

    for attempt in (1, 2):
        operator = staffed.operator()
        operator.logon("one", "one")
        with monkeypatch.context() as patched:
            patched.setattr(Modern, "slow_hash", die)
            for failures in range(attempt):
                with pytest.raises(PowerLost):
                    operator.change_passphrase("wrong", "another")
                assert staffed.inner.cold.users[2].failures == failures + 1
        assert profile(staffed, "one")["failures"] == attempt


def test_a_change_that_memory_does_not_take_leaves_the_old_password(staffed: World) -> None:
    operator = staffed.operator()
    operator.logon("two", "two")
    staffed.fail_memory()
    with pytest.raises(StoreFailed):
        operator.change_passphrase("two", "another")
    staffed.mend_memory()
    staffed.reboot()
    with logged_on(staffed, "two"):
        pass


def test_passwords_travel_encrypted_only(staffed: World) -> None:
    with logged_on(staffed, "two") as operator:
        with pytest.raises(EncryptionRequired):
            operator.send(ChangePassword(old=password(SERIAL, "two", "two"), new=bytes(32)))
        assert parse(staffed.records()[-1].line).command == "ChangePassword"
    assert profile(staffed, "two")["failures"] == 0


def refused_as_expired(operator: Operator, command: Command) -> bool:
    try:
        operator.send(command, encrypted=True)
    except PasswordExpired:
        return True
    except (Refusal, Malformed):
        return False
    return False


def test_an_expired_password_permits_only_to_change_it(staffed: World) -> None:
    """M-55: the user is logged on and shown so; what needs the role is refused with an error of its own."""
    staffed.clock.pass_by(days=7)
    with staffed.operator() as operator:
        assert operator.logon("one", "one")["password_expired"] is False  # good on its last day
        operator.logoff()
    staffed.clock.pass_by(days=1)
    with staffed.operator() as operator:
        assert operator.logon("one", "one") == {"role": "key-custodian", "password_expired": True}
        assert operator.send(QueryCurrentUserRole()) == {"role": "key-custodian"}
        assert operator.send(QueryCurrentUserId()) == {"user": "one"}
        assert operator.send(GetStatus())["user"] == "one"
        with pytest.raises(UserStillLoggedOn):
            operator.send(CloseSession())
        operator.change_passphrase("one", "another")
        operator.logoff()
        assert operator.logon("one", "another")["password_expired"] is False
    assert replayed(staffed) == live(staffed)


def test_every_command_of_a_role_is_refused_to_an_expired_password_and_none_of_everybodys(staffed: World) -> None:
    """FIG. 6 judges first: a command that state or role forbid anyway is refused as such."""
    with administration(staffed) as operator:
        operator.send(
            ModifyAccount(name="officer", password_days=1, password=password(SERIAL, "officer", "officer")),
            encrypted=True,
        )
        operator.logoff()
        operator.logon("officer", "officer")
        operator.send(EndAdmin())
    staffed.clock.pass_by(days=2)
    rules = {kind: rule for kind, rule in FIG6.items() if rule.allows(ModuleState.OPERATIONAL) and kind not in NOT_YET}
    officers = {
        kind for kind, rule in rules.items() if rule.admits(Role.SECURITY_OFFICER) and not rule.admits(Role.DEFAULT)
    }
    assert len(officers) > 3
    with logged_on(staffed, "officer") as operator:
        for kind in sorted(rules.keys() - {Logoff}, key=lambda kind: kind.__name__):
            expected = kind in officers - {ChangePassword, Logoff}
            assert refused_as_expired(operator, SAMPLES[kind]) is expected, kind
            if expected:
                assert data_of(staffed.records()[-1])["code"] == "password-expired"
                assert parse(staffed.records()[-1].line).user == "officer"
        with pytest.raises(CommandNotAllowed):
            operator.send(ViewAccessControlDatabase())
    assert staffed.inner.cold.users[0].failures == 1  # the sample of Change Password is not the officer's


def test_a_password_and_an_account_run_out_while_their_user_is_logged_on(staffed: World) -> None:
    """Both end with 9 March; each command is judged on the clock."""
    with administration(staffed) as operator:
        for changes in (
            {"name": "administrator", "timeout_seconds": 86_400},
            {"name": "officer", "timeout_seconds": 86_400, "password_days": 7, "password": OFFICER.password},
        ):
            operator.send(ModifyAccount.model_validate(changes), encrypted=True)
    staffed.clock.time = staffed.clock.time.replace(day=9, hour=23, minute=59)
    with logged_on(staffed, "administrator") as operator:
        operator.send(ViewAccessControlDatabase())
        staffed.clock.pass_by(minutes=1)
        with pytest.raises(AccountExpired):
            operator.send(ViewAccessControlDatabase())
        assert operator.send(QueryCurrentUserId()) == {"user": "administrator"}
    staffed.clock.pass_by(minutes=-1)
    with logged_on(staffed, "officer") as operator:
        operator.send(EndAdmin())
        staffed.clock.pass_by(minutes=1)
        with pytest.raises(PasswordExpired):
            operator.send(BeginAdmin())
        operator.change_passphrase("officer", "another")
        operator.send(BeginAdmin())


def test_when_both_passwords_expired_in_the_administrative_state_a_reboot_leads_out(staffed: World) -> None:
    """C-26: the officer cannot end what the officer cannot enter, and passwords are changed in Operational only."""
    with administration(staffed) as operator:
        for name in ("officer", "administrator"):
            operator.send(
                ModifyAccount(name=name, password_days=1, password=password(SERIAL, name, name)), encrypted=True
            )
    staffed.clock.pass_by(days=2)
    with logged_on(staffed, "officer") as operator:
        for command, error in (
            (EndAdmin(), PasswordExpired),
            (ChangePassword(old=bytes(32), new=bytes(32)), CommandNotAllowed),
        ):
            with pytest.raises(error):
                operator.send(command, encrypted=True)
    staffed.reboot()
    with logged_on(staffed, "officer") as operator:
        operator.change_passphrase("officer", "another")
        operator.send(BeginAdmin())
        operator.send(EndAdmin())


def test_no_password_of_a_command_shows_in_a_text_or_the_chain(staffed: World) -> None:
    old, new = password(SERIAL, "two", "two"), password(SERIAL, "two", "another")
    command = ChangePassword(old=old, new=new)
    assert repr(old) not in f"{command!r} {command}"
    with logged_on(staffed, "two") as operator:
        operator.send(command, encrypted=True)
    seen = b"".join(record.line for record in staffed.records()) + orjson.dumps(str(staffed.inner.cold))
    for secret in (old, new):
        assert secret.hex().encode() not in seen
