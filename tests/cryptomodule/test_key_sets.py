"""The two Master Key Sets of a module: which is active, and what a deletion takes along (H-03 … H-07, M-48 … M-51)."""

import pytest

from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.domain.commands.master_keys import ActivateMks, DeleteDormantMks
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import MemoryNotAuthentic, MksNotHeld, MksStillNeeded, NoDormantMks
from indicium.domain.events import parse_event
from indicium.domain.evolve import replay
from indicium.domain.switches import Switches
from tests.fleet import Fleet, Site
from tests.harness import World, data_of
from tests.sets import change_places, make_dormant, officer, translate


@pytest.fixture
def holder(fleet: Fleet) -> Site:
    """A module with three meters under its first MKS, and a second one dormant (M-09's switch makes it quickly)."""
    site = fleet.site("10000004", switches=Switches(generate_dormant_mks=True))
    site.officer(GenerateMasterKeySet())
    site.configure()
    for name in ("ada", "ben", "cyd"):
        site.new_meter(name)
    site.officer(GenerateMasterKeySet())
    return site


def sets_of(site: Site) -> tuple[str | None, str | None]:
    active, dormant = site.inner.cold.active, site.inner.cold.dormant
    return active.mks if active else None, dormant.mks if dormant else None


def test_activation_without_a_dormant_set_is_accepted_and_recorded_and_changes_nothing(fleet: Fleet) -> None:
    """M-48: so the ceremony of H-31 runs as it is written."""
    master = fleet.master()
    active, _ = sets_of(master)

    assert master.officer(ActivateMks()) == {"mks": active, "dormant": None}

    assert sets_of(master) == (active, None)
    record = next(record for record in reversed(master.records()) if record.event == "mks-activated")
    assert data_of(record) == {"mks": active, "dormant": None}
    assert b"\t" in record.line


def test_a_deletion_without_a_dormant_set_is_refused(fleet: Fleet) -> None:
    with pytest.raises(NoDormantMks):
        fleet.master().officer(DeleteDormantMks(forced=True))


def test_a_dormant_set_that_no_meter_needs_is_deleted(holder: Site) -> None:
    """H-07."""
    first, second = sets_of(holder)

    holder.officer(DeleteDormantMks())

    assert sets_of(holder) == (first, None)
    record = next(record for record in reversed(holder.records()) if record.event == "dormant-mks-deleted")
    assert data_of(record) == {"mks": second, "forced": False, "meters": 0}
    holder.register("ada")


def test_a_dormant_set_that_meters_lie_under_is_not_deleted_unless_it_is_forced(holder: Site) -> None:
    """M-51: the record says how many meters are lost."""
    holder.officer(ActivateMks())
    second, first = sets_of(holder)
    for _ in range(2):  # what memory knows of its meters survives a boot
        with pytest.raises(MksStillNeeded) as refused:
            holder.officer(DeleteDormantMks())
        assert (refused.value.mks, refused.value.meters) == (first, 3)
        holder.reboot()
    assert sets_of(holder) == (second, first)

    holder.officer(DeleteDormantMks(forced=True))

    assert sets_of(holder) == (second, None)
    record = next(record for record in reversed(holder.records()) if record.event == "dormant-mks-deleted")
    assert data_of(record) == {"mks": first, "forced": True, "meters": 3}


def test_a_meter_counts_for_the_set_that_it_was_made_under(holder: Site) -> None:
    first, _ = sets_of(holder)
    holder.officer(ActivateMks())
    holder.new_meter("dot")
    holder.officer(ActivateMks())
    assert sets_of(holder)[0] == first

    with pytest.raises(MksStillNeeded) as refused:
        holder.officer(DeleteDormantMks())
    assert refused.value.meters == 1


def test_a_meter_that_was_translated_counts_for_the_set_that_it_went_to(world: World) -> None:
    """M-51, H-06: five meters, two of them translated."""
    first, second = make_dormant(world)
    translate(world, ("ada", "raw"), first, second)
    for _ in range(2):  # both ways, and after a boot
        for needed in (2, 3):
            with pytest.raises(MksStillNeeded) as refused, officer(world) as operator:
                operator.send(DeleteDormantMks())
            assert refused.value.meters == needed
            change_places(world)
        world.reboot()

    translate(world, ("ben", "assigned", "unleased"), first, second)
    change_places(world)
    with officer(world) as operator:
        assert operator.send(DeleteDormantMks()) == {"mks": first, "forced": False, "meters": 0}
    world.ask("ada")
    assert world.spend("ada", 330, "after").ar == 330


def test_a_forced_deletion_loses_the_meters_that_lie_under_the_set(world: World) -> None:
    """M-51: they are refused by name, and the others go on."""
    first, second = make_dormant(world)
    translate(world, ("ada",), first, second)
    change_places(world)
    with officer(world) as operator:
        assert operator.send(DeleteDormantMks(forced=True))["meters"] == 4

    world.ask("ada")
    assert world.spend("ada", 330, "after").ar == 330
    with pytest.raises(MksNotHeld):
        world.ask("ben")


def test_a_meter_that_a_lost_group_made_is_not_counted(holder: Site) -> None:
    """O-11: Auto-Recover gives a row back as it was, or takes it away."""
    holder.officer(ActivateMks())
    holder.dispatch([InitializePsd()])  # and the store never gets it
    dispatched = holder.module.resume(holder.store.gather(holder.module.chain, set(), set()))
    assert dispatched is not None
    holder.save(dispatched)
    holder.officer(ActivateMks())

    holder.officer(DeleteDormantMks())


def test_a_row_of_memory_under_another_set_is_not_authentic(holder: Site) -> None:
    """So nobody makes a module believe that a set is not needed any more."""
    holder.memory._connection.execute("UPDATE meters SET mks = ?", ["f" * 16])
    with pytest.raises(MemoryNotAuthentic):
        holder.reboot()


def test_a_replay_of_the_chain_gives_the_sets_that_the_module_holds(holder: Site) -> None:
    """Y-32."""
    for command in (ActivateMks(), DeleteDormantMks(forced=True)):
        holder.officer(command)
        state = replay(None, (parse_event(record.line) for record in holder.records()))
        assert state is not None
        held = {one.active: one.mks for one in state.master_key_sets}
        assert (held.get(True), held.get(False)) == sets_of(holder)
