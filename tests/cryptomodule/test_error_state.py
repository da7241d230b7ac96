"""The Error state: how the module comes into it, what it answers there, and what leads out (C-13 … C-15, I-15 … I-19).

Faults are put into the module's own volatile memory: an audit key that does not sign any more, a head that flipped.
"""

from collections.abc import Callable

import orjson
import pytest

from indicium.cryptomodule import booting
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.suites import SelfTestFailed, known_answers, symmetric
from indicium.cryptomodule.suites.audit_keys import load_key
from indicium.domain.commands import COMMANDS
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.errors import (
    CheckpointMismatch,
    CommandNotAllowed,
    IndiciumError,
    MemoryNotAuthentic,
    ModuleInError,
    SessionRequired,
    StoreFailed,
)
from indicium.domain.fig6 import FIG6, NOT_YET, ModuleState, Role
from indicium.domain.flow import Head, SealedRecord
from indicium.parties import ceremony
from tests.harness import LETTER, SERIAL, World, data_of
from tests.samples import SAMPLES

UNSIGNED = "the audit entry of CreateAuditEntry could not be signed"
DAMAGED = "the audit chain's head in memory is damaged"


class DeadEngine(RuntimeError):
    """What a signature engine may say when it is at its end."""


class DeadKey:
    """An audit key that does not sign any more."""

    der = b""

    def sign(self, _data: bytes) -> bytes:
        raise DeadEngine

    def public(self) -> None:
        raise DeadEngine


def wear_out_the_audit_key(world: World) -> None:
    world.inner.trail._signing_key = DeadKey()  # type: ignore[assignment]  # a fault of the engine


def damage_the_head(world: World) -> None:
    world.inner.hot.head = Head(world.module.head.sequence, "0" * 64)


def refusal_of(world: World, command: Command) -> IndiciumError:
    (result,) = world.run([command])
    assert isinstance(result, IndiciumError)
    return result


def status(world: World) -> dict[str, object]:
    answer: dict[str, object] = orjson.loads(world.execute(GetStatus()))
    return answer


def states(world: World) -> tuple[object, object]:
    said = status(world)
    return said["state"], said["persistent"]


def newest(world: World) -> SealedRecord:
    return world.records()[-1]


def test_an_entry_that_cannot_be_signed_is_chained_and_the_error_is_not_fatal(world: World) -> None:
    """Y-19, I-15, I-16, I-18: the incomplete entry and the command's result are there; no more commands are."""
    world.execute(CreateAuditEntry(text="the first after a boot"))
    before = world.module.head
    wear_out_the_audit_key(world)

    reply = world.execute(CreateAuditEntry(text="important", signed=True))

    assert orjson.loads(reply) == {}
    entry, entered = world.records()[-2:]
    assert (entry.sequence, entry.event, data_of(entry)) == (
        before.sequence + 1,
        "audit-entry-created",
        {"text": "important"},
    )
    assert orjson.loads(entry.line)["previous"] == before.hash  # the chain is unbroken
    assert (entered.event, data_of(entered)) == ("error-entered", {"cause": UNSIGNED, "fatal": False})
    assert b"\t" not in entry.line + entered.line
    assert states(world) == ("error", "operational")
    assert isinstance(refusal_of(world, CreateAuditEntry(text="more")), ModuleInError)
    assert newest(world) == entered


def test_a_reboot_clears_an_error_that_is_not_fatal_and_its_first_record_is_signed(world: World) -> None:
    """Y-04, C-14, C-33, I-19."""
    wear_out_the_audit_key(world)
    world.execute(CreateAuditEntry(text="important", signed=True))

    world.reboot()
    world.execute(CreateAuditEntry(text="again"))

    assert states(world) == ("operational", "operational")
    assert data_of(newest(world)) == {"boot": True, "text": "again"}
    assert b"\t" in newest(world).line


