"""Verbs by which a Master Key Set gets from one module into another (H-21 … H-28), becomes active, and is deleted.

While shares are on their way a module has to keep running: neither going out nor coming in survives its end.
"""

import re
from pathlib import Path
from typing import Annotated

import typer

from indicium.domain.commands.initialization import GenerateTransportKeyPair
from indicium.domain.commands.master_keys import (
    MOST_SHARES,
    AbortExport,
    ActivateMks,
    CombineMksShares,
    CreateMksShares,
    DeleteDormantMks,
    ExportMksShare,
    ExportTransportPublicKey,
    ImportMksShare,
    StartImportingMks,
)
from indicium.domain.errors import BadValue
from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import CUSTODIAN, OFFICER, PassphraseStdinOption, UserOption, logged_on
from indicium.entrypoints.connecting import attend, connect
from indicium.entrypoints.counted import counted
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store
from indicium.parties.carried import brought, new_file, transport_key_of
from indicium.parties.rollover import Rollover, roll_over

_MKS = re.compile(r"[0-9a-f]{16}")

transport_key = typer.Typer(
    help="The key pair that shares for a module are encrypted under.", no_args_is_help=True, rich_markup_mode=None
)
shares = typer.Typer(
    help="Shares of a Master Key Set, one for each Key Custodian.", no_args_is_help=True, rich_markup_mode=None
)


