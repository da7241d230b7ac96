"""Verbs for the store itself."""

import typer

from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store

store = typer.Typer(help="Look after the store.", no_args_is_help=True, rich_markup_mode=None)


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
