"""Requests with the same id: the same reply, charged once; the same id with other content is refused."""

from collections.abc import Sequence

import pytest

from indicium.domain.amounts import Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.errors import (
    AlreadyDone,
    ChallengeMismatch,
    ClientNotAuthentic,
    ModuleNotAuthentic,
    PackageAlreadyUsed,
    PackageNotAuthentic,
    ProviderNotAuthentic,
    RequestIdReused,
)
from indicium.domain.flow import Changes, Gathered, RequestKey
from indicium.domain.identity import DeviceId
from indicium.domain.kinds import Voucher
from indicium.domain.messages import provider_message
from indicium.domain.replies import parse_reply
from tests.harness import LETTER, World, flipped, remac


def requests_of_each_kind(world: World) -> list[Command]:
    """One request of each command that has an id, all for fresh meters."""
    certificate = world.certify(world.meters["raw"], world.public_key("raw"))
    return [
        world.authorization("raw", certificate),
        world.customers["unleased"].configure("a"),
        world.provider.authorize_customer(world.meters["assigned"], "a", "94107", Mills(100)),
        world.provider.download(world.ask("ben"), "a", Mills(100)),
        world.customers["ada"].create_indicium("a", 330, LETTER),
    ]


def answered_without_a_trace(world: World, requests: Sequence[Command]) -> list[bytes | None]:
    """Give the replies to requests that must change nothing, neither in the module nor in the store."""
    before = world.snapshot()
    dispatched = world.dispatch(requests)
    assert dispatched.changes == Changes([], (), ())
    assert dispatched.refusals == (None,) * len(requests)
    assert world.snapshot() == before
    return world.save(dispatched)


def test_a_repeat_gets_the_very_same_bytes_and_is_charged_once(world: World) -> None:
    requests = requests_of_each_kind(world)
    replies = [world.execute(request) for request in requests]

    assert answered_without_a_trace(world, requests) == replies
    world.reboot()
    assert answered_without_a_trace(world, requests) == replies


def test_a_repeat_from_long_before_gets_its_old_reply(world: World) -> None:
    request = world.customers["ada"].create_indicium("early", 330, LETTER)
    reply = world.execute(request)
    world.customers["ada"].accept("early", reply)
    for number in range(20):
        world.spend("ada", 330, f"later-{number}")
    world.download("ada", 500, "load")
    world.clock.pass_by(days=5 * 365)  # the key has expired meanwhile: what was paid for is still given

    assert answered_without_a_trace(world, [request]) == [reply]
    shown = world.customers["ada"].accept("early", reply)
    assert (shown.ar, shown.version) == (330, 6)
    assert world.customers["ada"].state.ar == 21 * 330


def test_a_repeat_within_one_group_is_one_request(world: World) -> None:
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    download = world.provider.download(world.ask("ben"), "a", Mills(100))

    replies = world.run([request, download, request, download, request])

    assert replies[0] == replies[2] == replies[4]
    assert replies[1] == replies[3]
    assert [record.event for record in world.records()[-2:]] == ["indicium-created", "postage-value-downloaded"]
    assert (world.moving("ada").ar, world.moving("ben").dr) == (330, 100_100)


def test_another_content_under_a_used_id_is_refused_in_the_same_group_and_later(world: World) -> None:
    ada = world.customers["ada"]
    first = ada.create_indicium("a", 330, LETTER)
    other_value = ada.create_indicium("a", 331, LETTER)
    other_elements = ada.create_indicium("a", 330, Voucher(purpose="a coffee"))

    _, refused = world.run([first, other_value])
    assert isinstance(refused, RequestIdReused)
    assert refused.request_id == "a"
    world.reboot()
    before = world.snapshot()
    for other in (other_value, other_elements):
        with pytest.raises(RequestIdReused):
            world.execute(other)
    assert world.snapshot() == before


def test_another_command_under_a_used_id_is_refused(world: World) -> None:
    world.execute(world.provider.download(world.ask("ada"), "a", Mills(100)))
    world.ask("ada")

    with pytest.raises(RequestIdReused):
        world.execute(world.customers["ada"].create_indicium("a", 100, LETTER))
    assert world.ask("ada").ar == 0


def test_an_id_belongs_to_its_meter(world: World) -> None:
    for name in ("ada", "ben"):
        assert world.spend(name, 330, "the-same").ar == 330


def test_another_content_is_refused_for_every_command(world: World) -> None:
    requests = requests_of_each_kind(world)
    replies = [world.execute(request) for request in requests]
    certificate = world.certify(world.meters["raw"], world.public_key("raw"))
    others = [
        world.authorization("raw", certificate),
        world.customers["unleased"].configure("a"),
        world.provider.authorize_customer(world.meters["assigned"], "a", "94108", Mills(100)),
        world.provider.download(world.ask("ben"), "a", Mills(100)),
        world.customers["ada"].create_indicium("a", 331, LETTER),
    ]

    assert [type(result) for result in world.run(others)] == [RequestIdReused] * 5
    assert answered_without_a_trace(world, requests) == replies


