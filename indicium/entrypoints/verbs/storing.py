"""Verbs for the store itself."""

import typer

from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store

store = typer.Typer(help="Look after the store.", no_args_is_help=True, rich_markup_mode=None)


@store.command()
def create(home: HomeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Make an empty store where a ledger's is lost and no copy is left; 'indicium recover' fills it then.

    What the audit copy holds comes back: all records and meters. A store that is there stays as it is.
    """
    screen = Screen(json=json)
    with Store.create(settings_of(home, store).store_url) as made:
        records = sum(last for _, last in made.chains())
    if records:
        screen.say(f"The store is there, with {records} records: nothing to do.")
    else:
        screen.say("The store is empty: 'indicium recover' gives it the records that the audit copy holds.")
    screen.show({"records": records})


@store.command()
def upgrade(home: HomeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Bring a store that an older version made to this version's schema. Back it up first."""
    screen = Screen(json=json)
    done = Store.upgrade(settings_of(home, store).store_url)
    if done.found == done.reached:
        screen.say(f"The store has schema {done.reached}: nothing to do.")
    else:
        screen.say(
            f"The store had schema {done.found} and has schema {done.reached} now; its records are as they were."
        )
    screen.show(done._asdict())
