"""Verbs of a module's first ceremony, one step each, for people who hold it one command at a time (H-20, H-29)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from indicium.app import Ledger
from indicium.domain.commands.crypto_card import KeyTokens
from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import (
    ADMINISTRATOR,
    AUDITOR,
    CUSTODIAN,
    OFFICER,
    PassphraseStdinOption,
    Seat,
    UserOption,
    logged_on,
    named,
    new_users,
)
from indicium.entrypoints.connecting import attend, connect
from indicium.entrypoints.options import (
    HomeOption,
    JsonOption,
    StoreOption,
    SuiteOption,
    folder_of,
    settings_of,
    stated,
)
from indicium.entrypoints.screen import Screen
from indicium.parties import attended
from indicium.parties.carried import brought_tokens, new_file
from indicium.settings import DEFAULT_SERIAL, Settings

TokensOption = Annotated[
    Path | None,
    typer.Option("--tokens", help="File to make for the key tokens that other modules load.", metavar="FILE"),
]


def init(
    home: HomeOption = None,
    store: StoreOption = None,
    serial: Annotated[str, typer.Option(help="Serial number of the module: up to 16 digits.")] = DEFAULT_SERIAL,
    first_device: Annotated[
        int | None, typer.Option(help="First device number of its meters; else the store's next free ones.")
    ] = None,
    last_device: Annotated[int | None, typer.Option(help="Last device number of its meters.")] = None,
    manufacturer: Annotated[
        Path | None,
        typer.Option(help="Home of a module of the same manufacturer; only such modules exchange master keys."),
    ] = None,
    suite: SuiteOption = "modern",
    json: JsonOption = False,
) -> None:
    """Make a home with a new module in it, as its manufacturer delivers it: Uninitialized, for people's ceremony."""
    screen, folder = Screen(json=json), folder_of(home)
    devices = {"first_device": first_device, "last_device": last_device}
    settings = Settings.of(folder, serial=serial, suite=suite, **devices, **stated(store))
    Ledger.install(settings, manufacturer).close()
    screen.plain(f"Module {serial} is in {folder}, Uninitialized.")
    screen.plain(f"Its ceremony: indicium module ceremony --home {folder}")
    screen.show({"home": str(folder), "module": serial, "suite": suite, "state": "uninitialized"})


def start(home: HomeOption = None, json: JsonOption = False) -> None:
    """Start Initialization of the running module: it erases its memory and begins a new chain."""
    screen = Screen(json=json)
    with connect(settings_of(home, None)) as module:
        attended.start(module)
        chain = attended.progress(module).chain
        screen.say(f"Module {module.settings.serial} is Initializing; its chain is {chain}.")
        screen.show({"module": module.settings.serial, "chain": chain})


def users(
    custodian: Annotated[list[str] | None, typer.Option(help="Name of a Key Custodian; two at least.")] = None,
    officer: Annotated[str | None, typer.Option(help="Name of the Security Officer.", show_default="officer")] = None,
    administrator: Annotated[
        str | None, typer.Option(help="Name of the Administrator.", show_default="administrator")
    ] = None,
    auditor: Annotated[str | None, typer.Option(help="Name of the Auditor.", show_default="auditor")] = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Enter the first users of the running module. Passphrases: officer, custodians, administrator, auditor."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    names: list[tuple[Seat, str | None]] = [
        (OFFICER, officer),
        *((CUSTODIAN, name) for name in custodian or ["custodian-1", "custodian-2"]),
        (ADMINISTRATOR, administrator),
        (AUDITOR, auditor),
    ]
    with connect(settings_of(home, None)) as module:
        people = [(seat, named(ask, seat, name)) for seat, name in names]
        entered = new_users(module, ask, people)
        attended.enter_users(module, entered)
        for user in entered:
            screen.plain(f"  {user.role.replace('-', ' '):<18} {user.name}")
        screen.show({"users": [{"name": user.name, "role": user.role} for user in entered]})


def generate(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer generate the Master Key Set: the running module is a master from then on."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with connect(settings_of(home, None)) as module:
        with logged_on(module, ask, OFFICER, user) as operator:
            mks = operator.send(GenerateMasterKeySet())["mks"]
        screen.say(f"Module {module.settings.serial} holds Master Key Set {mks} and is Operational.")
        screen.show({"module": module.settings.serial, "mks": mks})


def configure(
    load: Annotated[
        Path | None,
        typer.Option("--load", help="Key tokens of another module of the same MKS; else new keys.", metavar="FILE"),
    ] = None,
    tokens: TokensOption = None,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer initialize the crypto-card, with the limits of the home's settings."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    loaded = None if load is None else brought_tokens(load)
    with attend(settings_of(home, None)) as module, _kept(tokens) as keep:
        chain = attended.progress(module).chain
        with logged_on(module, ask, OFFICER, user) as operator:
            given = attended.configure(module, operator, chain, loaded)
        keep(given)
    screen.say(f"The crypto-card of module {module.settings.serial} is initialized.")
    screen.show({"module": module.settings.serial, "configured": True})


def update(
    tokens: TokensOption = None,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer give the crypto-card the limits of the home's settings anew."""  # B-42
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with attend(settings_of(home, None)) as module, _kept(tokens) as keep:
        with logged_on(module, ask, OFFICER, user) as operator:
            given = attended.update(module, operator)
        keep(given)
    screen.say(f"The crypto-card of module {module.settings.serial} has the limits of its settings.")
    screen.show({"module": module.settings.serial, "updated": True})


@contextmanager
def _kept(path: Path | None) -> Iterator[Callable[[KeyTokens], None]]:
    """Give where key tokens go: to a new file, or nowhere."""
    if path is None:
        yield lambda _: None
        return
    with new_file(path) as write:
        yield lambda given: write(given.model_dump_json().encode() + b"\n")
