"""What is audited where: in three states everything but the usage of session keys (B-62 … B-64)."""

import orjson
import pytest

from indicium.domain.commands.access import (
    CreateAccount,
    GetStatus,
    QueryCurrentUserId,
    QueryCurrentUserRole,
)
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.sessions import CloseSession
from indicium.domain.errors import CommandNotAllowed
from indicium.domain.fig6 import ModuleState
from indicium.domain.record import parse
from indicium.domain.roles import Role
from tests.cryptomodule.staff import administration, user
from tests.harness import World

WATCHED = (ModuleState.ADMINISTRATIVE, ModuleState.EXPORTING_SHARES, ModuleState.IMPORTING_SHARES)


def found_in(world: World, state: ModuleState) -> None:
    """Put the module into a state, as a command would have."""
    world.execute(CreateAuditEntry(text="so that the boot has been recorded"))
    world.module._core.state = world.inner.hot.persistent = state


def ask_everything(world: World) -> list[tuple[str, str | None, str | None]]:
    """Open a session, ask who is there and how it is, close it; give what the chain tells of it."""
    before = len(world.records())
    operator = world.operator()
    operator.logon("two", "two")
    assert operator.send(QueryCurrentUserRole()) == {"role": "key-custodian"}
    assert operator.send(QueryCurrentUserId()) == {"user": "two"}
    assert operator.send(GetStatus())["user"] == "two"
    operator.logoff()
    operator.send(CloseSession())
    records = [parse(record.line) for record in world.records()[before:]]
    return [(record.event, record.user, record.role) for record in records]


@pytest.mark.parametrize("state", WATCHED)
def test_where_all_is_audited_queries_and_sessions_are_chained_with_who_asked(
    staffed: World, state: ModuleState
) -> None:
    found_in(staffed, state)
    two = ("two", "key-custodian")
    assert ask_everything(staffed) == [
        ("session-opened", None, None),
        ("user-logged-on", *two),
        ("current-user-role-queried", *two),
        ("current-user-id-queried", *two),
        ("status-given", *two),
        ("user-logged-off", *two),
        ("session-closed", None, None),
    ]
    assert {parse(record.line).state for record in staffed.records()[-7:]} == {state.value}


def test_elsewhere_only_logon_and_logoff_are(staffed: World) -> None:
    found_in(staffed, ModuleState.OPERATIONAL)

    assert [event for event, _, _ in ask_everything(staffed)] == ["user-logged-on", "user-logged-off"]


def test_the_session_that_opens_and_closes_is_named_alike(staffed: World) -> None:
    found_in(staffed, ModuleState.ADMINISTRATIVE)
    ask_everything(staffed)
    opened, closed = staffed.records()[-7], staffed.records()[-1]
    names = [orjson.loads(record.line.partition(b"\t")[0])["data"]["session"] for record in (opened, closed)]
    assert names[0] == names[1]
    assert len(names[0]) == 16


def test_what_came_without_the_session_is_nobodys(staffed: World) -> None:
    """J-12, L725: who asked is on record; a command that anybody at the port can send is not the logged-on user's."""
    with administration(staffed) as operator:
        for command, event in (
            (QueryCurrentUserRole(), "current-user-role-queried"),
            (QueryCurrentUserId(), "current-user-id-queried"),
            (GetStatus(), "status-given"),
            (CreateAuditEntry(text="mine?"), "audit-entry-created"),
        ):
            reply = orjson.loads(staffed.execute(command))
            assert reply.get("user", "administrator") == "administrator"
            record = parse(staffed.records()[-1].line)
            assert (record.event, record.user, record.role) == (event, None, None)
        with pytest.raises(CommandNotAllowed) as refused:
            staffed.execute(CreateAccount(user=user("eve", Role.ADMINISTRATOR)))
        assert refused.value.role == "default"
        assert parse(staffed.records()[-1].line).user is None
        operator.send(QueryCurrentUserId())
        assert parse(staffed.records()[-1].line).user == "administrator"


def test_with_nobody_logged_on_the_role_is_default(staffed: World) -> None:
    """B-27, B-28; in Error there is no session, so they need none (M-06)."""
    assert orjson.loads(staffed.execute(QueryCurrentUserRole())) == {"role": "default"}
    assert orjson.loads(staffed.execute(QueryCurrentUserId())) == {"user": None}


def test_in_error_they_are_still_answered(staffed: World) -> None:
    found_in(staffed, ModuleState.OPERATIONAL)
    staffed.module._core.state = ModuleState.ERROR
    before = staffed.records()
    assert orjson.loads(staffed.execute(QueryCurrentUserRole())) == {"role": "default"}
    assert orjson.loads(staffed.execute(QueryCurrentUserId())) == {"user": None}
    assert staffed.records() == before


def test_who_is_shown_is_nobody_whose_time_is_over(staffed: World) -> None:
    """M-55: asked from outside the session too."""
    operator = staffed.operator()
    operator.logon("officer", "officer")
    assert orjson.loads(staffed.execute(QueryCurrentUserId())) == {"user": "officer"}
    staffed.clock.pass_by(seconds=60, microseconds=1)
    assert orjson.loads(staffed.execute(QueryCurrentUserId())) == {"user": None}
    assert orjson.loads(staffed.execute(GetStatus()))["role"] is None
