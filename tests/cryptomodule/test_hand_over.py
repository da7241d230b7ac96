"""A meter goes from one home module to another, in two transactions (N-17 … N-22, ADR 0024)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from indicium.domain.commands.base import Command
from indicium.domain.commands.hand_over import GiveMeter, TakeMeter
from indicium.domain.errors import (
    HandOverForOther,
    HandOverNotAuthentic,
    MeterStaysHere,
    MksNotHeldThere,
    NotAtHome,
    NotTakenYet,
    OfferNotAuthentic,
    PackageAlreadyUsed,
    PackageNotAuthentic,
    Refusal,
)
from indicium.domain.flow import Changes, Gathered
from indicium.domain.hand_over import HandOver
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.package import Package
from indicium.projections import Views
from tests.fleet import Site
from tests.harness import LETTER, data_of, flipped
from tests.two_homes import GIVER, HELD, TAKER, TwoHomes, offer_of, taking


@pytest.fixture(scope="session")
def prepared_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two-homes")
    TwoHomes.prepare(folder)
    return folder


@pytest.fixture
def homes(prepared_homes: Path, tmp_path: Path) -> Iterator[TwoHomes]:
    """A module with ada and ben, and another of the same keys."""
    homes = TwoHomes.take_up(shutil.copytree(prepared_homes, tmp_path / "homes"))
    yield homes
    homes.fleet.close()


def refused(site: Site, command: Command, packages: dict[DeviceId, Package] | None = None) -> Refusal:
    """Have a module refuse a command, with the packages that the store gives, and see that nothing changed."""
    gathered = site.gather([command])
    before = site.snapshot()
    dispatched = site.dispatch([command], gathered if packages is None else Gathered(gathered.head, packages))
    assert dispatched.changes == Changes([], (), ())
    assert site.snapshot() == before
    site.save(dispatched)
    (refusal,) = dispatched.refusals
    assert isinstance(refusal, Refusal)
    return refusal


def remac(homes: TwoHomes, hand_over: HandOver, **changes: object) -> HandOver:
    """Make a hand-over as only a module of these keys could."""
    changed = hand_over.model_copy(update=changes)
    desk = homes.giver.inner.desk
    assert desk is not None
    package = homes.giver.store.package(DeviceId(hand_over.psd_id))
    assert package is not None
    mac = desk.vault.load(package.static).mk_psd.mac(changed.message())
    return changed.model_copy(update={"mac": mac.hex()})


def test_a_meter_goes_to_another_module_with_all_that_it_holds_and_prints_there(homes: TwoHomes) -> None:
    """N-19, N-20: registers, secrets and state go with the package; the totals stay what each module moved."""
    homes.giver.spend("ada", 330, "before")
    before = homes.giver.moving("ada")

    homes.move("ada")

    moved = homes.taker.moving("ada")
    assert moved._replace(version=0, home=Serial(""), last_at="") == before._replace(
        version=0, home=Serial(""), last_at=""
    )
    assert (moved.home, moved.version) == (TAKER, before.version + 2)
    homes.taker.ask("ada")
    assert homes.taker.spend("ada", 500, "after").dr == HELD - 830
    assert [site.inner.hot.totals.printed for site in (homes.giver, homes.taker)] == [330, 500]
    assert [site.status()["meters"] for site in (homes.giver, homes.taker)] == [1, 1]
    with pytest.raises(NotAtHome) as elsewhere:
        homes.giver.ask("ada")
    assert elsewhere.value.home == TAKER
    homes.giver.ask("ben")


def test_both_chains_say_so_and_the_views_follow(homes: TwoHomes) -> None:
    """G-501, A-34: each record names the other module; the registers show the highest version's home."""
    homes.move("ada")
    given, taken = homes.giver.records()[-1], homes.taker.records()[-1]

    assert (given.event, taken.event) == ("meter-given", "meter-taken")
    assert data_of(given)["to"] == {"module": TAKER, "chain": homes.taker.module.chain}
    given_by = {"module": GIVER, "chain": homes.giver.module.chain, "record": homes.giver.module.head.hash}
    assert data_of(taken)["given_by"] == given_by
    assert [data_of(record)["authenticated_as"] for record in (given, taken)] == ["default", "default"]
    assert [data_of(record)["checkpoint"]["value"] for record in (given, taken)] == [0, 0]
    views = Views(homes.giver.store.engine)
    views.catch_up(homes.giver.store)
    assert views.check(homes.giver.store) == []
    assert {row.customer: row.module for row in views.meters()} == {"ada": TAKER, "ben": GIVER}


