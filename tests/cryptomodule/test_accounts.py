"""The access control database and who may change it (J-12, J-20, J-21, G2, Y-23, Y-24, B-19 … B-24)."""

import base64
from datetime import date
from typing import Any

import orjson
import pytest

from indicium.domain.commands.access import (
    MAXIMUM_USERS,
    BeginAdmin,
    CreateAccount,
    DeleteAccount,
    EndAdmin,
    ModifyAccount,
    SetClock,
    ViewAccessControlDatabase,
)
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import (
    AccessControlDatabaseFull,
    AccountExists,
    AccountExpired,
    AccountLocked,
    AccountLoggedOn,
    BadValue,
    CommandNotAllowed,
    EncryptionRequired,
    IndiciumError,
    LogonFailed,
    StoreFailed,
    UnknownAccount,
    UserSetIncomplete,
)
from indicium.domain.messages import password
from indicium.domain.record import parse
from indicium.domain.roles import Role
from indicium.parties.operator import Operator
from tests.cryptomodule.staff import MINIMAL, administration, forged, live, logged_on, profile, replayed, user
from tests.harness import BEGINNING, SERIAL, World, data_of

CYRILLIC = "\N{CYRILLIC SMALL LETTER A}uditor"
SECOND = user("second", Role.ADMINISTRATOR)
AUDITOR = user("auditor", Role.AUDITOR)


def create(operator: Operator, new: object) -> dict[str, Any]:
    return operator.send(CreateAccount.model_validate({"user": new}), encrypted=True)


def modify(operator: Operator, name: str, **changes: object) -> dict[str, Any]:
    return operator.send(ModifyAccount.model_validate({"name": name, **changes}), encrypted=True)


def names(world: World) -> list[str]:
    return [user.name for user in world.inner.cold.users]


def demand_unchanged(world: World, operator: Operator, command: Command, error: type[IndiciumError]) -> IndiciumError:
    """Have a command refused, and find the users as they were and the refusal in the chain with who asked."""
    before = world.inner.cold.model_copy(deep=True)
    with pytest.raises(error) as refused:
        operator.send(command, encrypted=True)
    assert world.inner.cold == before
    record = parse(world.records()[-1].line)
    assert (record.event, record.command) == ("command-refused", type(command).__name__)
    assert (record.user, record.reason) == ("administrator", refused.value.reason)
    assert replayed(world) == live(world)
    return refused.value


def test_the_officer_opens_the_administrative_state_and_the_administrator_acts_in_it(staffed: World) -> None:
    """B-19 … B-21, C-05, C-06, M-07: neither can do it alone."""
    with staffed.operator() as operator:
        operator.logon("administrator", "administrator")
        for command in (BeginAdmin(), CreateAccount(user=AUDITOR)):
            with pytest.raises(CommandNotAllowed):
                operator.send(command, encrypted=True)
        operator.logoff()
        operator.logon("officer", "officer")
        operator.send(BeginAdmin())
        with pytest.raises(CommandNotAllowed):
            create(operator, AUDITOR)
        operator.logoff()
        operator.logon("administrator", "administrator")
        create(operator, AUDITOR)
        with pytest.raises(CommandNotAllowed):
            operator.send(EndAdmin())
        operator.logoff()
        operator.logon("officer", "officer")
        operator.send(EndAdmin())

    assert staffed.module.state == "operational"
    done = [(record.event, parse(record.line).user) for record in staffed.records() if b"\t" in record.line][3:]
    assert done[-3:] == [
        ("administration-begun", "officer"),
        ("account-created", "administrator"),
        ("administration-ended", "officer"),
    ]
    assert replayed(staffed) == live(staffed)


def test_nothing_operational_is_done_in_the_administrative_state(world: World) -> None:
    """B-67, J-13."""
    officer = world.plan.of(Role.SECURITY_OFFICER)
    with world.operator() as operator:
        operator.logon(officer.name, officer.passphrase)
        operator.send(BeginAdmin())
        for command in (InitializePsd(), world.customers["ada"].ask()):
            with pytest.raises(CommandNotAllowed):
                world.execute(command)
        operator.send(EndAdmin())

    world.execute(InitializePsd())


def test_a_reboot_leads_back_from_the_administrative_state(staffed: World) -> None:
    """C-26: an administration that nobody ended opens no door for long."""
    with administration(staffed) as operator:
        create(operator, AUDITOR)
    staffed.reboot()
    with logged_on(staffed, "officer") as operator:
        with pytest.raises(CommandNotAllowed) as refused:
            operator.send(EndAdmin())
        assert refused.value.state == "operational"
    assert names(staffed)[-1] == "auditor"


