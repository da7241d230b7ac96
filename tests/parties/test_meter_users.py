"""One meter, several people (Y-28; K-01 … K-04, K-15 … K-21): through the ledger, with files and all."""

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.errors import (
    ClientNotAuthentic,
    IndiciumError,
    MaximumTotalExceeded,
    MeterUserExists,
    MeterUserExpired,
    MeterUserLocked,
    OwnAccount,
    PrivilegeMissing,
    UnknownMeterUser,
    UserPasswordExpired,
)
from indicium.domain.identity import DeviceId
from indicium.domain.privileges import ON_THE_PSD, Privilege
from indicium.infrastructure.store import Store
from indicium.parties.leased import LeasedMeter
from indicium.parties.meter_users import MeterUsers
from indicium.projections import MeterHistory, MeterUsersAudit
from tests.app.homes import LETTER, copy_of, make_leased, shared
from tests.harness import flipped

YESTERDAY = date(2020, 1, 1)


@pytest.fixture(scope="session")
def office_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "leased", make_leased)


@pytest.fixture
def ledger(office_home: Path, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(copy_of(office_home, tmp_path / "home")) as ledger:
        yield ledger


def company(ledger: Ledger) -> tuple[LeasedMeter, MeterUsers]:
    """Give Ada's meter, and her administration of it."""
    meter = ledger.meter("Ada")
    return meter, ledger.office.users(meter)


def events(ledger: Ledger) -> list[str]:
    with Store.open(ledger.settings.store_url) as store:
        return [record.event for record in store.records(ledger.chain)]


def test_two_users_print_from_one_meter_each_with_secrets_of_their_own(ledger: Ledger) -> None:
    """Y-28, K-01, K-02, K-15, K-17, K-21."""
    meter, users = company(ledger)
    bob, eve = users.add("bob"), users.add("eve")

    assert bob.print("0.33", LETTER).reply.ar == 330
    assert eve.print("0.55", LETTER).reply.ar == 880
    assert bob.print("0.33", LETTER).reply.ar == 1210
    assert meter.print("1.00", LETTER).reply.ar == 2210
    secrets = {one.client.state.hmk for one in (meter, bob, eve)}
    assert len(secrets) == 3
    assert ledger.office.user_of("Ada", "bob").print("0.01", LETTER).reply.ar == 2220
    with Store.open(ledger.settings.store_url) as store:
        rows, _ = MeterHistory(store).page(DeviceId(meter.device))
    printed = [(row.user, row.value) for row in rows if row.event == "indicium-created"]
    assert printed == [("bob", 330), ("eve", 550), ("bob", 330), (None, 1000), ("bob", 10)]


def test_nobody_prints_in_anothers_name(ledger: Ledger) -> None:
    _, users = company(ledger)
    bob, eve = users.add("bob"), users.add("eve")
    eve.ask()
    eve.client.state = eve.client.state.model_copy(update={"user": "bob"})

    with pytest.raises(ClientNotAuthentic):
        ledger.execute(eve.client.create_indicium("a", 330, LETTER))
    assert [row.failures for row in users.view()] == [1, 0]
    assert bob.print("0.33", LETTER).reply.ar == 330
    assert [row.failures for row in users.view()] == [0, 0]


def test_nobody_gets_the_answer_to_anothers_request(ledger: Ledger) -> None:
    """A request id belongs to whoever asked: the item is the bearer's, and a repeat would hand it out."""
    _, users = company(ledger)
    bob, eve = users.add("bob"), users.add("eve")
    bob.print("0.33", LETTER, "job-1")

    with pytest.raises(IndiciumError) as refused:
        eve.print("0.33", LETTER, "job-1")
    assert refused.value.code == "request-id-reused"


def test_privileges_are_granted_and_revoked(ledger: Ledger) -> None:
    """K-18, K-19."""
    _, users = company(ledger)
    bob = users.add("bob", privileges=())

    with pytest.raises(PrivilegeMissing, match="create-indicia"):
        bob.print("0.33", LETTER)
    for question, privilege in ((bob.status, "retrieve-status"), (bob.public_key, "retrieve-udsk-psd")):
        with pytest.raises(PrivilegeMissing, match=privilege):
            question()
    users.grant("bob", *ON_THE_PSD)
    bob.print("0.33", LETTER)
    assert bob.status().package is not None
    assert bob.public_key()
    users.revoke("bob", Privilege.CREATE_INDICIA)
    with pytest.raises(PrivilegeMissing):
        bob.print("0.33", LETTER)
    assert users.view()[0].privileges == tuple(ON_THE_PSD[1:])


def test_a_user_administers_as_far_as_that_was_granted(ledger: Ledger) -> None:
    """K-03, K-19: and grants no more than he holds, to anybody but himself."""
    _, users = company(ledger)
    bob = users.add("bob", privileges=(Privilege.ADD_USER, Privilege.MODIFY_USER_PRIVILEGES))
    his = ledger.office.users(bob)

    with pytest.raises(PrivilegeMissing, match="create-indicia"):
        his.add("eve", privileges=(Privilege.CREATE_INDICIA,))
    with pytest.raises(UnknownMeterUser):
        ledger.office.user_of("Ada", "eve")
    his.add("eve", privileges=(Privilege.ADD_USER,))
    with pytest.raises(OwnAccount):
        his.modify("bob", unlock=True)
    with pytest.raises(PrivilegeMissing, match="delete-user"):
        his.delete("eve")
    with pytest.raises(PrivilegeMissing, match="view-all-users"):
        his.view()
    assert [row.name for row in users.view()] == ["bob", "eve"]


def test_a_maximum_total_ends_what_one_user_spends(ledger: Ledger) -> None:
    """K-20: to the mill; it is no limit for anybody else, and it may be raised."""
    meter, users = company(ledger)
    bob = users.add("bob", maximum_total=1000)
    bob.print("0.33", LETTER)
    meter.print("0.90", LETTER)
    bob.print("0.67", LETTER)

    with pytest.raises(MaximumTotalExceeded) as refused:
        bob.print("0.01", LETTER)
    assert (refused.value.would_be, refused.value.maximum) == (1010, 1000)
    assert (users.view()[0].spent, users.view()[0].maximum_total) == (1000, 1000)
    users.modify("bob", maximum_total=1010)
    bob.print("0.01", LETTER)
    users.modify("bob", maximum_unlimited=True)
    assert bob.print("5.00", LETTER).reply.ar == 6910
    assert (users.view()[0].spent, users.view()[0].maximum_total) == (0, None)


def test_an_account_and_a_password_expire(ledger: Ledger) -> None:
    """K-20: the account in the module, the password at the client."""
    _, users = company(ledger)
    bob = users.add("bob", account_expires=YESTERDAY)
    eve = users.add("eve", password_expires=YESTERDAY)

    with pytest.raises(MeterUserExpired):
        bob.print("0.33", LETTER)
    users.modify("bob", account_unlimited=True)
    bob.print("0.33", LETTER)
    with pytest.raises(UserPasswordExpired):
        eve.print("0.33", LETTER)
    eve.reset_password("a new one")
    eve.print("0.33", LETTER)


def test_a_user_who_fails_too_often_is_locked_until_an_administrator_unlocks(ledger: Ledger) -> None:
    """K-20: a flood of forgeries leaves as many records as the limit says, and no more."""
    meter, users = company(ledger)
    bob = users.add("bob", failure_limit=3)
    before = len(events(ledger))
    refusals = []
    for _ in range(20):
        bob.ask()
        request = bob.client.create_indicium("a", 330, LETTER)
        forged = request.model_copy(update={"mac": flipped(request.mac)})
        with pytest.raises((ClientNotAuthentic, MeterUserLocked)) as refused:
            ledger.execute(forged)
        refusals.append(type(refused.value))

    assert refusals == [ClientNotAuthentic] * 3 + [MeterUserLocked] * 17
    assert events(ledger)[before:] == ["client-refused"] * 3
    with pytest.raises(MeterUserLocked):
        bob.print("0.33", LETTER)
    meter.print("0.33", LETTER)
    users.unlock("bob")
    assert bob.print("0.33", LETTER).reply.ar == 660


def test_forgeries_that_arrive_together_are_counted_one_by_one(ledger: Ledger) -> None:
    """One group cannot try more often than the limit says."""
    _, users = company(ledger)
    bob = users.add("bob", failure_limit=3)
    bob.ask()
    request = bob.client.create_indicium("a", 330, LETTER)
    forged = [request.model_copy(update={"mac": flipped(request.mac, place)}) for place in range(10)]
    ledger.execute_all(forged)

    assert users.view()[0].failures <= 3


def test_a_deleted_user_is_unknown_and_his_name_is_free_again(ledger: Ledger) -> None:
    _, users = company(ledger)
    old = users.add("bob")
    users.delete("bob")

    with pytest.raises(UnknownMeterUser):
        old.print("0.33", LETTER)
    new = users.add("bob")
    assert new.client.state.hmk != old.client.state.hmk
    with pytest.raises(IndiciumError):
        old.ask()
    assert new.print("0.33", LETTER).reply.ar == 330


def test_a_user_is_entered_once_and_stays_as_he_is(ledger: Ledger) -> None:
    """K-15: nobody believes that a second entry gave him other limits, or another passphrase."""
    meter, users = company(ledger)
    bob = users.add("bob", maximum_total=1_000)

    with pytest.raises(MeterUserExists):
        users.add("bob", maximum_total=9_000)
    assert [row.maximum_total for row in users.view()] == [1_000]
    assert bob.print("0.33", LETTER).reply.ar == 330
    ledger.office.forget_user(meter.client.state, "bob")
    with pytest.raises(MeterUserExists):
        users.add("bob")
    with pytest.raises(UnknownMeterUser):  # no keys are left that open nothing
        ledger.office.user_of("Ada", "bob")


def test_whoever_was_killed_while_he_was_entered_goes_on_under_the_passphrase_that_he_chose(ledger: Ledger) -> None:
    """K-15: killed behind the module, and before it."""
    meter, users = company(ledger)
    state = users.add("bob", passphrase="nine blue lanterns").client.state
    ledger.office.forget_user(meter.client.state, "bob")
    ledger.office.keep(state.model_copy(update={"registered": False, "version": 0}))

    with pytest.raises(MeterUserExists):
        users.add("bob", passphrase="a kettle of herons")
    ledger.office.keep(state.model_copy(update={"registered": False}))
    assert users.add("bob", passphrase="nine blue lanterns").client.state.hmk == state.hmk

    ledger.office.enter_user(meter.client.state, "eve", "nine blue lanterns")
    eve = users.add("eve", passphrase="a kettle of herons").client
    assert eve.has_passphrase("a kettle of herons")
    assert not eve.has_passphrase("nine blue lanterns")


def test_two_users_at_once_print_all_that_they_ask_for(ledger: Ledger) -> None:
    """K-04: several users, several machines, one meter."""
    _, users = company(ledger)
    printers = [users.add(name) for name in ("bob", "eve")]
    failed: list[BaseException] = []

    def work(meter: LeasedMeter) -> None:
        done = 0
        while done < 10:
            try:
                meter.print("0.10", LETTER)
            except IndiciumError as refusal:
                if refusal.code not in {"challenge-mismatch", "client-has-seen-other"}:
                    failed.append(refusal)
                    return
            else:
                done += 1

    threads = [threading.Thread(target=work, args=(meter,)) for meter in printers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert ledger.meter("Ada").ask().ar == 2000


def test_what_each_user_did_and_who_let_him_is_read_from_the_chain(ledger: Ledger) -> None:
    """K-21, I-35: per-user audit, and the administration trail."""
    meter, users = company(ledger)
    bob = users.add("bob", maximum_total=5000, privileges=(*ON_THE_PSD, Privilege.ADD_USER))
    ledger.office.users(bob).add("eve", privileges=(Privilege.CREATE_INDICIA,))
    bob.print("0.33", LETTER)
    bob.print("0.55", LETTER)
    users.revoke("eve", Privilege.CREATE_INDICIA)
    users.view()
    users.delete("eve")

    with Store.open(ledger.settings.store_url) as store:
        audit = MeterUsersAudit(store)
        device = DeviceId(meter.device)
        use = {(row.user, row.event): (row.transactions, row.value) for row in audit.use(device)}
        trail = [(row.event, row.by, row.role, row.said.get("name")) for row in audit.trail(device)]
        granted = [row.said["privileges"] for row in audit.trail(device) if "privileges" in row.said]
        assert audit.use(DeviceId("9999999999")) == []
    assert use["bob", "indicium-created"] == (2, 880)
    assert use["bob", "meter-user-added"] == (1, 0)
    assert use[None, "postage-value-downloaded"] == (1, 100_000)
    administrator = "customer-administrator"
    assert trail == [
        ("meter-user-added", None, administrator, "bob"),
        ("meter-user-added", "bob", administrator, "eve"),
        ("meter-user-modified", None, administrator, "eve"),
        ("meter-users-viewed", None, administrator, None),
        ("meter-user-deleted", None, administrator, "eve"),
    ]
    assert granted == [[*map(str, ON_THE_PSD), "add-user"], ["create-indicia"], []]
