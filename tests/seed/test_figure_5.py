"""FIG. 5: how client software 503 and the module talk, message by message (G8, Y-25, M-58, M-59, L1735-1766).

501 carries the client's challenge; 504 proves the module first and brings its own challenge; 505 gives that one back
with AR and DR as the client knows them; 506 is the challenge and the transaction in the clear; 507 is a MAC under HMK
over all of 505 and 506. "HMK itself never travels" (G-807).

What the rest of the tests shows of it is not repeated: each check at its place, and that nothing changes before the
last of them (`tests/cryptomodule/test_ladders.py`); repeats and used ids (`tests/cryptomodule/test_repeats.py`); every
byte of a reply, the customer as a witness of a rollback, registration (`tests/parties/test_customer.py`).
"""

import base64
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
import pytest

from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import CreateIndicium, RequestChallenge
from indicium.domain.errors import (
    ChallengeMismatch,
    ClientHasSeenOther,
    ClientNotAuthentic,
    ModuleNotAuthentic,
    Refusal,
    UnknownMeterUser,
    ValueBelowMinimum,
)
from indicium.domain.flow import Changes
from indicium.domain.kinds import Voucher
from indicium.domain.messages import client_message, content
from indicium.entrypoints.connecting import connect
from indicium.parties.customer import Customer
from tests.app.homes import assert_whole, copy_of, make_leased, shared
from tests.entrypoints.running_module import module_of
from tests.harness import LETTER, World, flipped, remac

M501 = {"psd_id", "user", "client_challenge"}
M505 = {"module_challenge", "shown_ar", "shown_dr", "shown_record"}
M506 = {"psd_id", "request_id", "user", "client_challenge", "value", "elements"}
M507 = {"mac"}


def ada(world: World) -> Customer:
    return world.customers["ada"]


def spending(world: World, request_id: str = "a") -> CreateIndicium:
    return ada(world).create_indicium(request_id, 330, LETTER)


def refusal_of(world: World, request: Command) -> Refusal | None:
    """Have a request done; a refused one leaves nothing behind."""
    before = world.snapshot()
    dispatched = world.dispatch([request])
    world.save(dispatched)
    (refusal,) = dispatched.refusals
    if refusal is not None:
        assert dispatched.changes == Changes([], (), ())
        assert world.snapshot() == before
    assert refusal is None or isinstance(refusal, Refusal)
    return refusal


class TestAsDrawn:
    def test_the_messages_are_those_of_the_figure_and_of_nothing_else(self) -> None:
        assert set(RequestChallenge.model_fields) == M501
        assert set(CreateIndicium.model_fields) == M505 | M506 | M507

    def test_a_fresh_exchange_and_then_chained_challenges(self, world: World) -> None:
        """M-58; M-59: the module proves itself before the client says anything under HMK."""
        client = ada(world)
        asked = client.ask()
        before = world.snapshot()
        answer = world.execute(asked)
        assert world.snapshot() == before  # 501 and 504 change nothing

        shown = client.answered(answer)
        assert shown.client_challenge == asked.client_challenge
        first = spending(world, "chained-1")
        assert first.module_challenge == shown.module_challenge
        assert (first.shown_ar, first.shown_dr) == (shown.ar, shown.dr)

        reply = client.accept("chained-1", world.execute(first))
        second = spending(world, "chained-2")
        assert second.module_challenge == reply.module_challenge != first.module_challenge
        assert client.accept("chained-2", world.execute(second)).ar == 660

    def test_no_two_challenges_are_the_same(self, world: World) -> None:
        """G-801, G-802: the client's are drawn or follow from the id, the module's follows from the last record."""
        client = ada(world)
        drawn = {client.ask().client_challenge for _ in range(50)}
        assert len(drawn) == 50
        theirs = set()
        for number in range(10):
            theirs.add(world.ask("ada").module_challenge)
            world.spend("ada", 330, f"{number}")
        assert len(theirs) == 10

    def test_hmk_never_travels(self, world: World) -> None:
        """G-807: neither it nor PW stands in any message of an exchange, in any of the ways that bytes are written."""
        client = ada(world)
        asked, request = client.ask(), spending(world)
        said = [message.model_dump_json().encode() for message in (asked, request)]
        said += [world.execute(asked), world.execute(request), *(record.line for record in world.records())]
        for secret in (client.state.hmk, client.state.passphrase_hash):
            for written in (secret, secret.hex().encode(), orjson.dumps(list(secret)), _written(secret)):
                assert not any(written in message for message in said)

    def test_the_challenge_outlives_a_reboot_and_a_day(self, world: World) -> None:
        """It is derived, so nothing is kept that a boot could lose (deviation from M-22)."""
        request = spending(world)
        world.clock.pass_by(days=1)
        world.reboot()
        assert refusal_of(world, request) is None


