"""Verbs that show what the records say. None of them opens a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import typer

from indicium.domain import amounts
from indicium.domain.errors import BadValue, UnknownMeter
from indicium.domain.failures import readable
from indicium.domain.identity import DeviceId
from indicium.entrypoints.counted import counted
from indicium.entrypoints.key_history import show_keys
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, a_day, settings_of
from indicium.entrypoints.past import show_meters_at, show_module_at
from indicium.entrypoints.results import failures_as_json, show_failures, show_meters, show_modules
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store
from indicium.projections import MeterHistory, Views, moved_in_all
from indicium.projections.meter_history import PAGE
from indicium.settings import Settings

AfterOption = Annotated[int, typer.Option(min=0, help="Go on after this version of the meter.")]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="Transactions at most.")]


def status(home: HomeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Say what the ledger holds, without opening a module."""
    screen, settings = Screen(json=json), settings_of(home, store)
    with views_of(settings, screen) as views:
        modules, meters = views.modules(), views.meters()
    held, spent = sum(meter.dr for meter in meters), sum(meter.ar for meter in meters)
    records = sum(module.head.sequence for module in modules)
    suites = sorted({module.suite for module in modules})
    screen.plain(
        f"{counted(len(modules), 'chain')}, {counted(records, 'record')}, {counted(len(meters), 'meter')} "
        f"in {settings.home}"
    )
    screen.say(f"Algorithm suite: {', '.join(suites) or settings.suite}")
    screen.say(f"Spent (AR): {amounts.dollars(spent)}   still to be spent (DR): {amounts.dollars(held)}")
    screen.show(
        {
            "home": str(settings.home),
            "chains": len(modules),
            "suites": suites,
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
    with views_of(settings_of(home, store), screen) as views:
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
    keys: Annotated[
        bool, typer.Option("--keys", help="Each master key set: who holds, held or could hold it, and who was there.")
    ] = False,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show the module table: each module's last transaction, totals and head (G4)."""
    screen = Screen(json=json)
    if keys:
        if (at, module, chain) != (None, None, None):
            msg = "--keys goes with no other choice: it tells of all modules at once"
            raise typer.BadParameter(msg)
        show_keys(screen, settings_of(home, store).store_url)
        return
    if at is not None:
        show_module_at(screen, settings_of(home, store).store_url, at, module, chain)
        return
    if module is not None or chain is not None:
        msg = "--module and --chain go with --at"
        raise typer.BadParameter(msg)
    settings = settings_of(home, store)
    with views_of(settings, screen) as views:
        rows = views.modules()
    with Store.open(settings.store_url) as records:
        failed = readable(records.failed_modules())
    show_modules(screen, rows)
    show_failures(screen, failed)
    screen.show({"modules": [row.as_json() for row in rows], "failed": failures_as_json(failed)})


def history(
    device: Annotated[str, typer.Argument(help="The meter's number.")],
    after: AfterOption = 0,
    limit: LimitOption = PAGE,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List a meter's transactions in their order, whichever modules processed them."""
    show_history(Screen(json=json), settings_of(home, store), device, after, limit)


def show_history(screen: Screen, settings: Settings, device: str, after: int, limit: int) -> None:
    """Show a page of a meter's transactions. Raises `UnknownMeter`."""
    with Store.open(settings.store_url) as records:
        meter = MeterHistory(records)
        page = meter.page(DeviceId(device), after, limit)
        if not page.rows and not meter.page(DeviceId(device), limit=1).rows:
            raise UnknownMeter(psd_id=device)
    screen.table(
        ("version", "at", "transaction", "items", "value", "AR", "DR", "module", "record", "user", "request"),
        [
            (
                str(row.psd_version), row.at[:19].replace("T", " "), row.event, str(row.items or ""),
                amounts.dollars(row.value), amounts.dollars(row.ar), amounts.dollars(row.dr), row.module,
                str(row.sequence), row.user or "", row.request or "",
            )
            for row in page.rows
        ],
        right=("version", "items", "value", "AR", "DR", "record"),
    )  # fmt: skip  # a column's cell stands under its name
    if page.after is not None:
        screen.say(f"More with --after {page.after}")
    screen.show({"device": device, "history": [row.as_json() for row in page.rows], "after": page.after})


def movement(
    first: Annotated[
        date | None, typer.Option("--from", parser=a_day, metavar="DAY", help="First day, in UTC.")
    ] = None,
    last: Annotated[date | None, typer.Option("--to", parser=a_day, metavar="DAY", help="Last day, in UTC.")] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show what moved on each day: number and value of refills (resettings), items and all other transactions."""
    screen = Screen(json=json)
    if first is not None and last is not None and last < first:
        raise BadValue(field="--to", why=f"{last} lies before the first day, {first}")
    with views_of(settings_of(home, store), screen) as views:
        rows = views.movement(first, last)
    totals = moved_in_all(rows)
    cells = [(row.day, row.module, row.event, row.transactions, row.value) for row in rows]
    cells += [("in all", "", total.event, total.transactions, total.value) for total in totals]
    screen.table(
        ("day", "module", "transaction", "number", "value"),
        [(day, module, event, str(number), amounts.dollars(value)) for day, module, event, number, value in cells],
        right=("number", "value"),
    )
    screen.show({"movement": [row.as_json() for row in rows], "totals": [total.as_json() for total in totals]})


def rebuild(
    views: Annotated[list[str] | None, typer.Argument(help="Only these views, else all.", show_default=False)] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare only: status 1 if a live view is not what a replay gives.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Make them beside the live ones, and only say what would change.")
    ] = False,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Build views anew from the records, or check them against a replay."""
    screen, settings = Screen(json=json), settings_of(home, store)
    records = None
    with Store.open(settings.store_url) as streams, screen.progress("replaying", "records") as advance:
        live = Views(streams.engine)
        if check or dry_run:
            differences = live.check(streams, advance, views)
        else:
            records, _, differences = live.rebuild(streams, advance, views)
    for difference in differences:
        screen.plain(str(difference))
    if records is not None:
        screen.say(
            f"Rebuilt from {counted(records, 'record')}; "
            f"{counted(len(differences), 'row was', 'rows were')} not what a replay gives."
        )
    elif differences:
        rows = counted(len(differences), "row is", "rows are")
        screen.say(f"{rows} not what a replay gives: 'indicium rebuild' makes them so.")
    else:
        screen.say("The live views are what a replay gives.")
    facts = {"equal": not differences, "differences": [str(difference) for difference in differences]}
    screen.show(facts if records is None else {"records": records, **facts})
    raise typer.Exit(1 if check and differences else 0)


@contextmanager
def views_of(settings: Settings, screen: Screen) -> Iterator[Views]:
    """Open the views of a ledger, with every record folded in."""
    with Store.open(settings.store_url) as store:
        views = Views(store.engine)
        with screen.progress("reading", "records") as advance:
            views.catch_up(store, advance)
        yield views