def test_audit_creation_that_is_damaged_for_good_lets_one_command_through_after_each_boot(world: World) -> None:
    """I-19, C-27: the first record after a boot wants a signature, so the first command finds the fault."""
    for step in range(2):
        world.reboot()
        wear_out_the_audit_key(world)
        assert orjson.loads(world.execute(CreateAuditEntry(text="first"))) == {}
        assert isinstance(refusal_of(world, CreateAuditEntry(text="second")), ModuleInError)
        assert [data_of(record).get("boot") for record in world.records()[-2:]] == [True, None], step


def test_an_auditor_finds_the_entry_that_is_incomplete(world: World) -> None:
    """I-18, L2303: the schedule wants a signature there; whether the engine failed is for the auditor to read."""
    assert world.born is not None
    world.execute(CreateAuditEntry(text="the first after a boot"))
    wear_out_the_audit_key(world)
    world.execute(CreateAuditEntry(text="unsigned", signed=True))
    world.reboot()
    wear_out_the_audit_key(world)
    world.execute(CreateAuditEntry(text="the first after a boot, unsigned"))
    incomplete = world.records()[-2].sequence

    report = verify_rows(world.store.records(world.module.chain), load_key(world.born.audit_key))

    assert report.first_bad is not None
    assert (report.first_bad.sequence, report.first_bad.reason) == (incomplete, "it must be signed, and is not")


def test_an_item_is_given_out_although_its_entry_is_incomplete_and_the_next_is_not_begun(empty: World) -> None:
    """I-15 for commands on meters: they need no session security; those behind it in the group are refused."""
    empty.hold_ceremony(signature_interval=1)
    for name in ("ada", "ben", "cy"):
        empty.new_meter(name)
        empty.register(name)
        empty.lease(name)
        empty.download(name, 1_000, "first")
    versions = {name: empty.package(name).version for name in ("ben", "cy")}
    wear_out_the_audit_key(empty)
    requests = [empty.customers[name].create_indicium("one", 330, LETTER) for name in ("ada", "ben", "cy")]

    first, *others = empty.run([*requests, requests[0]])

    assert isinstance(first, bytes)
    assert empty.customers["ada"].accept("one", first).ar == 330
    assert [type(other) for other in others] == [ModuleInError] * 3
    assert [record.event for record in empty.records()[-2:]] == ["indicium-created", "error-entered"]
    assert {name: empty.package(name).version for name in versions} == versions
    empty.reboot()
    assert empty.spend("ben", 330, "one").ar == 330
    assert empty.inner.hot.totals.printed == 660


def test_a_result_that_needs_session_security_stays_inside_and_the_command_stands(empty: World) -> None:
    """I-15, L2295: the command cannot be undone, and its answer does not go out."""
    empty.execute(StartInitialization())
    officer = empty.plan.of(Role.SECURITY_OFFICER)
    operator = empty.operator()
    operator.send(ceremony._first_users(empty.plan, SERIAL), encrypted=True)
    operator.logon(officer.name, officer.passphrase)
    wear_out_the_audit_key(empty)

    with pytest.raises(ModuleInError, match="could not be signed"):
        operator.send(GenerateMasterKeySet())

    assert states(empty) == ("error", "operational")
    empty.reboot()
    assert status(empty)["state"] == "operational"
    assert isinstance(status(empty)["master_key_set"], str)


def test_a_refusal_that_cannot_be_recorded_in_full_leads_to_error_too(world: World) -> None:
    world.reboot()
    wear_out_the_audit_key(world)

    assert isinstance(refusal_of(world, GenerateMasterKeySet()), CommandNotAllowed)

    assert [record.event for record in world.records()[-2:]] == ["command-refused", "error-entered"]
    assert states(world) == ("error", "operational")


def test_a_refusal_in_a_session_stays_inside_when_its_record_leads_to_error(world: World) -> None:
    operator = world.operator()
    world.reboot()
    operator = world.operator()
    wear_out_the_audit_key(world)

    with pytest.raises(ModuleInError):
        operator.send(GenerateMasterKeySet())


