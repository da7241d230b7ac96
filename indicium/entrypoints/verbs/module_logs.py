"""Verbs of the Auditor for logs that were verified: archive them, and delete what is archived (M-57, I-33)."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.domain.identity import ChainId, Serial
from indicium.entrypoints import audit as auditing
from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import AUDITOR, PassphraseStdinOption, UserOption, logged_on
from indicium.entrypoints.connecting import attend
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.parties import archivist
from indicium.parties.archivist import Log, Moved
from indicium.parties.attended import progress

ChainOption = Annotated[str | None, typer.Option("--chain", help="Another chain of the module than that it writes.")]
UptoOption = Annotated[int, typer.Option("--upto", min=1, help="Only segments that end at or before this record.")]

_ALL = 2**53


def archive_log(
    folder: Annotated[Path, typer.Argument(help="A folder of the audit file server.")],
    to: Annotated[Path, typer.Option(help="The archive: a folder, made if it is not there.")],
    upto: UptoOption = _ALL,
    chain: ChainOption = None,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Auditor copy segments that pass to an archive; a signed record says which."""  # M-57
    screen, ask, settings = Screen(json=json), asker(passphrase_stdin=passphrase_stdin), settings_of(home, None)
    with attend(settings) as module:
        log = Log(folder, Serial(settings.serial), ChainId(chain or progress(module).chain), upto)
        with logged_on(module, ask, AUDITOR, user) as operator:
            moved = archivist.archive(operator, log, to, auditing.keys_of(settings.home))
    _show(screen, "archived", moved)


def delete_log(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of the audit file server.")],
    archive: Annotated[Path, typer.Option(help="The archive that holds what is to be deleted.")],
    upto: UptoOption = _ALL,
    chain: ChainOption = None,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Auditor delete segments that were archived; a signed record says which, before they go."""  # M-57
    screen, ask, settings = Screen(json=json), asker(passphrase_stdin=passphrase_stdin), settings_of(home, None)
    with attend(settings) as module:
        named = ChainId(chain or progress(module).chain)
        logs = [Log(folder, Serial(settings.serial), named, upto) for folder in folders]
        with logged_on(module, ask, AUDITOR, user) as operator:
            moved = archivist.delete(module, operator, logs, archive, auditing.keys_of(settings.home))
    _show(screen, "deleted", moved)


def _show(screen: Screen, done: str, moved: Moved) -> None:
    screen.plain(f"Records {moved.first} to {moved.last} of chain {moved.chain} are {done}, as a signed record says.")
    screen.plain(f"  sha256 {moved.digest}")
    screen.show({"done": done} | moved._asdict())
