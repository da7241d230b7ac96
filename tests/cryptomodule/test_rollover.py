"""Two Master Key Sets in one module, and the way of meters from one to the other (Y-08, H-03 … H-07, M-49 … M-51)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indicium.cryptomodule.dispatch import Dispatched
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.vault import StaticPart
from indicium.cryptomodule.verifier import Verdict, load_key
from indicium.domain.amounts import Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.domain.commands.mks_usage import TranslateEncryptionAndMac
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import (
    BadValue,
    ChallengeMismatch,
    CommandNotAllowed,
    CryptoCardNotInitialized,
    DormantMksExists,
    MksNotHeld,
    PackageAlreadyUsed,
    SecretsNotReadable,
    StoreFailed,
)
from indicium.domain.events import PsdEvent, parse_event
from indicium.domain.evolve import ModuleAt, evolve
from indicium.domain.flow import Gathered, SealedRecord
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package
from indicium.domain.record import parse
from indicium.domain.replies import parse_reply
from indicium.parties.operator import Execute
from indicium.projections import Views
from indicium.projections.meter_history import MeterHistory
from tests.harness import LETTER, World, data_of, flipped
from tests.sets import change_places, delete_dormant, make_dormant, officer, translate, translation

ALL = ("ada", "ben", "assigned", "unleased", "raw")
"""A meter of each state."""


def translated(world: World) -> list[SealedRecord]:
    """Give the records of translated meters."""
    return [record for record in world.records() if record.event == "psd-translated"]


def summaries(world: World) -> list[dict[str, Any]]:
    """Give what the records of the commands say."""
    return [data_of(record) for record in world.records() if record.event == "packages-translated"]


def under(world: World, name: str) -> str:
    """Say which set a meter lies under: its package says it twice."""
    static = StaticPart.model_validate_json(world.package(name).static)
    assert static.mks == world.moving(name).mks
    return static.mks


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


def test_meters_in_every_state_are_translated_each_with_a_record_and_a_version_of_its_own(world: World) -> None:
    """H-06, H-41."""
    active, dormant = make_dormant(world)
    before = {name: world.moving(name) for name in ALL}
    statics = {name: world.package(name).static for name in ALL}
    totals = world.inner.hot.totals

    answer = translate(world, ALL, active, dormant)

    assert answer == {"translated": 5, "passed_over": 0, "refused": []}
    assert [under(world, name) for name in ALL] == [dormant] * 5
    for name, record in zip(ALL, translated(world), strict=True):
        after, package = world.moving(name), world.package(name)
        assert after == before[name]._replace(
            version=before[name].version + 1, mks=dormant, static=after.static, last_at=after.last_at
        )
        assert package.static != statics[name]
        old, new = (StaticPart.model_validate_json(static) for static in (statics[name], package.static))
        assert (new.psd, new.public_key, new.certificate) == (old.psd, old.public_key, old.certificate)
        assert not {new.signing_key, new.edek, new.secrets or b"1"} & {old.signing_key, old.edek, old.secrets or b"2"}
        assert (record.psd_id, record.psd_version) == (after.psd, after.version)
        envelope = parse(record.line)
        assert not envelope.signed
        assert (envelope.user, envelope.role, envelope.command) == (None, None, "TranslateEncryptionAndMac")
        assert (envelope.data["request"], envelope.data["content"]) == (None, None)
        assert envelope.data["authenticated_as"] == "security-officer"
        point = envelope.data["checkpoint"]
        assert (point["transaction"], point["value"]) == ("psd-translated", 0)
        assert (point["ar"], point["dr"]) == (after.ar, after.dr)
        assert (point["downloaded"], point["printed"], point["refunded"]) == totals
    assert world.inner.hot.totals == totals


def test_one_signed_record_says_what_became_of_the_command_and_all_is_saved_at_once(world: World) -> None:
    active, dormant = make_dormant(world)
    made: list[Dispatched] = []

    def noted(command: Command) -> bytes:
        made.append(world.dispatch([command]))
        return world.save(made[-1])[0] or b""

    with officer(world, noted) as operator:
        operator.send(translation(world, ("ada", "raw"), active, dormant))
        changes = made[-1].changes

    assert [record.event for record in changes.records] == ["psd-translated", "psd-translated", "packages-translated"]
    assert {package.psd_id for package in changes.packages} == {world.meters["ada"], world.meters["raw"]}
    assert changes.replies == ()
    record = parse(changes.records[-1].line)
    assert record.signed
    assert (record.user, record.role, record.reason) == ("officer", "security-officer", 0)
    assert record.data == {
        "source": active, "target": dormant, "translated": 2, "passed_over": 0, "refused": [],
    }  # fmt: skip
    assert (changes.records[-1].psd_id, changes.records[-1].psd_version) == (None, None)


@pytest.mark.parametrize("deleted", ["source", "target"])
def test_what_is_translated_lies_under_its_target_alone(world: World, deleted: str) -> None:
    """H-06, H-07, M-51: the old set may go, and the new one may not."""
    active, dormant = make_dormant(world)
    world.spend("ada", 330, "before")
    translate(world, ALL, active, dormant)
    if deleted == "source":
        change_places(world)
    delete_dormant(world)

    if deleted == "source":
        world.ask("ada")
        assert world.spend("ada", 330, "after").ar == 660
        assert world.ask("unleased").state == "unleased"
        world.register("unleased")
        return
    with pytest.raises(MksNotHeld) as refused:
        world.ask("ada")
    assert refused.value.mks == dormant


def test_a_repeat_changes_nothing_and_says_so(world: World) -> None:
    active, dormant = make_dormant(world)
    translate(world, ALL, active, dormant)
    packages = [world.package(name) for name in ALL]

    assert translate(world, ALL, active, dormant) == {"translated": 0, "passed_over": 5, "refused": []}
    assert [world.package(name) for name in ALL] == packages
    assert len(translated(world)) == 5


def test_a_meter_that_is_named_twice_is_translated_once(world: World) -> None:
    active, dormant = make_dormant(world)

    assert translate(world, ("ada", "ada"), active, dormant) == {"translated": 1, "passed_over": 1, "refused": []}


def test_the_way_back_is_open_as_long_as_both_sets_are_there(world: World) -> None:
    """M-49: both directions, by naming from and to."""
    active, dormant = make_dormant(world)
    translate(world, ALL, active, dormant)
    change_places(world)
    translate(world, ("ada",), active, dormant)
    translate(world, ("ada",), dormant, active)

    assert (under(world, "ada"), under(world, "ben")) == (active, dormant)
    world.ask("ada")
    assert world.spend("ada", 330, "a").ar == 330


# What fails is named, and stops nobody


def _altered(world: World) -> Package:
    package = world.package("ada")
    return package._replace(mac=flipped(package.mac))


def _of_other_parts(world: World) -> Package:
    return world.package("ada")._replace(static=world.package("ben").static)


def _old(world: World) -> Package:
    package = world.package("ada")
    world.spend("ada", 330, "meanwhile")
    return package


def _of_another(world: World) -> Package:
    return world.package("assigned")._replace(psd_id=DeviceId(world.meters["ada"]))


def _elsewhere(world: World) -> Package:
    package = world.forge("ada", home="99")
    world.acknowledge(package)
    return package


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_altered, "package-not-authentic"),
        (_of_other_parts, "package-not-authentic"),
        (_old, "package-already-used"),
        (_of_another, "meter-number-mismatch"),
        (_elsewhere, "not-at-home"),
    ],
)
def test_a_package_that_fails_is_named_and_the_others_are_translated(
    world: World, make: Callable[[World], Package], code: str
) -> None:
    """Whether it is authentic, current, of this meter and at home is checked as for any transaction (I-30)."""
    active, dormant = make_dormant(world)
    bad = make(world)
    with officer(world, bringing(world, bad)) as operator:
        answer = operator.send(translation(world, ("ada", "ben"), active, dormant))

    named = [{"psd": world.meters["ada"], "code": code}]
    assert answer == {"translated": 1, "passed_over": 0, "refused": named}
    assert summaries(world)[-1]["refused"] == named
    assert [record.psd_id for record in translated(world)] == [world.meters["ben"]]


def bringing(world: World, package: Package) -> Execute:
    """Give a server that brings this package in the place of a meter's own."""

    def execute(command: Command) -> bytes:
        found = world.gather([command])
        packages = {psd_id: package if psd_id == package.psd_id else own for psd_id, own in found.packages.items()}
        (answer,) = world.run([command], Gathered(found.head, packages))
        assert isinstance(answer, bytes)
        return answer

    return execute


