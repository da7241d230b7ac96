"""The verb that holds a drill on a copy of a ledger."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from indicium.domain.errors import BadFile, BadValue, FileTaken, UnknownScenario
from indicium.drill.evidence import Evidence
from indicium.drill.run import Plan
from indicium.drill.run import drill as hold
from indicium.drill.scenarios import SCENARIOS, Backups, Scenario, of_backups
from indicium.entrypoints.losses import demand_form
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.parties.attended import demand_finished
from indicium.parties.carried import new_file
from indicium.parties.evidence_key import EvidenceKey

BACK = 100
"""Records before the checkpoints that the past of a scenario is away."""


def drill(  # noqa: PLR0913, PLR0917 - one for each flag
    scenarios: Annotated[
        list[str] | None, typer.Argument(metavar="[SCENARIO]...", help="Which; none for all of them: see --list.")
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    old_store: Annotated[
        str | None, typer.Option("--old-store", metavar="FILE", help="A backup of the store to be put back, or a URL.")
    ] = None,
    old_memory: Annotated[
        Path | None, typer.Option("--old-memory", metavar="FILE", help="A backup of the module's memory.")
    ] = None,
    old_copy: Annotated[
        Path | None, typer.Option("--old-copy", metavar="DIR", help="A backup of the folder audit/.")
    ] = None,
    back: Annotated[
        int, typer.Option(min=1, help="How many records before its checkpoints a place is put back to.")
    ] = BACK,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A new file for the evidence: its name ends in .json or .txt. Several will do."
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="Your own private key, PEM: each FILE gets a signature beside it, FILE.sig."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder for the stores and audit copies that are left.")
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="Say which scenarios there are.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing if all is as expected.")] = False,
    json: JsonOption = False,
) -> None:
    """Put a place of a ledger back, or alter it, on a copy, and show what the engine does. The original is only read.

    Exit status: 0 all as expected, 1 something was not, 2 a scenario that was named cannot be made of this ledger.
    """
    screen = Screen(json=json)
    if names:
        screen.table(("scenario", "what is put back or altered"), [(s.name, s.about) for s in SCENARIOS.values()])
        screen.show({"scenarios": {scenario.name: scenario.about for scenario in SCENARIOS.values()}})
        return
    chosen = _chosen(scenarios or [], Backups(old_store, old_memory, old_copy))
    key = None if sign is None else EvidenceKey(sign)
    _demand_free(out or [], keep, signed=key is not None)
    settings = settings_of(home, store)
    demand_finished(settings)
    with screen.progress("drilling", "scenarios") as advance:
        evidence = hold(settings, Plan(chosen, back, None if key is None else key.fingerprint, keep), advance)
    for path in out or []:
        content = _written(evidence, path)
        with new_file(path) as write:
            write(content)
        if key is not None:
            with new_file(_signature(path)) as write:
                write(key.sign(content))
    if not (quiet and evidence.as_expected):
        for line in evidence.lines():
            screen.plain(line)
    screen.show(evidence.as_json())
    if not evidence.as_expected:
        raise typer.Exit(1)
    raise typer.Exit(2 if scenarios and evidence.unmade else 0)


def _chosen(named: list[str], backups: Backups) -> list[Scenario]:
    """Find the scenarios that are meant. Raises `UnknownScenario`, `BadValue`."""
    if backups.named:
        if named:
            raise BadValue(field="SCENARIO", why="backups are a scenario of their own: name none beside them")
        return [of_backups(backups)]
    for name in named:
        if name not in SCENARIOS:
            raise UnknownScenario(scenario=name)
    return [SCENARIOS[name] for name in named] or list(SCENARIOS.values())


def _demand_free(out: list[Path], keep: Path | None, *, signed: bool) -> None:
    """Say before a minute is spent what cannot be written. Raises `BadValue`, `BadFile`, `FileTaken`."""
    for path in out:
        demand_form(path, pages=False)
        if not path.parent.is_dir():
            raise BadFile(path=str(path), why="its folder is not there")
    for path in (*out, *(map(_signature, out) if signed else ()), *((keep,) if keep else ())):
        if path.exists():
            raise FileTaken(path=str(path))


def _signature(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")


def _written(evidence: Evidence, path: Path) -> bytes:
    if path.suffix == ".json":
        return orjson.dumps(evidence.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return "".join(f"{line}\n" for line in evidence.lines()).encode()
