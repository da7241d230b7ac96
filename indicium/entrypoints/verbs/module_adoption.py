"""The verb of the Security Officer who takes over the meters of a dead module (ADR 0025)."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.app import Ledger
from indicium.domain.identity import ChainId, Serial
from indicium.entrypoints.asking import asker
from indicium.entrypoints.attending import OFFICER, PassphraseStdinOption, UserOption, logged_on
from indicium.entrypoints.options import HomeOption, JsonOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.parties.adoption import Dead


def adopt(
    dead: Annotated[Path, typer.Argument(help="Home of the dead module, or a copy of it.", metavar="HOME")],
    chain: Annotated[
        str | None, typer.Option(help="A chain of it that ended with a reset; else its newest.", metavar="CHAIN")
    ] = None,
    user: UserOption = None,
    passphrase_stdin: PassphraseStdinOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have the Security Officer take the meters of a dead module of the same keys, and close that one's chain.

    Its process must have ended. If it was only slow, it is inhibited from then on, and has to be reset.
    """
    named = None if chain is None else ChainId(chain)
    screen, ask = Screen(json=json), asker(passphrase_stdin=passphrase_stdin)
    with Ledger.open(settings_of(home, None)) as ledger, Dead(ledger, settings_of(dead, None), named) as found:
        living = ledger.settings.serial
        many = len(found.meters)
        held = "1 meter is" if many == 1 else f"{many} meters are"
        screen.say(f"Module {found.serial} ends at record {found.head}; {held} at home there.")
        if (lost := found.behind) is not None:
            screen.say(f"The store lacks records {lost[0]} to {lost[1]} of it: they come back from its audit copy.")
        with logged_on(ledger, ask, OFFICER, user) as operator, screen.progress("adopting", "meters") as advance:
            came = found.adopt(operator, advance, {Serial(living): ledger})
        stays = found.bring_customers()
        screen.say(f"Adopted by module {living}: {came.adopted}. Chain {found.chain} is closed.")
        refused = {str(psd_id): code for psd_id, code in came.refused.items()}
        for who, code in (refused | stays).items():
            screen.say(f"  {who} stays: {code}")
        screen.show(
            {
                "module": living,
                "dead": found.serial,
                "chain": found.chain,
                "head": found.head._asdict(),
                "given_back": None if lost is None else {"first": lost[0], "last": lost[1]},
                "adopted": came.adopted,
                "refused": refused,
                "customers_staying": stays,
            }
        )
    raise typer.Exit(1 if came.refused or stays else 0)
