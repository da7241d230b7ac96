"""The host's way of translating all meters of a module, a batch at a time (H-05, H-41)."""

from collections.abc import Iterator
from itertools import count

import orjson
import pytest

from indicium.domain.commands.base import Command
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import MksNotHeld, StoreFailed
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.package import Package
from indicium.infrastructure.schema import packages
from indicium.parties.operator import Operator
from indicium.parties.rollover import RolledOver, Rollover, roll_over
from tests.harness import SERIAL, World, flipped, initialize_psd, moving_part
from tests.sets import change_places, make_dormant, officer

Told = list[tuple[int, int]]


@pytest.fixture
def rollover(world: World) -> Rollover:
    """From the active set to a dormant one; the world has five meters."""
    return Rollover(SERIAL, *make_dormant(world))


def roll(world: World, operator: Operator, rollover: Rollover, batch: int = 2) -> tuple[RolledOver, Told]:
    told: Told = []
    rolled = roll_over(world.store, operator, rollover, lambda *numbers: told.append(numbers), batch=batch)
    return rolled, told


def sets_of(world: World) -> Iterator[str]:
    return (moving_part(package).mks for package in world.store.packages())


def put(world: World, package: Package) -> None:
    """Put a package in the place of a meter's, as somebody with the database can: the store takes no older one."""
    with world.store.engine.execution_options(begin_immediate=True).begin() as connection:
        here = packages.update().where(packages.c.psd_id == package.psd_id)
        connection.execute(here.values(moving=package.moving, mac=package.mac))


@pytest.mark.parametrize(
    ("batch", "told"),
    [(2, [(2, 5), (4, 5), (5, 5)]), (5, [(5, 5)]), (100, [(5, 5)]), (1, [(number, 5) for number in range(1, 6)])],
)
def test_all_meters_are_translated_in_batches_and_progress_is_told(
    world: World, rollover: Rollover, batch: int, told: Told
) -> None:
    with officer(world) as operator:
        assert roll(world, operator, rollover, batch) == (RolledOver(5, {}), told)
    assert set(sets_of(world)) == {rollover.target}
    commands = [record for record in world.records() if record.event == "packages-translated"]
    assert len(commands) == len(told)


def test_what_is_done_already_is_not_asked_for(world: World, rollover: Rollover) -> None:
    with officer(world) as operator:
        roll(world, operator, rollover)
        head = world.module.head
        assert roll(world, operator, rollover) == (RolledOver(0, {}), [])
        assert world.module.head == head


def test_a_rollover_that_stopped_goes_on_where_it_stopped(world: World, rollover: Rollover) -> None:
    calls = count(1)

    def failing(command: Command) -> bytes:
        if isinstance(command, SessionMessage) and command.psd_ids and next(calls) == 2:
            raise StoreFailed(place="store", why="disk full")
        return world.execute(command)

    with pytest.raises(StoreFailed), officer(world, failing) as operator:
        roll(world, operator, rollover)
    world.reboot()
    assert sorted(sets_of(world)) == sorted([rollover.target] * 2 + [rollover.source] * 3)

    with officer(world) as operator:
        assert roll(world, operator, rollover) == (RolledOver(3, {}), [(2, 3), (3, 3)])


def test_a_meter_that_is_refused_is_named_and_asked_for_once(world: World, rollover: Rollover) -> None:
    ada, ben = world.package("ada"), world.package("ben")
    for package in (ada._replace(mac=flipped(ada.mac)), ben._replace(moving=b"{")):
        put(world, package)
    with officer(world) as operator:
        rolled, told = roll(world, operator, rollover)

    refused = dict.fromkeys((ada.psd_id, ben.psd_id), "package-not-authentic")
    assert (rolled, told) == (RolledOver(3, refused), [(2, 5), (4, 5), (5, 5)])


def test_the_meters_of_another_module_are_left_alone(world: World, rollover: Rollover) -> None:
    package = world.package("ada")
    moving = orjson.dumps(moving_part(package)._replace(home=Serial("99"))._asdict())
    put(world, package._replace(moving=moving))

    with officer(world) as operator:
        assert roll(world, operator, rollover)[0] == RolledOver(4, {})


def test_a_meter_that_is_made_meanwhile_under_the_source_has_its_turn(world: World, rollover: Rollover) -> None:
    """Translation comes before activation (M-49): until then the source is what new meters lie under."""
    made: list[DeviceId] = []

    def busy(command: Command) -> bytes:
        if isinstance(command, SessionMessage) and command.psd_ids and len(made) < 2:
            made.append(DeviceId(initialize_psd(world).psd))
        return world.execute(command)

    with officer(world, busy) as operator:
        rolled, told = roll(world, operator, rollover)
    assert rolled == RolledOver(7, {})
    assert told[-1][0] == told[-1][1] == 7
    assert set(sets_of(world)) == {rollover.target}


def test_customers_print_between_two_batches_and_afterwards_under_the_new_set(world: World, rollover: Rollover) -> None:
    spent = count(1)

    def customers_print(_done: int, _total: int) -> None:
        for name in ("ada", "ben"):
            world.ask(name)
            world.spend(name, 330, f"{next(spent)}")

    with officer(world) as operator:
        rolled = roll_over(world.store, operator, rollover, customers_print, batch=1)
    change_places(world)
    customers_print(0, 0)

    assert rolled == RolledOver(5, {})
    assert {name: world.moving(name).ar for name in ("ada", "ben")} == {"ada": 6 * 330, "ben": 6 * 330}
    assert set(sets_of(world)) == {rollover.target}


def test_what_the_module_refuses_as_a_whole_is_raised(world: World) -> None:
    active, _ = make_dormant(world)
    with officer(world) as operator, pytest.raises(MksNotHeld):
        roll(world, operator, Rollover(SERIAL, active, "0" * 16))
