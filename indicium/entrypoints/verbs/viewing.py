"""Verbs that show what the records say. None of them opens a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from indicium.domain import amounts
from indicium.domain.errors import UnknownMeter
from indicium.domain.identity import DeviceId
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.results import show_modules
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
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List the meters with their registers."""
    screen = Screen(json=json)
    with _views(settings_of(home, store), screen) as views:
        found = views.meters() if device is None else [views.meter(DeviceId(device))]
    rows = [meter for meter in found if meter is not None]
    if device is not None and not rows:
        raise UnknownMeter(psd_id=device)
    screen.table(
        ("meter", "customer", "module", "state", "version", "AR", "DR"),
        [
            (
                row.device,
                row.customer or "",
                row.module,
                row.state,
                str(row.psd_version),
                amounts.dollars(row.ar),
                amounts.dollars(row.dr),
            )
            for row in rows
        ],
        right=("version", "AR", "DR"),
    )
    screen.show({"meters": [row.as_json() for row in rows]})


def modules(home: HomeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Show the module table: each module's last transaction, totals and head (G4)."""
    screen = Screen(json=json)
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
