"""Verbs for the whole ceremony at one terminal, and for the paper that is signed at its end."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from indicium.app import Ledger
from indicium.domain.errors import ExtraMissing, LedgerExists
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
from indicium.parties.summary import PaperSize, Summary, as_text, summarize

PdfOption = Annotated[
    Path | None,
    typer.Option("--pdf", help="A new file for the paper, as PDF (extra 'ceremony').", metavar="FILE"),
]
SizeOption = Annotated[PaperSize, typer.Option("--size", help="Size of the paper.")]


def ceremony(
    home: HomeOption = None,
    join: Annotated[
        bool, typer.Option("--join", help="Get the Master Key Set from another module, in shares; the module must run.")
    ] = False,
    pdf: PdfOption = None,
    size: SizeOption = PaperSize.A4,
) -> None:
    """Lead people through a key ceremony at this terminal, or the rest of one: it says whose turn it is."""
    settings = settings_of(home, None)
    if Home(settings.home).audit_key(Serial(settings.serial)).exists():
        raise LedgerExists(home=str(settings.home))
    _demand_extra(pdf)
    ask = AtTerminal("the same steps, one command each, take passphrases from scripts")
    with connect(settings) if join else attend(settings) as module:
        found = attended.progress(module)
        if (
            isinstance(module, Ledger) and found.state is ModuleState.ERROR and found.mks is None
        ):  # C-21: nothing is lost
            typer.echo("The module was switched off while it was Initializing: it is reset, and begins a new chain.")
            module.reset()
        try:
            Guide(ask, module, joins=join).hold()
        except (typer.Abort, KeyboardInterrupt):
            typer.echo("The ceremony is interrupted; the same command goes on with it.", err=True)
            raise
    summary = summarize(settings, SystemClock().now())
    typer.echo(as_text(summary))
    _write_pdf(summary, pdf, size)


def paper(
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="A new file for the paper as text.", metavar="FILE")] = None,
    pdf: PdfOption = None,
    size: SizeOption = PaperSize.A4,
    json: JsonOption = False,
) -> None:
    """Write the paper of a finished ceremony: people, fingerprints, the head to note, lines to sign by hand."""
    screen, settings = Screen(json=json), settings_of(home, None)
    _demand_extra(pdf)
    summary = summarize(settings, SystemClock().now())
    if out is not None:
        with new_file(out) as write:
            write(as_text(summary).encode())
    elif pdf is None:
        for line in as_text(summary).splitlines():
            screen.plain(line)
    _write_pdf(summary, pdf, size)
    for written in (out, pdf):
        if written is not None:
            screen.plain(f"The paper: {written}")
    head = {"sequence": summary.head.sequence, "hash": summary.head.hash}
    fingerprints = {fingerprint.of: fingerprint.digest for fingerprint in summary.fingerprints}
    people = [signer._asdict() for signer in summary.signers]
    screen.show({**summary._asdict(), "head": head, "fingerprints": fingerprints, "signers": people})


def _demand_extra(pdf: Path | None) -> None:
    """Say before anybody begins what would be missing at the end."""
    if pdf is not None and find_spec("reportlab") is None:
        raise ExtraMissing(extra="ceremony")


def _write_pdf(summary: Summary, pdf: Path | None, size: PaperSize) -> None:
    if pdf is None:
        return
    from indicium.entrypoints.ceremony_page import as_pdf  # only where the extra is installed

    with new_file(pdf) as write:
        write(as_pdf(summary, size))
