"""Verbs that open a module: make a ledger, show it, post a mailing, bring its places together."""

import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from indicium.app import Ledger
from indicium.domain import amounts
from indicium.domain.errors import BadFile, BadSetting, BadValue, Inhibited
from indicium.entrypoints import losses
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.counted import counted
from indicium.entrypoints.demo import DATA, Demo
from indicium.entrypoints.options import (
    HomeOption,
    JsonOption,
    StoreOption,
    SuiteOption,
    folder_of,
    settings_of,
    stated,
)
from indicium.entrypoints.results import write_results
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.devices import SystemClock
from indicium.infrastructure.home import Home
from indicium.infrastructure.membership import demand_room
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.store import Store
from indicium.parties.mailing import OK, Mailing, read_rows
from indicium.parties.summary import PaperSize
from indicium.projections.losses import loss_statement
from indicium.settings import DEFAULT_SERIAL, Settings
from indicium.vault import join as join_vault

_OURS = (
    r"\.?indicium\.toml.*|ledger\.db.*|modules|audit|keys|run|secrets|provider|cards|metergen"
    r"|shown\.db.*|items\.csv|tampered\.audit"
)
"""Names of what a demo leaves in its home."""

OWN = "the demo's own"
"""What the help says of the files that ship with the package."""


def init(
    home: HomeOption = None,
    store: StoreOption = None,
    serial: Annotated[str, typer.Option(help="Serial number of the module: up to 16 digits.")] = DEFAULT_SERIAL,
    first_device: Annotated[
        int | None, typer.Option(help="First device number of its meters; else the store's next free ones.")
    ] = None,
    last_device: Annotated[int | None, typer.Option(help="Last device number of its meters.")] = None,
    suite: SuiteOption = "modern",
    join: Annotated[
        Path | None,
        typer.Option(help="Home of a module to share Master Key Set and store with, so that meters go to and fro."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a ledger: a whole unattended key ceremony, or the rest of one that was interrupted."""
    screen, folder = Screen(json=json), folder_of(home)
    devices = {"first_device": first_device, "last_device": last_device}
    settings = Settings.of(folder, serial=serial, suite=suite, **devices, **stated(store))
    with Ledger.create(settings) if join is None else _joined(settings, join) as ledger:
        screen.say(f"Module {ledger.settings.serial} is operational; its chain is {ledger.chain}.")
        screen.plain(f"Audit key: {folder / 'keys' / f'{ledger.settings.serial}.audit.pem'}")
        screen.plain(f"Passphrases of the ceremony: {folder / 'secrets' / 'ceremony.json'} (keep them, then remove it)")
        screen.show(
            {
                "home": str(folder),
                "module": ledger.settings.serial,
                "chain": ledger.chain,
                "suite": ledger.settings.suite,
            }
        )


def _joined(settings: Settings, first: Path) -> Ledger:
    """Make a module that shares the keys of another one, which is opened meanwhile, and writes to the same store."""
    theirs = Settings.read(first)
    if not theirs.store_is_apart:
        why = (
            "its store lies in its home: give it one that several modules write to, with --store, before anything else"
        )
        raise BadSetting(name="--join", why=why)
    with Ledger.open(theirs) as ledger:
        return join_vault(settings.model_copy(update={"store": theirs.store}), ledger)


def demo(
    home: HomeOption = None,
    store: StoreOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the ledger that the home holds first.")] = False,
    customers: Annotated[Path, typer.Option(help="Customers to lease meters to.", show_default=OWN)] = DATA
    / "customers.csv",
    mailing: Annotated[Path, typer.Option(help="Mailing to frank.", show_default=OWN)] = DATA / "mailing.csv",
    suite: SuiteOption = "modern",
    json: JsonOption = False,
) -> None:
    """Show everything: ceremony, meters, a mailing, the views, the verification, a tampered copy found out."""
    screen, folder = Screen(json=json), folder_of(home)
    settings = Settings.of(folder, suite=suite, **stated(store))
    # It reads both files: a bad one is refused before anything goes.
    show = Demo(screen, settings, customers, mailing)
    if fresh and Home(folder).holds_ledger:
        demand_room(settings)
        _remove(Home(folder))
    raise typer.Exit(show.run())


def post(
    mailing: Annotated[Path, typer.Argument(help="CSV with the columns job, customer, origin_zip, … value_usd.")],
    out: Annotated[Path, typer.Option("--out", help="Where the results go, a row for each job.")],
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Frank a mailing as the customers whose keys the home holds. Posted again, it charges nothing twice."""
    screen = Screen(json=json)
    rows = list(read_rows(mailing))
    if out.is_dir() or not out.parent.is_dir():  # said before anything is spent
        raise BadFile(path=str(out), why="it is not a file's name in a folder that is there")
    if out.exists() and out.samefile(mailing):
        raise BadFile(path=str(out), why="it is the mailing itself: name another file for the results")
    with reach(settings_of(home, store)) as module, screen.progress("posting", "jobs") as advance:
        results = Mailing(module.office, module.execute_all).post(rows, advance)
    write_results(out, results)
    refused = [result for result in results if result.code != OK]
    spent = sum({result.job: result.value for result in results if result.code == OK}.values())
    screen.plain(
        f"{len(results) - len(refused)} of {counted(len(results), 'job')} done, {amounts.dollars(spent)} spent: {out}"
    )
    for result in refused:
        screen.plain(f"  job {result.job}: {result.code}")
    screen.show({"jobs": len(results), "refused": len(refused), "spent": spent, "out": str(out)})
    raise typer.Exit(1 if refused else 0)


def recover(
    home: HomeOption = None,
    store: StoreOption = None,
    statement: Annotated[
        bool,
        typer.Option("--statement", help="Open nothing: say what all recoveries of the store redid or discarded."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --statement: a new file for it; its name ends in .json, .txt or .pdf (a page)."
        ),
    ] = None,
    size: Annotated[PaperSize, typer.Option("--size", help="Size of the page.")] = PaperSize.A4,
    json: JsonOption = False,
) -> None:
    """Bring the three places of the ledger together, and say what was done; a process that runs it has done so.

    Where they cannot be brought together, the sentence names the place, the record and the command that helps.
    """
    screen, settings = Screen(json=json), settings_of(home, store)
    if out is not None:
        if not statement:
            raise BadValue(field="--out", why="it is for the statement: say --statement too")
        losses.demand_form(out)
    if statement:
        with Store.open(settings.store_url, read_only=True) as opened:
            found = loss_statement(opened)
        if out is not None:
            losses.write_losses(found, out, SystemClock().now(), size)
            screen.plain(f"The statement: {out}")
        else:
            for line in losses.lines(found):
                screen.plain(line)
        screen.show(found.as_json())
        return
    with screen.progress("recovering", "lines") as advance, reach(settings, advance) as module:
        done = [action.value for action in module.recovered]
    screen.say("\n".join(done) or "Memory, store and audit copy agree: nothing to do.")
    screen.show({"done": done})


def _remove(home: Home) -> None:
    """Remove a ledger, unless it is open, or other things lie in its folder."""
    for path in home.folder.iterdir():
        if not re.fullmatch(_OURS, path.name):
            why = f"{home.folder} holds {path.name} beside its ledger: take it away, or remove the folder yourself"
            raise BadSetting(name="home", why=why)
    for memory in home.modules.glob("*.memory"):
        with suppress(Inhibited):  # what cannot be opened any more may go
            MemoryFile(memory).close()
    shutil.rmtree(home.folder)