def test_a_new_account_logs_on_at_once_and_after_a_reboot(staffed: World) -> None:
    with administration(staffed) as operator:
        shown = create(operator, user("auditor", Role.AUDITOR, account_expires=date(2026, 3, 31), password_days=30))
        assert (shown["account_expires"], shown["password_expires"]) == ("2026-03-31", "2026-04-01")
        operator.logoff()
        assert operator.logon("auditor", "auditor") == {"role": "auditor", "password_expired": False}
    staffed.reboot()
    with logged_on(staffed, "auditor"):
        pass

    created = next(record for record in staffed.records() if record.event == "account-created")
    assert data_of(created) == {
        "user": {
            "name": "auditor",
            "role": "auditor",
            "account_expires": "2026-03-31",
            "password_expires": "2026-04-01",
        }
    }
    assert replayed(staffed) == live(staffed)


def test_names_are_compared_byte_for_byte(staffed: World) -> None:
    """G-201: what looks alike may be another, and case, width and composition count."""
    twins = [
        "Auditor",
        "auditor x",
        CYRILLIC,
        "auditor\N{COMBINING ACUTE ACCENT}",
        "\N{FULLWIDTH LATIN SMALL LETTER A}uditor",
    ]
    with administration(staffed) as operator:
        create(operator, AUDITOR)
        demand_unchanged(staffed, operator, CreateAccount(user=AUDITOR), AccountExists)
        for twin in twins:
            create(operator, user(twin, Role.AUDITOR))
            demand_unchanged(staffed, operator, CreateAccount(user=user(twin, Role.AUDITOR)), AccountExists)
        operator.send(DeleteAccount(name=CYRILLIC))
        operator.logoff()
        for name in ("auditor", *twins):
            if name != CYRILLIC:
                operator.logon(name, name)
                operator.logoff()
        with pytest.raises(LogonFailed):
            operator.logon(CYRILLIC, CYRILLIC)

    assert names(staffed)[4] == "auditor"
    assert replayed(staffed) == live(staffed)


def test_a_person_with_two_roles_has_two_accounts(staffed: World) -> None:
    """J-12, L733: one role a user, and a role never changes."""
    with administration(staffed) as operator:
        create(operator, user("officer as auditor", Role.AUDITOR))
        with pytest.raises(ValueError, match="role"):
            ModifyAccount.model_validate({"name": "officer", "role": "auditor"})
        assert operator.send(ViewAccessControlDatabase())["users"][-1]["role"] == "auditor"


LONGEST = "n" * 64
GOOD = orjson.loads(user(LONGEST, Role.AUDITOR).model_dump_json())


def test_a_name_has_up_to_64_characters_of_any_script(staffed: World) -> None:
    with administration(staffed) as operator:
        for name in (LONGEST, "ñ" * 64, "審計員", "\N{EYES}" * 64, "a b", "'; DROP TABLE users; --", "null"):
            create(operator, user(name, Role.AUDITOR))
        shown = operator.send(ViewAccessControlDatabase())["users"]

    assert [row["name"] for row in shown][4:] == names(staffed)[4:]
    assert replayed(staffed) == live(staffed)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "n" * 65},
        {"name": "a\nb"},
        {"name": "a\x00"},
        {"name": "a\u202eb"},
        {"name": None},
        {"name": 5},
        {"role": "user"},
        {"role": "default"},
        {"role": "Auditor"},
        {"role": ["auditor", "administrator"]},
        {"password": ""},
        {"password": base64.b64encode(bytes(31)).decode()},
        {"failure_limit": 0},
        {"failure_limit": 101},
        {"failure_limit": -1},
        {"failure_limit": 2**63},
        {"failure_limit": True},
        {"failure_limit": 2.0},
        {"timeout_seconds": 0},
        {"timeout_seconds": 86_401},
        {"password_days": 0},
        {"password_days": 36_501},
        {"account_expires": "2026-02-30"},
        {"account_expires": "20260230"},
        {"account_expires": 1_800_000_000},
        {"failures": 0},
        {"salt": ""},
    ],
)
def test_a_profile_with_anything_hostile_in_it_is_refused_and_the_session_goes_on(
    staffed: World, changes: dict[str, object]
) -> None:
    with administration(staffed) as operator:
        with pytest.raises(BadValue):
            operator.send(forged(CreateAccount, user=GOOD | changes), encrypted=True)
        assert names(staffed) == [user.name for user in MINIMAL]
        create(operator, AUDITOR)


def test_an_account_whose_last_day_has_passed_is_not_entered(staffed: World) -> None:
    with administration(staffed) as operator:
        expired = user("late", Role.AUDITOR, account_expires=date(2026, 3, 1))
        refused = demand_unchanged(staffed, operator, CreateAccount(user=expired), BadValue)
        assert str(refused) == "account_expires: 2026-03-01 has passed already."
        create(operator, user("just in time", Role.AUDITOR, account_expires=date(2026, 3, 2)))


