"""Verbs of a module: its process here, what people do to it in files of their own."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from indicium.app import Ledger
from indicium.domain.errors import ChainClosed
from indicium.entrypoints import running
from indicium.entrypoints.asking import AtTerminal
from indicium.entrypoints.connecting import connect
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.verbs import (
    module_accounts,
    module_adoption,
    module_audit_key,
    module_ceremony,
    module_founding,
    module_logs,
    module_recovery,
    module_sharing,
    module_status,
    moving,
)
from indicium.parties.resetting import reset_closed

module = typer.Typer(
    help="A cryptographic module: its process, the key ceremony that people hold, and who may do what.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@module.command()
def run(
    home: HomeOption = None,
    store: StoreOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say on standard error what happens.")] = False,
    json: JsonOption = False,
) -> None:
    """Open the module and serve whoever connects, until SIGTERM, Ctrl-C or 'module stop'. One line says it is ready."""
    screen = Screen(json=json)
    if verbose:
        logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
        logging.getLogger("indicium").setLevel(logging.DEBUG)
    with screen.progress("recovering", "lines") as advance:
        ledger = Ledger.attend(settings_of(home, store), advance)

    def ready(path: Path) -> None:
        serial = ledger.settings.serial
        its_chain = f"its chain is {ledger.chain}" if ledger.chain else "it is Uninitialized"
        screen.plain(f"Module {serial} runs; {its_chain}, its socket {path}.")
        screen.show({"module": serial, "chain": ledger.chain, "socket": str(path)})
        sys.stdout.flush()  # whoever waits for the line may read it through a pipe

    running.run(ledger, ready)


@module.command()
def stop(home: HomeOption = None, json: JsonOption = False) -> None:
    """Have the process that runs the module finish what it was asked, close the module and end."""
    screen, settings = Screen(json=json), settings_of(home, None)
    connect(settings).stop()
    screen.say(f"Module {settings.serial} is closed.")
    screen.show({"module": settings.serial, "stopped": True})


@module.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Ask nobody whether it is meant.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Erase all that the module holds. Its chain ends, and stays; the next ceremony begins another."""  # C-15
    screen, settings = Screen(json=json), settings_of(home, None)
    if not yes:
        AtTerminal("say --yes if it is meant").demand(f"Erase all that module {settings.serial} holds, its keys too?")
    try:
        with Ledger.attend(settings) as ledger:
            chain = ledger.chain
            ledger.reset()
    except ChainClosed as late:
        chain = reset_closed(settings, late)
    screen.say(f"Module {settings.serial} is Uninitialized.")
    screen.show({"module": settings.serial, "state": "uninitialized", "ended": chain})


for verb in (
    module_status.status,
    module_founding.init,
    module_ceremony.ceremony,
    module_ceremony.paper,
    module_founding.start,
    module_founding.users,
    module_founding.generate,
    module_founding.configure,
    module_founding.update,
    module_audit_key.export_key,
    module_audit_key.new_audit_key,
    module_logs.archive_log,
    module_logs.delete_log,
    module_sharing.combine,
    module_sharing.activate,
    module_sharing.translate,
    module_sharing.delete_dormant,
    module_accounts.clock,
    module_recovery.recover,
    module_recovery.release,
    module_adoption.adopt,
    moving.hand_over,
):
    module.command()(verb)

module.add_typer(module_sharing.transport_key, name="transport-key")
module.add_typer(module_sharing.shares, name="shares")
module.add_typer(module_accounts.accounts, name="accounts")
module.add_typer(module_accounts.admin, name="admin")
