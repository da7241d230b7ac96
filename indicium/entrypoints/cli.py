"""The verbs of the command line. Each opens what it needs, does one thing and says what it did."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from pydantic_settings import BaseSettings, SettingsConfigDict

from indicium.app import Ledger
from indicium.cryptomodule.verifier import overall
from indicium.domain import amounts
from indicium.domain.errors import BadFile, BadSetting, IndiciumError, Inhibited, KeyNotUsable, Malformed, UnknownMeter
from indicium.domain.identity import DeviceId
from indicium.entrypoints import audit
from indicium.entrypoints.demo import DATA, Demo
from indicium.entrypoints.results import show_modules, show_report, write_results
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.home import Home
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.store import Store
from indicium.parties.mailing import OK, Mailing, read_rows
from indicium.projections import Views
from indicium.settings import DEFAULT_SERIAL, Settings

USAGE = 3
"""Exit status of a command that was called wrongly."""

_OURS = r"\.?indicium\.toml.*|ledger\.db.*|modules|audit|keys|secrets|items\.csv|tampered\.audit"
"""Names of what a demo leaves in its home."""

OWN = "the demo's own"
"""What the help says of the files that ship with the package."""

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


class Environment(BaseSettings):
    """What the environment may say instead of flags."""

    model_config = SettingsConfigDict(env_prefix="INDICIUM_")

    home: Path = Path("indicium-home")


app = typer.Typer(
    name="indicium",
    help="A ledger of prepaid value: every change is a signed, hash-chained record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the ledger; else INDICIUM_HOME, else ./indicium-home.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON object to standard output.")]


def run(arguments: Sequence[str]) -> int:
    """Run the command line; give its exit status, as `contracts` lists them."""
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name="indicium", standalone_mode=False)
    except typer.TyperException as error:  # typer's own exit status for these is 2, which means INCOMPLETE here
        typer.echo(error.format_message(), err=True)
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except IndiciumError as error:
        return Screen(json="--json" in arguments).fail(error)
    return result if isinstance(result, int) else 0


@app.command()
def init(
    home: HomeOption = None,
    serial: Annotated[str, typer.Option(help="Serial number of the module: up to 16 digits.")] = DEFAULT_SERIAL,
    json: JsonOption = False,
) -> None:
    """Make a ledger: a whole unattended key ceremony, or the rest of one that was interrupted."""
    screen, folder = Screen(json=json), _home(home)
    with Ledger.create(Settings.of(folder, serial=serial)) as ledger:
        screen.say(f"Module {ledger.settings.serial} is operational; its chain is {ledger.chain}.")
        screen.say(f"Audit key: {folder / 'keys' / f'{ledger.settings.serial}.audit.pem'}")
        screen.say(f"Passphrases of the ceremony: {folder / 'secrets' / 'ceremony.json'} (keep them, then remove it)")
        screen.show({"home": str(folder), "module": ledger.settings.serial, "chain": ledger.chain})


@app.command()
def demo(
    home: HomeOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the ledger that the home holds first.")] = False,
    customers: Annotated[Path, typer.Option(help="Customers to lease meters to.", show_default=OWN)] = DATA
    / "customers.csv",
    mailing: Annotated[Path, typer.Option(help="Mailing to frank.", show_default=OWN)] = DATA / "mailing.csv",
    json: JsonOption = False,
) -> None:
    """Show everything: ceremony, meters, a mailing, the views, the verification, a tampered copy found out."""
    screen, folder = Screen(json=json), _home(home)
    show = Demo(screen, folder, customers, mailing)  # it reads both files: a bad one is refused before anything goes
    if fresh and Home(folder).holds_ledger:
        _remove(Home(folder))
    raise typer.Exit(show.run())


@app.command()
def post(
    mailing: Annotated[Path, typer.Argument(help="CSV with the columns job, customer, origin_zip, … value_usd.")],
    out: Annotated[Path, typer.Option("--out", help="Where the results go, a row for each job.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Frank a mailing as the customers whose keys the home holds. Posted again, it charges nothing twice."""
    screen = Screen(json=json)
    rows = list(read_rows(mailing))
    if out.is_dir() or not out.parent.is_dir():  # said before anything is spent
        raise BadFile(path=str(out), why="it is not a file's name in a folder that is there")
    with Ledger.open(_home(home)) as ledger, screen.progress("posting", "jobs") as advance:
        results = Mailing(ledger.office, ledger.execute_all).post(rows, advance)
    write_results(out, results)
    refused = [result for result in results if result.code != OK]
    spent = sum({result.job: result.value for result in results if result.code == OK}.values())
    screen.say(f"{len(results) - len(refused)} of {len(results)} jobs done, {amounts.dollars(spent)} spent: {out}")
    for result in refused:
        screen.plain(f"  job {result.job}: {result.code}")
    screen.show({"jobs": len(results), "refused": len(refused), "spent": spent, "out": str(out)})
    raise typer.Exit(1 if refused else 0)