@transport_key.command("generate")
def generate_transport_key(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer generate it: the running module waits for shares, and never makes an MKS of its own."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with connect(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        answer = operator.send(GenerateTransportKeyPair())
    screen.plain(f"Transport key {answer['transport_key']}: a Key Custodian exports its public part.")
    screen.show(answer)


@transport_key.command("export")
def export_transport_key(
    out: Annotated[Path, typer.Argument(help="File to make, for the module that has the MKS.", metavar="FILE")],
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have a Key Custodian export the public part, stated and signed by the module."""  # M-12, M-14
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with attend(settings_of(home, None)) as module, new_file(out) as write:
        with logged_on(module, ask, CUSTODIAN, user) as operator:
            answer = operator.send(ExportTransportPublicKey())
        write(answer["statement"].encode() + b"\n")
    screen.plain(f"Transport key {answer['transport_key']}")
    screen.plain(f"of module {module.settings.serial} in {out}: carry it to the module that has the Master Key Set.")
    screen.show({"transport_key": answer["transport_key"], "file": str(out)})


@shares.command("create")
def create_shares(
    count: Annotated[int, typer.Option(help="Shares to make, one for each Key Custodian.", min=2, max=MOST_SHARES)],
    threshold: Annotated[int, typer.Option(help="Shares that make the MKS again.", min=2, max=MOST_SHARES)],
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer split the running module's active MKS; its custodians export a share each then."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    if threshold > count:
        raise BadValue(field="--threshold", why=f"{count} shares cannot be {threshold}: say at most the count")  # M-11
    with connect(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        answer = operator.send(CreateMksShares(share_count=count, threshold=threshold))
    screen.plain(
        f"Export {answer['export']} of Master Key Set {answer['mks']}: {count} shares, {threshold} make it again."
    )
    screen.show(answer)


@shares.command("export")
def export_share(
    to: Annotated[Path, typer.Option("--to", help="The transport key that the other module stated.", metavar="FILE")],
    out: Annotated[Path, typer.Option("--out", help="File to make for this custodian's share.", metavar="FILE")],
    exportable: Annotated[
        bool, typer.Option("--exportable", help="Let the other module export the MKS, too; all shares must agree.")
    ] = False,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Give one Key Custodian's share, encrypted for the other module; the last one ends the export."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    statement = brought(to)
    key = transport_key_of(statement)
    ask.tell(f"Transport key {key}: is it what the other machine showed? Ctrl-C if not.")
    with connect(settings_of(home, None)) as module, new_file(out) as write:
        with logged_on(module, ask, CUSTODIAN, user) as operator:
            answer = operator.send(ExportMksShare(transport_key=statement, retained=not exportable))
        write(answer.pop("share").encode() + b"\n")
    there = answer["destination"]["module"]
    screen.plain(f"Transport key {key}")
    screen.plain(f"Share {answer['number']} of {answer['count']} for module {there}: {out}")
    screen.show({**answer, "transport_key": key, "file": str(out)})


@shares.command("abort")
def abort_export(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer end the export before its last share; those given out may be useless."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with connect(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        operator.send(AbortExport())
    screen.plain(f"Module {module.settings.serial} exports nothing any more and is Operational.")
    screen.show({"module": module.settings.serial, "aborted": True})


@shares.command("start-import")
def start_import(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer let an Operational module take the shares of a replacement MKS."""  # M-13
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with connect(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        operator.send(StartImportingMks())
    screen.plain(f"Module {module.settings.serial} waits for shares.")
    screen.show({"module": module.settings.serial, "importing": True})


@shares.command("import")
def import_share(
    share: Annotated[Path, typer.Argument(help="The custodian's share.", metavar="FILE")],
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take one Key Custodian's share into the running module; the file stays the custodian's."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    content = brought(share)
    with connect(settings_of(home, None)) as module, logged_on(module, ask, CUSTODIAN, user) as operator:
        answer = operator.send(ImportMksShare(share=content))
    screen.plain(f"Share {answer['number']} of {answer['count']} is taken; the module has {answer['taken']} now.")
    screen.plain(f"{answer['threshold']} make Master Key Set {answer['mks']} of module {answer['source']['module']}.")
    screen.show(answer)


def combine(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer make the MKS from the shares taken. With too few, what was taken is lost."""  # M-83
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with connect(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        answer = operator.send(CombineMksShares())
    kind = "active" if answer["active"] else "dormant"
    screen.plain(
        f"Module {module.settings.serial} is Operational; Master Key Set {answer['mks']} "
        f"of module {answer['source']['module']} is {kind}."
    )
    screen.show(answer)


def activate(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer let the dormant and the active MKS change places."""  # H-04
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with attend(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        answer = operator.send(ActivateMks())
    screen.plain(f"Master Key Set {answer['mks']} is active; dormant: {answer['dormant'] or 'none'}.")
    screen.show(answer)


def delete_dormant(
    force: Annotated[bool, typer.Option("--force", help="Also if meters still lie under it: they are lost.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nobody whether it is meant.")] = False,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer destroy the dormant MKS, which nothing brings back."""  # H-07, M-51
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    if not yes:
        ask.demand("Destroy the dormant Master Key Set for good?")
    with attend(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        answer = operator.send(DeleteDormantMks(forced=force))
    screen.plain(f"Master Key Set {answer['mks']} is destroyed.")
    screen.show(answer)


def translate(
    source: Annotated[str, typer.Option("--from", help="The MKS that the meters lie under, in hex.", metavar="MKS")],
    target: Annotated[str, typer.Option("--to", help="The MKS that they come under.", metavar="MKS")],
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer bring all its meters under its other MKS, while the module goes on working."""  # H-05
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    sets = _mks("--from", source), _mks("--to", target)
    with attend(settings_of(home, None)) as module:
        way = Rollover(module.settings.serial, *sets)
        with (
            logged_on(module, ask, OFFICER, user) as operator,
            Store.open(module.settings.store_url) as store,
            screen.progress("translating", "meters") as advance,
        ):
            done = roll_over(store, operator, way, advance)
    screen.plain(f"{counted(done.translated, 'meter lies', 'meters lie')} under Master Key Set {target} now.")
    for psd_id, code in done.refused.items():
        screen.plain(f"  meter {psd_id} stays where it is: {code}")
    screen.show({"translated": done.translated, "refused": done.refused})
    raise typer.Exit(1 if done.refused else 0)


def _mks(option: str, text: str) -> str:
    if not _MKS.fullmatch(text):
        raise BadValue(field=option, why=f"{text!r} is not 16 hex digits in small letters")
    return text