def test_a_meter_that_nobody_knows_is_named(world: World) -> None:
    active, dormant = make_dormant(world)
    with officer(world) as operator:
        unknown = TranslateEncryptionAndMac(source=active, target=dormant, psd_ids=("9999999999", world.meters["ada"]))
        answer = operator.send(unknown)

    assert answer == {
        "translated": 1, "passed_over": 0, "refused": [{"psd": "9999999999", "code": "unknown-meter"}],
    }  # fmt: skip


@pytest.mark.parametrize("named", [(), ("ben",), ("ben", "raw")])
def test_the_meters_named_around_the_message_decide_nothing_but_what_is_gathered(
    world: World, named: tuple[str, ...]
) -> None:
    """The list is not authenticated: what it lacks is refused, and what it has for nothing is not looked at."""
    active, dormant = make_dormant(world)
    with officer(world) as operator:
        real = operator._execute

        def tampered(command: Command) -> bytes:
            assert isinstance(command, SessionMessage)
            psd_ids = tuple(world.meters[name] for name in named)
            return real(command.model_copy(update={"psd_ids": psd_ids}) if command.psd_ids else command)

        operator._execute = tampered
        answer = operator.send(translation(world, ("ada", "ben"), active, dormant))

    missing = [
        {"psd": world.meters[name], "code": "package-not-gathered"} for name in ("ada", "ben") if name not in named
    ]
    assert answer == {"translated": 2 - len(missing), "passed_over": 0, "refused": missing}
    assert under(world, "raw") == active


