"""What every verb takes, and what the environment may say instead."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from indicium.domain.errors import LedgerMissing
from indicium.domain.identity import SuiteName
from indicium.settings import Settings

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

USAGE = 3
"""Exit status of a command that was called wrongly."""


class Environment(BaseSettings):
    """What the environment may say instead of flags."""

    model_config = SettingsConfigDict(env_prefix="INDICIUM_")

    home: Path = Path("indicium-home")
    store: str | None = None
    notify: str | None = None
    """Who is told of an audit that did not pass (I-28): an e-mail address."""
    smtp: str | None = None
    """The mail server: HOST:PORT."""
    smtp_starttls: bool = False
    """Whether to speak with it encrypted."""
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    """Never an argument, which everybody on the machine may read."""
    mail_from: str | None = None
    """The sender's address; else that of the receiver."""


HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the ledger; else INDICIUM_HOME, else ./indicium-home.")
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Its store, postgresql+psycopg://... or sqlite:///...; else INDICIUM_STORE, else what its home says.",
    ),
]
SuiteOption = Annotated[
    SuiteName, typer.Option("--suite", help="Algorithm suite of the new module; fips140_1 is for study only.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON object to standard output.")]
NotifyOption = Annotated[
    str | None,
    typer.Option("--notify", metavar="ADDRESS", help="Whom to tell of what is new and wrong; else INDICIUM_NOTIFY."),
]
SmtpOption = Annotated[
    str | None, typer.Option("--smtp", metavar="HOST:PORT", help="The mail server; else INDICIUM_SMTP.")
]
SenderOption = Annotated[
    str | None, typer.Option("--from", metavar="ADDRESS", help="The sender; else INDICIUM_MAIL_FROM.")
]
StarttlsOption = Annotated[bool, typer.Option("--starttls", help="Speak with the mail server encrypted.")]


def folder_of(home: Path | None) -> Path:
    """Give the home that was named, or the one that the environment names."""
    return home if home is not None else Environment().home


def stated(store: str | None) -> dict[str, str]:
    """Give what was said about the store as a setting; nothing if nothing was said."""
    named = store if store is not None else Environment().store
    return {} if named is None else {"store": named}


def settings_of(home: Path | None, store: str | None) -> Settings:
    """Read a home's settings, the store replaced by the one that was named.

    Who names a store needs no home to look at it. Raises `LedgerMissing`, `BadSetting`.
    """
    folder, said = folder_of(home), stated(store)
    try:
        settings = Settings.read(folder)
    except LedgerMissing:
        if not said:
            raise
        return Settings.of(folder, **said)
    return Settings.of(**settings.model_dump() | said)


def a_day(text: str) -> date:
    """Read a day as people write it on the command line. Raises typer's own error, which names the option."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        msg = f"{text!r} is no day: write one as in 2026-11-30"
        raise typer.BadParameter(msg) from None
