"""Accounts are deleted, expired, locked, unlocked and modified; somebody of each role stays (J-20, J-21, G2)."""

from datetime import date
from typing import Any

import pytest

from indicium.domain.commands.access import DeleteAccount, ModifyAccount, SetClock, ViewAccessControlDatabase
from indicium.domain.errors import (
    AccountExpired,
    AccountLocked,
    AccountLoggedOn,
    BadValue,
    IndiciumError,
    LogonFailed,
    UnknownAccount,
    UserSetIncomplete,
)
from indicium.domain.messages import password
from indicium.domain.roles import Role
from indicium.parties.operator import Operator
from tests.cryptomodule.staff import (
    AUDITOR,
    SECOND,
    administration,
    create,
    demand_unchanged,
    live,
    logged_on,
    modify,
    names,
    profile,
    replayed,
    user,
)
from tests.harness import BEGINNING, SERIAL, World, data_of


def test_a_deleted_account_is_gone_and_its_name_is_free(staffed: World) -> None:
    with administration(staffed) as operator:
        create(operator, AUDITOR)
        operator.send(DeleteAccount(name="auditor"))
        demand_unchanged(staffed, operator, DeleteAccount(name="auditor"), UnknownAccount)
        operator.logoff()
        with pytest.raises(LogonFailed):
            operator.logon("auditor", "auditor")
        operator.logon("administrator", "administrator")
        create(operator, user("auditor", Role.KEY_CUSTODIAN))

    deleted = next(record for record in staffed.records() if record.event == "account-deleted")
    assert data_of(deleted) == {"name": "auditor", "role": "auditor"}
    assert b"\t" in deleted.line
    assert replayed(staffed) == live(staffed)


@pytest.mark.parametrize(
    ("name", "missing"),
    [("officer", "1 security-officer"), ("one", "2 key-custodian"), ("two", "2 key-custodian")],
)
def test_nobody_of_the_minimal_set_is_deleted_or_expired(staffed: World, name: str, missing: str) -> None:
    """A-84, M-56."""
    yesterday = ModifyAccount(name=name, account_expires=date(2026, 3, 1))
    with administration(staffed) as operator:
        for command in (DeleteAccount(name=name), yesterday):
            refused = demand_unchanged(staffed, operator, command, UserSetIncomplete)
            assert str(refused) == f"The users must include {missing}."
        modify(operator, name, account_expires=date(2026, 3, 2))  # today is no past


def test_the_last_administrator_neither_expires_nor_deletes_himself(staffed: World) -> None:
    with administration(staffed) as operator:
        yesterday = ModifyAccount(name="administrator", account_expires=date(2026, 3, 1))
        demand_unchanged(staffed, operator, yesterday, UserSetIncomplete)
        demand_unchanged(staffed, operator, DeleteAccount(name="administrator"), AccountLoggedOn)
        create(operator, SECOND)
        demand_unchanged(staffed, operator, DeleteAccount(name="administrator"), AccountLoggedOn)
        operator.logoff()
        operator.logon("second", "second")
        operator.send(DeleteAccount(name="administrator"))

    assert names(staffed) == ["officer", "one", "two", "second"]
    assert replayed(staffed) == live(staffed)


def test_an_account_that_expired_counts_for_nobody(staffed: World) -> None:
    """The minimal set is of people who can log on; what is missing already hinders nothing else."""
    with administration(staffed) as operator:
        create(operator, user("three", Role.KEY_CUSTODIAN))
        modify(operator, "three", account_expires=date(2026, 3, 1))
        demand_unchanged(staffed, operator, DeleteAccount(name="one"), UserSetIncomplete)
        operator.send(DeleteAccount(name="three"))
        modify(operator, "one", account_expires=date(2026, 3, 3))
        modify(operator, "administrator", account_unlimited=True)
        operator.send(SetClock(at=BEGINNING))
    staffed.clock.pass_by(days=2)
    with logged_on(staffed, "administrator") as operator:
        create(operator, AUDITOR)
        operator.send(DeleteAccount(name="one"))
        with pytest.raises(UserSetIncomplete):
            operator.send(DeleteAccount(name="two"))


