"""Verbs that put right what a meter printed, and that end its life (E7, E8, E9)."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from indicium.domain.errors import BadFile, BadValue
from indicium.domain.kinds import Postage
from indicium.domain.vbi import parse_item
from indicium.entrypoints.asking import AtTerminal
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.elements import elements_of
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, a_day, settings_of
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.verbs.meter_value import (
    CustomerArgument,
    ElementsArgument,
    OutOption,
    RequestOption,
    UserOfMeterOption,
    ValueArgument,
    demand_out,
    give,
    meter_as,
)
from indicium.parties.carried import brought


def correct(  # noqa: PLR0913, PLR0917  # each is an option of the verb
    customer: CustomerArgument,
    value: ValueArgument,
    item: Annotated[Path, typer.Argument(metavar="ITEM", help="File with the item that the piece of mail bears.")],
    elements: ElementsArgument = None,
    request: RequestOption = None,
    user: UserOfMeterOption = None,
    out: OutOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Print a postage correction: what a piece of mail is short of that bears an item already."""
    screen, asked, corrects = Screen(json=json), elements_of(elements or ()), item_in(item)
    if not isinstance(asked, Postage):
        raise BadValue(field="kind", why="only postage is corrected")
    _demand_postage(corrects)
    demand_out(out, repeats=request is not None)
    with reach(settings_of(home, store)) as module:
        corrected = meter_as(module.office, customer, user).correct(value, asked, corrects, request)
    give(screen, customer, corrected, out)


def redate(
    customer: CustomerArgument,
    item: Annotated[Path, typer.Argument(metavar="ITEM", help="File with the item that is mailed later.")],
    to: Annotated[
        date, typer.Option("--to", parser=a_day, metavar="DAY", help="The day on which it is mailed, as in 2026-11-30.")
    ],
    request: Annotated[
        str | None, typer.Option("--request", metavar="ID", help="Name of the request: repeated, it is noted once.")
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Have the server note that a letter is mailed on another day: no register moves, and no record is made."""  # E8
    screen, line = Screen(json=json), item_in(item)
    with reach(settings_of(home, store)) as module:
        noted = module.office.meter(customer).redate(line, to, request)
    screen.plain(f"Noted as {noted.request_id}: the item of {customer} is mailed on {noted.date}.")
    screen.show(
        {"customer": customer, "device": noted.psd_id, "request": noted.request_id, "item_sha256": noted.item_sha256}
        | {"date": noted.date, "noted_at": noted.at}
    )


def refund(
    customer: CustomerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nobody whether it is meant.")] = False,
    out: OutOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Have the provider withdraw the meter, for good, and pay back what DR holds; repeated, it gives the same item."""
    screen = Screen(json=json)
    demand_out(out, repeats=True)
    if not yes:
        AtTerminal("say --yes if it is meant").demand(f"Withdraw the meter of {customer}, for ever?")
    with reach(settings_of(home, store)) as module:
        item = module.office.meter(customer).refund()
    give(screen, customer, item, out, "the same verb and another --out")


def _demand_postage(line: str) -> None:
    """Demand an item of postage before a correction of it is paid for. Raises `NotAnItem`, `BadValue`."""
    if not isinstance(parse_item(line.encode()).body.elements, Postage):
        raise BadValue(field="item", why="only postage is corrected")


def item_in(path: Path) -> str:
    """Read an item, a line, from a file. Raises `BadFile`."""
    try:
        return brought(path).decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise BadFile(path=str(path), why="it is no item in text") from None