def test_a_request_that_was_done_at_the_old_home_is_repeated_at_the_new_one(homes: TwoHomes) -> None:
    """N-18: the reply was sealed under the meter's own key, and goes with it."""
    request = homes.giver.customers["ada"].create_indicium("job", 330, LETTER)
    first = homes.giver.execute(request)
    homes.move("ada")

    assert homes.taker.execute(request) == first
    assert homes.taker.moving("ada").ar == 330


def test_between_the_two_the_meter_is_at_home_nowhere(homes: TwoHomes) -> None:
    """Nobody prints before the taker has the giver's word; the store's is not enough (`take-from-store`)."""
    hand_over = homes.give("ada")

    with pytest.raises(NotAtHome):
        homes.giver.ask("ada")
    with pytest.raises(NotTakenYet) as on_its_way:
        homes.taker.ask("ada")
    assert on_its_way.value.home == TAKER
    assert isinstance(
        refused(homes.taker, taking(hand_over.model_copy(update={"mac": "00" * 32}))), HandOverNotAuthentic
    )
    homes.take(hand_over)
    homes.taker.ask("ada")


def test_a_hand_over_that_was_lost_is_given_again_until_the_meter_was_taken(homes: TwoHomes) -> None:
    request = homes.giving("ada")
    first = homes.giver.execute(request)
    homes.giver.reboot()
    records = len(homes.giver.records())

    assert homes.giver.execute(request) == first
    assert homes.giver.execute(homes.giving("ada")) == first
    assert len(homes.giver.records()) == records
    homes.take(HandOver.model_validate_json(first))
    assert isinstance(refused(homes.giver, request), NotAtHome)


def test_a_meter_that_was_taken_is_taken_once(homes: TwoHomes) -> None:
    hand_over = homes.give("ada")
    first = homes.take(hand_over)
    records = len(homes.taker.records())

    assert homes.take(hand_over) == first
    homes.taker.ask("ada")
    homes.taker.spend("ada", 330, "job")
    homes.take(hand_over)
    assert len(homes.taker.records()) == records + 1


def test_several_meters_go_in_one_group(homes: TwoHomes) -> None:
    results = homes.giver.run([homes.giving(name) for name in ("ada", "ben", "ada")])
    given = [HandOver.model_validate_json(result) for result in results if isinstance(result, bytes)]
    assert given[0] == given[2]

    taken = homes.taker.run([taking(hand_over) for hand_over in given])

    assert all(isinstance(result, bytes) for result in taken)
    assert homes.giver.status()["meters"] == 0
    assert homes.taker.status()["meters"] == 2
    assert len([record for record in homes.taker.records() if record.event == "meter-taken"]) == 2


def test_no_old_package_is_ever_spent_wherever_it_was_at_home(homes: TwoHomes) -> None:
    """I-30 over a life on two modules, there and back and there again: `no-tombstone` is what must not be."""
    psd_id = DeviceId(homes.giver.meters["ada"])
    packages, hand_overs = [homes.giver.package("ada")], []
    site = homes.giver
    for round_ in range(3):
        hand_over = homes.give("ada", by=site)
        packages.append(site.package("ada"))
        hand_overs.append(hand_over)
        site = homes.other(site)
        homes.take(hand_over, by=site)
        packages.append(site.package("ada"))
        site.ask("ada")
        site.spend("ada", 330, f"job-{round_}")
        packages.append(site.package("ada"))
    *old, newest = packages

    for package in old:
        for module in (homes.giver, homes.taker):
            request = homes.giver.customers["ada"].ask()
            error = refused(module, request, {psd_id: package})
            assert isinstance(error, NotAtHome | PackageAlreadyUsed)
            for hand_over in hand_overs:
                error = refused(module, taking(hand_over), {psd_id: package})
                assert isinstance(error, NotAtHome | PackageAlreadyUsed | HandOverNotAuthentic)
            if package.version != hand_overs[-1].version:  # this one it may say again: it is the last that it said
                error = refused(module, homes.giving("ada", by=module), {psd_id: package})
                assert isinstance(error, NotAtHome | PackageAlreadyUsed)
    assert site.package("ada") == newest
    assert homes.taker.ask("ada").ar == 990


@pytest.mark.parametrize("times", [1, 2])
def test_what_was_given_and_never_saved_is_the_givers_again(homes: TwoHomes, times: int) -> None:
    """O-10 … O-13: nothing was released, so nobody has the hand-over."""
    before = homes.giver.inner.meters[DeviceId(homes.giver.meters["ada"])]
    for _ in range(times):
        homes.giver.dispatch([homes.giving("ada")])
        homes.giver.reboot()
        resumed = homes.giver.module.resume(homes.giver.gather([]))
        assert resumed is not None
        homes.giver.save(resumed)

    assert homes.giver.inner.meters[DeviceId(homes.giver.meters["ada"])] == before
    homes.giver.ask("ada")
    homes.move("ada")
    assert homes.taker.ask("ada").dr == HELD


