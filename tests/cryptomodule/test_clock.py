"""The module's own clock (B-30, C-02, M-08): set by an Administrator, and obeyed by all that has a time."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.commands.access import (
    BeginAdmin,
    CreateAccount,
    EndAdmin,
    ModifyAccount,
    QueryCurrentUserId,
    SetClock,
    ViewAccessControlDatabase,
)
from indicium.domain.errors import (
    AccountExpired,
    BadValue,
    CommandNotAllowed,
    MemoryNotAuthentic,
    StoreFailed,
    UserSetIncomplete,
)
from indicium.domain.flow import SealedRecord
from indicium.domain.record import parse
from indicium.domain.roles import Role
from indicium.parties.operator import Operator
from indicium.projections import Views, meters_at
from tests.cryptomodule.staff import administration, forged, live, logged_on, replayed, user
from tests.harness import BEGINNING, World, data_of

TOMORROW = BEGINNING + timedelta(days=1)
YESTERDAY = BEGINNING - timedelta(days=1)


def set_clock(operator: Operator, at: datetime) -> dict[str, Any]:
    return operator.send(SetClock(at=at))


def time_of(record: SealedRecord) -> str:
    return parse(record.line).at


def offset(world: World) -> int:
    """Read what the memory file keeps of the clock, in microseconds."""
    world.reboot()
    return world.inner.hot.clock_offset


def test_the_clock_is_set_by_an_administrator_in_the_administrative_state_only(staffed: World) -> None:
    """M-08: not in Operational."""
    with logged_on(staffed, "administrator") as operator, pytest.raises(CommandNotAllowed):
        set_clock(operator, TOMORROW)
    with administration(staffed) as operator:
        assert set_clock(operator, TOMORROW) == {
            "before": "2026-03-02T09:00:00.000000Z",
            "after": "2026-03-03T09:00:00.000000Z",
        }


def test_start_initialization_sets_the_clock_to_the_hosts(staffed: World) -> None:
    """C-02."""
    assert time_of(staffed.records()[0]) == "2026-03-02T09:00:00.000000Z"
    assert offset(staffed) == 0


@pytest.mark.parametrize("at", [TOMORROW, YESTERDAY, BEGINNING + timedelta(microseconds=1)])
def test_the_record_of_it_bears_the_new_time_names_both_and_is_signed(staffed: World, at: datetime) -> None:
    with administration(staffed) as operator:
        before, after = set_clock(operator, at).values()
        record = staffed.records()[-1]
    assert (record.event, time_of(record)) == ("clock-set", after)
    assert data_of(record) == {"before": before, "after": after}
    assert b"\t" in record.line
    assert after == at.isoformat(timespec="microseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("at", [TOMORROW, YESTERDAY])
def test_the_clock_runs_on_from_where_it_was_set_over_a_reboot_too(staffed: World, at: datetime) -> None:
    with administration(staffed) as operator:
        set_clock(operator, at)
    staffed.clock.pass_by(hours=1)
    assert offset(staffed) == (at - BEGINNING) // timedelta(microseconds=1)
    with logged_on(staffed, "two"):
        pass

    after = (at + timedelta(hours=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert time_of(staffed.records()[-1]) == after
    assert live(staffed)[3].last_access == after
    assert replayed(staffed) == live(staffed)


def test_what_is_set_twice_is_as_it_was_set_last(staffed: World) -> None:
    with administration(staffed) as operator:
        set_clock(operator, TOMORROW)
        assert set_clock(operator, BEGINNING)["before"] == "2026-03-03T09:00:00.000000Z"
    assert offset(staffed) == 0


def test_a_time_of_another_zone_is_the_same_moment(staffed: World) -> None:
    with administration(staffed) as operator:
        west = datetime(2026, 3, 2, 20, 0, tzinfo=timezone(timedelta(hours=-5)))
        assert set_clock(operator, west)["after"] == "2026-03-03T01:00:00.000000Z"


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (datetime(2026, 3, 2, 9, 0), "time zone"),  # noqa: DTZ001  # this is what is refused
        (datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), "from 2000 to 8999"),
        (datetime(9000, 1, 1, tzinfo=UTC), "from 2000 to 8999"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))), "from 2000 to 8999"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-23))), "from 2000 to 8999"),
    ],
)
def test_nonsense_is_refused_and_the_clock_stays(staffed: World, at: datetime, why: str) -> None:
    with administration(staffed) as operator:
        with pytest.raises(BadValue, match=why):
            set_clock(operator, at)
        assert data_of(staffed.records()[-1])["code"] == "bad-value"
    assert offset(staffed) == 0


@pytest.mark.parametrize("at", [1_800_000_000, "tomorrow", "2026-03-03", None, "2026-03-03T25:00:00Z", "9" * 400])
def test_what_is_no_time_at_all_is_refused(staffed: World, at: object) -> None:
    with administration(staffed) as operator:
        with pytest.raises(BadValue):
            operator.send(forged(SetClock, at=at))
        set_clock(operator, TOMORROW)


def test_the_last_times_that_are_taken_hold_a_password_of_the_longest_period(staffed: World) -> None:
    with administration(staffed) as operator:
        operator.send(ModifyAccount(name="administrator", account_unlimited=True), encrypted=True)
        set_clock(operator, datetime(8999, 12, 31, tzinfo=UTC))
        new = user("auditor", Role.AUDITOR, password_days=36_500)
        assert operator.send(CreateAccount(user=new), encrypted=True)["password_expires"] == "9099-12-07"
        set_clock(operator, datetime(2000, 1, 1, tzinfo=UTC))
    assert time_of(staffed.records()[-2]) == "2000-01-01T00:00:00.000000Z"
    assert replayed(staffed) == live(staffed)


def test_accounts_and_passwords_expire_by_the_modules_clock(staffed: World) -> None:
    with administration(staffed) as operator:
        operator.send(ModifyAccount(name="administrator", account_unlimited=True), encrypted=True)
        operator.send(
            CreateAccount(user=user("auditor", Role.AUDITOR, account_expires=BEGINNING.date())), encrypted=True
        )
        set_clock(operator, BEGINNING + timedelta(days=8))
        operator.logoff()
        with pytest.raises(AccountExpired):
            operator.logon("auditor", "auditor")
        assert operator.logon("one", "one")["password_expired"] is True
        operator.logoff()
        operator.logon("administrator", "administrator")
        set_clock(operator, BEGINNING)
        operator.logoff()
        operator.logon("auditor", "auditor")
        operator.logoff()
        assert operator.logon("one", "one")["password_expired"] is False


def test_no_time_is_set_at_which_nobody_could_set_it_right(staffed: World) -> None:
    """A-84: the administrator's last day is 9 March."""
    with administration(staffed) as operator:
        with pytest.raises(UserSetIncomplete):
            set_clock(operator, BEGINNING + timedelta(days=8))
        set_clock(operator, BEGINNING + timedelta(days=7))
        operator.send(CreateAccount(user=user("second", Role.ADMINISTRATOR)), encrypted=True)
        set_clock(operator, BEGINNING + timedelta(days=8))
        with pytest.raises(AccountExpired):
            operator.send(ViewAccessControlDatabase())
        operator.logoff()
        operator.logon("second", "second")
        set_clock(operator, BEGINNING)


