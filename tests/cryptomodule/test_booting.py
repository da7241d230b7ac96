"""What a boot leads to (C-18 … C-30), and what stands in the chain of it (Y-05, Y-20, I-07 … I-12, I-19)."""

import orjson
import pytest

from indicium.cryptomodule.state import Cold
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.commands.sessions import OpenSession
from indicium.domain.errors import (
    CommandNotAllowed,
    CryptoCardNotInitialized,
    ModuleInError,
    StoreFailed,
)
from indicium.domain.fig6 import ModuleState, Role
from indicium.domain.flow import GENESIS, SealedRecord
from indicium.domain.record import decode_signature, parse, split
from indicium.parties import ceremony
from tests.harness import LETTER, SERIAL, World, data_of, head_of


def is_signed(record: SealedRecord) -> bool:
    return b"\t" in record.line


def says_boot(record: SealedRecord) -> bool:
    return data_of(record).get("boot") is True


def found_in(world: World, persistent: ModuleState, *, has_mks: bool = True) -> None:
    """Boot the module with another Persistent State in its memory, as a crash would have left it."""
    inner = world.inner
    inner.hot.persistent = persistent
    cold = inner.cold if has_mks else Cold(audit_key=inner.cold.audit_key, users=inner.cold.users)
    world.write_memory(inner.hot, cold)
    world.reboot()


def refused(world: World, command: Command) -> object:
    (result,) = world.run([command])
    return result


def status(world: World) -> dict[str, object]:
    answer: dict[str, object] = orjson.loads(world.execute(GetStatus()))
    return answer


def test_start_initialization_begins_a_chain_with_a_signed_first_record(empty: World) -> None:
    """M-63, Y-05, I-11, I-12."""
    reply = orjson.loads(empty.execute(StartInitialization(signature_interval=7)))

    (record,) = empty.records()
    envelope = parse(record.line)
    assert (envelope.sequence, envelope.previous, envelope.event) == (1, "0" * 64, "initialization-started")
    assert reply == {"chain": envelope.chain} == {"chain": empty.module.chain}
    assert len(envelope.chain) == 32
    assert envelope.data == {"boot": True, "interval": 7, "audit_key": empty.inner.trail.verification_key.decode()}
    assert envelope.signed
    assert (envelope.state, envelope.persistent) == ("initializing", "uninitialized")  # C-29: Persistent comes last
    assert (status(empty)["state"], status(empty)["persistent"]) == ("initializing", "initializing")


def test_a_module_that_was_never_initialized_does_nothing_else_and_writes_nothing(empty: World) -> None:
    """C-01."""
    for command in (InitializePsd(), GetStatus(), CreateAuditEntry(text="x"), OpenSession(host_key=b"9" * 32)):
        assert isinstance(refused(empty, command), CommandNotAllowed)
    assert (empty.module.chain, empty.module.head, empty.module.older) == ("", GENESIS, ())
    assert empty.module.unsigned == 0
    assert empty.module.resume(empty.gather([])) is None
    assert empty.memory.load() is None


def test_initialization_is_started_once(world: World) -> None:
    assert isinstance(refused(world, StartInitialization()), CommandNotAllowed)


def test_a_module_without_its_crypto_card_refuses_psd_commands(empty: World) -> None:
    empty.execute(StartInitialization())
    assert isinstance(refused(empty, InitializePsd()), CommandNotAllowed)


def test_an_operational_module_lacks_its_crypto_card_until_it_is_initialized(world: World) -> None:
    inner = world.inner
    world.write_memory(inner.hot, inner.cold.model_copy(update={"card": None}))
    world.reboot()

    assert isinstance(refused(world, InitializePsd()), CryptoCardNotInitialized)
    assert status(world)["configured"] is False


