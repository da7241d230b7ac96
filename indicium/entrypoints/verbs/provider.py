"""Verbs of the provider's counter: its orders, its accounts, and whether they agree with the meters (P-05, A-51)."""

from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from indicium.domain import amounts
from indicium.domain.errors import IndiciumError, Inhibited, revive
from indicium.domain.orders import UNFINISHED
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.counted import counted
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.verbs.viewing import views_of
from indicium.infrastructure.home import Home
from indicium.infrastructure.order_book import Account, Entry, OrderBook
from indicium.parties.office import order_book
from indicium.parties.purchasing import differences

provider = typer.Typer(
    help="The provider's counter: orders of value, and what each meter was loaded with.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PAGE: Final = 100
"""Orders that are listed unless somebody wants another number."""

_LEFT: Final = 2
"""Exit status where an order could not be taken to its end: what became of it is not known yet."""

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.")]


@provider.command()
def orders(
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only those with a step to go.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Orders at most.")] = PAGE,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List orders, the newest first; those that were interrupted are taken up by 'provider finish'."""
    screen = Screen(json=json)
    with _book(home) as book:
        found = list(reversed(book.unfinished()))[:limit] if unfinished else book.newest(limit)
    screen.table(
        ("order", "placed at", "meter", "payer", "value", "state"),
        [
            (
                entry.order.order_id,
                entry.placed_at[:19].replace("T", " "),
                entry.order.psd_id,
                entry.order.payer,
                amounts.dollars(entry.order.value),
                entry.state,
            )
            for entry in found
        ],
        right=("value",),
    )
    screen.show({"orders": [_facts(entry) for entry in found]})


@provider.command()
def order(order_id: OrderArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one order: whose it is, how far it came, and what it was refused for."""
    screen = Screen(json=json)
    with _book(home) as book:
        entry = book.order(order_id)
    _show(screen, entry)


@provider.command()
def finish(
    order_id: Annotated[
        str | None, typer.Argument(metavar="[ORDER]", help="One order only; else all.", show_default=False)
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Take up orders that were interrupted, each from where it stopped: paid once, loaded once, or given back.

    Exit status 2 if one has a step to go still, as where the card service does not answer.
    """
    screen = Screen(json=json)
    if order_id is not None:
        with reach(settings_of(home, store)) as module, module.office.purchasing() as counter:
            _show(screen, counter.finish(order_id))
        return
    with (
        reach(settings_of(home, store)) as module,
        module.office.purchasing() as counter,
        screen.progress("finishing", "orders") as advance,
    ):
        waiting = counter.unfinished()
        for done, entry in enumerate(waiting, 1):
            try:
                counter.finish(entry.order.order_id)
            except Inhibited:
                raise
            except IndiciumError as error:  # it ended so, or waits: the book says which
                screen.warn(error)
            advance(done, len(waiting))
    with _book(home) as book:
        ended = [book.order(entry.order.order_id) for entry in waiting]
    left = [entry for entry in ended if entry.state in UNFINISHED]
    for entry in ended:
        screen.plain(_sentence(entry))
    screen.plain(f"{counted(len(ended) - len(left), 'order')} finished, {len(left)} left.")
    screen.show({"orders": [_facts(entry) for entry in ended], "left": len(left)})
    raise typer.Exit(_LEFT if left else 0)


@provider.command()
def cancel(
    order_id: OrderArgument, home: HomeOption = None, store: StoreOption = None, json: JsonOption = False
) -> None:
    """Call an order off and give back what was paid, unless its value was signed for already: then it is too late."""
    screen = Screen(json=json)
    with reach(settings_of(home, store)) as module, module.office.purchasing() as counter:
        entry = counter.cancel(order_id)
    _show(screen, entry)


@provider.command()
def accounts(home: HomeOption = None, json: JsonOption = False) -> None:
    """List what each meter was loaded with and paid back; the control total is what its AR and DR must add up to."""
    screen = Screen(json=json)
    with _book(home) as book:
        found = book.accounts()
    loaded, refunded = sum(account.loaded for account in found), sum(account.refunded for account in found)
    rows = [
        (
            account.psd_id,
            *map(amounts.dollars, (account.found, account.loaded, account.refunded, account.control_total)),
        )
        for account in found
    ]
    if found:
        rows.append(("all", "", amounts.dollars(loaded), amounts.dollars(refunded), ""))
    columns = ("meter", "found with", "loaded", "refunded", "control total")
    screen.table(columns, rows, right=columns[1:])
    screen.show({"accounts": [_account(account) for account in found], "loaded": loaded, "refunded": refunded})


@provider.command()
def check(home: HomeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Compare the provider's book with the records: each control total. Exit status 1 if a meter differs.

    An order that is signed and unfinished may have been loaded: 'provider finish' comes first.
    """
    screen, settings = Screen(json=json), settings_of(home, store)
    with _book(home) as book, views_of(settings, screen) as views:
        booked, waiting = book.accounts(), len(book.unfinished())
        held = {meter.device: meter.ar + meter.dr for meter in views.meters()}
    found = list(differences(booked, held))
    for account, amount in found:
        holds, booked_at = amounts.dollars(amount), amounts.dollars(account.control_total)
        screen.plain(f"Meter {account.psd_id} holds {holds}, the book says {booked_at}.")
    if not found:
        screen.plain(f"The book agrees with the records: {counted(len(booked), 'meter')}.")
    if waiting:
        orders = counted(waiting, "order is", "orders are")
        screen.plain(f"{orders} unfinished: 'indicium provider finish' goes on with what is left.")
    screen.show(
        {
            "equal": not found,
            "meters": len(booked),
            "unfinished": waiting,
            "differences": [_account(account) | {"held": amount} for account, amount in found],
        }
    )
    raise typer.Exit(1 if found else 0)


def _book(home: Path | None) -> OrderBook:
    return order_book(Home(settings_of(home, None).home))


def _show(screen: Screen, entry: Entry) -> None:
    screen.plain(_sentence(entry))
    if (refusal := _refusal(entry)) is not None:
        screen.plain(str(refusal))
    screen.show(_facts(entry))


def _sentence(entry: Entry) -> str:
    order = entry.order
    return (
        f"Order {order.order_id}: {amounts.dollars(order.value)} for meter {order.psd_id}, "
        f"paid by {order.payer}: {entry.state}."
    )


def _refusal(entry: Entry) -> IndiciumError | None:
    """Give what the module, or the provider, refused an order for."""
    if entry.refusal is None:
        return None
    kept = orjson.loads(entry.refusal)
    return revive(kept["code"], kept["facts"])


def _facts(entry: Entry) -> dict[str, object]:
    """Give what programs read of an order; never the signed message, which loads value."""
    refusal = _refusal(entry)
    return {
        **entry.order.model_dump(),
        "state": entry.state,
        "placed_at": entry.placed_at,
        "refusal": None if refusal is None else refusal.code,
    }


def _account(account: Account) -> dict[str, object]:
    return {**account._asdict(), "control_total": account.control_total}
