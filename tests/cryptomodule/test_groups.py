"""Requests that travel together: a later one sees what an earlier one made, a refusal leaves the others alone."""

import base64
import hashlib

import orjson
import pytest

from indicium.domain.amounts import Mills
from indicium.domain.commands.psd import InitializePsd, RequestChallenge
from indicium.domain.errors import (
    ChallengeMismatch,
    CheckpointMismatch,
    ControlTotalMismatch,
    DeviceNumbersExhausted,
    InsufficientFunds,
    StoreFailed,
)
from indicium.domain.events import PsdEvent, parse_event
from indicium.domain.flow import Changes, Gathered, Receipt
from indicium.domain.identity import ChainId
from indicium.domain.record import parse
from indicium.domain.replies import parse_reply
from tests.harness import LETTER, World, data_of, moving_part


def test_a_later_command_for_a_meter_sees_what_an_earlier_one_made(world: World) -> None:
    ada = world.customers["ada"]
    shown = world.ask("ada")
    requests = [
        world.provider.download(shown, "load-1", Mills(100)),
        world.provider.download(shown.model_copy(update={"dr": shown.dr + 100}), "load-2", Mills(200)),
        ada.ask(),
    ]

    replies = world.run(requests)

    answer = ada.answered(replies[2]) if isinstance(replies[2], bytes) else None
    assert answer is not None
    assert (answer.version, answer.dr) == (7, 100_300)
    assert world.moving("ada").dr == 100_300


def test_only_the_last_package_of_a_meter_is_saved_with_all_its_records(world: World) -> None:
    shown = world.ask("ada")
    more = shown.model_copy(update={"dr": shown.dr + 100})
    requests = [
        world.provider.download(shown, "load-1", Mills(100)),
        world.provider.download(more, "load-2", Mills(200)),
    ]

    changes = world.dispatch(requests).changes

    assert [(record.psd_id, record.psd_version) for record in changes.records] == [(shown.psd, 6), (shown.psd, 7)]
    (package,) = changes.packages
    assert package.version == 7
    assert package.made_by.hex() == hashlib.sha256(changes.records[-1].line).hexdigest()
    assert package.moving in changes.records[-1].line
    assert [reply.request_id for reply in changes.replies] == ["load-1", "load-2"]


def test_a_second_indicium_of_a_meter_in_one_group_lacks_the_challenge(world: World) -> None:
    ada = world.customers["ada"]
    first, second = (ada.create_indicium(name, 330, LETTER) for name in ("a", "b"))

    done, refused = world.run([first, second])

    assert isinstance(done, bytes)
    assert isinstance(refused, ChallengeMismatch)
    assert world.moving("ada").ar == 330


def test_a_refusal_leaves_the_others_alone_wherever_it_stands(world: World) -> None:
    ada, ben = world.customers["ada"], world.customers["ben"]
    good = [ada.create_indicium("a", 330, LETTER), ben.create_indicium("b", 340, LETTER)]
    bad = world.provider.download(world.ask("ben").model_copy(update={"ar": 1}), "bad", Mills(1))
    too_much = world.customers["ben"].create_indicium("c", 100_000, LETTER)

    results = world.run([bad, good[0], too_much, good[1], bad])

    kinds = [type(result) for result in results]
    assert kinds == [ControlTotalMismatch, bytes, bytes, ChallengeMismatch, ControlTotalMismatch]
    assert (world.moving("ada").ar, world.moving("ben").ar) == (330, 100_000)


def test_two_meters_in_one_group_have_their_records_in_the_order_of_the_requests(world: World) -> None:
    """J-18."""
    shown = world.ask("ben")
    requests = [
        world.customers["ada"].create_indicium("a", 330, LETTER),
        world.provider.download(shown, "b", Mills(500)),
        world.customers["assigned"].ask(),
        world.customers["ben"].create_indicium("c", 10, LETTER),
    ]

    results = world.run(requests)

    assert [type(result) for result in results] == [bytes, bytes, bytes, ChallengeMismatch]
    new = world.records()[-2:]
    assert [(record.event, record.psd_id) for record in new] == [
        ("indicium-created", world.meters["ada"]),
        ("postage-value-downloaded", world.meters["ben"]),
    ]


def test_many_meters_sign_in_one_group_and_every_item_is_its_own(world: World) -> None:
    names = [f"meter {number}" for number in range(4)]
    for name in names:
        world.new_meter(name)
        world.register(name)
        world.lease(name)
        world.download(name, 1000, "loaded")
    requests = [world.customers[name].create_indicium("a", 100 + place, LETTER) for place, name in enumerate(names)]

    for place, (name, reply) in enumerate(zip(names, world.run(requests), strict=True)):
        assert isinstance(reply, bytes)
        shown = world.customers[name].accept("a", reply)
        body, _, signature = (shown.item or "").partition("\t")
        item = orjson.loads(body)
        assert (item["device"], item["value"]) == (world.meters[name], 100 + place)
        assert signature
        key = world.suite.load_verify_key(world.public_key(name), "U_psd")
        key.verify(body.encode(), base64.b64decode(signature, validate=True))


