"""Ladders over the numbered checks.

A ladder begins with a presentation in which every check fails. Each rung repairs one fault of the rung above, and the
next check says its own error; in the end the command is done.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import pytest

from indicium.cryptomodule import ladders
from indicium.cryptomodule.people import People
from indicium.domain.commands.base import Command
from indicium.domain.errors import (
    ChallengeMismatch,
    ClientHasSeenOther,
    ClientNotAuthentic,
    MeterNumberMismatch,
    MeterUserExpired,
    MeterUserLocked,
    NotAtHome,
    PackageAlreadyUsed,
    PackageNotAuthentic,
    PrivilegeMissing,
    PsdStateForbids,
    Refusal,
    UnknownMeterUser,
)
from indicium.domain.flow import Changes, Gathered
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package
from indicium.domain.replies import parse_reply
from tests.harness import World, flipped

Faults = frozenset[str]
Presentation = tuple[Command, Mapping[DeviceId, Package]]
"""A command, and the package that the store gives for the number that it names."""


class Rung(NamedTuple):
    """A fault, the check that finds it, and what that check says."""

    fault: str
    found_by: str
    error: type[Refusal]
    counted: bool = False
    """Whether a refusal by this check is a transaction that counts it (K-20)."""


class Slipped(AssertionError):
    """A rung did not hold."""

    def __init__(self, rung: Rung, found: object) -> None:
        super().__init__(f"{rung.fault}: {found!r}")
        self.rung = rung


PACKAGE = (
    Rung("mac altered", "package_is_authentic", PackageNotAuthentic),
    Rung("parts of two times", "package_is_authentic", PackageNotAuthentic),
    Rung("other home", "package_is_current", NotAtHome),
    Rung("old package", "package_is_current", PackageAlreadyUsed),
    Rung("other state", "psd_state_allows", PsdStateForbids),
)
"""Faults of every package, in the order of the checks."""


class Ladder(NamedTuple):
    """A command with its faults from the first check to the last."""

    rungs: tuple[Rung, ...]
    present: Callable[[World, Faults], Presentation]
    state_after: str
    changes: bool = True
    """Whether the command makes a new version of the package."""

    def climb(self, world: World) -> None:
        """Repair one fault after the other and demand each error, and that nothing changed; then the command."""
        for place, rung in enumerate(self.rungs):
            command, packages = self.present(world, frozenset(rung.fault for rung in self.rungs[place:]))
            before = world.snapshot()
            dispatched = world.dispatch([command], Gathered(world.gather([]).head, packages))
            (refusal,) = dispatched.refusals
            if type(refusal) is not rung.error:
                raise Slipped(rung, refusal)
            assert refusal is not None
            facts = vars(refusal)
            assert None not in facts.values(), facts
            assert "psd_id" not in facts or facts["psd_id"] in world.meters.values(), facts
            if rung.counted:
                assert [record.event for record in dispatched.changes.records] == ["client-refused"]
            else:
                assert dispatched.changes == Changes([], (), ())
                assert world.snapshot() == before
            assert world.save(dispatched) == [None]
        command, packages = self.present(world, frozenset())
        (reply,) = world.run([command], Gathered(world.gather([]).head, packages))
        assert isinstance(reply, bytes), reply
        assert parse_reply(reply).state == self.state_after
        assert parse_reply(reply).version == next(iter(packages.values())).version + self.changes


def neighbours(names: Iterable[str], indifferent: Container[tuple[str, str]]) -> list[tuple[str, int]]:
    """Give the place of each check that has another behind it, but for those whose order nobody can see."""
    return [
        (name, place)
        for name in names
        for place, (one, other) in enumerate(pairwise(getattr(ladders, name)))
        if (one.__name__, other.__name__) not in indifferent
    ]


def demand_slip_when_swapped(
    world: World, monkeypatch: pytest.MonkeyPatch, ladder: Ladder, name: str, place: int
) -> None:
    """Swap two neighbouring checks of a list, and demand that the ladder slips at the earlier one's rung."""
    numbered = list(getattr(ladders, name))
    earlier = numbered[place].__name__
    numbered[place], numbered[place + 1] = numbered[place + 1], numbered[place]
    monkeypatch.setattr(ladders, name, tuple(numbered))

    with pytest.raises(Slipped) as slipped:
        ladder.climb(world)

    assert slipped.value.rung.found_by == earlier


def demand_slip_without(world: World, monkeypatch: pytest.MonkeyPatch, ladder: Ladder, name: str, place: int) -> None:
    """Leave a check of a list out, and demand that the ladder slips at its rung."""
    numbered = getattr(ladders, name)
    monkeypatch.setattr(ladders, name, numbered[:place] + numbered[place + 1 :])

    with pytest.raises(Slipped) as slipped:
        ladder.climb(world)

    assert slipped.value.rung.found_by == numbered[place].__name__


def presented(
    world: World, name: str, faults: Faults, state: str, people: People | None = None, **changes: object
) -> tuple[DeviceId, Package]:
    """Make the package of a meter, and the number that a command names for it."""
    if "other home" in faults:
        changes["home"] = "11111111"
    if "parts of two times" in faults:
        changes["static"] = "0" * 64
    package = world.forge(name, people, state="withdrawn" if "other state" in faults else state, **changes)
    if "old package" not in faults:
        world.acknowledge(package)
    if "mac altered" in faults:
        package = package._replace(mac=flipped(package.mac))
    return DeviceId(world.meters["ben" if "other meter" in faults else name]), package


METER = Rung("other meter", "meter_number_matches", MeterNumberMismatch)

STRANGER = Rung("user unknown", "user_is_known", UnknownMeterUser)
ACCOUNT = (
    STRANGER,
    Rung("account expired", "account_is_not_expired", MeterUserExpired),  # K-20
    Rung("account locked", "account_is_not_locked", MeterUserLocked),
)
UNPRIVILEGED = Rung("privilege missing", "privilege_is_granted", PrivilegeMissing)  # K-18, K-19
CLIENT = (
    Rung("other challenge", "challenge_matches", ChallengeMismatch),  # 4 (E-604)
    *ACCOUNT,  # 5, K-17
    Rung("client's MAC altered", "client_is_authentic", ClientNotAuthentic, counted=True),  # 5 (E-605)
    UNPRIVILEGED,
    Rung("other AR shown", "client_has_seen_the_same", ClientHasSeenOther),  # 5b
    Rung("other DR shown", "client_has_seen_the_same", ClientHasSeenOther),
    Rung("other record shown", "client_has_seen_the_same", ClientHasSeenOther),
)
"""Faults of whatever a client sends: here one that a user of the meter asks for, by himself."""
