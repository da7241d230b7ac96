"""Verbs for the whole ceremony at one terminal, and for the paper that is signed at its end."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.app import Ledger
from indicium.domain.errors import LedgerExists
from indicium.domain.fig6 import ModuleState
from indicium.domain.identity import Serial
from indicium.entrypoints.asking import AtTerminal
from indicium.entrypoints.connecting import attend, connect
from indicium.entrypoints.guided import Guide
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.devices import SystemClock
from indicium.infrastructure.home import Home
from indicium.parties import attended
from indicium.parties.carried import new_file
from indicium.parties.summary import as_text, summarize
from indicium.settings import Settings


def ceremony(
    home: HomeOption = None,
    join: Annotated[
        bool, typer.Option("--join", help="Get the Master Key Set from another module, in shares; the module must run.")
    ] = False,
) -> None:
    """Lead people through a key ceremony at this terminal, or the rest of one: it says whose turn it is."""
    settings = settings_of(home, None)
    if Home(settings.home).audit_key(Serial(settings.serial)).exists():
        raise LedgerExists(home=str(settings.home))
    ask = AtTerminal()
    with connect(settings) if join else attend(settings) as module:
        if isinstance(module, Ledger) and attended.progress(module).state is ModuleState.ERROR:
            typer.echo(
                "The module was switched off while it was Initializing, and begins anew with a chain of its own."
            )
            module.reset()
        try:
            Guide(ask, module, joins=join).hold()
        except (typer.Abort, KeyboardInterrupt):
            typer.echo("The ceremony is interrupted; the same command goes on with it.", err=True)
            raise
    _show(settings)


def paper(
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to a new file as text.", metavar="FILE")] = None,
    json: JsonOption = False,
) -> None:
    """Write the paper of a finished ceremony: people, fingerprints, the head to note, lines to sign by hand."""
    screen, settings = Screen(json=json), settings_of(home, None)
    summary = summarize(settings, SystemClock().now())
    if out is None:
        screen.plain(as_text(summary))
    else:
        with new_file(out) as write:
            write(as_text(summary).encode())
        screen.plain(f"Print {out} and sign it.")
    screen.show(summary._asdict())


def _show(settings: Settings) -> None:
    typer.echo(as_text(summarize(settings, SystemClock().now())))
