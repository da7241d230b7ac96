"""The verb of the audit file server."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.domain.errors import KeyNotUsable, Malformed
from indicium.entrypoints import audit as auditing
from indicium.entrypoints.file_server import FileServer
from indicium.entrypoints.mail import Post
from indicium.entrypoints.options import (
    USAGE,
    Environment,
    JsonOption,
    NotifyOption,
    SenderOption,
    SmtpOption,
    StarttlsOption,
)
from indicium.entrypoints.rounds import Rounds, interval
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.watching import Bounds


def audit_server(  # noqa: PLR0913, PLR0917 - one for each flag
    folder: Annotated[Path, typer.Argument(help="A home, or the folder that its ledger writes audit copies to.")],
    to: Annotated[list[Path], typer.Option(help="Folder for what was verified; more for copies on other disks.")],
    key: Annotated[
        list[Path] | None, typer.Option(help="An audit verification key, PEM; else those of FOLDER.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="INTERVAL", help="Look again and again, each 1s, 15m, 1h or 7d.")
    ] = None,
    segment: Annotated[int, typer.Option(min=1, help="Least records of a segment.")] = 10_000,
    patience: Annotated[int, typer.Option(min=1, max=3600, help="Seconds that a disk may take to answer.")] = 30,
    notify: NotifyOption = None,
    smtp: SmtpOption = None,
    sender: SenderOption = None,
    starttls: StarttlsOption = False,
    json: JsonOption = False,
) -> None:
    """Verify audit copies as they grow, move what was verified to other folders, and raise the alarm."""  # I-29
    screen = Screen(json=json)
    try:
        post = Post.of(notify, smtp, sender, Environment(), starttls=starttls)
        length = None if every is None else interval(every)
        source = folder / "audit" if (folder / "audit").is_dir() else folder
        keys = auditing.read_keys(key or []) or auditing.keys_of(source.parent)
        server = FileServer(source, to, keys, Bounds(segment, patience))
        try:
            rounds = Rounds(server.round, screen, post, always=False)
            status = rounds.once() if length is None else rounds.every(length)
        finally:
            server.close()
    except (Malformed, KeyNotUsable) as error:  # status 1 would say that a chain was tampered with
        screen.fail(error)
        raise typer.Exit(USAGE) from None
    raise typer.Exit(status)
