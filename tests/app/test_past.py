"""What a ledger shows to the eventsourcing library, and of its past: an open module's, on both databases."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from eventsourcing.projection import ApplicationSubscription

from indicium.app import Ledger
from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import BeginAdmin, CreateAccount, EndAdmin, NewUser
from indicium.domain.errors import LedgerClosed, UnknownRecord
from indicium.domain.events import IndiciumCreated
from indicium.domain.evolve import UserAt
from indicium.domain.roles import Role
from indicium.infrastructure.devices import SystemEntropy
from indicium.parties.operator import Operator
from indicium.settings import Settings
from tests.app.homes import LETTER


@pytest.fixture
def ledger(tmp_path: Path, store_url: str) -> Iterator[Ledger]:
    with Ledger.create(Settings.of(tmp_path / "home", store=store_url)) as ledger:
        ledger.lease("Ada", "40505").refill("100.00")
        yield ledger


def test_a_ledger_replays_its_module_at_any_of_its_records(ledger: Ledger) -> None:
    (row,) = ledger.modules()
    refilled = row.head.sequence
    ledger.meter("Ada").print("0.33", LETTER, "job-1")

    assert (ledger.at(1).state, ledger.at(1).users) == ("initializing", ())
    assert (ledger.at(refilled).state, ledger.at(refilled).totals) == ("operational", (100_000, 0, 0))
    assert ledger.at(refilled + 1).totals == (100_000, 330, 0)
    with pytest.raises(UnknownRecord):
        ledger.at(refilled + 2)


def test_a_ledger_replays_who_its_users_were(ledger: Ledger) -> None:
    (row,) = ledger.modules()
    people = ledger.office.ceremony_plan()
    officer, administrator = people.of(Role.SECURITY_OFFICER), people.of(Role.ADMINISTRATOR)
    new = NewUser(name="zoë", role=Role.AUDITOR, password=bytes(32), account_expires=date(9999, 12, 31))
    acts = ((officer, BeginAdmin()), (administrator, CreateAccount(user=new)), (officer, EndAdmin()))
    with Operator(ledger.execute, Modern(SystemEntropy()), row.module) as operator:
        for person, command in acts:
            operator.logon(person.name, person.passphrase)
            operator.send(command, encrypted=True)
            operator.logoff()

    before, after = ledger.at(row.head.sequence), ledger.at(ledger.modules()[0].head.sequence)
    assert [user.name for user in before.users] == [person.name for person in people.people]
    assert after.users[-1] == UserAt("zoë", "auditor", account_expires="9999-12-31")
    assert (len(after.users), after.state) == (len(before.users) + 1, "operational")
    accesses = {user.role: user.last_access for user in after.users}
    assert all(before.at < (accesses[who.role] or "") < after.at for who in (officer, administrator))


def test_who_follows_a_ledgers_records_sees_what_it_does_next(ledger: Ledger) -> None:
    meter = ledger.meter("Ada")
    with ApplicationSubscription(ledger.records, topics=["indicium-created"]) as subscription:
        values = []
        for price, job in (("0.33", "job-1"), ("0.55", "job-2")):
            meter.print(price, LETTER, job)
            event, _ = next(subscription)
            assert isinstance(event, IndiciumCreated)
            values.append((event.chain, event.data.checkpoint.value))
    assert values == [(ledger.chain, 330), (ledger.chain, 550)]


def test_records_are_shown_as_long_as_the_ledger_is_open(ledger: Ledger) -> None:
    assert ledger.records is ledger.records
    ledger.close()
    with pytest.raises(LedgerClosed):
        _ = ledger.records