@pytest.mark.parametrize("at", [BEGINNING + timedelta(days=5), BEGINNING - timedelta(days=5)])
def test_setting_the_clock_is_no_inactivity_and_no_more_time_either(staffed: World, at: datetime) -> None:
    """M-55: the time-out counts from the last message, on the clock as it is now."""
    with administration(staffed) as operator:
        set_clock(operator, at)
        staffed.clock.pass_by(seconds=900)
        assert operator.send(QueryCurrentUserId()) == {"user": "administrator"}
        staffed.clock.pass_by(seconds=900, microseconds=1)
        assert operator.send(QueryCurrentUserId()) == {"user": None}


def test_a_clock_that_memory_did_not_take_is_not_set(staffed: World) -> None:
    with administration(staffed):
        pass
    operator = staffed.operator()
    operator.logon("administrator", "administrator")
    staffed.fail_memory()
    with pytest.raises(StoreFailed):
        set_clock(operator, TOMORROW)
    staffed.mend_memory()
    assert staffed.inner.hot.clock_offset == 0
    assert offset(staffed) == 0


def test_an_offset_that_somebody_wrote_into_the_memory_is_found(staffed: World) -> None:
    """It stands in the hot part, which is MACed."""
    content = staffed.memory.load()
    assert content is not None
    assert b'"clock_offset":0' in content.hot
    path = staffed.memory_path
    staffed.memory.close()
    path.write_bytes(path.read_bytes().replace(b'"clock_offset":0', b'"clock_offset":9'))
    with pytest.raises(MemoryNotAuthentic):
        staffed.reboot()


def set_back(world: World) -> None:
    """Set the clock of a module that has meters a day back."""
    officer, administrator = world.plan.of(Role.SECURITY_OFFICER), world.plan.of(Role.ADMINISTRATOR)
    acts = ((officer, BeginAdmin()), (administrator, SetClock(at=YESTERDAY)), (officer, EndAdmin()))
    with world.operator() as operator:
        for who, command in acts:
            operator.logon(who.name, who.passphrase)
            operator.send(command)
            operator.logoff()


def test_a_clock_that_went_back_stops_no_traffic_and_the_chains_times_fall_where_it_says_so(world: World) -> None:
    world.spend("ada", 330, "before")
    before = world.moving("ada")
    set_back(world)
    world.ask("ada")
    item = world.spend("ada", 330, "after").item

    after = world.moving("ada")
    assert (after.version, after.ar, after.dr) == (before.version + 1, 660, before.dr - 330)
    assert (before.last_at[:10], after.last_at[:10]) == ("2026-03-02", "2026-03-01")
    assert item is not None
    assert '"date":"2026-03-01"' in item
    times = [time_of(record) for record in world.records()]
    falls = [place for place, (one, two) in enumerate(pairwise(times), start=1) if two < one]
    assert [world.records()[place].event for place in falls] == ["clock-set"]
    report = verify_chain([record.line for record in world.records()], load_key(audit_key(world)))
    assert (report.verdict, report.records) == (Verdict.PASS, len(times))


def audit_key(world: World) -> bytes:
    assert world.born is not None
    return world.born.audit_key


def test_the_views_of_a_chain_whose_times_fall_are_those_of_its_records(world: World) -> None:
    """What stood at a moment is what had been recorded when the clock first showed it; a day's movement is all that was
    recorded while the clock showed that day.
    """
    world.spend("ada", 330, "before")
    world.clock.pass_by(days=1)
    world.spend("ada", 330, "third")
    set_back(world)  # to the first
    world.ask("ada")
    world.spend("ada", 330, "first-again")

    def at(moment: str) -> list[int]:
        return [row.ar for row in meters_at(world.store, moment).meters if row.device == world.meters["ada"]]

    assert (at("2026-03-01"), at("2026-03-02"), at("2026-03-03")) == ([], [330], [990])
    views = Views(world.store.engine)
    views.catch_up(world.store)
    moved = [(row.day, row.value) for row in views.movement(None, None) if row.event == "indicium-created"]
    assert moved == [("2026-03-01", 330), ("2026-03-02", 330), ("2026-03-03", 330)]
    assert [row.ar for row in views.meters() if row.device == world.meters["ada"]] == [990]
