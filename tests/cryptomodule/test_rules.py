"""The rules that hold for every command: what is judged first, who it was, what is left behind (tables B, I, J)."""

from dataclasses import replace

import orjson
import pytest

from indicium.domain.amounts import Mills
from indicium.domain.boot import boot_state
from indicium.domain.commands.access import BeginAdmin, GetStatus, InitializeAccessControlDatabase
from indicium.domain.commands.auditing import CreateAuditEntry, ExportAuditKey
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.commands.sessions import OpenSession
from indicium.domain.errors import (
    ClientNotAuthentic,
    CommandNotAllowed,
    IndiciumError,
    LogonFailed,
    SessionMessageNotAuthentic,
    SessionRequired,
    UnknownMeter,
)
from indicium.domain.fig6 import FIG6, ModuleState, Record, Role
from indicium.domain.lifecycle import LIFE
from indicium.domain.roles import LOGON_ROLES
from indicium.parties import ceremony
from indicium.parties.operator import Operator
from tests.canary import writings
from tests.harness import LETTER, SERIAL, World, data_of, remac
from tests.samples import SAMPLES

NOBODYS_METER = "9999999999"

IN_EVERY_STATE = (
    "Logon Logoff OpenSession CloseSession ComputeSessionMac VerifySessionMac SessionEncrypt SessionDecrypt "
    "QueryCurrentUserRole QueryCurrentUserId CreateAuditEntry"
)


def envelope(world: World) -> dict[str, object]:
    """Read the newest record."""
    record: dict[str, object] = orjson.loads(world.records()[-1].line.partition(b"\t")[0])
    return record


def test_state_and_role_are_judged_before_anything_that_a_command_says(world: World, empty: World) -> None:
    """B-00a, E-003: nonsense is refused for the state where the state forbids, and as nonsense where it allows."""
    empty.execute(StartInitialization())
    asked = [SAMPLES[kind] for kind in LIFE if "psd_id" in kind.model_fields]
    assert len(asked) > 4
    for command in asked:
        nonsense = command.model_copy(update={"psd_id": NOBODYS_METER})
        with pytest.raises(CommandNotAllowed):
            empty.execute(nonsense)
        with pytest.raises(UnknownMeter):
            world.execute(nonsense)


def test_logons_sessions_queries_and_entries_are_there_in_every_state_but_two() -> None:
    """B-00c; in Error the queries stay, as M-06 settles."""
    for name in IN_EVERY_STATE.split():
        (rule,) = (rule for command, rule in FIG6.items() if command.__name__ == name)
        assert [state for state in ModuleState if rule.allows(state)][:5] == list(ModuleState)[1:6], name
        assert rule.allows(ModuleState.ERROR) == name.startswith("Query"), name


def test_who_asked_for_what_stands_in_the_chain_granted_or_denied(world: World) -> None:
    """B-00d, I-32, J-23: a user by name and role, and a refusal with its reason."""
    auditor = world.plan.of(Role.AUDITOR)
    with world.operator() as operator:
        operator.logon(auditor.name, auditor.passphrase)
        with pytest.raises(CommandNotAllowed) as denied:
            operator.send(BeginAdmin())
        assert envelope(world) | {"user": auditor.name, "role": "auditor", "command": "BeginAdmin"} == envelope(world)
        assert (envelope(world)["event"], envelope(world)["reason"]) == ("command-refused", denied.value.reason)
        operator.send(ExportAuditKey())
        assert envelope(world) | {"user": auditor.name, "role": "auditor"} == envelope(world)
        assert envelope(world)["event"] == "audit-key-exported"


def test_nobody_but_the_first_users_come_before_the_first_users(empty: World) -> None:
    """B-66, A-84: all other commands of Initializing want one of them."""
    empty.execute(StartInitialization())
    officer = empty.plan.of(Role.SECURITY_OFFICER)
    with empty.operator() as operator:
        with pytest.raises(LogonFailed):
            operator.logon(officer.name, officer.passphrase)
        for kind, rule in FIG6.items():
            if rule.allows(ModuleState.INITIALIZING) and set(rule.roles) <= set(LOGON_ROLES):
                with pytest.raises(CommandNotAllowed):
                    operator.send(SAMPLES[kind])
        operator.send(ceremony._first_users(empty.plan, SERIAL), encrypted=True)
        operator.logon(officer.name, officer.passphrase)
        operator.send(GenerateMasterKeySet())


def test_a_boot_takes_session_and_logon_and_nothing_else(world: World) -> None:
    """C-32, J-15: the module's whole state is FIG. 6's and what its memory holds."""
    world.spend("ada", 330, "one")
    officer = world.plan.of(Role.SECURITY_OFFICER)
    operator = world.operator()
    operator.logon(officer.name, officer.passphrase)
    before, secret, status = world.snapshot(), world.inner.cold, orjson.loads(world.execute(GetStatus()))
    world.reboot()
    after = orjson.loads(world.execute(GetStatus()))

    assert replace(world.snapshot(), files={}) == replace(before, files={})
    assert world.inner.cold == secret
    assert (status["user"], after["user"]) == (officer.name, None)
    for name in ("state", "persistent", "chain", "head", "totals", "users", "configured"):
        assert status[name] == after[name]
    with pytest.raises(SessionRequired):
        operator.send(CreateAuditEntry(text="from a session that is gone"))