def test_what_was_taken_and_never_saved_is_taken_again(homes: TwoHomes) -> None:
    """Also by a module that gave the meter away before: its row says again what it was."""
    homes.move("ada")
    hand_over = homes.give("ada", by=homes.taker)
    given_before = homes.giver.inner.meters[DeviceId(homes.giver.meters["ada"])]
    homes.giver.dispatch([taking(hand_over)])
    homes.giver.reboot()
    resumed = homes.giver.module.resume(homes.giver.gather([]))
    assert resumed is not None
    homes.giver.save(resumed)

    assert homes.giver.inner.meters[DeviceId(homes.giver.meters["ada"])] == given_before
    homes.take(hand_over, by=homes.giver)
    assert homes.giver.ask("ada").dr == HELD
    assert homes.taker.status()["meters"] == 0


def test_an_offer_of_somebody_else_is_refused(homes: TwoHomes) -> None:
    """Meters go only where the same keys are: a serial number alone is nobody's word."""
    offer = offer_of(homes.taker)
    for changes in ({"module": "999"}, {"chain": "0" * 32}, {"sets": ("0" * 16,)}, {"mac": "00" * 32}):
        command = GiveMeter(psd_id=homes.giver.meters["ada"], offer=offer.model_copy(update=changes))
        assert isinstance(refused(homes.giver, command), OfferNotAuthentic)
    own = GiveMeter(psd_id=homes.giver.meters["ada"], offer=offer_of(homes.giver))
    assert isinstance(refused(homes.giver, own), MeterStaysHere)


def test_a_meter_goes_only_where_its_master_key_set_is(homes: TwoHomes) -> None:
    """M-51."""
    offer = offer_of(homes.taker)
    other = offer.model_copy(update={"sets": ("0" * 16,)})
    desk = homes.giver.inner.desk
    assert desk is not None
    other = other.model_copy(update={"mac": desk.mk_chkpt.mac(other.message()).hex()})

    error = refused(homes.giver, GiveMeter(psd_id=homes.giver.meters["ada"], offer=other))

    assert isinstance(error, MksNotHeldThere)
    assert (error.module, error.mks) == (TAKER, homes.giver.moving("ada").mks)


def test_a_hand_over_is_of_one_package_and_for_one_chain(homes: TwoHomes) -> None:
    """A module that was reset begins a new chain, and knows nothing of what it held: it is another home (M-90)."""
    of_ben, of_ada = homes.give("ben"), homes.give("ada")
    psd_id = homes.giver.meters["ada"]

    mixed = TakeMeter(psd_id=psd_id, hand_over=of_ben)
    assert isinstance(refused(homes.taker, mixed), HandOverNotAuthentic)
    for changes in ({"version": of_ada.version - 1}, {"record": "0" * 64}, {"psd_id": homes.giver.meters["ben"]}):
        command = TakeMeter(psd_id=psd_id, hand_over=remac(homes, of_ada, **changes))
        assert isinstance(refused(homes.taker, command), HandOverNotAuthentic)
    elsewhere = remac(homes, of_ada, taker=ChainId("f" * 32))
    assert isinstance(refused(homes.taker, taking(elsewhere)), HandOverForOther)
    assert isinstance(refused(homes.giver, taking(of_ada)), NotAtHome)
    homes.take(of_ada)


def test_a_package_that_was_changed_is_neither_given_nor_taken(homes: TwoHomes) -> None:
    psd_id = DeviceId(homes.giver.meters["ada"])
    package = homes.giver.package("ada")
    changed = package._replace(moving=package.moving.replace(GIVER.encode(), TAKER.encode()))
    assert isinstance(refused(homes.giver, homes.giving("ada"), {psd_id: changed}), PackageNotAuthentic)
    hand_over = homes.give("ada")
    package = homes.giver.package("ada")
    changed = package._replace(mac=flipped(package.mac))
    assert isinstance(refused(homes.taker, taking(hand_over), {psd_id: changed}), PackageNotAuthentic)


def test_a_set_is_not_needed_any_more_for_meters_that_were_given_away(homes: TwoHomes) -> None:
    """M-51, H-07: a row that stays so that no old package is believed needs no key."""
    for name in ("ada", "ben"):
        homes.move(name)
    homes.taker.status()
    rows = homes.giver.inner.meters
    assert [row.at_home for row in rows.values()] == [False, False]
    assert [row.at_home for row in homes.taker.inner.meters.values()] == [True, True]
    assert not any(row.mks == homes.taker.moving("ada").mks for row in rows.values())