@app.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Say what the ledger holds, without opening a module."""
    screen, folder = Screen(json=json), _home(home)
    settings = Settings.read(folder)
    with Store.open(settings.store_url) as store, screen.progress("reading", "records") as advance:
        views = Views(store.engine)
        views.catch_up(store, advance)
        modules, meters = views.modules(), views.meters()
    held, spent = sum(meter.dr for meter in meters), sum(meter.ar for meter in meters)
    records = sum(module.head.sequence for module in modules)
    screen.say(f"{len(modules)} chain(s), {records} records, {len(meters)} meters in {folder}")
    screen.say(f"Spent (AR): {amounts.dollars(spent)}   still to be spent (DR): {amounts.dollars(held)}")
    screen.show(
        {
            "home": str(folder),
            "chains": len(modules),
            "records": records,
            "meters": len(meters),
            "ar": spent,
            "dr": held,
        }
    )


@app.command()
def meters(
    device: Annotated[str | None, typer.Argument(help="One meter only.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the meters with their registers."""
    screen = Screen(json=json)
    with _views(_home(home), screen) as views:
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


@app.command()
def modules(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the module table: each module's last transaction, totals and head (G4)."""
    screen = Screen(json=json)
    with _views(_home(home), screen) as views:
        rows = views.modules()
    show_modules(screen, rows)
    screen.show({"modules": [row.as_json() for row in rows]})


@app.command()
def verify(
    source: Annotated[str, typer.Argument(help="An audit file, a folder of them, a home, or a store URL.")],
    key: Annotated[list[Path] | None, typer.Option(help="The audit verification key, PEM; one a module.")] = None,
    head: Annotated[str | None, typer.Option(help="The head you noted last time: SEQUENCE:HASH.")] = None,
    json: JsonOption = False,
) -> None:
    """Verify chains with a public key alone. Exit status: 0 PASS, 1 FAIL, 2 INCOMPLETE."""
    screen = Screen(json=json)
    try:
        noted = None if head is None else audit.parse_head(head)
        with screen.progress("verifying", "bytes") as advance:
            reports = audit.verify(source, key or [], noted, advance)
    except (Malformed, KeyNotUsable) as error:  # status 1 would say that a chain was tampered with
        screen.fail(error)
        raise typer.Exit(USAGE) from None
    for report in reports:
        show_report(screen, report)
    if not reports:
        screen.say("INCOMPLETE: no chain there")
    screen.show(audit.as_json(reports))
    raise typer.Exit(audit.EXIT_STATUS[overall(reports)])


@app.command()
def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Compare only: is the live view what a replay gives?")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Build all views anew from the records, or check them against a replay."""
    screen, settings = Screen(json=json), Settings.read(_home(home))
    with Store.open(settings.store_url) as store, screen.progress("replaying", "records") as advance:
        views = Views(store.engine)
        if check:
            views.catch_up(store)
            differences = views.check(store, advance)
        else:
            rebuilt = views.rebuild(store, advance)
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


@app.command()
def recover(home: HomeOption = None, json: JsonOption = False) -> None:
    """Open the ledger, bring its three places together, and say what was done."""
    screen = Screen(json=json)
    with Ledger.open(_home(home)) as ledger:
        done = [action.value for action in ledger.recovered]
    screen.say("\n".join(done) or "Memory, store and audit copy agree: nothing to do.")
    screen.show({"done": done})


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context, show_version: Annotated[bool, typer.Option("--version", help="Say the version.")] = False
) -> None:
    if show_version:
        typer.echo(version("indicium"))
        context.exit()


@contextmanager
def _views(home: Path, screen: Screen) -> Iterator[Views]:
    """Open the views of a home, with every record folded in."""
    settings = Settings.read(home)
    with Store.open(settings.store_url) as store:
        views = Views(store.engine)
        with screen.progress("reading", "records") as advance:
            views.catch_up(store, advance)
        yield views


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


def _home(flag: Path | None) -> Path:
    return flag if flag is not None else Environment().home