def test_no_way_leads_to_operational_without_a_master_key_set(world: World) -> None:
    """C-37, H-15: out of a state that may lack one, only the two commands that bring one lead there."""
    may_lack = (ModuleState.UNINITIALIZED, ModuleState.INITIALIZING, ModuleState.IMPORTING_SHARES, ModuleState.ERROR)
    leading = {
        command.__name__
        for command, rule in FIG6.items()
        if ModuleState.OPERATIONAL in rule.then and any(map(rule.allows, may_lack))
    }
    assert leading == {"GenerateMasterKeySet", "CombineMksShares"}
    for state in may_lack:
        assert boot_state(state, has_active_mks=False).current is not ModuleState.OPERATIONAL
    assert orjson.loads(world.execute(GetStatus()))["master_key_set"] is not None


def test_what_a_role_may_do_nobody_does_without_logging_on(world: World) -> None:
    """J-14, B-00b: in a session without a logon as Default, and without a session not at all."""
    wanting = [
        kind
        for kind, rule in FIG6.items()
        if rule.allows(ModuleState.OPERATIONAL) and set(rule.roles) <= set(LOGON_ROLES)
    ]
    assert len(wanting) > 10
    with world.operator() as operator:
        for kind in wanting:
            with pytest.raises(CommandNotAllowed) as refused:
                operator.send(SAMPLES[kind], encrypted=True)
            assert refused.value.role == "default"
    for kind in wanting:
        with pytest.raises((SessionRequired, CommandNotAllowed)):
            world.execute(SAMPLES[kind])


def test_somebody_in_the_middle_of_the_opening_is_found_by_the_first_message(world: World) -> None:
    """J-16: whoever changed a key on its way has kept the two ends from agreeing."""
    earlier = orjson.loads(world.execute(SAMPLES[OpenSession]))["module_key"]
    world.reboot()

    def middle(command: Command) -> bytes:
        """Give somebody else's key for the module's."""
        reply = world.execute(command)
        return orjson.dumps({"module_key": earlier}) if isinstance(command, OpenSession) else reply

    fooled = Operator(middle, world.suite, SERIAL)
    with pytest.raises(SessionMessageNotAuthentic):
        fooled.send(GetStatus())
    assert data_of(world.records()[-1])["code"] == "session-message-not-authentic"  # it was the module that found it


def test_a_client_that_fails_to_prove_itself_prints_nothing_and_the_others_go_on(world: World) -> None:
    """J-18, J-22, J-25: each command of a client is authenticated by itself; answers come in the order of arrival."""
    ada, ben = world.customers["ada"], world.customers["ben"]
    before = world.package("ada")
    stolen = remac(ben, ada.create_indicium("stolen", 330, LETTER))

    refused, printed = world.run([stolen, ben.create_indicium("own", 340, LETTER)])

    assert isinstance(refused, ClientNotAuthentic)
    assert world.package("ada") == before
    assert isinstance(printed, bytes)
    assert ben.accept("own", printed).ar == 340
    assert world.spend("ada", 330, "mine").ar == 330


def test_customers_are_served_while_an_officer_is_logged_on_and_neither_has_the_others_role(world: World) -> None:
    """J-24, M-27, J-13: one management session, many clients, and a record says whose it is."""
    officer = world.plan.of(Role.SECURITY_OFFICER)
    with world.operator() as operator:
        operator.logon(officer.name, officer.passphrase)
        world.spend("ada", 330, "one")
        printed = envelope(world)
        assert (printed["user"], printed["role"]) == (None, None)
        assert data_of(world.records()[-1])["authenticated_as"] == "user"
        assert orjson.loads(world.execute(GetStatus()))["user"] == officer.name
        world.execute(world.provider.download(world.ask("ben"), "more", Mills(500)))
        assert data_of(world.records()[-1])["authenticated_as"] == "provider"
        with pytest.raises(IndiciumError):
            operator.send(world.customers["ada"].create_indicium("two", 330, LETTER))
        assert world.moving("ada").ar == 330


def test_what_was_done_is_an_output_of_the_command_before_anything_is_stored(world: World) -> None:
    """I-01, I-02, I-03: the record comes with the effect, and the module keeps none but its last group's."""
    for step in range(5):
        dispatched = world.dispatch([world.customers["ada"].create_indicium(f"a{step}", 330, LETTER)])
        (record,) = dispatched.changes.records
        assert record.event == "indicium-created"
        assert record not in world.records()
        assert [kept.line for kept in world.inner.tail.records] == [record.line]
        (reply,) = world.save(dispatched)
        assert reply is not None
        world.customers["ada"].accept(f"a{step}", reply)
        assert world.records()[-1] == record


def test_every_command_that_figure_6_has_recorded_leaves_one_record_and_every_other_none(world: World) -> None:
    """I-01, B-00e, I-36."""
    ada = world.customers["ada"]
    acts = (
        InitializePsd(),
        CreateAuditEntry(text="note"),
        GetStatus(),
        ada.ask(),
        ada.create_indicium("a", 330, LETTER),
    )
    for command in acts:
        before = len(world.records())
        world.execute(command)
        recorded = FIG6[type(command)].record in (Record.CHAINED, Record.SIGNED)
        assert len(world.records()) - before == recorded, command


def test_the_first_users_are_no_secret_that_a_record_tells(empty: World) -> None:
    """I-34, J-11: the record names them and their roles, and nothing that opens an account."""
    empty.execute(StartInitialization())
    first: InitializeAccessControlDatabase = ceremony._first_users(empty.plan, SERIAL)
    with empty.operator() as operator:
        operator.send(first, encrypted=True)
    (line,) = (record.line for record in empty.records() if record.event == "access-control-database-initialized")
    for user in first.users:
        assert user.name.encode() in line
        assert not any(written in line for written in writings(user.password))
