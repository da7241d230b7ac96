"""Who opens the access control database, enters people and views it (J-12, J-20, J-21, G2, Y-23, Y-24, B-19 … B-24)."""

import base64
from datetime import date

import orjson
import pytest

from indicium.domain.commands.access import (
    MAXIMUM_USERS,
    BeginAdmin,
    CreateAccount,
    DeleteAccount,
    EndAdmin,
    ModifyAccount,
    ViewAccessControlDatabase,
)
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import (
    AccessControlDatabaseFull,
    AccountExists,
    BadValue,
    CommandNotAllowed,
    EncryptionRequired,
    LogonFailed,
    StoreFailed,
)
from indicium.domain.messages import password
from indicium.domain.record import parse
from indicium.domain.roles import Role
from tests.cryptomodule.staff import (
    AUDITOR,
    MINIMAL,
    SECOND,
    administration,
    create,
    demand_unchanged,
    forged,
    live,
    logged_on,
    names,
    replayed,
    user,
)
from tests.harness import SERIAL, World, data_of

CYRILLIC = "\N{CYRILLIC SMALL LETTER A}uditor"


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