def test_the_modules_totals_tie_with_the_meters_and_with_every_checkpoint(world: World) -> None:
    for step in range(3):
        world.run(
            [
                world.customers["ada"].create_indicium(f"a{step}", 330, LETTER),
                world.provider.download(world.ask("ben"), f"b{step}", Mills(500)),
            ]
        )
        world.ask("ada")
        world.ask("ben")
    downloaded = printed = 0
    for record in world.records():
        event = parse_event(record.line)
        if not isinstance(event, PsdEvent):
            continue
        point = event.data.checkpoint
        downloaded += point.value if record.event == "postage-value-downloaded" else 0
        printed += point.value if record.event == "indicium-created" else 0
        assert (point.downloaded, point.printed, point.refunded) == (downloaded, printed, 0)
        assert (point.ar, point.dr) == (event.data.package.ar, event.data.package.dr)
    meters = [world.moving(name) for name in world.meters]

    assert tuple(world.inner.hot.totals) == (downloaded, printed, 0) == (201_500, 990, 0)
    assert sum(meter.ar for meter in meters) == printed
    assert sum(meter.control_total for meter in meters) == downloaded


def test_the_checkpoint_of_every_record_is_authentic_under_mk_chkpt(world: World) -> None:
    """O-09."""
    world.spend("ada", 330, "a")
    assert world.inner.desk is not None
    for record in world.records():
        if record.psd_id is None:
            continue
        envelope = parse(record.line)
        point = dict(envelope.data["checkpoint"])
        mac = bytes.fromhex(point.pop("mac"))
        message = f"indicium checkpoint\n{record.chain}\n{record.sequence}\n{envelope.previous}\n".encode()
        world.inner.desk.mk_chkpt.verify(message + orjson.dumps(point), mac)


def test_a_record_holds_the_items_hash_and_never_its_signature_token_or_reply(world: World) -> None:
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    reply = world.execute(request)
    item = parse_reply(reply).item or ""
    record, kept = world.records()[-1], next(iter(world.gather([request]).replies.values()))

    assert data_of(record)["item_sha256"] == hashlib.sha256(item.encode()).hexdigest()
    assert item.partition("\t")[0].encode() in record.line
    for secret in (item.partition("\t")[2].encode(), kept.token, reply.partition(b"\t")[2], request.mac.hex().encode()):
        assert secret not in record.line


def test_device_numbers_are_given_in_order_and_not_beyond_the_last(world: World) -> None:
    left = 1_000_000_009 - int(world.meters["raw"])
    results = world.run([InitializePsd() for _ in range(left + 2)])

    numbers = [parse_reply(result).psd for result in results if isinstance(result, bytes)]
    assert numbers == [f"{number}" for number in range(1_000_000_006, 1_000_000_010)]
    assert [type(result) for result in results[left:]] == [DeviceNumbersExhausted] * 2
    assert world.inner.hot.meters == 9


def test_nothing_is_done_against_another_head_than_memorys(world: World) -> None:
    """I-13, E-004, E-005: the store's newest record must be the module's, by its bytes."""
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    gathered = world.gather([request])
    assert gathered.head is not None
    records = world.records()
    before = world.snapshot()
    for head in (None, records[-2], records[0], gathered.head._replace(line=gathered.head.line + b" ")):
        with pytest.raises(CheckpointMismatch):
            world.dispatch([request], Gathered(head, gathered.packages))
    assert world.snapshot() == before


def test_replies_open_only_with_the_receipt_of_their_own_save_and_once(world: World) -> None:
    """O-17, E-614: a type, not a convention."""
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    old = Receipt(world.module.chain, world.module.head)
    dispatched = world.dispatch([request])
    for wrong in (
        old,
        Receipt(ChainId("0" * 32), dispatched.head),
        Receipt(world.module.chain, dispatched.head._replace(hash="0" * 64)),
        Receipt(world.module.chain, dispatched.head._replace(sequence=1)),
    ):
        with pytest.raises(CheckpointMismatch):
            world.module.release(wrong)

    (reply,) = world.save(dispatched)
    assert reply is not None
    assert parse_reply(reply).ar == 330
    assert world.module.release(Receipt(world.module.chain, dispatched.head)) == []


def test_a_group_that_memory_did_not_take_never_happened(world: World) -> None:
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    before = world.snapshot()
    world.fail_memory()
    with pytest.raises(StoreFailed):
        world.dispatch([request])
    after = world.snapshot()
    assert (after.hot, after.tail, after.meters, after.head) == (before.hot, before.tail, before.meters, before.head)

    world.reboot()
    assert parse_reply(world.execute(request)).ar == 330


def test_a_challenge_changes_nothing_and_stays_until_the_next_transaction(world: World) -> None:
    before = world.snapshot()
    asked = RequestChallenge(psd_id=world.meters["ada"], client_challenge="c" * 32)
    dispatched = world.dispatch([asked, asked])
    assert dispatched.changes == Changes([], (), ())
    assert world.snapshot() == before
    first, second = world.save(dispatched)

    assert first == second
    assert first is not None
    challenge = parse_reply(first).module_challenge
    world.reboot()
    assert parse_reply(world.execute(asked)).module_challenge == challenge
    world.download("ada", 1, "one")
    assert parse_reply(world.execute(asked)).module_challenge != challenge


def test_dr_is_not_spent_twice_by_one_group(world: World) -> None:
    """Two repeats of different ids cannot pass the one challenge, and what is left is what the package says."""
    world.spend("ada", 60_000, "one")
    request = world.customers["ada"].create_indicium("two", 60_000, LETTER)

    refused, again = world.run([request, request])

    assert isinstance(refused, InsufficientFunds)
    assert isinstance(again, InsufficientFunds)
    assert moving_part(world.package("ada")).dr == 40_000
