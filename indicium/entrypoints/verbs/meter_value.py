"""Verbs of a customer's meter: leased, filled, spent from, looked at."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.replies import PsdReply
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.elements import elements_of
from indicium.entrypoints.item_files import demand_place, put
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.verbs.viewing import AfterOption, LimitOption, show_history
from indicium.infrastructure.home import Home
from indicium.parties.leased import Item, LeasedMeter
from indicium.parties.office import Office, device_of
from indicium.projections.meter_history import PAGE

CustomerArgument = Annotated[str, typer.Argument(help="The customer's name.")]
ValueArgument = Annotated[str, typer.Argument(help="Value in decimal dollars, as in 0.33.")]
ElementsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME=VALUE]...", help="Its data elements; kind=... first, else it is postage."),
]
RequestOption = Annotated[
    str | None,
    typer.Option(
        "--request", metavar="ID", help="Name of the request: repeated, it gives the same item and costs once."
    ),
]
UserOfMeterOption = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="Which user of the meter asks; else its customer.")
]
OrderOption = Annotated[
    str | None, typer.Option("--order", metavar="ID", help="Name of the order: repeated, it is paid and loaded once.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="File to make for the item; else the screen shows it.")
]


def lease(
    customer: CustomerArgument,
    license_zip: Annotated[str, typer.Option("--zip", help="Licensing ZIP code: five digits.")],
    dr_limit: Annotated[
        str | None, typer.Option("--dr-limit", metavar="AMOUNT", help="Most that DR may hold; else the module's limit.")
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Lease a meter to a customer, whose keys the home keeps from then on. Who has one keeps it."""
    screen = Screen(json=json)
    limit = LARGEST if dr_limit is None else amounts.parse_within(dr_limit, Mills(0), LARGEST)
    with reach(settings_of(home, store)) as module:
        show(screen, customer, module.office.lease(customer, license_zip, limit).ask())


def refill(
    customer: CustomerArgument,
    value: ValueArgument,
    order: OrderOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Pay for value and have the provider load it into DR. What stays unfinished is among 'provider orders'."""
    screen = Screen(json=json)
    with reach(settings_of(home, store)) as module:
        show(screen, customer, module.office.meter(customer).refill(value, order))


def print_item(  # noqa: PLR0913, PLR0917  # each is an option of the verb
    customer: CustomerArgument,
    value: ValueArgument,
    elements: ElementsArgument = None,
    request: RequestOption = None,
    user: UserOfMeterOption = None,
    out: OutOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Move value from DR to AR, and sign an item that bears it."""
    screen, asked = Screen(json=json), elements_of(elements or ())
    demand_out(out, repeats=request is not None)
    with reach(settings_of(home, store)) as module:
        item = meter_as(module.office, customer, user).print(value, asked, request)
    give(screen, customer, item, out)


def status(
    customer: CustomerArgument,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Ask the module how the meter is; the answer is authenticated for this customer."""  # FIG. 5
    screen = Screen(json=json)
    with reach(settings_of(home, store)) as module:
        show(screen, customer, meter_as(module.office, customer, user).ask())


def history(
    customer: CustomerArgument,
    after: AfterOption = 0,
    limit: LimitOption = PAGE,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List the meter's transactions in their order, as the records have them."""
    settings = settings_of(home, store)
    show_history(Screen(json=json), settings, device_of(Home(settings.home), customer), after, limit)


def meter_as(office: Office, customer: str, user: str | None) -> LeasedMeter:
    """Give a customer's meter as whoever asks has it. Raises `UnknownCustomer`, `UnknownMeterUser`."""
    return office.meter(customer) if user is None else office.user_of(customer, user)


def show(screen: Screen, customer: str, reply: PsdReply) -> None:
    """Show a meter as its module says it is."""
    screen.plain(
        f"Meter {reply.psd} of {customer}: {reply.state}, spent (AR) {amounts.dollars(reply.ar)}, "
        f"still to be spent (DR) {amounts.dollars(reply.dr)}."
    )
    screen.show(facts(customer, reply))


def facts(customer: str, reply: PsdReply) -> dict[str, object]:
    """Give what programs read of a meter: amounts in mills."""
    return {
        "customer": customer,
        "device": reply.psd,
        "state": reply.state,
        "psd_version": reply.version,
        "ar": reply.ar,
        "dr": reply.dr,
        "record": reply.record,
    }


def demand_out(out: Path | None, *, repeats: bool) -> None:
    """See that an item can be written where somebody wants it, before it is paid for; see `demand_place`."""
    if out is not None:
        demand_place(out, repeats=repeats)


def give(
    screen: Screen, customer: str, item: Item, out: Path | None, again: str = "--request {} and another --out"
) -> None:
    """Hand an item over: into its file, or to the screen. Whatever becomes of the file, the request can be repeated.

    `again`: with what the verb gives the item again; its request stands for `{}`. Raises `BadFile`.
    """
    reply = item.reply
    told = facts(customer, reply) | {"request": reply.request, "item_sha256": item.digest}
    if out is None:
        screen.exact(item.line)
        screen.show(told | {"item": item.line})
        return
    put(out, item.line.encode() + b"\n", f"the item is had again with {again.format(reply.request)}")
    screen.plain(f"Item {reply.request} of {customer} in {out}; DR left {amounts.dollars(reply.dr)}.")
    screen.show(told | {"file": str(out)})
