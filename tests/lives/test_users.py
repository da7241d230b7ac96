"""Lives of meters that several people use, and of letters that are mailed another day: the same model, more rules.

Users are entered, print within their limits, are revoked, locked, deleted and entered again, lose and replace their
keys; proofs are forged under their names, and what they sent comes late or again (K-15 … K-21). What the records say of
each user is what the model says. Redating moves nothing (E8, M-79).
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, multiple, rule, run_state_machine_as_test

from indicium.cryptomodule.vault import StaticPart
from indicium.domain.commands.customer_users import AddUser, DeleteUser, ModifyUserPrivileges, ResetUserPassword
from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.errors import IndiciumError, ItemNotRedatable, ItemTooOld, RedatingDayUnfit, UnknownMeterUser
from indicium.domain.identity import DeviceId
from indicium.domain.messages import acting_user
from indicium.domain.privileges import Privilege
from indicium.domain.replies import parse_reply
from indicium.domain.vbi import parse_item
from indicium.parties.customer import Customer
from indicium.parties.redating import redate
from indicium.projections import MeterUsersAudit
from tests.harness import LETTER, flipped
from tests.lives.model import Draft, Meter, Refused
from tests.lives.test_lives import OF_A_SHEET, VALUES, Lives, Quiet, Value, amount, operational
from tests.searching import examples

__all__ = ["operational"]

NAMES = st.sampled_from(["bob", "bob", "eve"])
PRIVILEGES = st.sampled_from(
    [tuple(Privilege), (Privilege.CREATE_INDICIA,), (Privilege.RESET_PASSWORD,), (Privilege.RETRIEVE_STATUS,)]
)
MAXIMA = st.sampled_from([None, 0, 500, 2_000])
CHANGES: st.SearchStrategy[dict[str, object]] = st.sampled_from(
    [
        {"grant": (Privilege.CREATE_INDICIA, Privilege.RESET_PASSWORD)},
        {"revoke": (Privilege.CREATE_INDICIA,)},
        {"unlock": True},
        {"failure_limit": 1},
        {"maximum_total": 1_000},
        {"maximum_unlimited": True},
    ]
)
REDATING_DAYS = 30


class Company(Lives):
    """A module whose meters have several users."""

    def __init__(self, prepared: Path) -> None:
        super().__init__(prepared)
        self.users: dict[tuple[str, str], Customer] = {}
        """The client of whoever was entered under a name last."""
        self.entering: dict[tuple[str, str], Customer] = {}
        """By device and request: whose secrets the request brings."""
        self.items: list[tuple[str, str]] = []
        """Of each item that was printed the device and the line."""
        self.noted: dict[str, str] = {}
        """Of items that were redated, by their SHA-256, the day that was given last."""

    # What is made, and by whom.

    @initialize(target=Lives.meters, count=st.integers(1, 2), value=st.sampled_from([1_000, 100_000]))
    def begin_with_some_meters(self, count: int, value: int) -> Any:  # noqa: ANN401  # as hypothesis has it
        """A life of a company has meters with a user each."""
        devices = self.begin(count, value)
        for device in devices:
            self.do(self.entry(device, "bob", tuple(Privilege), 2, 2_000))
        return multiple(*devices)

    @rule(device=Lives.meters, name=NAMES, privileges=PRIVILEGES, limit=st.integers(1, 2), maximum=MAXIMA)
    def add_user(
        self, device: str, name: str, privileges: tuple[Privilege, ...], limit: int, maximum: int | None
    ) -> None:
        if self.has_customer(device):
            self.do(self.entry(device, name, privileges, limit, maximum))

    @rule(target=Lives.drafts, device=Lives.meters, name=NAMES, values=st.lists(VALUES, min_size=1, max_size=4))
    def print_as_a_user(self, device: str, name: str, values: list[Value]) -> Any:  # noqa: ANN401  # hypothesis
        return multiple(*(self.do(self.item_of(device, name, value)) for value in values))

    @rule(target=Lives.waiting, device=Lives.meters, name=NAMES, value=OF_A_SHEET)
    def draft_as_a_user_for_later(self, device: str, name: str, value: Value) -> Draft:
        return self.item_of(device, name, value)

    @rule(device=Lives.meters, name=NAMES, change=CHANGES)
    def change_a_user(self, device: str, name: str, change: dict[str, object]) -> None:
        """He tries at once what he may do now."""
        if self.has_customer(device):
            self.do(self.administered(device, ModifyUserPrivileges, name, **change))
            self.do(self.item_of(device, name, 10))

    @rule(device=Lives.meters, name=NAMES)
    def delete_a_user(self, device: str, name: str) -> None:
        if self.has_customer(device):
            self.do(self.administered(device, DeleteUser, name))

    @rule(device=Lives.meters, name=NAMES, by_himself=st.booleans())
    def replace_a_users_secrets(self, device: str, name: str, by_himself: bool) -> None:  # noqa: FBT001  # drawn
        if not self.has_customer(device):
            return
        meter, user = self.meter(device), self.user(device, name)
        self.ask(device)
        self.ask_as(device, name)
        user.renew(None)
        request_id = self.new_id()
        self.entering[device, request_id] = user
        if by_himself:
            request: Any = user.complete_reset(request_id, "hmk")
            self.do(Draft(request, meter.version, self.keys(device, name)))
        else:
            customer = self.client(device)
            request = customer.reset_user(request_id, name, user.enrol(customer.state.module_challenge))
            self.do(Draft(request, meter.version, meter.keys))

    @rule(device=Lives.meters, name=NAMES, times=st.integers(1, 3))
    def forge_the_proof_of_a_user(self, device: str, name: str, times: int) -> None:
        """Each is counted, until the account is locked and says so (K-20)."""
        for _ in range(times):
            draft = self.item_of(device, name, 10)
            request: Any = draft.command
            forged = request.model_copy(update={"mac": flipped(request.mac)})
            self.do(draft._replace(command=forged, forged=True))

    @rule(which=st.integers(0, 1_000), days=st.integers(-1, REDATING_DAYS + 1), again=st.booleans())
    def mail_a_letter_on_another_day(self, which: int, days: int, again: bool) -> None:  # noqa: FBT001  # drawn
        """E8, M-79: the server's own note. No meter, no module and no record hears of it."""
        if not self.items:
            return
        device, line = self.items[which % len(self.items)]
        item, today = parse_item(line.encode()), self.world.clock.time.date()
        last = date.fromisoformat(item.body.date) + timedelta(days=REDATING_DAYS)
        day, request_id, quiet = today + timedelta(days=days), self.new_id(), Quiet(self.world)
        expected: Refused = None
        if item.body.elements != LETTER:
            expected = ItemNotRedatable
        elif today > last:
            expected = ItemTooOld
        elif not today <= day <= last:
            expected = RedatingDayUnfit
        try:
            for _ in range(1 + again):
                noted = redate(self.world.store, device, line, day, request_id, self.world.clock.time, REDATING_DAYS)
                assert expected is None
                assert (noted.item_sha256, noted.date) == (item.sha256, day.isoformat())
                self.noted[item.sha256] = day.isoformat()
        except IndiciumError as error:
            assert type(error) is expected  # noqa: PT017  # which one it is was said before
        assert self.world.store.days_given([item.sha256]) == {
            sha256: given for sha256, given in self.noted.items() if sha256 == item.sha256
        }
        quiet.demand()

    # What must hold.

    @invariant()
    def every_user_is_what_the_model_says(self) -> None:
        desk = self.world.inner.desk
        assert desk is not None
        for meter in self.model.meters.values():
            if not meter.drawn:
                continue
            static = self.world.package(meter.name).static
            assert StaticPart.model_validate_json(static).psd == meter.device
            people = desk.vault.load(static).people
            assert people is not None
            told = {
                user.name: (
                    frozenset(user.privileges),
                    user.failures,
                    user.failure_limit,
                    user.maximum_total,
                    user.spent,
                )
                for user in people.users
            }
            assert told == {
                name: (user.privileges, user.failures, user.limit, user.maximum, user.spent)
                for name, user in meter.users.items()
            }

    @rule()
    def the_records_say_of_each_user_what_he_printed(self) -> None:
        """K-21."""
        audit = MeterUsersAudit(self.world.store)
        for meter in self.model.meters.values():
            said: dict[str | None, int] = {}
            for use in audit.use(DeviceId(meter.device)):
                if use.event in {"indicium-created", "postage-correction-created", "sheet-created"}:
                    said[use.user] = said.get(use.user, 0) + use.value
            assert said == meter.printed

    def teardown(self) -> None:
        try:
            self.the_records_say_of_each_user_what_he_printed()
        finally:
            super().teardown()

    # How it is done.

    def has_customer(self, device: str) -> bool:
        """Whether the meter has somebody who may administer it."""
        return self.meter(device).state in ("assigned", "leased", "pwreset")

    def keys(self, device: str, name: str) -> int:
        """Which of the secrets that were taken for a name his client has."""
        return self.meter(device).drawn.get(name, 0)

    def user(self, device: str, name: str) -> Customer:
        """Give the client of whoever has a name, or of a stranger who says that it is his."""
        return self.users.setdefault((device, name), self.stranger(device, name))

    def stranger(self, device: str, name: str) -> Customer:
        world = self.world
        assert world.born is not None
        return Customer.new(world.suite, world.born.card, self.meter(device).name, device, user=name)

    def ask_as(self, device: str, name: str) -> None:
        """FIG. 5 for a user; who is none hears the module's challenge all the same: it is no secret."""
        meter, client, customer = self.meter(device), self.user(device, name), self.client(device).state
        if meter.state != "withdrawn" and name in meter.users:
            client.answered(self.world.execute(client.ask()))
            return
        if meter.state != "withdrawn":
            self.refused([client.ask()], [UnknownMeterUser])
            self.ask(device)
            customer = self.client(device).state
        heard = {"module_challenge": customer.module_challenge, "record": customer.record or "0" * 64}
        client.state = client.state.model_copy(update=heard)

    def item_of(self, device: str, name: str, value: Value) -> Draft:
        self.ask_as(device, name)
        meter, client = self.meter(device), self.user(device, name)
        request = client.create_indicium(self.new_id(), amount(value, meter.dr), LETTER)
        return Draft(request, meter.version, self.keys(device, name))

    def entry(
        self, device: str, name: str, privileges: tuple[Privilege, ...], limit: int, maximum: int | None
    ) -> Draft:
        self.ask(device)
        new, customer, request_id = self.stranger(device, name), self.client(device), self.new_id()
        self.entering[device, request_id] = new
        secrets = new.enrol(customer.state.module_challenge)
        said = {"privileges": privileges, "failure_limit": limit, "maximum_total": maximum, "secrets": secrets}
        return self.by(device, customer.command(AddUser, request_id, name=name, **said))

    def administered(
        self, device: str, kind: type[DeleteUser | ModifyUserPrivileges], name: str, **asked: object
    ) -> Draft:
        self.ask(device)
        return self.by(device, self.client(device).command(kind, self.new_id(), name=name, **asked))

    def by(self, device: str, request: AddUser | DeleteUser | ModifyUserPrivileges) -> Draft:
        """What a meter's customer asks."""
        meter: Meter = self.meter(device)
        return Draft(request, meter.version, meter.keys)

    def take(self, command: Any, result: bytes) -> None:  # noqa: ANN401  # any command with a request id
        device, name = command.psd_id, acting_user(command)
        entered = self.entering.get((device, command.request_id))
        if isinstance(command, ResetUserPassword) and name is not None:
            self.users[device, name].was_reset(command.request_id, result)
        elif name is not None:
            self.users[device, name].accept(command.request_id, result)
        elif isinstance(command, ResetUserPassword):
            self.client(device).accept(command.request_id, result)
            assert entered is not None
            entered.answered(self.world.execute(entered.ask()))
        else:
            super().take(command, result)
        if isinstance(command, AddUser):
            assert entered is not None
            self.users[device, command.name] = entered
        if isinstance(command, CreateIndicium):
            self.items.append((device, parse_reply(result).item or ""))


def test_every_life_of_a_company_is_what_the_model_says(operational: Path) -> None:
    """Y-12, Y-27, Y-28, K-15 … K-21."""
    lives: Any = lambda: Company(operational)  # noqa: E731  # it takes a factory, and its annotation says a class
    run_state_machine_as_test(lives, settings=examples(24, steps=40))
