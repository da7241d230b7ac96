"""The life of a PSD, driven through a real module: every command in every state of its package (Y-12, D-01 … D-16).

What is expected is table D as `test_lifecycle` has it from the specification. A cell that has a state lets the command
be done, and that state follows; an empty one refuses it, and leaves no trace.
"""

from collections.abc import Callable, Mapping

import pytest

from indicium.cryptomodule.checks import challenge
from indicium.domain.amounts import Mills
from indicium.domain.commands import COMMANDS
from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
    InitializePsd,
    RequestChallenge,
)
from indicium.domain.commands.sheets import CreateSheet, SheetItem
from indicium.domain.errors import InsufficientFunds, PsdStateForbids
from indicium.domain.events import PsdEvent, parse_event
from indicium.domain.fig6 import NOT_YET
from indicium.domain.flow import Changes, Gathered
from indicium.domain.identity import DeviceId
from indicium.domain.lifecycle import LIFE, PsdState
from indicium.domain.package import Package
from indicium.domain.replies import PsdReply, parse_reply
from indicium.parties.customer import Customer
from tests.domain.test_lifecycle import CELLS
from tests.harness import LETTER, MINIMUM, World, moving_part
from tests.meter_users import bob, people_of

DRIVEN = [
    pytest.param(kind, state, following, id=f"{words} in {state}")
    for words, state, following in CELLS
    if (kind := COMMANDS["".join(word.capitalize() for word in words.split())]) not in NOT_YET
    if kind is not InitializePsd and state != "none"
]
"""The cells of table D, but for what there is without a package: initialize PSD, which names none (D-01)."""


def client_of(world: World, package: Package) -> Customer:
    """Give Ada's client as it is once it has been shown this package."""
    ada, moving = world.customers["ada"], moving_part(package)
    ada.state = ada.state.model_copy(
        update={
            "version": moving.version,
            "ar": moving.ar,
            "dr": moving.dr,
            "record": package.made_by.hex(),
            "module_challenge": challenge(package),
        }
    )
    return ada


def a_sheet(client: Customer) -> CreateSheet:
    """Ask for two items in one request."""
    return client.create_sheet("a", client.draft_sheet("a", [SheetItem(value=330, elements=LETTER)] * 2))


def a_reset(client: Customer, package: Package) -> ResetPassword | ResetUserPassword:
    """Ask for a reset of the customer's password, or complete the one that was asked for (M-17)."""
    if moving_part(package).state != PsdState.PWRESET:
        return client.ask_for_reset("a", "hmk")
    client.renew(None)
    return client.complete_reset("a", "hmk")


def user_of(world: World, package: Package, name: str) -> bytes:
    """Give what the client of a user of Ada's meter seals to the module."""
    card = world.customers["ada"]._card
    return Customer.new(world.suite, card, "ada", package.psd_id, user=name).enrol(challenge(package))


def shown(package: Package) -> PsdReply:
    """Give the meter as a reply shows it."""
    moving = moving_part(package)
    return PsdReply(
        psd=moving.psd,
        request=None,
        version=moving.version,
        state=moving.state,
        ar=moving.ar,
        dr=moving.dr,
        record=package.made_by.hex(),
        client_challenge=None,
        module_challenge=challenge(package),
    )


AUTHENTIC: Mapping[type[Command], Callable[[World, Package], Command]] = {
    AuthorizePsd: lambda world, package: world.authorization(
        "ada", world.certify(package.psd_id, world.public_key("ada")), "a"
    ),
    ConfigurePsd: lambda world, package: client_of(world, package).configure("a"),
    AuthorizeCustomer: lambda world, package: world.provider.authorize_customer(package.psd_id, "a", "94107", Mills(1)),
    CreateIndicium: lambda world, package: client_of(world, package).create_indicium("a", 330, LETTER),
    CreateSheet: lambda world, package: a_sheet(client_of(world, package)),
    CreatePostageCorrectionIndicium: lambda world, package: client_of(world, package).correct(
        "a", 330, LETTER, "0" * 64
    ),
    DownloadPostageValue: lambda world, package: world.provider.download(shown(package), "a", Mills(1000)),
    CreateRefundIndicium: lambda world, package: world.provider.refund(shown(package), "a"),
    ResetPassword: lambda world, package: a_reset(client_of(world, package), package),
    ResetUserPassword: lambda world, package: client_of(world, package).reset_user(
        "a", "bob", user_of(world, package, "bob")
    ),
    AddUser: lambda world, package: client_of(world, package).command(
        AddUser, "a", name="eve", secrets=user_of(world, package, "eve")
    ),
    DeleteUser: lambda world, package: client_of(world, package).command(DeleteUser, "a", name="bob"),
    ModifyUserPrivileges: lambda world, package: client_of(world, package).command(
        ModifyUserPrivileges, "a", name="bob"
    ),
    ViewUsers: lambda world, package: client_of(world, package).command(ViewUsers, "a"),
    RequestChallenge: lambda world, package: client_of(world, package).ask(),
    RetrievePsdStatus: lambda world, package: client_of(world, package).ask_status(),
    RetrieveUdskPsd: lambda world, package: client_of(world, package).ask_public_key(),
}
"""Requests in which nothing but the state may be wrong."""


