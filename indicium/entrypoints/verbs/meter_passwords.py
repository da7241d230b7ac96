"""The verb for whoever lost a key or forgot a passphrase of a meter (E-1101, M-17)."""

from enum import StrEnum
from typing import Annotated

import typer

from indicium.domain.errors import BadValue, UnknownMeterUser
from indicium.domain.identity import DeviceId
from indicium.entrypoints.asking import Asker, asker
from indicium.entrypoints.attending import PassphraseStdinOption
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.verbs.meter_value import CustomerArgument, UserOfMeterOption, meter_as, show
from indicium.entrypoints.verbs.viewing import views_of
from indicium.infrastructure.home import Home
from indicium.parties import attended
from indicium.parties.office import device_of
from indicium.parties.passphrases import demand_fit
from indicium.settings import Settings


class ProvenBy(StrEnum):
    """What proves whose passphrase is replaced."""

    KEY = "key"
    """HMK, which the home has."""
    PASSPHRASE = "passphrase"  # noqa: S105  # the name of a proof
    """The passphrase before, where the key is lost."""
    PROVIDER = "provider"
    """The provider's word, where both are lost: whoever gives it has to know the customer."""


def reset_password(
    customer: CustomerArgument,
    proof: Annotated[
        ProvenBy, typer.Option("--proof", help="The home's key; where it is lost the passphrase, or the provider.")
    ] = ProvenBy.KEY,
    device: Annotated[
        str | None, typer.Option("--device", help="The meter's number, where the home has no file of the customer.")
    ] = None,
    user: UserOfMeterOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Replace one's own passphrase and key, the customer's or with --user a user's; a customer's meter waits meanwhile.

    For a user who has neither any more the customer does it: 'indicium meter users reset-password'. Lines for scripts:
    the old passphrase if it is the proof, the new one.
    """  # M-17
    if user is not None and proof is ProvenBy.PROVIDER:
        msg = "the provider knows customers, not the users of their meters: 'meter users reset-password' helps"
        raise typer.BadParameter(msg)
    screen, settings, who = Screen(json=json), settings_of(home, store), user or customer
    for name in (customer, who):
        attended.demand_name(name)
    if device is None:
        device = device_of(Home(settings.home), customer)
        _demand_key(Home(settings.home), proof, customer, device, user)
    else:
        _demand_meter(screen, settings, customer, device)
    ask = asker(passphrase_stdin=passphrase_stdin)
    old = ask.passphrase(who) if proof is ProvenBy.PASSPHRASE else None
    new = new_passphrase(ask, who)
    with reach(settings) as module:
        if proof is ProvenBy.KEY:
            reply = meter_as(module.office, customer, user).reset_password(new)
        else:
            reply = module.office.come_back(customer, device, old, new, user=user).ask()
    screen.plain(f"Passphrase and key of {who} are replaced.")
    show(screen, customer, reply)


def new_passphrase(ask: Asker, who: str) -> str:
    """Have somebody choose a passphrase for a meter. Raises `PassphraseUnfit`."""
    chosen: list[str] = []

    def take(passphrase: str) -> None:
        demand_fit(passphrase)
        chosen.append(passphrase)

    ask.new_passphrase(who, take)
    return chosen[0]


def _demand_key(home: Home, proof: ProvenBy, customer: str, device: str, user: str | None) -> None:
    """See that a user's key is here where it is the proof, before anybody types. Raises `UnknownMeterUser`."""
    if proof is ProvenBy.KEY and user is not None and home.customer(customer, user) is None:
        raise UnknownMeterUser(psd_id=device, user=user)


def _demand_meter(screen: Screen, settings: Settings, customer: str, device: str) -> None:
    """See that a number is that of the customer's meter: a slip would reset another's. Raises `BadValue`."""
    with views_of(settings, screen) as views:
        row = views.meter(DeviceId(device))
    if row is None or row.customer != customer:
        raise BadValue(field="--device", why=f"no meter of {customer} has that number")
