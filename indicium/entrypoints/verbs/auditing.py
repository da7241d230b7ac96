"""Verbs of an auditor, who holds public keys alone."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.cryptomodule.verifier import overall
from indicium.domain.errors import KeyNotUsable, Malformed
from indicium.entrypoints import audit
from indicium.entrypoints.options import USAGE, JsonOption
from indicium.entrypoints.results import show_report
from indicium.entrypoints.screen import Screen


def verify(
    source: Annotated[str, typer.Argument(help="An audit file, a folder of them, a home, an export, or a store URL.")],
    key: Annotated[list[Path] | None, typer.Option(help="The audit verification key, PEM; one a module.")] = None,
    head: Annotated[str | None, typer.Option(help="The head you noted last time: SEQUENCE:HASH.")] = None,
    backward: Annotated[
        bool, typer.Option("--backward", help="Read an audit file from its newest record back, to the head at most.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share a long audit file.")] = 1,
    json: JsonOption = False,
) -> None:
    """Verify chains with a public key alone. Exit status: 0 PASS, 1 FAIL, 2 INCOMPLETE."""
    screen = Screen(json=json)
    try:
        noted = None if head is None else audit.parse_head(head)
        with screen.progress("verifying", "bytes") as advance:
            reports = audit.verify(source, key or [], noted, advance, workers=workers, backward=backward)
    except (Malformed, KeyNotUsable) as error:  # status 1 would say that a chain was tampered with
        screen.fail(error)
        raise typer.Exit(USAGE) from None
    for report in reports:
        show_report(screen, report)
    if not reports:
        screen.say("INCOMPLETE: no chain there")
    screen.show(audit.as_json(reports))
    raise typer.Exit(audit.EXIT_STATUS[overall(reports)])
