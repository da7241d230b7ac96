"""The host's end of a session, and a ceremony held through it."""

from collections.abc import Callable
from contextlib import suppress

import orjson
import pytest

from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import (
    CommandNotAllowed,
    LogonFailed,
    SessionMessageNotAuthentic,
    SessionRequired,
    StoreFailed,
    UserStillLoggedOn,
)
from indicium.domain.fig6 import Role
from indicium.domain.messages import password
from indicium.parties.ceremony import CeremonyPlan
from indicium.parties.operator import Operator
from tests.harness import SERIAL, World, flipped


def free(world: World) -> bool:
    """Say whether the module's one session is free."""
    with world.operator() as operator:
        return operator.send(GetStatus())["user"] is None


def test_an_operator_logs_off_and_closes_what_it_opened(world: World) -> None:
    person = world.plan.people[0]
    with world.operator() as operator:
        operator.logon(person.name, person.passphrase)
        assert operator.send(GetStatus())["user"] == person.name

    assert [record.event for record in world.records()[-2:]] == ["user-logged-on", "user-logged-off"]
    assert free(world)


def logon_and(world: World, then: Callable[[Operator], object]) -> None:
    """Do something in a session with a user logged on."""
    person = world.plan.people[0]
    with world.operator() as operator:
        operator.logon(person.name, person.passphrase)
        then(operator)


