"""Users of a meter as tests want them, and packages that hold them."""

from typing import Any

from indicium.cryptomodule.people import MeterUser, People, Person
from indicium.domain.privileges import Privilege
from tests.harness import World

HMK, PW = b"\x0b" * 32, b"\x0c" * 32
"""Bob's secrets."""

LAST_DAY = "2026-03-02"
"""The day on which a world begins."""


def bob(**changes: Any) -> MeterUser:  # noqa: ANN401  # members of any type by name
    """Give a user who may do everything."""
    members: dict[str, Any] = {
        "hmk": HMK,
        "passphrase_hash": PW,
        "name": "bob",
        "privileges": tuple(Privilege),
        "account_expires": None,
        "failure_limit": 3,
    }
    return MeterUser.model_validate(members | changes)


def people_of(world: World, name: str, *users: MeterUser, **customer: object) -> People:
    """Give the people of a meter with other users, and with changes to its customer."""
    assert world.inner.desk is not None
    people = world.inner.desk.vault.load(world.package(name).static).people
    assert people is not None
    changed: Person = people.customer.model_copy(update=customer)
    return People(changed, users)