WITHOUT_HMK: dict[str, tuple[Callable[[Any], object], type[Refusal]]] = {
    "psd_id": (lambda _: "1000000002", ChallengeMismatch),  # ben's meter, which has given out another challenge
    "request_id": (lambda text: text + "x", ClientNotAuthentic),
    "user": (lambda _: "Eve", UnknownMeterUser),
    "client_challenge": (lambda _: "0" * 32, ClientNotAuthentic),
    "value": (lambda value: value + 1, ClientNotAuthentic),
    "elements": (lambda _: Voucher(purpose="a coffee"), ClientNotAuthentic),
    "module_challenge": (lambda _: "0" * 32, ChallengeMismatch),
    "shown_ar": (lambda value: value + 1, ClientNotAuthentic),
    "shown_dr": (lambda value: value - 1, ClientNotAuthentic),
    "shown_record": (lambda _: "0" * 64, ClientNotAuthentic),
    "mac": (flipped, ClientNotAuthentic),
}
"""Each member of 505, 506 and 507, altered by somebody on the way."""

WITH_HMK: dict[str, tuple[Callable[[Any], object], type[Refusal] | None]] = {
    "psd_id": (lambda _: "1000000002", ChallengeMismatch),
    "request_id": (lambda text: text + "x", None),
    "user": (lambda _: "Eve", UnknownMeterUser),
    "client_challenge": (lambda _: "0" * 32, None),
    "value": (lambda _: 0, ValueBelowMinimum),
    "elements": (lambda _: Voucher(purpose="a coffee"), None),
    "module_challenge": (lambda _: "0" * 32, ChallengeMismatch),
    "shown_ar": (lambda value: value + 1, ClientHasSeenOther),
    "shown_dr": (lambda value: value - 1, ClientHasSeenOther),
    "shown_record": (lambda _: "0" * 64, ClientHasSeenOther),
}
"""The same by a client who is mistaken: what is not the client's own affair is refused under the right MAC too."""


def with_other(request: CreateIndicium, member: str, other: Callable[[Any], object]) -> CreateIndicium:
    return request.model_copy(update={member: other(getattr(request, member))})


class TestAltered:
    def test_the_tables_name_every_member(self) -> None:
        assert set(WITHOUT_HMK) == M505 | M506 | M507
        assert set(WITH_HMK) == M505 | M506

    @pytest.mark.parametrize("member", WITHOUT_HMK)
    def test_each_member_by_itself_on_the_way(self, world: World, member: str) -> None:
        other, error = WITHOUT_HMK[member]
        request = spending(world)

        assert type(refusal_of(world, with_other(request, member, other))) is error
        assert refusal_of(world, request) is None  # nothing was used up by it

    @pytest.mark.parametrize("member", WITH_HMK)
    def test_each_member_by_itself_under_the_clients_own_mac(self, world: World, member: str) -> None:
        other, error = WITH_HMK[member]
        refusal = refusal_of(world, remac(ada(world), with_other(spending(world), member, other)))
        assert (None if refusal is None else type(refusal)) is error

    @pytest.mark.parametrize("member", ["psd", "version", "state", "ar", "dr", "record", "module_challenge"])
    def test_each_member_of_504_by_itself(self, world: World, member: str) -> None:
        """G-803: what the module did not say is not believed, and the client goes on with what it knew."""
        client = ada(world)
        line = world.execute(client.ask())
        body, _, mac = line.partition(b"\t")
        said = orjson.loads(body)
        said[member] = said[member] + 1 if isinstance(said[member], int) else said[member][::-1] + "0"
        before = client.state

        with pytest.raises(ModuleNotAuthentic):
            client.answered(orjson.dumps(said) + b"\t" + mac)
        assert client.state == before


