"""The verbs of the Security Officer whose module is inhibited (O-15, M-64), and whose system is shut down (O-08)."""

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from indicium.domain.commands.recovery import ReleaseFailures
from indicium.domain.errors import BadValue, NothingToRelease
from indicium.domain.failures import COUNTS, readable
from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import OFFICER, PassphraseStdinOption, UserOption, logged_on
from indicium.entrypoints.connecting import attend
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.results import show_failures
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store
from indicium.parties.disaster import Disaster

OUTCOMES = {
    "continued": "It goes on from there; nothing that memory knew is lost.",
    "abandoned": "What came behind that record is abandoned: 'indicium recover --statement' says what it was worth.",
}
"""What the officer is told of each outcome."""


def recover(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer set an inhibited module to the newest record that its places hold: registers and head.

    Keys and accounts stay as memory has them. It is recorded, signed. Put a newer copy back first, if there is one.
    """
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with Disaster(settings_of(home, store)) as module:
        screen.say(str(module.why))
        screen.say(f"Memory ends at record {module.before}; the module can be set to record {module.stated}.")
        with logged_on(module, ask, OFFICER, user) as operator, screen.progress("recovering", "lines") as advance:
            outcome = module.recover(operator, advance)
        screen.say(f"Module {module.settings.serial} is set to record {module.stated.sequence}. {OUTCOMES[outcome]}")
        screen.show(
            {
                "module": module.settings.serial,
                "place": module.why.place,
                "outcome": outcome,
                "before": module.before._asdict(),
                "stated": module.stated._asdict(),
            }
        )


def release(
    failed: Annotated[
        list[str] | None,
        typer.Option("--failed", metavar="SERIAL", help="A module that was investigated; by default all that failed."),
    ] = None,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer count failed modules no more: all modules with the same keys work again.

    It is recorded, signed, with the modules that were investigated. 'indicium modules' says which failed, and why.
    """
    screen, ask, settings = Screen(json=json), asker(passphrase_stdin=passphrase_stdin), settings_of(home, None)
    with attend(settings) as module:
        with Store.open(settings.store_url, read_only=True) as store:
            said = readable(store.failed_modules())
        named = failed or [serial for serial, notice in said.items() if notice.standing in COUNTS]
        if not named:
            raise NothingToRelease
        show_failures(screen, {serial: said[serial] for serial in said if serial in named})
        command = _release_of(named)
        with logged_on(module, ask, OFFICER, user) as operator:
            answer = operator.send(command)
    screen.plain(f"The system is released: the failure of {', '.join(named)} counts no more.")
    screen.show(answer)


def _release_of(named: Sequence[str]) -> ReleaseFailures:
    try:
        return ReleaseFailures(modules=tuple(named))
    except ValidationError:
        raise BadValue(field="--failed", why="a serial number is 1 to 16 digits") from None