def test_an_account_can_be_suspended_by_a_last_day_in_the_past(staffed: World) -> None:
    with administration(staffed) as operator:
        create(operator, AUDITOR)
        modify(operator, "auditor", account_expires=date(2026, 3, 1))
        operator.logoff()
        with pytest.raises(AccountExpired):
            operator.logon("auditor", "auditor")
        operator.logon("administrator", "administrator")
        assert modify(operator, "auditor", account_unlimited=True)["account_expires"] is None
        operator.logoff()
        operator.logon("auditor", "auditor")

    assert replayed(staffed) == live(staffed)


def lock(world: World, name: str, attempts: int) -> None:
    with world.operator() as operator:
        for _ in range(attempts):
            with pytest.raises(LogonFailed):
                operator.logon(name, "wrong")
        with pytest.raises(AccountLocked):
            operator.logon(name, name)


def test_an_administrator_unlocks_an_account(staffed: World) -> None:
    """M-55: locked until an Administrator modifies the account; unlocking whom nobody locked changes nothing."""
    lock(staffed, "one", 3)
    with administration(staffed) as operator:
        modify(operator, "one", timeout_seconds=60)
        assert operator.send(ViewAccessControlDatabase())["users"][2]["locked"] is True
        assert modify(operator, "one", unlock=True)["failures"] == 0
        before = profile_without_access(operator, "two")
        modify(operator, "two", unlock=True)
        assert profile_without_access(operator, "two") == before
        operator.logoff()
        operator.logon("one", "one")

    modified = [data_of(record) for record in staffed.records() if record.event == "account-modified"]
    assert [record["changed"] for record in modified] == [["timeout_seconds"], ["unlock"], ["unlock"]]


def profile_without_access(operator: Operator, name: str) -> dict[str, Any]:
    (found,) = (row for row in operator.send(ViewAccessControlDatabase())["users"] if row["name"] == name)
    return {key: value for key, value in found.items() if key != "last_access"}


def test_a_lower_limit_locks_who_has_failed_so_often_already(staffed: World) -> None:
    with staffed.operator() as operator:
        for _ in range(2):
            with pytest.raises(LogonFailed):
                operator.logon("one", "wrong")
    with administration(staffed) as operator:
        assert modify(operator, "one", failure_limit=2)["locked"] is True
        operator.logoff()
        with pytest.raises(AccountLocked):
            operator.logon("one", "one")


def test_a_modification_changes_what_it_names_and_nothing_else(staffed: World) -> None:
    before = profile(staffed, "one")
    with administration(staffed) as operator:
        modify(operator, "one", failure_limit=100, timeout_seconds=86_400)
        changed = profile_of(staffed, "one")
        assert changed == before | {"failure_limit": 100, "timeout_seconds": 86_400}
        modify(operator, "one", password_days=90)
        assert profile_of(staffed, "one") == changed | {"password_days": 90}  # for the passwords that follow
        modify(operator, "one", password=password(SERIAL, "one", "forgotten no more"))

    after = profile(staffed, "one")
    assert after["password_expires"] == "2026-05-31"
    assert after["hash"] != before["hash"]
    assert after["salt"] != before["salt"]
    with staffed.operator() as operator:
        with pytest.raises(LogonFailed):
            operator.logon("one", "one")
        operator.logon("one", "forgotten no more")
    assert replayed(staffed) == live(staffed)


def profile_of(world: World, name: str) -> dict[str, Any]:
    (found,) = (user for user in world.inner.cold.users if user.name == name)
    return found.model_dump()


def test_an_administrator_learns_nothing_of_a_password_by_setting_it(staffed: World) -> None:
    """A refusal of the same password would be a guess that nobody counts."""
    with administration(staffed) as operator:
        modify(operator, "two", password=password(SERIAL, "two", "two"))
        assert staffed.records()[-1].event == "account-modified"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, BadValue),
        ({"unlock": False}, BadValue),
        ({"account_expires": date(2026, 12, 31), "account_unlimited": True}, BadValue),
        ({"name": "nobody", "unlock": True}, UnknownAccount),
        ({"name": "Two", "unlock": True}, UnknownAccount),
    ],
)
def test_a_modification_that_says_nothing_or_two_things_is_refused(
    staffed: World, changes: dict[str, object], error: type[IndiciumError]
) -> None:
    with administration(staffed) as operator:
        demand_unchanged(staffed, operator, ModifyAccount.model_validate({"name": "two"} | changes), error)
