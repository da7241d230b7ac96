"""Back to agreement with a store that never got the last group (Y-14, O-09 … O-16)."""

import hashlib
from pathlib import Path

import pytest

from indicium.cryptomodule.recoverable import Dispatched
from indicium.domain.amounts import Mills
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import StartInitialization
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import (
    CheckpointMismatch,
    NotTakenYet,
    SessionMessageNotAuthentic,
    StoreFailed,
)
from indicium.domain.events import CheckpointRecovered, parse_event
from indicium.domain.evolve import Discarded, ModuleAt, evolve, with_discarded
from indicium.domain.flow import Gathered, Receipt
from indicium.domain.identity import DeviceId
from indicium.domain.record import parse
from indicium.domain.replies import parse_reply
from tests.harness import LETTER, World, data_of, head_of


def lose(world: World, requests: list[Command]) -> Dispatched:
    """Have the module do requests, and take its power before the store has them."""
    dispatched = world.dispatch(requests)
    assert all(refusal is None for refusal in dispatched.refusals)
    world.reboot()
    return dispatched


def resume(world: World) -> Dispatched:
    """Bring the module and the store together again."""
    resumed = world.module.resume(world.gather([]))
    assert resumed is not None
    world.save(resumed)
    assert head_of(world.records()[-1]) == world.module.head
    return resumed


def a_group(world: World) -> list[Command]:
    """An indicium of 330 mills, a download of 500, and a new meter."""
    return [
        world.customers["ada"].create_indicium("a", 330, LETTER),
        world.provider.download(world.ask("ben"), "b", Mills(500)),
        InitializePsd(),
    ]


def test_nothing_is_resumed_where_nothing_is_missing(world: World, empty: World) -> None:
    before = world.snapshot()
    assert world.module.resume(world.gather([])) is None
    assert world.snapshot() == before
    assert empty.module.resume(empty.gather([])) is None


def test_lost_psd_records_come_out_byte_for_byte_and_are_named_as_discarded(world: World) -> None:
    """I-31, O-10, O-12, O-13, E-1102."""
    before = len(world.records())
    lost = lose(world, a_group(world)).changes.records

    resumed = resume(world)

    *given, recovered = world.records()[before:]
    assert [(record.sequence, record.line, record.event) for record in given] == [
        (record.sequence, record.line, record.event) for record in lost
    ]
    assert [(record.psd_id, record.psd_version) for record in given] == [(None, None)] * 3
    assert (resumed.changes.packages, resumed.changes.replies, resumed.refusals) == ((), (), ())
    assert recovered.event == "checkpoint-recovered"
    envelope = parse(recovered.line)
    assert envelope.signed
    assert (envelope.command, envelope.previous) == ("AutoRecoverCheckpoint", head_of(lost[-1]).hash)
    assert envelope.data == {
        "boot": True,
        "discarded": [
            {"sequence": record.sequence, "hash": hashlib.sha256(record.line).hexdigest(), "value": value}
            for record, value in zip(lost, (330, 500, 0), strict=True)
        ],
        "downloaded": 200_000,
        "printed": 0,
        "refunded": 0,
    }


def test_totals_and_meters_are_what_they_were_and_a_new_meter_is_forgotten(world: World) -> None:
    """O-12, M-65."""
    before = world.snapshot()
    hot = world.inner.hot
    totals, meters, count, meters_sum = hot.totals, dict(world.inner.meters), hot.meters, hot.meters_sum
    lose(world, a_group(world))
    assert world.inner.hot.totals != totals
    resume(world)

    for _ in range(2):
        hot = world.inner.hot
        assert (hot.totals, dict(world.inner.meters), hot.meters, hot.meters_sum) == (totals, meters, count, meters_sum)
        assert world.module.head.sequence == before.head.sequence + 4
        world.reboot()


def test_a_device_number_that_was_lost_is_not_given_again(world: World) -> None:
    lost = world.dispatch([InitializePsd()])
    number = lost.changes.packages[0].psd_id
    world.reboot()
    resume(world)

    assert int(parse_reply(world.execute(InitializePsd())).psd) == int(number) + 1


def test_the_same_requests_are_done_afterwards_and_their_version_numbers_used_again(world: World) -> None:
    requests = a_group(world)
    lost = lose(world, requests)
    resume(world)

    replies = world.run(requests)

    ada, ben, new = (parse_reply(reply) for reply in replies if isinstance(reply, bytes))
    assert (ada.ar, ada.dr, ada.version) == (330, 99_670, 6)
    assert (ben.dr, ben.version) == (100_500, 6)
    assert [record.psd_version for record in lost.changes.records] == [6, 6, 1]
    assert new.version == 1
    assert tuple(world.inner.hot.totals) == (200_500, 330, 0)