def test_a_damaged_head_is_fatal_and_only_reset_leads_out(world: World) -> None:
    """Y-19, Y-04, I-17, C-13: both states are Error, whatever is booted; nothing was done with the damaged head."""
    world.execute(CreateAuditEntry(text="the first after a boot"))
    packages, before = world.package("ada"), world.module.head
    damage_the_head(world)

    refused = refusal_of(world, world.customers["ada"].create_indicium("one", 330, LETTER))

    assert vars(refused) == {"serial": SERIAL, "cause": DAMAGED, "remedy": "reset it and initialize it anew"}
    assert (newest(world).event, data_of(newest(world))) == ("error-entered", {"cause": DAMAGED, "fatal": True})
    assert orjson.loads(newest(world).line.partition(b"\t")[0])["previous"] == before.hash
    assert world.package("ada") == packages
    for _ in range(2):
        assert states(world) == ("error", "error")
        assert (status(world)["cause"], status(world)["fatal"]) == (DAMAGED, True)
        assert isinstance(refusal_of(world, CreateAuditEntry(text="x")), ModuleInError)
        world.reboot()

    world.module.reset()

    assert world.module.state == "uninitialized"
    world.execute(StartInitialization())
    assert states(world) == ("initializing", "initializing")


def test_a_damaged_head_is_fatal_although_nothing_can_be_recorded(world: World) -> None:
    """The store has another record than memory at rest: nothing is chained to it, and Error stays."""
    world.execute(CreateAuditEntry(text="one"))
    gathered = world.gather([])
    world.execute(CreateAuditEntry(text="two"))
    records, written = len(world.records()), world.memory.load()
    damage_the_head(world)

    (refused,) = world.dispatch([CreateAuditEntry(text="three")], gathered).refusals

    assert isinstance(refused, ModuleInError)
    assert (len(world.records()), world.memory.load() != written) == (records, True)
    world.reboot()
    assert states(world) == ("error", "error")


@pytest.mark.parametrize("lost", ["emptied", "unreadable"])
def test_a_damaged_head_over_a_memory_that_is_gone_too_leaves_the_error_state(world: World, lost: str) -> None:
    damage_the_head(world)
    if lost == "emptied":
        world.memory.erase()
    else:
        world.memory._connection.execute("UPDATE parts SET bytes = x'00' WHERE name = 'hot'")
        with pytest.raises(MemoryNotAuthentic):
            world.execute(CreateAuditEntry(text="x"))

    assert status(world)["state"] == "error"
    assert isinstance(refusal_of(world, CreateAuditEntry(text="x")), ModuleInError)


def ordinary_rejections(world: World) -> dict[str, Callable[[], object]]:
    ada = world.customers["ada"]

    def too_much() -> None:
        world.spend("ada", 99_999_999, "much")

    def unsaved() -> None:
        world.fail_memory()
        try:
            world.execute(CreateAuditEntry(text="x"))
        finally:
            world.mend_memory()

    def old_store() -> None:
        gathered = world.gather([])
        world.execute(CreateAuditEntry(text="x"))
        world.dispatch([CreateAuditEntry(text="y")], gathered)

    return {
        "a role that may not": lambda: world.execute(GenerateMasterKeySet()),
        "no session": lambda: world.execute(SAMPLES[COMMANDS["ExportAuditKey"]]),
        "bad data": too_much,
        "a failed check": lambda: world.execute(ada.create_indicium("a", 1, LETTER)),
        "a memory that is full": unsaved,
        "a checkpoint that does not match": old_store,
    }


