"""A new audit key (B-39, F-03, F-04, M-24): the old one announces it, and the next record shows it."""

import orjson
import pytest

from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import AuditKey, Verdict, load_key, verify_chain
from indicium.domain.commands.auditing import CreateAuditEntry, CreateAuditKey, ExportAuditKey
from indicium.domain.errors import CommandNotAllowed, ModuleInError, StoreFailed
from indicium.domain.evolve import event_of, replay
from indicium.domain.flow import SealedRecord
from indicium.domain.record import Envelope, parse
from indicium.domain.roles import Role
from tests.cryptomodule.test_error_state import wear_out_the_audit_key
from tests.harness import World


def new_key(world: World, role: Role = Role.SECURITY_OFFICER) -> str:
    """Have the Security Officer, or whoever tries, create a new audit key; give its fingerprint."""
    person = world.plan.of(role)
    with world.operator() as operator:
        operator.logon(person.name, person.passphrase)
        return str(operator.send(CreateAuditKey())["fingerprint"])


def exported(world: World) -> AuditKey:
    """Have the Auditor export the key."""
    auditor = world.plan.of(Role.AUDITOR)
    with world.operator() as operator:
        operator.logon(auditor.name, auditor.passphrase)
        return load_key(str(operator.send(ExportAuditKey())["audit_key"]).encode())


def envelopes(world: World) -> list[Envelope]:
    return [parse(record.line) for record in world.records()]


def announcements(world: World) -> list[Envelope]:
    return [record for record in envelopes(world) if record.event == "audit-key-created"]


def first_key(world: World) -> AuditKey:
    """What an auditor holds who was at the ceremony."""
    assert world.born is not None
    return load_key(world.born.audit_key)


def lines(records: list[SealedRecord]) -> list[bytes]:
    return [record.line for record in records]


def test_the_old_key_announces_the_new_one_which_signs_the_next_record(world: World) -> None:
    old = first_key(world)
    named = new_key(world)
    new = exported(world)

    (announced,) = announcements(world)
    behind = envelopes(world)[announced.sequence]
    assert (announced.command, announced.user, announced.role) == ("CreateAuditKey", "officer", "security-officer")
    assert (announced.key, announced.signed, announced.reason) == (old.fingerprint, True, 0)
    assert announced.data == {"audit_key": new.pem.decode(), "fingerprint": named, "suite": "modern"}
    assert new.fingerprint == named != old.fingerprint
    assert (behind.event, behind.key, behind.signed) == ("user-logged-off", named, True)  # else it would not be signed
    assert {record.key for record in envelopes(world)[announced.sequence :]} == {named}


def test_a_chain_verifies_from_the_auditors_first_key_on_across_any_number_of_keys(world: World) -> None:
    for _ in range(3):
        new_key(world)
        world.spend("ada", 330, f"print-{world.module.head.sequence}")
        world.reboot()

    records = world.records()
    assert len(announcements(world)) == 3
    for report in (verify_chain(lines(records), first_key(world)), verify_rows(records, first_key(world))):
        assert (report.verdict, report.records, report.missing) == (Verdict.PASS, len(records), ())
    state = replay(None, map(event_of, records))
    assert state is not None
    assert state.audit_key == announcements(world)[-1].data["fingerprint"] == exported(world).fingerprint


def test_an_auditor_who_came_later_begins_at_the_head_that_was_noted_then(world: World) -> None:
    new_key(world)
    key, noted = exported(world), world.module.head
    world.spend("ada", 330, "a")

    report = verify_chain(lines(world.records()), key, noted)
    assert (report.verdict, report.missing) == (Verdict.PASS, ())
    report = verify_chain(lines(world.records()), key)
    announced = announcements(world)[0].sequence
    assert report.verdict == Verdict.INCOMPLETE
    assert report.missing == (f"a key for records 1 to {announced}: signatures there were not checked",)


def test_only_the_security_officer_creates_it_and_a_refusal_changes_no_key(world: World) -> None:
    """B-39: the Auditor may not do key management."""
    with pytest.raises(CommandNotAllowed):
        new_key(world, Role.AUDITOR)

    refused = next(record for record in reversed(envelopes(world)) if record.event == "command-refused")
    assert (refused.command, refused.user, refused.key) == ("CreateAuditKey", "auditor", first_key(world).fingerprint)
    assert exported(world).fingerprint == first_key(world).fingerprint