def test_a_repeat_must_still_authenticate(world: World) -> None:
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    download = world.provider.download(world.ask("ben"), "a", Mills(100))
    world.run([request, download])

    altered = [
        request.model_copy(update={"mac": flipped(request.mac)}),
        request.model_copy(update={"client_challenge": "0" * 32}),
        download.model_copy(update={"signature": flipped(download.signature)}),
        download.model_copy(update={"value": 101}),
    ]

    errors = [ClientNotAuthentic, ClientNotAuthentic, ProviderNotAuthentic, ProviderNotAuthentic]
    assert [type(result) for result in world.run(altered)] == errors


def test_a_repeat_may_be_authenticated_anew_with_another_challenge(world: World) -> None:
    ada = world.customers["ada"]
    request = ada.create_indicium("a", 330, LETTER)
    reply = world.execute(request)
    world.ask("ada")

    assert answered_without_a_trace(world, [ada.create_indicium("a", 330, LETTER)]) == [reply]


def test_a_repeat_against_an_old_or_altered_package_is_refused(world: World) -> None:
    old = world.package("ada")
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    world.execute(request)
    gathered = world.gather([request])
    psd_id = DeviceId(request.psd_id)
    altered = gathered.packages[psd_id]._replace(mac=bytes(32))

    for package, error in ((old, PackageAlreadyUsed), (altered, PackageNotAuthentic)):
        (refused,) = world.run([request], Gathered(gathered.head, {psd_id: package}, gathered.replies))
        assert type(refused) is error


def test_a_store_that_lost_the_reply_gets_nothing_charged_twice(world: World) -> None:
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    world.execute(request)
    gathered = world.gather([request])

    (refused,) = world.run([request], Gathered(gathered.head, gathered.packages))

    assert isinstance(refused, ChallengeMismatch)
    assert world.ask("ada").ar == 330


@pytest.mark.parametrize("part", ["token", "version", "meter"])
def test_an_altered_kept_reply_does_not_open(world: World, part: str) -> None:
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    world.execute(request)
    gathered = world.gather([request])
    (key, kept), *_ = gathered.replies.items()
    changed = {
        "token": kept._replace(token=flipped(kept.token)),
        "version": kept._replace(psd_version=kept.psd_version - 1),
        "meter": kept._replace(psd_id=DeviceId(world.meters["ben"])),
    }[part]

    (refused,) = world.run([request], Gathered(gathered.head, gathered.packages, {key: changed}))
    assert isinstance(refused, PackageNotAuthentic)


def test_a_reply_that_is_gone_was_one_all_the_same(world: World) -> None:
    """Whoever empties it takes an answer away, as a redo does that finds none; nothing is charged."""
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    world.execute(request)
    gathered = world.gather([request])
    replies = {key: kept._replace(token=b"") for key, kept in gathered.replies.items()}

    (refused,) = world.run([request], Gathered(gathered.head, gathered.packages, replies))

    assert isinstance(refused, AlreadyDone)
    assert world.ask("ada").ar == 330


def test_a_reply_put_under_another_id_is_found_out_by_the_customer_and_charges_nothing(world: World) -> None:
    ada = world.customers["ada"]
    first = ada.create_indicium("one", 330, LETTER)
    ada.accept("one", world.execute(first))
    second = ada.create_indicium("two", 330, LETTER)
    kept = world.gather([first]).replies[RequestKey(DeviceId(first.psd_id), "one")]
    gathered = world.gather([second])

    swapped = {RequestKey(DeviceId(second.psd_id), "two"): kept}
    (reply,) = world.run([second], Gathered(gathered.head, gathered.packages, swapped))

    assert isinstance(reply, bytes)
    with pytest.raises(ModuleNotAuthentic):
        ada.accept("two", reply)
    assert parse_reply(world.execute(second)).ar == 660


def test_what_an_id_stands_for_is_not_its_challenges_and_registers(world: World) -> None:
    """A customer who lost the answer asks anew, and repeats with what is shown now."""
    ada = world.customers["ada"]
    request = ada.create_indicium("a", 330, LETTER)
    reply = world.execute(request)
    changed = CreateIndicium.model_validate({**request.model_dump(), "shown_ar": 1, "module_challenge": "0" * 32})

    assert answered_without_a_trace(world, [remac(ada, changed)]) == [reply]


def test_the_provider_may_sign_a_repeat_anew(world: World) -> None:
    download = world.provider.download(world.ask("ben"), "a", Mills(100))
    reply = world.execute(download)
    signature = world.provider._key.sign(provider_message(download))
    assert signature != download.signature

    again = download.model_copy(update={"signature": signature})
    assert answered_without_a_trace(world, [again]) == [reply]