def test_a_package_of_a_discarded_transaction_is_worth_nothing(world: World) -> None:
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    package = lose(world, [request]).changes.packages[0]
    resume(world)

    gathered = Gathered(world.gather([]).head, {package.psd_id: package})
    for command in (request, world.customers["ada"].ask()):
        (refused,) = world.run([command], gathered)
        assert isinstance(refused, NotTakenYet)  # memory knows no such version: whoever made it, nobody handed it over


def test_a_reply_that_was_never_released_stays_closed(world: World) -> None:
    dispatched = world.dispatch([world.customers["ada"].create_indicium("a", 330, LETTER)])
    resumed = world.module.resume(world.gather([]))
    assert resumed is not None
    with pytest.raises(CheckpointMismatch):
        world.module.release(Receipt(world.module.chain, dispatched.head))

    assert world.save(resumed) == []


def test_memory_and_store_come_together_without_a_reboot_too(world: World) -> None:
    world.spend("ada", 330, "one")
    world.dispatch(a_group(world))
    with pytest.raises(CheckpointMismatch):
        world.execute(CreateAuditEntry(text="x"))

    resume(world)

    assert "boot" not in data_of(world.records()[-1])
    assert parse(world.records()[-1].line).signed  # I-08: it affects the module
    assert world.spend("ada", 330, "two").ar == 660


def test_a_crash_in_the_middle_of_recovery_is_recovered_again(world: World) -> None:
    lost = lose(world, a_group(world)).changes.records
    first = world.module.resume(world.gather([]))
    assert first is not None
    for _ in range(2):
        world.reboot()
        again = world.module.resume(world.gather([]))
        assert again is not None
        assert list(again.changes.records) == list(first.changes.records)
        assert len(again.changes.records) == len(lost) + 1
    resume(world)

    assert world.module.resume(world.gather([])) is None
    assert tuple(world.inner.hot.totals) == (200_000, 0, 0)
    assert world.spend("ada", 330, "one").ar == 330


def test_lost_again_and_again_it_is_recovered_again_and_again(world: World) -> None:
    for number in range(4):
        lose(world, [world.customers["ada"].create_indicium(f"{number}", 330, LETTER)])
        resume(world)

    assert [record.event for record in world.records()[-8:]] == ["indicium-created", "checkpoint-recovered"] * 4
    assert world.spend("ada", 330, "at-last").version == 6


def test_a_record_of_the_module_itself_is_redone_byte_for_byte_and_nothing_is_undone(world: World) -> None:
    lost = world.dispatch([CreateAuditEntry(text="kept", signed=True)]).changes.records
    before = world.snapshot()
    world.reboot()

    resumed = resume(world)

    assert list(resumed.changes.records) == list(lost) == world.records()[-1:]
    after = world.snapshot()
    assert (after.hot, after.tail, after.head) == (before.hot, before.tail, before.head)


def test_the_first_record_of_all_is_redone(empty: World) -> None:
    lost = empty.dispatch([StartInitialization()]).changes.records

    resume(empty)

    assert empty.records() == list(lost)
    assert empty.module.state == "initializing"


def test_a_logon_that_was_lost_is_redone(world: World) -> None:
    person = world.plan.people[0]
    operator, sent = world.operator(), list[Command]()

    def hold(command: Command) -> bytes:
        sent.append(command)
        return b""

    operator._execute = hold
    with pytest.raises(SessionMessageNotAuthentic):
        operator.logon(person.name, person.passphrase)
    lose(world, sent)

    resume(world)

    assert world.records()[-1].event == "user-logged-on"


@pytest.mark.parametrize("short", [3, 4, 10])
def test_a_store_that_ends_before_what_memory_goes_back_to_does_not_fit(world: World, short: int) -> None:
    """O-14: recovery fails, and the module is inhibited."""
    world.spend("ada", 330, "one")
    world.spend("ada", 330, "two")
    lose(world, [world.customers["ada"].create_indicium("a", 330, LETTER)])
    head = world.records()[-short]
    before = world.snapshot()

    for gathered in (Gathered(head), Gathered(None), Gathered(head._replace(line=head.line[:-1]))):
        with pytest.raises(CheckpointMismatch):
            world.module.resume(gathered)
        with pytest.raises(CheckpointMismatch):
            world.dispatch([world.customers["ada"].ask()], gathered)
    assert world.snapshot() == before