@pytest.mark.parametrize(
    "what",
    [
        "a role that may not",
        "no session",
        "bad data",
        "a failed check",
        "a memory that is full",
        "a checkpoint that does not match",
    ],
)
def test_an_ordinary_rejection_is_no_error_of_state(world: World, what: str) -> None:
    """M-01, C-34: what is fatal and what is not, is said of errors; these are none."""
    with pytest.raises(IndiciumError) as rejected:
        ordinary_rejections(world)[what]()

    assert not isinstance(rejected.value, ModuleInError)
    assert isinstance(rejected.value, CheckpointMismatch | StoreFailed) or states(world)[0] == "operational"
    assert world.module.state is ModuleState.OPERATIONAL


def test_in_error_the_status_and_the_two_queries_are_answered_and_nothing_else(world: World) -> None:
    """B-65, M-06, C-33: no other output, no cryptographic operation; no record either, so I-32 ends here."""
    wear_out_the_audit_key(world)
    world.execute(CreateAuditEntry(text="important", signed=True))
    before, stored = world.memory.load(), len(world.records())
    answered = set()

    for kind, command in SAMPLES.items():
        (result,) = world.run([command])
        if isinstance(result, bytes):
            answered.add(kind)
        else:
            assert isinstance(result, ModuleInError), kind

    assert answered == {kind for kind, rule in FIG6.items() if rule.allows(ModuleState.ERROR)} - NOT_YET
    assert (world.memory.load(), len(world.records())) == (before, stored)


def test_a_session_ends_where_the_error_state_begins(world: World) -> None:
    """M-06: what was logged on before is of no account."""
    operator, officer = world.operator(), world.plan.of(Role.SECURITY_OFFICER)
    operator.logon(officer.name, officer.passphrase)
    wear_out_the_audit_key(world)
    world.execute(CreateAuditEntry(text="important", signed=True))

    with pytest.raises(ModuleInError):
        operator.send(GetStatus())

    assert (status(world)["user"], status(world)["role"]) == (None, None)
    world.reboot()
    with pytest.raises(SessionRequired):
        operator.send(GetStatus())


def failing_test(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(symmetric.KNOWN_ANSWERS, "AES-256-GCM", lambda: False)
    world.reboot()


def test_a_module_whose_suite_fails_its_self_test_answers_get_status_only_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-08, N-03, N-04: no cryptographic operation, so nothing is read, written, recorded or signed."""
    chain, memory = world.module.chain, world.memory.load()
    stored = len(world.records())
    failing_test(world, monkeypatch)

    said = status(world)

    assert (said["state"], said["self_test"], said["operational"]) == ("error", "failed", False)
    assert said["cause"] == "its self test of AES-256-GCM failed"
    assert (said["signature"], said["chain"]) == (None, "")
    for command in (SAMPLES[kind] for kind in SAMPLES if not FIG6[kind].allows(ModuleState.ERROR)):
        assert isinstance(refusal_of(world, command), ModuleInError)
    assert (len(list(world.store.records(chain))), world.memory.load()) == (stored, memory)


def test_a_self_test_that_passes_again_after_a_reboot_lets_the_module_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        failing_test(world, during)
        assert status(world)["state"] == "error"

    world.reboot()

    assert (status(world)["state"], status(world)["self_test"]) == ("operational", "passed")
    assert world.spend("ada", 330, "one").ar == 330


def test_a_reset_does_not_get_round_the_self_test(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_test(world, monkeypatch)

    world.module.reset()

    assert isinstance(refusal_of(world, StartInitialization()), ModuleInError)


def test_a_self_test_that_breaks_off_counts_as_failed() -> None:
    with pytest.raises(SelfTestFailed):
        known_answers.demand({"nothing": lambda: bytes(1)[1] == 0})


def test_a_fatal_error_without_a_cause_in_memory_says_that_it_is_an_old_one(world: World) -> None:
    hot = world.inner.hot
    hot.persistent = ModuleState.ERROR
    world.write_memory(hot, world.inner.cold)
    world.reboot()

    assert status(world)["cause"] == booting.EARLIER
