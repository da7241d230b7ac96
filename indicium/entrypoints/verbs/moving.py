"""Verbs by which meters go from one module of a vault to another (ADR 0024)."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.domain.errors import BadSetting
from indicium.domain.identity import Serial
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store
from indicium.parties.hand_over import finish, on_their_way
from indicium.parties.removals import Removal, remove, remove_all
from indicium.settings import Settings

ToOption = Annotated[
    Path, typer.Option("--to", help="Home of the other module: of the same store and Master Key Set.", metavar="HOME")
]


def move(
    customers: Annotated[list[str], typer.Argument(help="Whose meters.", metavar="CUSTOMER...")],
    to: ToOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Bring customers with their meters to another module. What was interrupted is gone on with."""
    screen = Screen(json=json)
    here, there = _both(home, to)
    with reach(here) as source, reach(there) as target, screen.progress("moving", "meters") as advance:
        removal = remove(source, target, customers, advance)
    _say(screen, removal, f"module {there.serial}")


def hand_over(
    to: ToOption,
    finish_only: Annotated[
        bool, typer.Option("--finish", help="Only what was given and never arrived, whichever way it went.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Empty a module: bring all its customers with their meters to another one, in groups, while both go on working."""
    screen = Screen(json=json)
    here, there = _both(home, to)
    with reach(here) as source, reach(there) as target, screen.progress("handing over", "meters") as advance:
        if finish_only:
            modules = {Serial(here.serial): source, Serial(there.serial): target}
            with Store.open(here.store_url) as store:
                came = finish(modules, on_their_way(store, store.packages()), advance)
            removal = Removal(came.moved, {str(psd_id): code for psd_id, code in came.refused.items()})
        else:
            removal = remove_all(source, target, advance)
    _say(screen, removal, "the module that it was given to" if finish_only else f"module {there.serial}")


def _both(home: Path | None, to: Path) -> tuple[Settings, Settings]:
    """Give the settings of both homes. Raises `BadSetting` where they are not two modules of one store."""
    here, there = settings_of(home, None), settings_of(to, None)
    if here.serial == there.serial:
        raise BadSetting(name="--to", why="it is the module itself: name the home of another one")
    if here.store_url != there.store_url:
        raise BadSetting(name="--to", why="it has another store: meters go only between modules of one vault")
    return here, there


def _say(screen: Screen, removal: Removal, where: str) -> None:
    many = "1 meter is" if removal.moved == 1 else f"{removal.moved} meters are"
    screen.plain(f"{many} at home in {where} now.")
    for who, code in removal.refused.items():
        screen.plain(f"  {who} stays: {code}")
    screen.show({"moved": removal.moved, "refused": removal.refused})
    raise typer.Exit(1 if removal.refused else 0)