def test_the_record_of_another_chain_does_not_fit(world: World, empty: World) -> None:
    empty.hold_ceremony()
    lose(world, [world.customers["ada"].create_indicium("a", 330, LETTER)])

    with pytest.raises(CheckpointMismatch):
        world.module.resume(empty.gather([]))


def test_without_an_older_entry_in_the_ring_nothing_is_rolled_back(ready: Path, tmp_path: Path) -> None:
    """O-11: the external record must equal one of the older internal ones."""
    world = World.copy_of(ready, tmp_path / "world", ring=1)
    lose(world, [world.customers["ada"].create_indicium("a", 330, LETTER)])

    with pytest.raises(CheckpointMismatch):
        world.module.resume(world.gather([]))
    world.close()


def test_a_recovery_that_memory_did_not_take_never_happened(world: World) -> None:
    lose(world, a_group(world))
    before = world.snapshot()
    world.fail_memory()
    with pytest.raises(StoreFailed):
        world.module.resume(world.gather([]))
    after = world.snapshot()
    assert (after.hot, after.tail, after.meters) == (before.hot, before.tail, before.meters)
    world.mend_memory()

    resume(world)


def test_the_replayed_state_is_the_modules_own_with_what_was_discarded_left_out(world: World) -> None:
    world.spend("ada", 330, "one")
    lose(world, a_group(world))
    resume(world)
    world.spend("ada", 330, "two")

    events = [parse_event(record.line) for record in world.records()]
    named = {
        lost.sequence for event in events if isinstance(event, CheckpointRecovered) for lost in event.data.discarded
    }
    state = ModuleAt()
    seen: list[ModuleAt] = []
    for event in with_discarded(events, frozenset(named)):
        state = evolve(state, event)
        seen.append(state)
        assert isinstance(event, Discarded) == (state.sequence in named)

    assert len(named) == 3
    assert (state.chain, state.sequence) == (world.module.chain, world.module.head.sequence)
    assert state.totals == world.inner.hot.totals == (200_000, 660, 0)
    assert (state.state, state.persistent, state.interval, state.configured) == (
        "operational",
        "operational",
        100,
        True,
    )
    assert [(user.name, user.role) for user in state.users] == [(who.name, who.role) for who in world.plan.people]
    assert len(state.master_key_sets) == 1
    assert [at.totals for at in seen if at.sequence in named] == [(200_000, 330, 0)] * 3


@pytest.mark.parametrize("ring", [2, 3, 5])
def test_o_11_memory_goes_back_to_any_older_checkpoint_that_is_compared(ready: Path, tmp_path: Path, ring: int) -> None:
    """M-16: store and copy were put back, and still tell one story; all that is behind them is discarded by name."""
    world = World.copy_of(ready, tmp_path / "world", ring=ring)
    reachable = min(ring, 3) - 1
    meters, totals, heads = dict(world.inner.meters), world.inner.hot.totals, [world.records()[-1]]
    for step in range(4):
        (reply,) = world.run([world.customers["ada"].create_indicium(f"{step}", 330, LETTER)])
        world.customers["ada"].accept(f"{step}", reply if isinstance(reply, bytes) else b"")
        heads.append(world.records()[-1])
    for back in (4, 3, 2, 1):
        gathered = Gathered(heads[-1 - back])
        if back > reachable:
            with pytest.raises(CheckpointMismatch):
                world.module.resume(gathered)
    back = reachable
    resumed = world.module.resume(Gathered(heads[-1 - back]))
    assert resumed is not None
    *lost, recovered = resumed.changes.records
    assert [record.line for record in lost] == [record.line for record in heads[-back:]]
    assert {record.psd_id for record in lost} == {None}
    data = data_of(recovered)
    assert [entry["value"] for entry in data["discarded"]] == [330] * back
    assert data["printed"] == world.inner.hot.totals.printed == 330 * (4 - back)
    ada = world.inner.meters[DeviceId(world.meters["ada"])]
    assert ada.version == meters[DeviceId(world.meters["ada"])].version + 4 - back
    assert world.inner.hot.totals.downloaded == totals.downloaded
    assert world.module.older[-1] == head_of(heads[-1 - back])
    assert all(older.sequence <= heads[-1 - back].sequence for older in world.module.older)
    world.reboot()  # and memory is authentic
    world.close()
