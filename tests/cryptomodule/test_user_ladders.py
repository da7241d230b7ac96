"""The ladders of a meter's administration and of lost passwords (Y-09, Y-10; K, M-17)."""

from collections.abc import Mapping
from typing import Any

import pytest

from indicium.cryptomodule import ladders, user_checks
from indicium.cryptomodule.checks import challenge
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.inquiries import Inquiry
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.errors import (
    ChallengeMismatch,
    ClientNotAuthentic,
    MeterUserExists,
    MeterUserExpired,
    MeterUserLocked,
    MeterUsersFull,
    OwnAccount,
    PassphraseLocked,
    PassphraseUsedBefore,
    PrivilegeMissing,
    PsdStateForbids,
    SecretsNotReadable,
    UnknownMeterUser,
)
from indicium.domain.identity import DeviceId
from indicium.domain.messages import (
    client_message,
    content,
    passphrase_info,
    reset_info,
    reset_message,
    user_secrets_info,
)
from indicium.domain.meter_users import MOST_USERS, NEEDED, PASSPHRASE_FAILURES
from indicium.domain.package import Package
from indicium.domain.privileges import Privilege
from tests.cryptomodule.climbing import (
    CLIENT,
    METER,
    PACKAGE,
    Faults,
    Ladder,
    Presentation,
    Rung,
    demand_slip_when_swapped,
    demand_slip_without,
    neighbours,
    presented,
)
from tests.harness import World, flipped
from tests.meter_users import HMK, LAST_DAY, PW, bob, people_of

OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
"""A passphrase of before, and a new one."""


def asked_by_bob(
    world: World, faults: Faults, kind: type[ClientCommand], asked: Mapping[str, Any]
) -> tuple[DeviceId, Package, ClientCommand]:
    """Make a command that bob gives, who administers ada's meter; eve is another user of it."""
    needed = NEEDED[kind]
    mine = set(Privilege) - ({needed} if "privilege missing" in faults else set())
    mine -= {Privilege.RETRIEVE_STATUS} if "more granted than held" in faults else set()
    me = bob(
        account_expires="2026-03-01" if "account expired" in faults else LAST_DAY,
        failures=3 if "account locked" in faults else 0,
        privileges=tuple(mine),
    )
    others = [bob(name=f"user {number}") for number in range(MOST_USERS - 2 if "no room" in faults else 0)]
    people = people_of(world, "ada", me, *([] if "named user unknown" in faults else [bob(name="eve")]), *others)
    named, package = presented(world, "ada", faults, "leased", people, dr=50, ar=5)
    request = kind.model_validate(
        {
            "psd_id": named,
            "request_id": "a",
            "user": "stranger" if "user unknown" in faults else "bob",
            "client_challenge": "c" * 32,
            "module_challenge": "0" * 32 if "other challenge" in faults else challenge(package),
            "shown_ar": 4 if "other AR shown" in faults else 5,
            "shown_dr": 51 if "other DR shown" in faults else 50,
            "shown_record": "0" * 64 if "other record shown" in faults else package.made_by.hex(),
            "mac": bytes(32),
            **asked,
        }
    )
    return named, package, request


def maced(world: World, faults: Faults, request: ClientCommand) -> ClientCommand:
    if "client's MAC altered" in faults:
        return request
    mac = world.suite.client_key(HMK).mac(client_message(request, content(request)))
    return request.model_copy(update={"mac": mac})


def sealed(world: World, secrets: bytes, info: bytes) -> bytes:
    assert world.born is not None
    return world.suite.seal_to(world.born.card.registration_key, secrets, info)


def an_addition(world: World, faults: Faults) -> Presentation:
    name = "eve" if "name taken" in faults else "new"
    asked = {"name": name, "privileges": (Privilege.RETRIEVE_STATUS,), "secrets": b"secrets"}
    named, package, request = asked_by_bob(world, faults, AddUser, asked)
    bound = "0" * 32 if "secrets for another time" in faults else challenge(package)
    secrets = sealed(world, bytes(64), user_secrets_info(named, name, bound))
    return maced(world, faults, request.model_copy(update={"secrets": secrets})), {named: package}


