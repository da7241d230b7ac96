"""Two Master Key Sets in one module, and how customers go on over a rollover (Y-08, H-03 … H-07, M-49 … M-51)."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indicium.domain.amounts import Mills
from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.domain.errors import (
    ChallengeMismatch,
    CommandNotAllowed,
    DormantMksExists,
    PackageAlreadyUsed,
    SecretsNotReadable,
)
from indicium.domain.events import PsdEvent, parse_event
from indicium.domain.evolve import ModuleAt, evolve
from indicium.domain.flow import Gathered
from indicium.domain.identity import DeviceId
from indicium.domain.record import parse
from indicium.domain.replies import parse_reply
from indicium.projections import Views
from indicium.projections.meter_history import MeterHistory
from tests.harness import LETTER, World
from tests.sets import (
    ALL,
    change_places,
    delete_dormant,
    lose_translation,
    make_dormant,
    officer,
    passes,
    translate,
    under,
)


def test_a_dormant_set_is_generated_where_a_switch_allows_it_and_a_third_set_never(world: World) -> None:
    """M-09, H-03: two sets, one of them active."""
    before = world.inner.cold.active
    active, dormant = make_dormant(world)

    cold = world.inner.cold
    assert cold.active == before
    assert cold.dormant is not None
    assert (cold.dormant.mks, cold.dormant.generated, cold.dormant.exportable) == (dormant, True, True)
    assert dormant != active
    assert (cold.dormant.mek, cold.dormant.mak) != (cold.active.mek if cold.active else b"", b"")
    record = parse(next(record for record in reversed(world.records()) if record.event.startswith("master")).line)
    assert record.signed
    assert (record.data, record.state) == ({"mks": dormant, "master": True}, "operational")
    with officer(world) as operator, pytest.raises(DormantMksExists) as refused:
        operator.send(GenerateMasterKeySet())
    assert refused.value.mks == dormant
    assert world.inner.cold == cold


def test_without_the_switch_an_operational_module_generates_no_set(world: World) -> None:
    """M-09."""
    with officer(world) as operator, pytest.raises(CommandNotAllowed):
        operator.send(GenerateMasterKeySet())
    assert world.inner.cold.dormant is None


# Customers go on


def test_a_customer_asks_anew_and_goes_on(world: World) -> None:
    """The client is a witness of versions and registers (M-58): it sees a newer version and the same registers."""
    active, dormant = make_dormant(world)
    world.spend("ada", 330, "one")
    shown = world.customers["ada"].state
    translate(world, ALL, active, dormant)

    with pytest.raises(ChallengeMismatch):
        world.spend("ada", 330, "two")
    answer = world.ask("ada")
    assert (answer.version, answer.ar, answer.dr) == (shown.version + 1, shown.ar, shown.dr)
    assert answer.record != shown.record
    assert world.spend("ada", 330, "two").ar == 660


def test_the_reply_to_a_request_from_before_still_opens(world: World) -> None:
    """Replies are sealed under a key from MK_psd, and MK_psd comes from V_psd, which stays (F-22)."""
    active, dormant = make_dormant(world)
    request = world.customers["ada"].create_indicium("one", 330, LETTER)
    reply = world.execute(request)
    translate(world, ALL, active, dormant)
    change_places(world)
    delete_dormant(world)

    assert world.execute(request) == reply
    assert world.moving("ada").ar == 330


def test_the_package_from_before_is_never_spent(world: World) -> None:
    active, dormant = make_dormant(world)
    old, request = world.package("ada"), world.customers["ada"].create_indicium("one", 330, LETTER)
    translate(world, ALL, active, dormant)

    (refused,) = world.run([request], Gathered(world.gather([]).head, {old.psd_id: old}))
    assert isinstance(refused, PackageAlreadyUsed)


def test_a_refill_that_was_signed_before_is_loaded_afterwards(world: World) -> None:
    """A download names AR + DR, which a translation leaves (E-1005)."""
    active, dormant = make_dormant(world)
    refill = world.provider.download(world.ask("ada"), "refill", Mills(500))
    translate(world, ALL, active, dormant)

    assert parse_reply(world.execute(refill)).dr == 100_500


def test_a_registration_that_was_begun_before_is_begun_anew(world: World) -> None:
    active, dormant = make_dormant(world)
    customer = world.customers["unleased"]
    customer.answered(world.execute(customer.ask()))
    translate(world, ("unleased",), active, dormant)
    with pytest.raises(SecretsNotReadable):
        world.execute(customer.configure("configure"))

    world.register("unleased")
    assert world.moving("unleased").state == "assigned"


# Read under either, written under the active one


def test_either_set_is_read_and_a_print_leaves_the_static_part_where_it_lies(world: World) -> None:
    """M-49, M-50: during a rollover some meters are under the old set, and some under the new."""
    active, dormant = make_dormant(world)
    translate(world, ("ada",), active, dormant)
    world.ask("ada")
    for _ in range(2):
        assert (under(world, "ada"), under(world, "ben")) == (dormant, active)
        for name in ("ada", "ben"):
            static = world.package(name).static
            before = world.moving(name).ar
            assert world.spend(name, 330, f"{name}-{before}").ar == before + 330
            assert world.package(name).static == static
        change_places(world)


def test_whatever_of_a_static_part_is_made_anew_lies_under_the_active_set(world: World) -> None:
    """M-50: a new meter, a certificate, a customer's secrets."""
    active, dormant = make_dormant(world)
    change_places(world)
    assert under(world, "raw") == under(world, "unleased") == active

    world.authorize("raw", world.certify(world.meters["raw"], world.public_key("raw")))
    world.register("unleased")
    world.new_meter("new")

    assert {name: under(world, name) for name in ("raw", "unleased", "new", "ada")} == {
        "raw": dormant, "unleased": dormant, "new": dormant, "ada": active,
    }  # fmt: skip
    for name in ("raw", "unleased", "new"):
        event = parse_event(world.store.of_meter(DeviceId(world.meters[name]))[-1].line)
        assert isinstance(event, PsdEvent)
        assert event.data.package.mks == dormant
    delete_dormant(world)
    world.lease("unleased")
    assert world.moving("unleased").state == "leased"


