"""The verb of the Security Officer whose module is inhibited (O-15, M-64)."""

from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import OFFICER, PassphraseStdinOption, UserOption, logged_on
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
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
