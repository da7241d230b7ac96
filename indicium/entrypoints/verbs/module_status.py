"""The verb that asks a running module how it is, and whether it is a genuine one."""

import secrets
from typing import Annotated

import typer

from indicium.domain.commands.access import GetStatus
from indicium.domain.errors import BadValue, CommandNotAllowed, ModuleNotRunning, StatusNotAuthentic
from indicium.domain.identity import Serial
from indicium.domain.status import StatusReply
from indicium.entrypoints.connecting import ModuleClient, connect
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.parties.status import read

CHALLENGE_DIGITS = 32
"""Hex digits of a challenge."""


def status(
    challenge: Annotated[
        str | None,
        typer.Option(help="32 hex digits that the answer has to repeat; with --json it is shown as it was signed."),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say whether a process runs the module, and what the module says of itself: exit status 0 if one does, else 1."""
    screen, settings = Screen(json=json), settings_of(home, None)
    asked = secrets.token_hex(CHALLENGE_DIGITS // 2) if challenge is None else _challenge(challenge)
    try:
        with connect(settings) as client:
            process = client.process
            said, doubt = _said(client, asked)
    except ModuleNotRunning:
        screen.say(f"No process runs module {settings.serial}.")
        screen.show({"module": settings.serial, "running": False})
        raise typer.Exit(1) from None
    screen.say(f"Process {process} runs module {settings.serial}.")
    shown = {"module": settings.serial, "running": True, "process": process}
    if isinstance(said, str):
        screen.say(f"It is {said}, and says no more of itself.")
        screen.show({**shown, "chain": "", "state": said, "verified": False})
        return
    _tell(screen, said, doubt)
    own = {"signed", "certificate", "signature"}
    status_said = said.model_dump(exclude=own if challenge is None else None)
    screen.show({**shown, "verified": doubt is None, "doubt": doubt, **status_said})


def _challenge(text: str) -> str:
    if len(text) != CHALLENGE_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise BadValue(field="challenge", why=f"it is {CHALLENGE_DIGITS} hex digits in small letters")
    return text


def _said(client: ModuleClient, challenge: str) -> tuple[StatusReply | str, str | None]:
    """Give the status and why it is not to be believed, or the state of a module that gives none (B-31)."""
    try:
        reply = client.execute(GetStatus(challenge=challenge))
    except CommandNotAllowed as refusal:
        return refusal.state, None
    serial = Serial(client.settings.serial)
    said = read(reply, serial)
    try:
        client.office.believed(reply, serial, challenge)
    except StatusNotAuthentic as doubt:
        return said, str(doubt)
    return said, None


def _genuine(said: StatusReply, doubt: str | None) -> str:
    if said.unsigned_because is not None:
        return f"not shown: {said.unsigned_because} and signs nothing"
    return doubt or "yes: signed just now by the device key that its manufacturer certified"


def _tell(screen: Screen, said: StatusReply, doubt: str | None) -> None:
    rows = [
        ("state", said.state + ("; meters are served" if said.operational else "; meters are not served")),
        ("cause", said.cause and said.cause + ("; only a reset helps" if said.fatal else "; starting it again helps")),
        ("chain", said.chain),
        ("head", f"{said.head['sequence']}:{said.head['hash']}"),
        ("suite", said.suite),
        ("Master Key Set", said.master_key_set or "none"),
        ("meters", str(said.meters)),
        ("logged on", f"{said.user} ({said.role})" if said.user else "nobody"),
        ("self tests", said.self_test),
        ("genuine", _genuine(said, doubt)),
    ]
    for what, value in rows:
        if value is not None:
            screen.plain(f"  {what:<16}{value}")