def test_loaded_keys_stay_loaded_and_none_is_loaded_for_the_translation(world: World) -> None:
    active, dormant = make_dormant(world)
    assert world.inner.desk is not None
    vault = world.inner.desk.vault
    loaded = vault.load(world.package("ada").static)
    translate(world, ("ada", "ben"), active, dormant)

    assert world.inner.desk.vault is vault, "a logon changes no set: the keys stay"
    assert list(vault._loaded) == [world.moving("ada").static]
    assert vault.load(world.package("ada").static).signing_key is loaded.signing_key


def test_the_loaded_keys_go_with_a_set_that_is_deleted(world: World) -> None:
    """N-41."""
    make_dormant(world)
    inner = world.inner
    assert inner.desk is not None
    vault = inner.desk.vault
    vault.load(world.package("ada").static)
    inner.take(inner.hot, inner.cold.model_copy(update={"dormant": None}), inner.tails, {}, ())

    assert not vault._loaded
    assert inner.desk is not None
    assert inner.desk.vault is not vault


# Views, replay, and any order


def test_every_reader_of_the_stream_takes_a_translation_as_it_is(world: World) -> None:
    active, dormant = make_dormant(world)
    views = Views(world.store.engine)
    views.catch_up(world.store)
    before, moved = {row.device: row for row in views.meters()}, {row.event: row.value for row in views.movement()}
    translate(world, ALL, active, dormant)
    views.catch_up(world.store)

    for row in views.meters():
        assert row == before[row.device]._replace(psd_version=before[row.device].psd_version + 1)
    after = {row.event: (row.transactions, row.value) for row in views.movement()}
    assert after["psd-translated"] == (5, 0)
    assert {event: value for event, (_, value) in after.items() if event in moved} == moved
    assert views.check(world.store) == []
    last = MeterHistory(world.store).page(DeviceId(world.meters["ada"])).rows[-1]
    assert (last.event, last.value, last.request) == ("psd-translated", 0, None)
    state = ModuleAt()
    for record in world.records():
        state = evolve(state, parse_event(record.line))
    assert state.totals == world.inner.hot.totals
    assert [held.mks for held in state.master_key_sets] == [active, dormant]


STEP = st.one_of(
    st.tuples(st.just("spend"), st.sampled_from(["ada", "ben"])),
    st.tuples(st.sampled_from(["there", "back", "lost"]), st.sampled_from([("ada",), ("ben", "ada"), ALL])),
    st.tuples(st.sampled_from(["change places", "reboot"]), st.none()),
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=8))
def test_in_whatever_order_sets_change_and_customers_print_nothing_is_lost(
    ready: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, Any]],
) -> None:
    world = World.copy_of(ready, tmp_path_factory.mktemp("rollover") / "world")
    sets, spent = make_dormant(world), {"ada": 0, "ben": 0}
    where = dict.fromkeys(ALL, sets[0])
    for number, (step, what) in enumerate(steps):
        match step:
            case "spend":
                world.ask(what)
                spent[what] = world.spend(what, 330, f"{number}").ar
            case "there" | "back":
                source, target = sets if step == "there" else sets[::-1]
                moved = [name for name in what if where[name] != target]
                assert translate(world, what, source, target)["translated"] == len(moved)
                where |= dict.fromkeys(what, target)
            case "lost":
                lose_translation(world, what, *sets)
            case "change places":
                change_places(world)
            case _:
                world.reboot()
    assert {name: under(world, name) for name in ALL} == where
    assert {name: world.ask(name).ar for name in spent} == spent
    assert all(value % 330 == 0 for value in spent.values())
    assert passes(world)
    world.close()