def test_the_private_keys_leave_no_trace(world: World) -> None:
    """F-03: the audit signing key stays in the module."""
    before = world.inner.cold.audit_key
    new_key(world)
    after = world.inner.cold.audit_key

    assert before != after
    for secret in (before, after):
        for place in (secret, secret.hex().encode(), orjson.dumps(secret.hex())):
            assert not any(place in record.line for record in world.records())
        assert all(secret not in path.read_bytes() for path in world.folder.iterdir() if path.is_file())


def test_a_key_that_memory_did_not_take_never_was(world: World) -> None:
    """A crash before the memory is durable: the old key goes on."""
    officer = world.plan.of(Role.SECURITY_OFFICER)

    def fail() -> None:
        with world.operator() as operator:
            operator.logon(officer.name, officer.passphrase)
            world.fail_memory()
            operator.send(CreateAuditKey())

    head = world.module.head
    with pytest.raises(StoreFailed):
        fail()
    world.mend_memory()
    world.execute(CreateAuditEntry(text="the old key goes on"))

    assert announcements(world) == []
    assert world.module.head.sequence > head.sequence
    assert verify_rows(world.records(), first_key(world)).verdict is Verdict.PASS


@pytest.mark.parametrize("reboots", [1, 3])
def test_a_key_that_the_store_never_heard_of_is_announced_by_the_redo(world: World, reboots: int) -> None:
    """A crash between memory and store: the module has the new key, and gives out the record once more."""
    named = created_but_not_saved(world)
    for _ in range(reboots):
        world.reboot()
    lost = world.module.resume(world.gather([]))
    assert lost is not None
    world.save(lost)
    world.execute(CreateAuditEntry(text="the new key goes on"))

    (announced,) = announcements(world)
    assert announced.data["fingerprint"] == named
    behind = envelopes(world)[announced.sequence]
    assert (behind.key, behind.signed, behind.data.get("boot")) == (named, True, True)
    assert verify_rows(world.records(), first_key(world)).verdict is Verdict.PASS


def created_but_not_saved(world: World) -> str:
    officer = world.plan.of(Role.SECURITY_OFFICER)
    operator = world.operator()
    operator.logon(officer.name, officer.passphrase)
    carried = operator._execute

    def lose(request: object) -> bytes:
        world.dispatch([request])  # type: ignore[list-item]  # what the operator sends is a command
        raise StoreFailed(place="store", why="the power is gone")

    operator._execute = lose
    with pytest.raises(StoreFailed):
        operator.send(CreateAuditKey())
    operator._execute = carried
    return str(parse(world.inner.tail.records[-1].line).data["fingerprint"])


def test_a_key_whose_announcement_could_not_be_signed_does_not_come_into_force(world: World) -> None:
    """I-16: the module enters the Error state; after a reboot the old key goes on. A verifier calls that record bad."""
    kept = world.inner.cold.audit_key
    officer = world.plan.of(Role.SECURITY_OFFICER)
    operator = world.operator()
    operator.logon(officer.name, officer.passphrase)
    wear_out_the_audit_key(world)
    with pytest.raises(ModuleInError, match="the audit entry of CreateAuditKey could not be signed"):
        operator.send(CreateAuditKey())
    world.reboot()
    world.execute(CreateAuditEntry(text="the old key goes on"))

    (announced,) = announcements(world)
    assert (announced.signed, world.inner.cold.audit_key) == (False, kept)
    assert envelopes(world)[-1].key == first_key(world).fingerprint
    report = verify_rows(world.records(), first_key(world))
    assert report.first_bad is not None
    assert (report.first_bad.sequence, report.first_bad.reason) == (
        announced.sequence,
        "it must be signed, and is not",
    )


def test_only_the_first_record_of_a_key_is_signed_for_its_sake(world: World) -> None:
    """Y-20: the interval is far, and entries that nobody wants signed are chained again."""
    new_key(world)
    for text in ("one", "two"):
        world.execute(CreateAuditEntry(text=text))

    announced, first, *others = envelopes(world)[announcements(world)[0].sequence - 1 :]
    assert (announced.signed, first.signed) == (True, True)
    assert [record.signed for record in others] == [False, False]
    assert others[-1].sequence < world.inner.hot.interval
