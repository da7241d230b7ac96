"""A ledger whose module holds a dormant Master Key Set, and the rollover to it."""

from pathlib import Path
from typing import NamedTuple

from indicium.app import Ledger
from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.domain.roles import Role
from indicium.infrastructure.devices import SystemEntropy
from indicium.infrastructure.store import Store
from indicium.parties.operator import Operator
from indicium.parties.rollover import Progress, RolledOver, Rollover, roll_over
from tests.app.homes import make_leased
from tests.harness import moving_part


class Sets(NamedTuple):
    """The two sets of the home's module."""

    active: str
    dormant: str


def make_two_sets(folder: Path) -> None:
    """Make a ledger of three customers, whose module then generates a dormant set (M-09)."""
    make_leased(folder)
    settings = folder / "indicium.toml"
    settings.write_text(settings.read_text().replace("generate_dormant_mks = false", "generate_dormant_mks = true"))
    with Ledger.open(folder) as ledger, officer_of(ledger) as officer:
        officer.send(GenerateMasterKeySet())


def officer_of(ledger: Ledger) -> Operator:
    """Open a session with the home's Security Officer logged on."""
    person = ledger.office.ceremony_plan().of(Role.SECURITY_OFFICER)
    operator = Operator(ledger.execute, Modern(SystemEntropy()), ledger.settings.serial)
    operator.logon(person.name, person.passphrase)
    return operator


def sets_of(ledger: Ledger) -> Sets:
    """Read in the chain which sets the module made."""
    (module,) = ledger.modules()
    return Sets(*(held.mks for held in ledger.at(module.head.sequence).master_key_sets))


def roll(ledger: Ledger, progress: Progress = lambda _done, _all: None) -> RolledOver:
    """Translate all meters to the dormant set, two at a time."""
    rollover = Rollover(ledger.settings.serial, *sets_of(ledger))
    with Store.open(ledger.settings.store_url) as store, officer_of(ledger) as officer:
        return roll_over(store, officer, rollover, progress, batch=2)


def translate_all(folder: Path) -> None:
    """Open the ledger for a rollover: what a test kills in the middle."""
    with Ledger.open(folder) as ledger:
        roll(ledger)


def used(ledger: Ledger) -> set[str]:
    """Say which sets the meters lie under."""
    with Store.open(ledger.settings.store_url) as store:
        return {moving_part(package).mks for package in store.packages()}