class TestOutOfPlace:
    def test_late_after_the_meter_moved_by_another_hand(self, world: World) -> None:
        """A refill, by the provider, uses the challenge up; so does everything that makes a new version."""
        late = spending(world, "late")
        world.execute(world.provider.download(world.ask("ada"), "refill", 100))  # type: ignore[arg-type]  # mills

        assert type(refusal_of(world, late)) is ChallengeMismatch

    def test_reordered_within_a_group(self, world: World) -> None:
        """The refill first: the request is late. The request first: the refill's control total still holds."""
        refill = world.provider.download(world.ask("ada"), "refill", 100)  # type: ignore[arg-type]  # mills
        first, second = world.run([refill, spending(world, "behind")])
        assert isinstance(first, bytes)
        assert type(second) is ChallengeMismatch

        refill = world.provider.download(world.ask("ada"), "again", 100)  # type: ignore[arg-type]  # mills
        assert all(isinstance(result, bytes) for result in world.run([spending(world, "before"), refill]))
        assert (world.moving("ada").ar, world.moving("ada").dr) == (330, 100_200 - 330)

    def test_of_two_with_one_challenge_the_first_is_done_in_whatever_order_they_come(self, world: World) -> None:
        requests = [spending(world, "one"), spending(world, "two")]
        results = world.run(requests[::-1])
        assert isinstance(results[0], bytes)
        assert type(results[1]) is ChallengeMismatch
        assert world.moving("ada").ar == 330

    def test_an_old_challenge_never_comes_back(self, world: World) -> None:
        """Also where the registers are what they were: it follows from the record, not from them."""
        old = spending(world, "old")
        for number in range(3):
            world.spend("ada", 330, f"{number}")
        back = old.model_copy(
            update={
                "shown_ar": ada(world).state.ar,
                "shown_dr": ada(world).state.dr,
                "shown_record": ada(world).state.record,
            }
        )
        assert type(refusal_of(world, remac(ada(world), back))) is ChallengeMismatch

    def test_from_one_meter_to_another(self, world: World) -> None:
        """With the other meter's own challenge and registers, and the MAC of this one's owner."""
        theirs = world.ask("ben")
        request = spending(world).model_copy(
            update={
                "psd_id": theirs.psd,
                "module_challenge": theirs.module_challenge,
                "shown_ar": theirs.ar,
                "shown_dr": theirs.dr,
                "shown_record": theirs.record,
            }
        )
        assert type(refusal_of(world, remac(ada(world), request))) is ClientNotAuthentic
        with pytest.raises(ModuleNotAuthentic):
            ada(world).answered(world.execute(world.customers["ben"].ask()))