def test_an_operator_closes_after_an_error_too(world: World) -> None:
    """One session at a time (J-08): one that is left open would shut everybody out until the next boot."""
    person = world.plan.people[0]
    with pytest.raises(LogonFailed), world.operator() as operator:
        operator.logon(person.name, "wrong")
    assert free(world)
    with pytest.raises(CommandNotAllowed):
        logon_and(world, lambda operator: operator.send(GenerateMasterKeySet()))
    assert free(world)
    with pytest.raises(ZeroDivisionError):
        logon_and(world, lambda _: 1 // 0)
    assert free(world)


def test_an_operator_whose_logon_timed_out_still_closes(world: World) -> None:
    person = world.plan.people[0]
    with world.operator() as operator:
        operator.logon(person.name, person.passphrase)
        world.clock.pass_by(hours=1)
    assert free(world)


def test_the_first_error_is_the_one_that_is_told(world: World) -> None:
    """Closing fails too where the session is gone; that must not hide why."""

    def fill_the_disk(operator: Operator) -> None:
        world.fail_memory()
        operator.logoff()

    def lose_power(operator: Operator) -> None:
        world.reboot()
        operator.send(GetStatus())

    with pytest.raises(StoreFailed):
        logon_and(world, fill_the_disk)
    world.reboot()
    with pytest.raises(SessionRequired):
        logon_and(world, lose_power)
    assert free(world)


def test_closing_that_fails_is_told_only_where_nothing_failed_before(world: World) -> None:
    def lose_power(_: Operator) -> None:
        world.reboot()

    def lose_power_and_fail(_: Operator) -> None:
        world.reboot()
        raise ZeroDivisionError

    with pytest.raises(SessionRequired):
        logon_and(world, lose_power)
    with pytest.raises(ZeroDivisionError):
        logon_and(world, lose_power_and_fail)


def test_nothing_is_sent_once_the_host_is_told_to_stop(world: World) -> None:
    def stop(_: Operator) -> None:
        raise KeyboardInterrupt

    before = len(world.records())
    with pytest.raises(KeyboardInterrupt):
        logon_and(world, stop)
    assert len(world.records()) == before + 1


@pytest.mark.parametrize("part", ["body", "mac", "counter", "session", "all"])
def test_an_altered_answer_is_not_believed(world: World, part: str) -> None:
    operator = world.operator()
    honest = operator._execute

    def altered(command: Command) -> bytes:
        answer = SessionMessage.model_validate_json(honest(command))
        changes: dict[str, object] = {
            "body": flipped(answer.body),
            "mac": flipped(answer.mac),
            "counter": answer.counter + 1,
            "session": "0" * 16,
        }
        if part == "all":
            return b"nonsense"
        return answer.model_copy(update={part: changes[part]}).model_dump_json().encode()

    operator._execute = altered
    with pytest.raises(SessionMessageNotAuthentic):
        operator.send(GetStatus())


def test_an_old_answer_is_not_believed_again(world: World) -> None:
    operator = world.operator()
    honest, kept = operator._execute, list[bytes]()

    def recorded(command: Command) -> bytes:
        kept.append(honest(command))
        return kept[0]

    operator._execute = recorded
    operator.send(GetStatus())
    with pytest.raises(SessionMessageNotAuthentic):
        operator.send(GetStatus())


def test_refusals_come_back_with_their_facts(world: World) -> None:
    person = world.plan.people[0]
    with world.operator() as operator:
        operator.logon(person.name, person.passphrase)
        with pytest.raises(UserStillLoggedOn) as refused:
            operator.logon("auditor", world.plan.of(Role.AUDITOR).passphrase)
        assert str(refused.value) == f"{person.name} is logged on: log off first."
        assert refused.value.recorded


def test_a_ceremony_makes_an_operational_module_with_all_its_people(empty: World) -> None:
    """P-01, M-56."""
    empty.hold_ceremony()

    status = orjson.loads(empty.execute(GetStatus()))
    assert (status["state"], status["users"], status["configured"]) == ("operational", True, True)
    roles = [user.role for user in empty.inner.cold.users]
    assert roles == ["security-officer", "key-custodian", "key-custodian", "administrator", "auditor"]
    assert [record.event for record in empty.records()] == [
        "initialization-started",
        "access-control-database-initialized",
        "user-logged-on",
        "master-key-set-generated",
        "crypto-card-initialized",
        "user-logged-off",
        "user-logged-on",
        "audit-key-exported",
        "user-logged-off",
    ]


class PowerLost(Exception):
    """The host died here."""


@pytest.mark.parametrize("commands", [3, 5, 6, 9])
def test_a_ceremony_that_was_interrupted_goes_on_where_it_stopped(empty: World, commands: int) -> None:
    """Wherever it stops after the module is Operational; before, a boot leads to Error and Reset (C-21)."""
    left = [commands]

    def dying(command: Command) -> bytes:
        if not left[0]:
            raise PowerLost
        left[0] -= 1
        return empty.execute(command)

    with suppress(PowerLost):
        empty.hold_ceremony(execute=dying)
    empty.reboot()
    begun = empty.module.state == "operational"
    if not begun:
        empty.module.reset()
    empty.hold_ceremony(begun=begun)

    assert orjson.loads(empty.execute(GetStatus()))["configured"] is True
    assert empty.born is not None
    assert empty.born.audit_key == empty.inner.trail.verification_key
    empty.new_meter("ada")


def test_every_ceremony_has_passphrases_of_its_own() -> None:
    plans = [CeremonyPlan.generate(), CeremonyPlan.generate()]
    passphrases = [person.passphrase for plan in plans for person in plan.people]

    assert len(set(passphrases)) == len(passphrases)
    assert CeremonyPlan.model_validate_json(plans[0].model_dump_json()) == plans[0]
    for passphrase in passphrases:
        assert passphrase not in repr(plans)


def test_a_passphrase_leaves_the_host_hashed_and_salted_with_module_and_user(world: World) -> None:
    """J-10, J-11."""
    sent: list[Command] = []

    def listening(command: Command) -> bytes:
        sent.append(command)
        return world.execute(command)

    person = world.plan.people[0]
    with Operator(listening, world.suite, SERIAL) as operator:
        operator.logon(person.name, person.passphrase)
    traffic = b"".join(command.model_dump_json().encode() for command in sent)

    assert person.passphrase.encode() not in traffic
    assert person.name.encode() not in traffic  # the logon travels encrypted
    hashes = {password(serial, name, "the same") for serial in (SERIAL, "1") for name in ("officer", "auditor")}
    assert len(hashes) == 4


def test_a_start_is_asked_for_only_where_nothing_has_begun(empty: World) -> None:
    empty.execute(StartInitialization(signature_interval=50))
    empty.hold_ceremony(begun=True)

    assert empty.inner.hot.interval == 50
    assert isinstance(empty.suite, Modern)