def test_a_boot_while_initializing_is_a_fatal_error_and_stands_in_the_chain(empty: World) -> None:
    """C-21, C-13, C-27; E-002: what the boot led to is found before the function is looked at."""
    empty.execute(StartInitialization())
    empty.reboot()

    assert isinstance(refused(empty, OpenSession(host_key=b"9" * 32)), ModuleInError)
    record = empty.records()[-1]
    assert (record.sequence, record.event) == (2, "error-entered")
    assert data_of(record) == {"boot": True, "cause": "booted in the initializing state", "fatal": True}
    assert is_signed(record)
    for _ in range(2):
        empty.reboot()
        assert status(empty) | {"state": "error", "persistent": "error"} == status(empty)
        assert isinstance(refused(empty, InitializePsd()), ModuleInError)
        assert isinstance(refused(empty, StartInitialization()), ModuleInError)


def test_get_status_is_answered_even_as_the_first_function_that_finds_the_error(empty: World) -> None:
    """M-06, C-38."""
    empty.execute(StartInitialization())
    empty.reboot()

    answer = status(empty)

    assert (answer["state"], answer["persistent"]) == ("error", "error")
    assert answer["head"] == {"sequence": 2, "hash": empty.module.head.hash}


@pytest.mark.parametrize(
    ("found", "has_mks", "current", "persistent"),
    [
        (ModuleState.OPERATIONAL, True, "operational", "operational"),  # C-26
        (ModuleState.ADMINISTRATIVE, True, "operational", "operational"),  # C-26
        (ModuleState.IMPORTING_SHARES, True, "operational", "operational"),  # C-23
        (ModuleState.IMPORTING_SHARES, False, "error", "error"),  # C-22
        (ModuleState.EXPORTING_SHARES, True, "error", "operational"),  # C-24, M-03
        (ModuleState.INITIALIZING, True, "error", "error"),  # C-21
        (ModuleState.ERROR, True, "error", "error"),  # C-20
    ],
)
def test_every_boot_leads_where_the_table_says(
    world: World, found: ModuleState, *, has_mks: bool, current: str, persistent: str
) -> None:
    found_in(world, found, has_mks=has_mks)

    answer = status(world)

    assert (answer["state"], answer["persistent"]) == (current, persistent)


def test_a_boot_error_that_is_not_fatal_is_cleared_by_the_next_boot(world: World) -> None:
    """M-02, M-03: the export is aborted, and the error stands in the chain."""
    found_in(world, ModuleState.EXPORTING_SHARES)
    assert isinstance(refused(world, InitializePsd()), ModuleInError)
    assert data_of(world.records()[-1])["fatal"] is False
    world.reboot()

    assert status(world)["state"] == "operational"
    assert world.spend("ada", 330, "one").ar == 330


def test_reset_erases_everything_and_a_new_chain_begins(world: World) -> None:
    """B-57, C-15, C-35, M-90."""
    old = world.module.chain
    world.module.reset()
    assert (world.module.state, world.module.chain, world.memory.load()) == ("uninitialized", "", None)
    assert isinstance(refused(world, InitializePsd()), CommandNotAllowed)

    world.hold_ceremony()

    assert world.module.chain != old
    assert [record.sequence for record in world.records()][:2] == [1, 2]
    assert (world.inner.hot.meters, world.inner.meters) == (0, {})
    assert world.inner.hot.totals == (0, 0, 0)


def test_reset_leads_out_of_a_fatal_error(empty: World) -> None:
    empty.execute(StartInitialization())
    empty.reboot()
    assert isinstance(refused(empty, InitializePsd()), ModuleInError)
    empty.module.reset()

    empty.execute(StartInitialization())

    assert [record.event for record in empty.records()] == ["initialization-started"]
    assert status(empty)["state"] == "initializing"


def test_the_first_record_after_a_boot_says_so_and_is_signed_and_the_next_is_not(world: World) -> None:
    """B-58, Y-20, I-19; whatever the record is."""
    for step in range(2):
        world.spend("ada", 330, f"a{step}")
        world.spend("ada", 330, f"b{step}")
        first, second = world.records()[-2:]
        assert (says_boot(first), is_signed(first)) == (True, True)
        assert (says_boot(second), is_signed(second)) == (False, False)
        world.reboot()