def a_deletion(world: World, faults: Faults) -> Presentation:
    own = "own account" in faults and "named user unknown" not in faults
    named, package, request = asked_by_bob(world, faults, DeleteUser, {"name": "bob" if own else "eve"})
    return maced(world, faults, request), {named: package}


def a_change(world: World, faults: Faults) -> Presentation:
    own = "own account" in faults and "named user unknown" not in faults
    asked = {"name": "bob" if own else "eve", "grant": (Privilege.RETRIEVE_STATUS,), "unlock": True}
    named, package, request = asked_by_bob(world, faults, ModifyUserPrivileges, asked)
    return maced(world, faults, request), {named: package}


def a_view(world: World, faults: Faults) -> Presentation:
    named, package, request = asked_by_bob(world, faults, ViewUsers, {})
    return maced(world, faults, request), {named: package}


def a_reset(world: World, faults: Faults) -> Presentation:
    """The customer has nothing but the passphrase, and brings new secrets."""
    failures = PASSPHRASE_FAILURES if "passphrase locked" in faults else 1
    people = people_of(world, "ada", passphrase_hash=PW, used_before=(OLD,), failures=failures)
    state = "leased" if "not asked for before" in faults else "pwreset"
    named, package = presented(world, "ada", faults, state, people)
    bound = "0" * 32 if "secrets for another time" in faults else challenge(package)
    phrase = OLD if "passphrase of before" in faults else NEW
    request = ResetPassword(
        psd_id=named,
        request_id="a",
        client_challenge="c" * 32,
        module_challenge="0" * 32 if "other challenge" in faults else challenge(package),
        proof="passphrase",
        secrets=sealed(world, bytes(32) + phrase, reset_info(named, "c" * 32, bound)),
        authenticator=bytes(16),
    )
    said = flipped(PW) if "another passphrase" in faults else PW
    proof = sealed(world, said, passphrase_info(reset_message(request)))
    return request.model_copy(update={"authenticator": proof}), {named: package}


def a_user_reset(world: World, faults: Faults) -> Presentation:
    """Bob has nothing but his passphrase."""
    me = bob(
        name="robert" if "named user unknown" in faults else "bob",
        account_expires="2026-03-01" if "account expired" in faults else LAST_DAY,
        failures=3 if "account locked" in faults else 1,
        privileges=() if "privilege missing" in faults else (Privilege.RESET_PASSWORD,),
        used_before=(OLD,),
    )
    named, package = presented(world, "ada", faults, "leased", people_of(world, "ada", me))
    bound = "0" * 32 if "secrets for another time" in faults else challenge(package)
    phrase = OLD if "passphrase of before" in faults else NEW
    request = ResetUserPassword(
        psd_id=named,
        request_id="a",
        user="bob",
        client_challenge="c" * 32,
        module_challenge="0" * 32 if "other challenge" in faults else challenge(package),
        proof="passphrase",
        secrets=sealed(world, bytes(32) + phrase, user_secrets_info(named, "bob", bound)),
        authenticator=bytes(16),
    )
    said = flipped(PW) if "another passphrase" in faults else PW
    proof = sealed(world, said, passphrase_info(reset_message(request)))
    return request.model_copy(update={"authenticator": proof}), {named: package}


UNKNOWN = Rung("named user unknown", "named_user_is_known", UnknownMeterUser)
OWN = Rung("own account", "account_is_another", OwnAccount)
GRANTS = Rung("more granted than held", "has_what_it_grants", PrivilegeMissing)
CHALLENGE = Rung("other challenge", "challenge_matches", ChallengeMismatch)
PROOF = Rung("another passphrase", "reset_is_authentic", ClientNotAuthentic, counted=True)
USED = Rung("passphrase of before", "passphrase_is_new", PassphraseUsedBefore)

