"""How tests have a dead module's meters adopted, and what must hold after it."""

from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import Serial
from indicium.domain.roles import Role
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties.adoption import Adopted, Dead
from indicium.parties.hand_over import nobody
from indicium.parties.operator import Operator
from indicium.settings import Settings
from indicium.vault import Vault
from tests.app.homes import LETTER, SQLITE
from tests.app.vaults import SERIALS, Homes, assert_whole

on_both = pytest.mark.parametrize("homes", [SQLITE, "postgresql"], indirect=True)


def officer(ledger: Ledger) -> Operator:
    """Log the Security Officer of a module on."""
    person = ledger.office.ceremony_plan().of(Role.SECURITY_OFFICER)
    operator = ledger.office.operator(ledger.settings.serial)
    operator.logon(person.name, person.passphrase)
    return operator


def adopt(living: Path, dead: Path) -> Adopted:
    """Have one module adopt the meters of another."""
    with Ledger.open(living) as ledger, Dead(ledger, Settings.read(dead)) as found, officer(ledger) as operator:
        came = found.adopt(operator, nobody, {Serial(ledger.settings.serial): ledger})
        assert found.bring_customers() == {}
        return came


def assert_whole_without(dead: str, homes: Homes) -> None:
    """Demand what holds of a vault one of whose modules is closed: its chain verifies, and nothing of it is lost."""
    living = [homes[serial] for serial in SERIALS if serial != dead]
    assert_whole(living, homes.folder, ended=[homes[dead]])


def print_as(vault: Vault, customer: str, request_id: str) -> int:
    """Have a customer print an item of 0.33; give DR after it."""
    return vault.meter(customer).print("0.33", LETTER, request_id).reply.dr


def adopt_first(folder: Path) -> None:
    """A scenario: module 2 adopts the meters of module 1."""
    adopt(folder / "2", folder / "1")


def print_once(home: Path) -> None:
    """A scenario: one item."""
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")


def all_of(store: Store, event: str) -> list[SealedRecord]:
    """Give all records of a kind."""
    return [record for chain, _ in store.chains() for record in store.records(chain) if record.event == event]


def chain_of(homes: Homes, serial: str) -> str:
    """Give the chain of a module, without opening it."""
    return next(iter(Home(homes[serial]).chains(Serial(serial))))


def copy_file(homes: Homes, serial: str) -> Path:
    """Give the audit copy of a module."""
    (found,) = (homes[serial] / "audit").glob("*.audit")
    return found
