"""Verbs of MeterGen: meters made before anybody asks for one (A-53)."""

from typing import Annotated

import typer

from indicium.entrypoints.connecting import reach
from indicium.entrypoints.counted import counted
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen


def create(
    count: Annotated[int | None, typer.Argument(min=1, help="So many more; else one.", show_default=False)] = None,
    until: Annotated[
        int | None, typer.Option("--until", metavar="NUMBER", min=1, help="As many as are missing until so many wait.")
    ] = None,
    below: Annotated[
        int | None, typer.Option("--if-below", metavar="NUMBER", min=1, help="With --until: none while so many wait.")
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Make meters ahead, certified and authorized, for 'meter lease' to give out. What was interrupted is finished."""
    if count is not None and until is not None:
        msg = "say how many more, or --until how many wait, not both"
        raise typer.BadParameter(msg)
    if below is not None and until is None:
        msg = "--if-below goes with --until"
        raise typer.BadParameter(msg)
    screen = Screen(json=json)
    with reach(settings_of(home, store)) as module, screen.progress("making", "meters") as advance:
        office = module.office
        target = until if until is not None else office.meters_ready + (count or 1)
        mark = target if below is None else below
        made = office.restock(mark, target, module.execute_all, advance)
        ready = office.meters_ready
    if made is None:
        screen.plain(f"{counted(ready, 'meter waits', 'meters wait')} for customers: nothing to make.")
        screen.show({"ready": ready, "made": 0, "taken_up": 0})
        return
    left = f"{made.taken_up} finished that were begun before, " if made.taken_up else ""
    waiting = counted(ready, "waits", "wait")
    screen.plain(
        f"{counted(made.made, 'meter')} made, {left}{made.meters_a_second:.0f} a second; {waiting} for customers."
    )
    screen.show(
        {
            "ready": ready,
            "made": made.made,
            "taken_up": made.taken_up,
            "seconds": round(made.seconds, 3),
            "meters_a_second": round(made.meters_a_second, 1),
        }
    )