LADDERS = {
    "ADD_USER": Ladder(
        (
            *PACKAGE,
            METER,
            *CLIENT,
            Rung("name taken", "name_is_free", MeterUserExists),
            Rung("no room", "there_is_room", MeterUsersFull),
            GRANTS,
            Rung("secrets for another time", "user_secrets_are_readable", SecretsNotReadable),
        ),
        an_addition,
        "leased",
    ),
    "DELETE_USER": Ladder((*PACKAGE, METER, *CLIENT, UNKNOWN, OWN), a_deletion, "leased"),
    "MODIFY_USER_PRIVILEGES": Ladder((*PACKAGE, METER, *CLIENT, UNKNOWN, OWN, GRANTS), a_change, "leased"),
    "VIEW_USERS": Ladder((*PACKAGE, METER, *CLIENT), a_view, "leased"),
    "RESET_PASSWORD": Ladder(
        (
            *PACKAGE,
            METER,
            Rung("not asked for before", "reset_phase_fits", PsdStateForbids),
            CHALLENGE,
            Rung("passphrase locked", "passphrase_is_not_locked", PassphraseLocked),
            PROOF,
            Rung("secrets for another time", "new_secrets_are_readable", SecretsNotReadable),
            USED,
        ),
        a_reset,
        "leased",
    ),
    "RESET_USER_PASSWORD": Ladder(
        (
            *PACKAGE,
            METER,
            CHALLENGE,
            UNKNOWN,
            Rung("account expired", "account_is_not_expired", MeterUserExpired),
            Rung("account locked", "account_is_not_locked", MeterUserLocked),
            PROOF,
            Rung("privilege missing", "privilege_is_granted", PrivilegeMissing),
            Rung("secrets for another time", "user_secrets_are_readable", SecretsNotReadable),
            USED,
        ),
        a_user_reset,
        "leased",
    ),
}

INDIFFERENT = {
    ("user_is_known", "account_is_not_expired"),  # who is unknown has no account that could have expired
    ("named_user_is_known", "account_is_not_expired"),
    ("named_user_is_known", "account_is_another"),  # nor one of the own
    ("new_secrets_are_readable", "passphrase_is_new"),  # what cannot be read is no passphrase of before
    ("user_secrets_are_readable", "passphrase_is_new"),
}
"""Neighbours of which a request fails one at most."""

MADE_AGAIN = {
    ("ADD_USER", user_checks.user_secrets_are_readable),
    ("MODIFY_USER_PRIVILEGES", user_checks.named_user_is_known),
    ("RESET_PASSWORD", user_checks.new_secrets_are_readable),
    ("RESET_USER_PASSWORD", user_checks.user_secrets_are_readable),
}
"""Checks that the next one, or the effect itself, makes once more: leaving one out changes nothing."""

PLACES = [
    (name, place)
    for name in LADDERS
    for place, check in enumerate(getattr(ladders, name))
    if (name, check) not in MADE_AGAIN
]


@pytest.mark.parametrize("name", LADDERS)
def test_every_check_has_its_rung_and_its_own_error_and_changes_nothing(world: World, name: str) -> None:
    """K-16, B-55, B-51: only a command that the module has checked changes who may use a meter, and for what."""
    LADDERS[name].climb(world)


@pytest.mark.parametrize("name", LADDERS)
def test_the_rungs_are_the_checks_in_their_order(name: str) -> None:
    found_by = dict.fromkeys(rung.found_by for rung in LADDERS[name].rungs)

    assert list(found_by) == [check.__name__ for check in getattr(ladders, name)]


@pytest.mark.parametrize(("name", "place"), neighbours(LADDERS, INDIFFERENT))
def test_a_ladder_notices_when_two_neighbouring_checks_are_swapped(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, place: int
) -> None:
    demand_slip_when_swapped(world, monkeypatch, LADDERS[name], name, place)


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_ladder_notices_when_a_check_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, place: int
) -> None:
    demand_slip_without(world, monkeypatch, LADDERS[name], name, place)


def test_every_command_of_a_client_needs_a_privilege() -> None:
    """K-18, K-19: no command of a user goes unasked for."""

    def kinds(of: type[Command]) -> set[type[Command]]:
        return set(of.__subclasses__()) | {kind for sub in of.__subclasses__() for kind in kinds(sub)}

    assert kinds(ClientCommand) | kinds(Inquiry) | {ResetUserPassword} == set(NEEDED)