class TestReflected:
    """Both sides share one key, so what one side says must never pass for what the other says."""

    def test_what_the_module_macs_and_what_the_client_macs_begin_differently(self, world: World) -> None:
        request = spending(world)
        theirs, ours = world.execute(ada(world).ask()), client_message(request, content(request))
        assert theirs.startswith(b'{"psd":"')
        assert ours.startswith(b"indicium client message\n")

    def test_a_mac_of_the_module_is_none_of_the_client(self, world: World) -> None:
        """Who reads along takes each MAC that passed, whole or cut to the shortest, for a request of his own."""
        client, request = ada(world), spending(world)
        answers = [world.execute(client.ask()) for _ in range(2)]
        macs = [_unwritten(answer) for answer in answers]
        macs += [bytes.fromhex(request.client_challenge), bytes.fromhex(request.client_challenge) * 2]
        macs += [mac[:16] for mac in (*macs, request.mac)]

        other = request.model_copy(update={"value": 99_999})
        for mac in macs:
            assert type(refusal_of(world, other.model_copy(update={"mac": mac}))) is ClientNotAuthentic

    def test_a_clients_own_message_is_no_answer_to_it(self, world: World) -> None:
        client, request = ada(world), spending(world)
        said = client_message(request, content(request))
        client.ask()
        for body in (said, said.replace(b"\n", b" "), request.model_dump_json().encode()):
            with pytest.raises(ModuleNotAuthentic):
                client.answered(body + b"\t" + _written(request.mac))

    def test_the_modules_challenge_given_back_as_the_clients_own_opens_nothing(self, world: World) -> None:
        """The module MACs whatever challenge it is asked to, and so must say beside it what it is."""
        shown = world.ask("ada")
        mirrored = RequestChallenge(psd_id=shown.psd, client_challenge=shown.module_challenge)
        answer = world.execute(mirrored)

        request = spending(world).model_copy(update={"mac": _unwritten(answer)})
        assert type(refusal_of(world, request)) is ClientNotAuthentic
        ada(world).ask()
        with pytest.raises(ModuleNotAuthentic):
            ada(world).answered(answer)


def _unwritten(answer: bytes) -> bytes:
    return base64.b64decode(answer.partition(b"\t")[2])


def _written(mac: bytes) -> bytes:
    return base64.b64encode(mac)


ITEMS = 8
"""So many does each of two counters print."""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A closed home with three customers of 100.00 each."""
    return copy_of(shared(tmp_path_factory, "leased", make_leased), tmp_path / "home")


def print_at_a_counter(home: Path, counter: int, both_there: Any, told: Any) -> None:  # noqa: ANN401  # of a context
    """A process with a copy of one customer's state of its own; it asks again when the other was quicker."""
    with connect(home) as module:
        client = module.meter("Ada").client
        client.answered(module.execute(client.ask()))
        both_there.wait()
        items, late = [], 0
        for number in range(ITEMS):
            request_id = "the-same-of-both" if number == 0 else f"{counter}-{number}"
            while True:
                try:
                    line = module.execute(client.create_indicium(request_id, 330, LETTER))
                    items.append(client.accept(request_id, line).item)
                    break
                except (ChallengeMismatch, ClientHasSeenOther):
                    late += 1
                    client.answered(module.execute(client.ask()))
        told.put((counter, items, late))


def test_two_clients_of_one_meter_at_once_both_come_through_and_nothing_is_doubled(home: Path) -> None:
    """Two processes with copies of one customer's state. What both ask for under one id, they get once."""
    context = get_context("forkserver")
    both_there, told = context.Barrier(2), context.Queue()
    with module_of(home) as module:
        counters = [
            context.Process(target=print_at_a_counter, args=(home, counter, both_there, told)) for counter in (1, 2)
        ]
        for process in counters:
            process.start()
        reports = sorted(told.get(timeout=60) for _ in counters)
        for process in counters:
            process.join(60)
            assert process.exitcode == 0
        assert module.stop() == (0, "")

    (_, ours, late), (_, theirs, later) = reports
    assert ours[0] == theirs[0]
    assert len({*ours, *theirs}) == 2 * ITEMS - 1
    assert late + later > 0  # they did meet
    spent = (2 * ITEMS - 1) * 330
    assert_whole(home, {"Ada": spent})
    registers = sorted(orjson.loads(item.partition("\t")[0])["ar"] for item in {*ours, *theirs})
    assert registers == list(range(330, spent + 1, 330))
