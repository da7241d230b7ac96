"""Verbs of an auditor, who holds public keys alone."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.cryptomodule.verifier import overall
from indicium.domain.errors import KeyNotUsable, Malformed
from indicium.entrypoints import audit as auditing
from indicium.entrypoints.inspection import Inspection, inspect
from indicium.entrypoints.mail import Post
from indicium.entrypoints.notes import Notes
from indicium.entrypoints.options import (
    USAGE,
    Environment,
    HomeOption,
    JsonOption,
    NotifyOption,
    SenderOption,
    SmtpOption,
    StarttlsOption,
    StoreOption,
    settings_of,
)
from indicium.entrypoints.results import show_report
from indicium.entrypoints.rounds import Rounds, interval
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
        noted = None if head is None else auditing.parse_head(head)
        with screen.progress("verifying", "bytes") as advance:
            reports = auditing.verify(source, key or [], noted, advance, workers=workers, backward=backward)
    except (Malformed, KeyNotUsable) as error:  # status 1 would say that a chain was tampered with
        screen.fail(error)
        raise typer.Exit(USAGE) from None
    for report in reports:
        show_report(screen, report)
    if not reports:
        screen.plain(f"INCOMPLETE: {source} holds no chain: is it the source that was meant?")
    screen.show(auditing.as_json(reports))
    raise typer.Exit(auditing.EXIT_STATUS[overall(reports)])


def audit(  # noqa: PLR0913, PLR0917 - one for each flag
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="As of verify; none for the store of the home, with its keys."),
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    key: Annotated[list[Path] | None, typer.Option(help="An audit verification key, PEM; one a module.")] = None,
    notes: Annotated[
        Path | None, typer.Option(help="File of noted heads: the chains must go on from them, and new ones are noted.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="INTERVAL", help="Audit again and again, each 30s, 15m, 1h or 7d.")
    ] = None,
    notify: NotifyOption = None,
    smtp: SmtpOption = None,
    sender: SenderOption = None,
    starttls: StarttlsOption = False,
    always: Annotated[bool, typer.Option("--always", help="Send a mail after each audit, a good one too.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share a long audit file.")] = 1,
    json: JsonOption = False,
) -> None:
    """Verify all chains, then combine them meter by meter, and tell the Security Officer. Exit status as of verify."""
    screen = Screen(json=json)
    try:
        post = Post.of(notify, smtp, sender, Environment(), starttls=starttls)
        length = None if every is None else interval(every)
        named, keys = sources or [], auditing.read_keys(key or [])
        if not named:
            settings = settings_of(home, store)
            named, keys = [settings.store_url], keys or auditing.keys_of(settings.home)
        noted = Notes(notes)

        def make() -> Inspection:
            with screen.progress("auditing", "bytes") as advance:
                found = inspect(named, auditing.Examination(keys, None, advance, workers, heads=noted.heads))
            noted.note(found.reports)
            return found

        rounds = Rounds(make, screen, post, always=always)
        status = rounds.once() if length is None else rounds.every(length)
    except (Malformed, KeyNotUsable) as error:  # status 1 would say that a chain was tampered with
        screen.fail(error)
        raise typer.Exit(USAGE) from None
    raise typer.Exit(status)
