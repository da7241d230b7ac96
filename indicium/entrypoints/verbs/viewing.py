"""Verbs that show what the records say. None of them opens a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from indicium.domain import amounts
from indicium.domain.errors import UnknownMeter
from indicium.domain.identity import DeviceId
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.past import show_meters_at, show_module_at
from indicium.entrypoints.results import show_meters, show_modules
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store
from indicium.projections import Views
from indicium.settings import Settings


def status(home: HomeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Say what the ledger holds, without opening a module."""
    screen, settings = Screen(json=json), settings_of(home, store)
    with _views(settings, screen) as views:
        modules, meters = views.modules(), views.meters()
    held, spent = sum(meter.dr for meter in meters), sum(meter.ar for meter in meters)
    records = sum(module.head.sequence for module in modules)
    screen.say(f"{len(modules)} chain(s), {records} records, {len(meters)} meters in {settings.home}")
    screen.say(f"Spent (AR): {amounts.dollars(spent)}   still to be spent (DR): {amounts.dollars(held)}")
    screen.show(
        {
            "home": str(settings.home),
            "chains": len(modules),
            "records": records,
            "meters": len(meters),
            "ar": spent,
            "dr": held,
        }
    )


def meters(
    device: Annotated[str | None, typer.Argument(help="One meter only.")] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT",
            help="As they were at the end of a day (UTC), as in 2026-11-01, or"
            " at a time, as in 2026-11-01T17:30:00Z: each chain up to its first later record.",
        ),
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List the meters with their registers, as they are or as they were."""
    screen = Screen(json=json)
    if at is not None:
        show_meters_at(screen, settings_of(home, store).store_url, at, device)
        return
    with _views(settings_of(home, store), screen) as views:
        found = views.meters() if device is None else [views.meter(DeviceId(device))]
    rows = [meter for meter in found if meter is not None]
    if device is not None and not rows:
        raise UnknownMeter(psd_id=device)
    show_meters(screen, rows)
    screen.show({"meters": [row.as_json() for row in rows]})


def modules(
    at: Annotated[
        int | None, typer.Option(metavar="SEQUENCE", help="One module's public state as it was at this record.")
    ] = None,
    module: Annotated[str | None, typer.Option(metavar="SERIAL", help="With --at: the module.")] = None,
    chain: Annotated[str | None, typer.Option(metavar="CHAIN", help="With --at: the chain.")] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show the module table: each module's last transaction, totals and head (G4)."""
    screen = Screen(json=json)
    if at is not None:
        show_module_at(screen, settings_of(home, store).store_url, at, module, chain)
        return
    if module is not None or chain is not None:
        msg = "--module and --chain go with --at"
        raise typer.BadParameter(msg)
    with _views(settings_of(home, store), screen) as views:
        rows = views.modules()
    show_modules(screen, rows)
    screen.show({"modules": [row.as_json() for row in rows]})


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Compare only: is the live view what a replay gives?")] = False,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Build all views anew from the records, or check them against a replay."""
    screen, settings = Screen(json=json), settings_of(home, store)
    with Store.open(settings.store_url) as streams, screen.progress("replaying", "records") as advance:
        views = Views(streams.engine)
        if check:
            views.catch_up(streams)
            differences = views.check(streams, advance)
        else:
            rebuilt = views.rebuild(streams, advance)
    if not check:
        screen.say(f"Rebuilt from {rebuilt.records} records.")
        screen.show({"records": rebuilt.records})
        return
    for difference in differences:
        screen.plain(str(difference))
    if not differences:
        screen.say("The live views are what a replay gives.")
    screen.show({"equal": not differences, "differences": [str(difference) for difference in differences]})
    raise typer.Exit(1 if differences else 0)


@contextmanager
def _views(settings: Settings, screen: Screen) -> Iterator[Views]:
    """Open the views of a ledger, with every record folded in."""
    with Store.open(settings.store_url) as store:
        views = Views(store.engine)
        with screen.progress("reading", "records") as advance:
            views.catch_up(store, advance)
        yield views