def test_a_boot_that_is_followed_by_refusals_and_inquiries_is_said_by_the_first_record(world: World) -> None:
    world.execute(GetStatus())
    world.run([world.customers["ada"].create_indicium("a", 1, LETTER)])
    world.spend("ada", 330, "b")

    assert says_boot(world.records()[-1])


def test_every_record_at_the_interval_is_signed(empty: World) -> None:
    """I-07, I-10: here the tenth, the twentieth …"""
    empty.hold_ceremony(signature_interval=10)
    while empty.module.head.sequence < 41:
        before = empty.module.unsigned
        empty.execute(CreateAuditEntry(text="chained"))
        assert empty.module.unsigned == (0 if empty.module.head.sequence % 10 == 0 else before + 1)

    chained = [record for record in empty.records() if record.event == "audit-entry-created"]
    assert {record.sequence for record in chained if is_signed(record)} == {10, 20, 30, 40}


def test_what_affects_the_module_is_signed_and_what_affects_a_meter_is_chained(world: World) -> None:
    """B-00e, I-08, I-09."""
    signed = {record.event for record in world.records() if is_signed(record)}
    chained = {record.event for record in world.records() if not is_signed(record)}

    assert signed == {
        "initialization-started",
        "access-control-database-initialized",
        "master-key-set-generated",
        "crypto-card-initialized",
        "audit-key-exported",
    }
    assert chained == {
        "user-logged-on",
        "user-logged-off",
        "psd-initialized",
        "psd-authorized",
        "psd-configured",
        "customer-authorized",
        "postage-value-downloaded",
    }


def test_every_link_and_every_signature_holds(world: World) -> None:
    """I-05, M-66."""
    assert world.born is not None
    world.spend("ada", 330, "one")
    world.execute(CreateAuditEntry(text="sealed", signed=True))
    key = world.inner.trail._signing_key.public()
    assert key.pem == world.born.audit_key
    previous = GENESIS
    for record in world.records():
        envelope = parse(record.line)
        assert (envelope.sequence, envelope.previous) == (previous.sequence + 1, previous.hash)
        body, signature = split(record.line)
        if signature is not None:
            key.verify(body, decode_signature(signature))
        previous = head_of(record)
    assert previous == world.module.head


def test_a_start_that_memory_did_not_take_leaves_an_uninitialized_module(empty: World) -> None:
    empty.fail_memory()
    with pytest.raises(StoreFailed):
        empty.execute(StartInitialization())
    assert (empty.module.state, empty.module.chain, empty.module.head) == ("uninitialized", "", GENESIS)

    empty.reboot()
    empty.execute(StartInitialization())
    assert len(empty.records()) == 1


def test_a_command_of_the_module_that_memory_did_not_take_never_happened(world: World) -> None:
    before = world.snapshot()
    world.fail_memory()
    with pytest.raises(StoreFailed):
        world.execute(CreateAuditEntry(text="lost"))
    after = world.snapshot()
    assert (after.hot, after.tail, after.head, after.state) == (before.hot, before.tail, before.head, before.state)

    world.reboot()
    world.execute(CreateAuditEntry(text="kept"))


def test_a_state_that_memory_did_not_take_is_not_entered(empty: World) -> None:
    """C-29, C-30: the old state stays in Persistent and in Current."""
    empty.execute(StartInitialization())
    officer = empty.plan.of(Role.SECURITY_OFFICER)
    operator = empty.operator()
    operator.send(ceremony._first_users(empty.plan, SERIAL), encrypted=True)
    operator.logon(officer.name, officer.passphrase)
    empty.fail_memory()
    with pytest.raises(StoreFailed):
        operator.send(GenerateMasterKeySet())
    empty.mend_memory()

    assert (status(empty)["state"], status(empty)["master_key_set"]) == ("initializing", None)
    with empty.operator() as again:  # the session is gone with what was not done in it
        again.logon(officer.name, officer.passphrase)
        again.send(GenerateMasterKeySet())
    assert status(empty)["state"] == "operational"