def test_the_database_holds_so_many_accounts_and_no_more(staffed: World) -> None:
    inner = staffed.inner
    filler = inner.cold.users[-1]
    while len(inner.cold.users) < MAXIMUM_USERS - 1:
        inner.cold.users.append(filler.model_copy(update={"name": f"filler {len(inner.cold.users)}"}))
    staffed.write_memory(inner.hot, inner.cold)
    staffed.reboot()

    with administration(staffed) as operator:
        create(operator, AUDITOR)
        with pytest.raises(AccessControlDatabaseFull):
            create(operator, SECOND)
        assert len(operator.send(ViewAccessControlDatabase())["users"]) == MAXIMUM_USERS
        operator.send(DeleteAccount(name="filler 4"))
        create(operator, SECOND)


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


def test_what_carries_a_profile_travels_encrypted_only(staffed: World) -> None:
    """J-10; the refusal says which command it was (I-32)."""
    with administration(staffed) as operator:
        for command in (CreateAccount(user=AUDITOR), ModifyAccount(name="two", unlock=True)):
            with pytest.raises(EncryptionRequired):
                operator.send(command)
            assert parse(staffed.records()[-1].line).command == type(command).__name__
    assert names(staffed) == [user.name for user in MINIMAL]


def test_the_view_shows_users_and_last_access_and_never_a_password(staffed: World) -> None:
    """G-210, G-211, Y-24."""
    with staffed.operator() as operator, pytest.raises(LogonFailed):
        operator.logon("one", "wrong")
    with logged_on(staffed, "two"):
        pass
    staffed.clock.pass_by(hours=1)
    with logged_on(staffed, "administrator") as operator:
        reply = operator.send(ViewAccessControlDatabase())

    assert [(row["name"], row["role"], row["last_access"]) for row in reply["users"]] == [
        ("officer", "security-officer", "2026-03-02T09:00:00.000000Z"),
        ("administrator", "administrator", "2026-03-02T10:00:00.000000Z"),
        ("one", "key-custodian", None),
        ("two", "key-custodian", "2026-03-02T09:00:00.000000Z"),
    ]
    assert reply["users"][2] == {
        "name": "one",
        "role": "key-custodian",
        "account_expires": None,
        "password_expires": "2026-03-09",
        "last_access": None,
        "failures": 1,
        "failure_limit": 3,
        "locked": False,
        "timeout_seconds": 900,
        "password_days": 7,
    }
    seen = orjson.dumps(reply) + b"".join(record.line for record in staffed.records())
    for kept in staffed.inner.cold.users:
        for secret in (kept.hash, kept.salt, password(SERIAL, kept.name, kept.name)):
            assert secret.hex().encode() not in seen
            assert base64.b64encode(secret).rstrip(b"=") not in seen
            assert base64.urlsafe_b64encode(secret).rstrip(b"=") not in seen


def test_only_an_administrator_views_in_either_state_and_it_is_chained(staffed: World) -> None:
    """B-24."""
    with staffed.operator() as operator:
        for name in ("officer", "one"):
            operator.logon(name, name)
            with pytest.raises(CommandNotAllowed):
                operator.send(ViewAccessControlDatabase())
            operator.logoff()
    with administration(staffed) as operator:
        operator.send(ViewAccessControlDatabase())
        assert staffed.records()[-1].event == "access-control-database-viewed"


def test_an_account_that_memory_did_not_take_is_not_there(staffed: World) -> None:
    with administration(staffed):
        pass
    operator = staffed.operator()
    operator.logon("administrator", "administrator")
    staffed.fail_memory()
    with pytest.raises(StoreFailed):
        create(operator, AUDITOR)
    staffed.mend_memory()

    assert names(staffed) == [user.name for user in MINIMAL]
    staffed.reboot()
    assert names(staffed) == [user.name for user in MINIMAL]
    assert staffed.records()[-1].event == "user-logged-on"


def test_a_replay_of_the_chain_is_the_live_database_at_every_step(staffed: World) -> None:
    """Y-32: the ACDB view."""
    with administration(staffed) as operator:
        for command in (
            CreateAccount(user=user("auditor", Role.AUDITOR, password_days=5)),
            CreateAccount(user=SECOND),
            ModifyAccount(name="second", account_expires=date(2027, 1, 1)),
            ModifyAccount(name="auditor", password=bytes(32), password_days=6),
            ModifyAccount(name="second", account_unlimited=True),
            DeleteAccount(name="auditor"),
        ):
            operator.send(command, encrypted=True)
            assert replayed(staffed) == live(staffed)
    staffed.clock.pass_by(minutes=5)
    with logged_on(staffed, "second"):
        assert replayed(staffed) == live(staffed)
    assert live(staffed)[-1].last_access == "2026-03-02T09:05:00.000000Z"
    assert {user.name: user.role for user in live(staffed)} == {
        "officer": "security-officer",
        "administrator": "administrator",
        "one": "key-custodian",
        "two": "key-custodian",
        "second": "administrator",
    }