def test_sets_that_the_module_has_not_and_a_way_to_nowhere_are_refused(world: World) -> None:
    active, dormant = make_dormant(world)
    with officer(world) as operator:
        for source, target, missing in (("0" * 16, dormant, "0" * 16), (active, "f" * 16, "f" * 16)):
            with pytest.raises(MksNotHeld) as refused:
                operator.send(translation(world, ALL, source, target))
            assert refused.value.mks == missing
        with pytest.raises(BadValue):
            operator.send(translation(world, ALL, active, active))
    assert translated(world) == []
    assert [data_of(record)["code"] for record in world.records()[-4:-1]] == [
        "mks-not-held",
        "mks-not-held",
        "bad-value",
    ]


def test_a_module_without_crypto_card_has_no_meters_to_translate(world: World) -> None:
    active, dormant = make_dormant(world)
    cold = world.inner.cold.model_copy(update={"card": None})
    world.write_memory(world.inner.hot.copy(), cold)
    world.reboot()
    with officer(world) as operator, pytest.raises(CryptoCardNotInitialized):
        operator.send(translation(world, ALL, active, dormant))


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


# Views, replay, recovery


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


def passes(world: World) -> bool:
    """Say whether the store's chain verifies, columns and all."""
    assert world.born is not None
    return verify_rows(iter(world.records()), load_key(world.born.audit_key)).verdict is Verdict.PASS


def lose_translation(world: World, names: tuple[str, ...], source: str, target: str) -> None:
    """Have meters translated, and take the module's power before the store has them."""

    def cut_off(command: Command) -> bytes:
        if isinstance(command, SessionMessage) and command.psd_ids:
            world.dispatch([command])
            raise StoreFailed(place="store", why="power is gone")
        return world.execute(command)

    with pytest.raises(StoreFailed), officer(world, cut_off) as operator:
        operator.send(translation(world, names, source, target))
    world.reboot()
    resumed = world.module.resume(world.gather([]))
    assert resumed is not None
    world.save(resumed)


def test_a_translation_that_is_lost_is_discarded_whole_and_its_command_stands(world: World) -> None:
    """O-10 … O-13: only transactions of meters are discarded; the record of who asked for what is redone."""
    active, dormant = make_dormant(world)
    packages, digests = [world.package(name) for name in ALL], dict(world.inner.meters)
    lose_translation(world, ALL, active, dormant)

    *lost, summary, recovered = world.records()[-7:]
    assert [(record.event, record.psd_id) for record in lost] == [("psd-translated", None)] * 5
    assert summary.event == "packages-translated"
    assert [named["sequence"] for named in data_of(recovered)["discarded"]] == [record.sequence for record in lost]
    assert [world.package(name) for name in ALL] == packages
    assert dict(world.inner.meters) == digests
    assert passes(world)
    assert translate(world, ALL, active, dormant)["translated"] == 5
    world.ask("ada")
    assert world.spend("ada", 330, "a").ar == 330
    assert passes(world)


def test_a_translation_that_memory_did_not_take_never_happened(world: World) -> None:
    active, dormant = make_dormant(world)

    def on_a_full_disk(command: Command) -> bytes:
        if isinstance(command, SessionMessage) and command.psd_ids:
            world.fail_memory()
        return world.execute(command)

    with pytest.raises(StoreFailed), officer(world, on_a_full_disk) as operator:
        operator.send(translation(world, ALL, active, dormant))
    world.mend_memory()

    assert translated(world) == []
    assert [under(world, name) for name in ALL] == [active] * 5
    assert translate(world, ALL, active, dormant)["translated"] == 5


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
