"""Whole lives of many meters, drawn at random, on a real ledger file with the real module and a model beside them.

Requests are drafted by those who may make them, and sent at once, late, out of order, again and again, altered, alone
and in groups, while the module is switched off and on. After every step each meter is what the model says (E-1105,
E-1106): AR never falls, AR + DR is what was downloaded; the module's totals are the sum of the meters (G-308 … G-310);
nothing comes of what is refused; views and replay say the same, and the chain verifies.

`make hunt` looks longer.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import Verdict, load_key
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import ResetPassword
from indicium.domain.commands.psd import CreateIndicium, InitializePsd
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import (
    ChallengeMismatch,
    ClientHasSeenOther,
    ClientNotAuthentic,
    DeviceNumbersExhausted,
    ProviderNotAuthentic,
    PsdStateForbids,
    RequestIdReused,
)
from indicium.domain.flow import Changes
from indicium.domain.kinds import Elements, Voucher
from indicium.domain.replies import PsdReply, parse_reply
from indicium.parties.customer import Customer
from indicium.projections import Views, module_at
from tests.domain.items import SEEN
from tests.harness import DR_LIMIT, LETTER, World, flipped, initialize_psd, remac
from tests.lives.model import Draft, Meter, Model
from tests.searching import examples

DEVICES = 9
"""So many numbers has the module to give out."""

STEPS = st.sampled_from(["authorize", "configure", "lease"])

Value = int | str
ALL, TOO_MUCH = "all that there is", "a mill more than there is"
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.integers(10, 2_000),
    st.sampled_from([ALL, TOO_MUCH]),
    st.sampled_from([-LARGEST, -1, 0, 1, 9, 10, 100_000, 100_001, 500_000, 500_001, LARGEST]),
)
"""Ordinary values, and those at and beyond each limit."""

OF_A_SHEET: st.SearchStrategy[Value] = st.one_of(
    st.integers(10, 2_000), st.sampled_from([ALL, TOO_MUCH, -1, 9, 10, 100_000, 100_001])
)
"""Values of the items of a sheet; what there is goes around among them."""

ELEMENTS: st.SearchStrategy[Elements] = st.one_of(
    st.just(LETTER),
    SEEN.map(lambda text: Voucher(purpose=text)),
)


class Lives(RuleBasedStateMachine):
    """A module with its meters, their owners, and whoever sends something to it."""

    meters: Bundle[str] = Bundle("meters")
    drafts: Bundle[Draft] = Bundle("drafts")
    """What was sent, done or not."""
    waiting: Bundle[Draft] = Bundle("waiting")
    """What was never sent yet."""

    def __init__(self, prepared: Path) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life"))
        self.world = World.copy_of(prepared, self.folder / "world")
        self.model = Model()
        self.sent: list[Command] = []
        """What was done."""
        self.ids = 0

    def teardown(self) -> None:
        try:
            self.views_replay_and_chain_say_the_same()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)

    # What is made, and by whom.

    @initialize(target=meters, count=st.integers(1, 3), value=st.sampled_from([1_000, 100_000]))
    def begin_with_some_meters(self, count: int, value: int) -> Any:  # noqa: ANN401  # as hypothesis has it
        """A life that is worth looking at has meters with something in them."""
        return multiple(*self.begin(count, value))

    @rule(target=meters)
    def initialize_psd(self) -> Any:  # noqa: ANN401  # as hypothesis has it
        if len(self.model.meters) < DEVICES:
            return self.make()
        self.refused([InitializePsd()], [DeviceNumbersExhausted])
        return multiple()

    @rule(target=drafts, device=meters, step=STEPS, limit=st.sampled_from([0, 1000, 400_000, LARGEST]))
    def go_a_step(self, device: str, step: str, limit: int) -> Draft:
        """What leads from one state to the next, in every state."""
        if step == "lease":
            return self.do(self.lease(device, limit))
        return self.do(self.authorization(device) if step == "authorize" else self.registration(device))

    @rule(target=drafts, device=meters, value=VALUES)
    def download(self, device: str, value: Value) -> Draft:
        return self.do(self.refill(device, value))

    @rule(target=drafts, device=meters, value=VALUES, elements=ELEMENTS)
    def print_one(self, device: str, value: Value, elements: Elements) -> Draft:
        return self.do(self.item(device, value, elements))

    @rule(target=drafts, device=meters, value=VALUES, elements=ELEMENTS)
    def print_without_asking(self, device: str, value: Value, elements: Elements) -> Draft:
        """The client goes on with the challenge that it has; a refill has used that one up."""
        client = self.client(device)
        if not client.state.module_challenge:
            self.ask(device)
        request = client.create_indicium(self.new_id(), amount(value, client.state.dr), elements)
        return self.do(Draft(request, client.state.version, self.meter(device).keys))

    @rule(target=drafts, device=meters, value=VALUES)
    def print_a_correction(self, device: str, value: Value) -> Draft:
        return self.do(self.correction(device, value))

    @rule(target=drafts, device=meters, values=st.lists(OF_A_SHEET, min_size=1, max_size=4))
    def print_a_sheet(self, device: str, values: list[Value]) -> Draft:
        return self.do(self.sheet(device, values))

    @rule(target=drafts, device=meters, sure=st.integers(0, 3))
    def pay_back_and_withdraw(self, device: str, sure: int) -> Any:  # noqa: ANN401  # as hypothesis has it
        """Not often, for a meter's life ends with it."""
        return multiple() if sure else self.do(self.refund(device))

    @rule(device=meters, completed=st.booleans())
    def replace_a_lost_password(self, device: str, completed: bool) -> None:  # noqa: FBT001  # drawn
        """In Password Reset nothing is printed; from the end of it only the new HMK counts (M-17)."""
        if self.meter(device).state in ("leased", "pwreset"):
            self.do(self.reset(device, completed))

    # What is sent late, again, together, or altered.

    @rule(target=waiting, device=meters, value=VALUES, kind=st.sampled_from(["item", "refill", "refund"]))
    def draft_for_later(self, device: str, value: Value, kind: str) -> Draft:
        if kind == "refund":
            return self.refund(device)
        return self.item(device, value, LETTER) if kind == "item" else self.refill(device, value)

    @rule(draft=drafts | waiting)
    def send(self, draft: Draft) -> None:
        """What was drafted once: it comes late, or a second time."""
        self.do(draft)

    @rule(target=drafts, first=consumes(waiting), together=st.lists(drafts | waiting, min_size=1, max_size=5))
    def send_together(self, first: Draft, together: list[Draft]) -> Draft:
        """In one group a later request sees what an earlier one made, and the same one what it made itself."""
        self.do_all([first, *together, first])
        return first

    @rule(which=st.integers(0, 1_000))
    def ask_for_something_else_under_a_used_id(self, which: int) -> None:
        """Also of a meter that is in another state by now: a used id is looked at first."""
        printed = [one for one in self.sent if isinstance(one, CreateIndicium) and one.user is None]
        if printed:
            request = printed[which % len(printed)]
            other = request.model_copy(update={"value": request.value + 1})
            self.refused([remac(self.client(request.psd_id), other)], [RequestIdReused])

    @rule(
        device=meters,
        altered=st.sampled_from(["mac", "value", "module_challenge", "shown_ar", "shown_dr", "shown_record"]),
        refill=st.sampled_from(["signature", "value", "request_id"]),
    )
    def alter_on_the_way(self, device: str, altered: str, refill: str) -> None:
        self.refused([with_other(self.refill(device, 10).command, refill)], [ProviderNotAuthentic])
        draft = self.item(device, 10, LETTER)
        if self.model.predict(draft) is not None:
            return
        other: Any = with_other(draft.command, altered)
        self.refused([other], [ChallengeMismatch if altered == "module_challenge" else ClientNotAuthentic])
        if altered.startswith("shown"):
            self.refused([remac(self.client(device), other)], [ClientHasSeenOther])

    @rule(what=st.sampled_from(["a reboot", "a close", "an hour", "a day"]))
    def something_happens(self, what: str) -> None:
        if what == "a reboot":
            self.world.reboot()
        elif what == "a close":
            self.world.leave()
            self.world = World.take_up(self.world.folder)
        else:
            self.world.clock.pass_by(hours=1 if what == "an hour" else 24)

    # What must hold.

    @invariant()
    def every_meter_is_what_the_model_says(self) -> None:
        for meter in self.model.meters.values():
            moving = self.world.moving(meter.name)
            told = (meter.device, meter.state, meter.ar, meter.dr, meter.version)
            assert (moving.psd, moving.state, moving.ar, moving.dr, moving.version) == told
            assert moving.control_total == meter.downloaded
        assert self.world.inner.hot.totals == self.totals
        assert self.model.downloaded == sum(meter.downloaded for meter in self.model.meters.values())
        assert self.model.printed + self.model.refunded == sum(meter.ar for meter in self.model.meters.values())

    @rule()
    def views_replay_and_chain_say_the_same(self) -> None:
        world = self.world
        assert world.born is not None
        assert verify_rows(world.records(), load_key(world.born.audit_key)).verdict is Verdict.PASS
        views = Views(world.store.engine)
        views.catch_up(world.store)
        assert views.check(world.store) == []
        shown = {row.device: (row.state, row.psd_version, row.ar, row.dr) for row in views.meters()}
        assert shown == {
            meter.device: (meter.state, meter.version, meter.ar, meter.dr) for meter in self.model.meters.values()
        }
        assert module_at(world.store, world.module.chain, world.module.head.sequence).totals == self.totals

    # How it is done.

    @property
    def totals(self) -> tuple[int, int, int]:
        return self.model.downloaded, self.model.printed, self.model.refunded

    def meter(self, device: str) -> Meter:
        return self.model.meters[device]

    def client(self, device: str) -> Customer:
        return self.world.customers[self.meter(device).name]

    def new_id(self) -> str:
        self.ids += 1
        return f"request-{self.ids}"

    def begin(self, count: int, value: int) -> list[str]:
        devices = [self.make() for _ in range(count)]
        for device in devices:
            self.do(self.authorization(device))
            self.do(self.registration(device))
            self.do(self.lease(device, 400_000))
            self.do(self.refill(device, value))
        return devices

    def make(self) -> str:
        world, name = self.world, f"owner {len(self.model.meters)}"
        device = initialize_psd(world).psd
        world.meters[name] = device
        assert world.born is not None
        world.customers[name] = Customer.new(world.suite, world.born.card, name, device)
        self.model.meters[device] = Meter(name, device)
        return device

    def ask(self, device: str) -> None:
        """FIG. 5, 501: asking changes nothing."""
        head = self.world.module.head
        meter = self.meter(device)
        if meter.state == "withdrawn":
            self.refused([self.client(device).ask()], [PsdStateForbids])
            return
        reply = self.world.ask(meter.name)
        assert (reply.ar, reply.dr, reply.state, reply.version) == (meter.ar, meter.dr, meter.state, meter.version)
        assert self.world.module.head == head

    def authorization(self, device: str) -> Draft:
        meter = self.meter(device)
        certificate = self.world.certify(device, self.world.public_key(meter.name), at=self.world.clock.time)
        return Draft(self.world.authorization(meter.name, certificate, self.new_id()), meter.version)

    def registration(self, device: str) -> Draft:
        self.ask(device)
        return Draft(self.client(device).configure(self.new_id()), self.meter(device).version)

    def lease(self, device: str, limit: int) -> Draft:
        request = self.world.provider.authorize_customer(device, self.new_id(), "94107", Mills(limit))
        return Draft(request, self.meter(device).version)

    def refill(self, device: str, value: Value) -> Draft:
        self.ask(device)
        meter, shown = self.meter(device), self.shown(device)
        room = max(0, min(DR_LIMIT, meter.dr_limit) - meter.dr)
        request = self.world.provider.download(shown, self.new_id(), Mills(amount(value, room)))
        return Draft(request, meter.version, meter.keys)

    def refund(self, device: str) -> Draft:
        return Draft(self.world.provider.refund(self.shown(device), self.new_id()), self.meter(device).version)

    def shown(self, device: str) -> PsdReply:
        """What the provider is told of a meter."""
        meter = self.meter(device)
        return PsdReply(
            psd=device, request=None, version=meter.version, state=meter.state, ar=meter.ar, dr=meter.dr,
            record="", client_challenge=None, module_challenge="",
        )  # fmt: skip

    def correction(self, device: str, value: Value) -> Draft:
        self.ask(device)
        meter = self.meter(device)
        request = self.client(device).correct(self.new_id(), amount(value, meter.dr), LETTER, "0" * 64)
        return Draft(request, meter.version, meter.keys)

    def reset(self, device: str, completed: bool) -> Draft:  # noqa: FBT001  # drawn
        self.ask(device)
        client, meter = self.client(device), self.meter(device)
        if not completed:
            return Draft(client.ask_for_reset(self.new_id(), "hmk"), meter.version, meter.keys)
        client.renew(None)
        return Draft(client.complete_reset(self.new_id(), "hmk"), meter.version, meter.keys)

    def sheet(self, device: str, values: Sequence[Value]) -> Draft:
        self.ask(device)
        meter, client, request_id = self.meter(device), self.client(device), self.new_id()
        share = meter.dr // len(values)
        sheet = client.draft_sheet(
            request_id, [SheetItem(value=amount(value, share), elements=LETTER) for value in values]
        )
        return Draft(client.create_sheet(request_id, sheet), meter.version, meter.keys)

    def item(self, device: str, value: Value, elements: Elements) -> Draft:
        self.ask(device)
        meter = self.meter(device)
        request = self.client(device).create_indicium(self.new_id(), amount(value, meter.dr), elements)
        return Draft(request, meter.version, meter.keys)

    def do(self, draft: Draft) -> Draft:
        self.do_all([draft])
        return draft

    def do_all(self, drafts: Sequence[Draft]) -> None:
        """Send a group, and demand of each request what the model says of it after those before it."""
        quiet = Quiet(self.world)
        results = self.world.run([draft.command for draft in drafts])
        moved = False
        for draft, result in zip(drafts, results, strict=True):
            command: Any = draft.command
            expected, earlier = self.model.predict(draft), self.model.repeats(command)
            if expected is not None:
                assert type(result) is expected, (result, expected)
                moved = (expected is ClientNotAuthentic and self.model.fail(draft)) or moved
            elif earlier is not None:
                assert result == earlier
            else:
                assert isinstance(result, bytes), result
                before = self.meter(command.psd_id).ar
                self.sent.append(command)
                meter = self.model.apply(command, result)
                reply, moved = parse_reply(result), True
                assert reply.ar >= before
                assert (reply.ar, reply.dr, reply.state, reply.version) == (
                    meter.ar, meter.dr, meter.state, meter.version,
                )  # fmt: skip
                self.take(command, result)
        if not moved:
            quiet.demand()

    def take(self, command: Any, result: bytes) -> None:  # noqa: ANN401  # any command with a request id
        """Give a reply to whoever asked."""
        if getattr(command, "secrets", None) is not None and isinstance(command, ResetPassword):
            self.client(command.psd_id).was_reset(command.request_id, result)
        elif hasattr(command, "client_challenge"):
            self.client(command.psd_id).accept(command.request_id, result)

    def refused(self, requests: Sequence[Command], errors: Sequence[type[Exception]]) -> None:
        """Demand errors, and that nothing comes of what is refused."""
        quiet = Quiet(self.world)
        dispatched = self.world.dispatch(requests)
        assert [type(refusal) for refusal in dispatched.refusals] == list(errors)
        assert dispatched.changes == Changes([], (), ())
        self.world.save(dispatched)
        quiet.demand()