def in_state(world: World, state: str) -> Package:
    """Put Ada's meter, which has a user, into a state, as only the module could."""
    package = world.forge("ada", people_of(world, "ada", bob()), state=state)
    world.acknowledge(package)
    return package


@pytest.mark.parametrize(("kind", "state", "following"), DRIVEN)
def test_each_command_in_each_state_is_done_or_refused_without_a_trace(
    world: World, kind: type[Command], state: str, following: str
) -> None:
    """D-02 … D-08, D-10 … D-12, D-16; D-14: the state is the one that the package holds, and nothing else is wrong."""
    package = in_state(world, state)
    command = AUTHENTIC[kind](world, package)
    before = world.snapshot()
    dispatched = world.dispatch([command], Gathered(world.gather([]).head, {DeviceId(package.psd_id): package}))
    (refusal,) = dispatched.refusals

    if not following:
        assert isinstance(refusal, PsdStateForbids)
        assert (refusal.psd_id, refusal.state, refusal.command) == (package.psd_id, state, kind.__name__)
        assert dispatched.changes == Changes([], (), ())
        assert world.snapshot() == before
    else:
        assert refusal is None
        (reply,) = world.save(dispatched)
        assert parse_reply(reply or b"").state == following


def test_every_command_on_a_package_is_driven() -> None:
    assert {cell.values[0] for cell in DRIVEN} == LIFE.keys() - {InitializePsd} - NOT_YET
    assert len(DRIVEN) == len(PsdState) * len(LIFE.keys() - {InitializePsd} - NOT_YET)


def test_a_meter_lives_from_raw_to_withdrawn_and_each_record_says_so(world: World) -> None:
    """D-15: device ID, empty registers and a key first; D-13: nothing is printed before the first download; D-16."""
    world.new_meter("dan")
    world.register("dan")
    world.lease("dan")
    assert (world.moving("dan").ar, world.moving("dan").dr) == (0, 0)
    with pytest.raises(InsufficientFunds):  # D-13
        world.spend("dan", MINIMUM, "too-early")
    world.download("dan", 10_000, "first")
    printed = world.spend("dan", 330, "letter")
    dan = world.customers["dan"]
    dan.accept("more", world.execute(dan.correct("more", 240, LETTER, "0" * 64)))
    world.ask("dan")
    dan.accept("lost", world.execute(dan.ask_for_reset("lost", "hmk")))
    dan.renew("a new one")
    dan.was_reset("found", world.execute(dan.complete_reset("found", "hmk")))
    world.execute(world.provider.refund(world.ask("dan"), "refund"))

    lived = [
        (event.event, event.data.package.state, event.data.package.ar, event.data.package.dr)
        for event in map(parse_event, (record.line for record in world.records()))
        if isinstance(event, PsdEvent) and event.data.package.psd == printed.psd
    ]
    assert lived == [
        ("psd-initialized", "raw", 0, 0),
        ("psd-authorized", "unleased", 0, 0),
        ("psd-configured", "assigned", 0, 0),
        ("customer-authorized", "leased", 0, 0),
        ("postage-value-downloaded", "leased", 0, 10_000),
        ("indicium-created", "leased", 330, 9670),
        ("postage-correction-created", "leased", 570, 9430),
        ("password-reset-requested", "pwreset", 570, 9430),
        ("password-reset", "leased", 570, 9430),
        ("refund-indicium-created", "withdrawn", 10_000, 0),
    ]
    assert world.moving("dan").state == "withdrawn"  # it stays in the database, where the server reads it (D-10)
