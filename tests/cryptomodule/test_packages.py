"""Packages as a hostile or confused store may give them (E-601, E-1002, I-30)."""

from collections.abc import Callable

import orjson
import pytest

from indicium.domain.commands.base import Command
from indicium.domain.errors import (
    MeterNumberMismatch,
    PackageAlreadyUsed,
    PackageNotAuthentic,
    UnknownMeter,
)
from indicium.domain.flow import Changes, Gathered
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package
from tests.harness import LETTER, World, flipped


def present(world: World, package: Package, request: Command | None = None) -> object:
    """Bring a request with this package; give its refusal, and demand that another meter's request is done."""
    ada, ben = DeviceId(world.meters["ada"]), DeviceId(world.meters["ben"])
    others = world.customers["ben"].ask()
    gathered = Gathered(world.gather([]).head, {ada: package, ben: world.package("ben")})
    before = world.snapshot()
    dispatched = world.dispatch([request or world.customers["ada"].create_indicium("a", 330, LETTER), others], gathered)
    assert dispatched.changes == Changes([], (), ())
    assert world.snapshot() == before
    assert dispatched.refusals[1] is None
    world.save(dispatched)
    return dispatched.refusals[0]


def test_an_old_package_put_back_is_already_used(world: World) -> None:
    """O-20, N-21."""
    old = world.package("ada")
    world.spend("ada", 330, "one")

    refused = present(world, old)
    assert isinstance(refused, PackageAlreadyUsed)
    assert (refused.presented, refused.known) == (5, 6)
    assert isinstance(present(world, old, world.customers["ada"].ask()), PackageAlreadyUsed)


def test_an_old_package_stays_used_after_a_reboot(world: World) -> None:
    old = world.package("ada")
    world.spend("ada", 330, "one")
    world.reboot()

    assert isinstance(present(world, old), PackageAlreadyUsed)


def test_a_meter_that_the_store_does_not_hold_is_unknown(world: World) -> None:
    (refused,) = world.run([world.customers["ada"].ask()], Gathered(world.gather([]).head))

    assert isinstance(refused, UnknownMeter)


def test_the_package_of_another_meter_is_found_out_by_its_number(world: World) -> None:
    assert isinstance(present(world, world.package("ben")), MeterNumberMismatch)


def test_parts_of_two_meters_never_match(world: World) -> None:
    ada, ben = world.package("ada"), world.package("ben")

    for mixed in (ada._replace(static=ben.static), ben._replace(static=ada.static), ada._replace(moving=ben.moving)):
        assert isinstance(present(world, mixed), PackageNotAuthentic)


def test_parts_of_two_times_never_match(world: World) -> None:
    """The static part of a meter before it was configured, with the moving part of today, and the other way round."""
    before = world.package("unleased")
    world.register("unleased")
    after = world.package("unleased")

    for mixed in (
        after._replace(static=before.static),
        before._replace(static=after.static),
        after._replace(moving=before.moving),
        after._replace(made_by=before.made_by),
        after._replace(mac=before.mac),
    ):
        world.meters["ada"] = world.meters["unleased"]
        assert isinstance(present(world, mixed, world.customers["unleased"].ask()), PackageNotAuthentic)


def test_a_package_of_another_module_is_foreign(world: World, empty: World) -> None:
    empty.hold_ceremony()
    empty.new_meter("ada")
    foreign = empty.package("ada")
    assert foreign.psd_id == world.meters["ada"]

    assert isinstance(present(world, foreign), PackageNotAuthentic)


def test_every_altered_byte_of_the_moving_part_is_found(world: World) -> None:
    package = world.package("ada")
    for place in range(len(package.moving)):
        assert isinstance(present(world, package._replace(moving=flipped(package.moving, place))), PackageNotAuthentic)


def test_altered_bytes_of_the_static_part_are_found(world: World) -> None:
    package = world.package("ada")
    for place in range(0, len(package.static), 7):
        assert isinstance(present(world, package._replace(static=flipped(package.static, place))), PackageNotAuthentic)


HOSTILE: dict[str, Callable[[Package], Package]] = {
    "no bytes": lambda package: package._replace(moving=b""),
    "no JSON": lambda package: package._replace(moving=b"\xff{"),
    "a list": lambda package: package._replace(moving=b"[]"),
    "a number": lambda package: package._replace(moving=b"5"),
    "null": lambda package: package._replace(moving=b"null"),
    "an empty object": lambda package: package._replace(moving=b"{}"),
    "one member too many": lambda package: package._replace(moving=package.moving[:-1] + b',"more":1}'),
    "a list for a number": lambda package: _member(package, psd=[]),
    "an object for a number": lambda package: _member(package, psd={}),
    "texts for registers": lambda package: _member(package, ar="1", dr="2", version="3"),
    "deep nesting": lambda package: package._replace(moving=b"[" * 5000),
    "a static part of no bytes": lambda package: package._replace(static=b""),
    "a static part that is a list": lambda package: package._replace(static=b"[]"),
    "a static part of another set of keys": lambda package: _static(package, mks="0" * 16),
    "a token that is too short": lambda package: _static(package, signing_key="AAAA"),
    "secrets that are too short": lambda package: _static(package, secrets="AAAA"),
    "another meter's name on the tokens": lambda package: _static(package, psd="1000000002"),
    "no secrets": lambda package: _static(package, secrets=None),
    "another public key": lambda package: _static(package, public_key="AAAA"),
    "no mac": lambda package: package._replace(mac=b""),
    "no maker": lambda package: package._replace(made_by=b""),
}


def _member(package: Package, **members: object) -> Package:
    return package._replace(moving=orjson.dumps({**orjson.loads(package.moving), **members}))


def _static(package: Package, **members: object) -> Package:
    return package._replace(static=orjson.dumps({**orjson.loads(package.static), **members}))


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_a_package_is_made_of_it_is_refused_and_the_others_go_on(
    world: World, make: Callable[[Package], Package]
) -> None:
    package = make(world.package("ada"))

    assert isinstance(present(world, package), PackageNotAuthentic)
    assert isinstance(present(world, package, world.customers["ada"].ask()), PackageNotAuthentic)
