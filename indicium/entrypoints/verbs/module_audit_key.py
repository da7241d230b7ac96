"""Verbs for the key that signs a module's records: the officer replaces it, the Auditor takes its public half (I)."""

from indicium.domain.commands.auditing import CreateAuditKey
from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import AUDITOR, OFFICER, PassphraseStdinOption, UserOption, logged_on
from indicium.entrypoints.connecting import attend
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.parties import attended


def export_key(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Auditor export the audit key, which verifies the chain; the home's ceremony is finished with it."""
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with attend(settings_of(home, None)) as module:
        with logged_on(module, ask, AUDITOR, user) as operator:
            path = attended.export_audit_key(module, operator)
        screen.plain(f"Audit key: {path}")
        screen.show({"module": module.settings.serial, "audit_key": str(path)})


def new_audit_key(
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer replace the audit key: the old one announces it in the chain."""  # M-24
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with attend(settings_of(home, None)) as module, logged_on(module, ask, OFFICER, user) as operator:
        answer = operator.send(CreateAuditKey())
    screen.plain(f"Audit key {answer['fingerprint']} signs from now on; the Auditor exports it: 'module export-key'.")
    screen.show(answer)