def amount(value: Value, there_is: int) -> int:
    """Give a value in mills; two of them depend on what there is."""
    return value if isinstance(value, int) else there_is + (value == TOO_MUCH)


def with_other(command: Command, name: str) -> Command:
    """Alter one member: a bit of bytes, the first character of a text, a mill of a number."""
    before = getattr(command, name)
    if isinstance(before, bytes):
        return command.model_copy(update={name: flipped(before)})
    if isinstance(before, str):
        return command.model_copy(update={name: ("1" if before[0] == "0" else "0") + before[1:]})
    return command.model_copy(update={name: before + 1})


class Quiet:
    """Notes the module and its head, to demand later that nothing has changed."""

    def __init__(self, world: World) -> None:
        self.world, self.before = world, world.snapshot()

    def demand(self) -> None:
        assert self.world.snapshot() == self.before


@pytest.fixture(scope="module")
def operational(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module whose ceremony is over, without meters."""
    folder = tmp_path_factory.mktemp("operational")
    world = World.make(folder)
    world.hold_ceremony()
    world.leave()
    return folder


def test_every_life_that_can_be_drawn_is_what_the_model_says(operational: Path) -> None:
    """Y-12, E-1105, E-1106, G-308 … G-310, M-58."""
    lives: Any = lambda: Lives(operational)  # noqa: E731  # it takes a factory, and its annotation says a class
    run_state_machine_as_test(lives, settings=examples(6, steps=30))
