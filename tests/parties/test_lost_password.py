"""A customer's lost key and lost passphrase (M-17, E-1101, D-09, G-113)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from indicium.app import Ledger
from indicium.domain.commands.base import Command
from indicium.domain.errors import (
    ClientNotAuthentic,
    ModuleNotAuthentic,
    PassphraseLocked,
    PassphraseUsedBefore,
    PassphraseWrong,
    ProviderNotAuthentic,
    PsdStateForbids,
)
from indicium.domain.meter_users import PASSPHRASE_FAILURES, REPETITION_LIST
from indicium.domain.replies import PsdReply, parse_reply
from indicium.infrastructure.store import Store
from indicium.parties.customer import Customer
from indicium.parties.leased import LeasedMeter
from indicium.parties.passphrases import passphrase_hash
from tests.app.homes import LETTER, copy_of, make_leased, shared
from tests.harness import World, flipped


@pytest.fixture(scope="session")
def office_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "leased", make_leased)


@pytest.fixture
def ledger(office_home: Path, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(copy_of(office_home, tmp_path / "home")) as ledger:
        yield ledger


def events(ledger: Ledger) -> list[str]:
    with Store.open(ledger.settings.store_url) as store:
        return [record.event for record in store.records(ledger.chain)]


def lose_key(ledger: Ledger, customer: str) -> None:
    (ledger.settings.home / "secrets" / "customers" / f"{customer}.json").unlink()


def test_a_reset_stops_printing_and_goes_on_with_new_secrets(ledger: Ledger) -> None:
    """D-09: Leased, Password Reset, Leased; value goes in meanwhile, nothing comes out."""
    meter = ledger.meter("Ada")
    old = meter.client.state
    client = meter.client
    shown = meter.ask()
    asked = client.accept("asked", ledger.execute(client.ask_for_reset("asked", "hmk")))
    assert (shown.state, asked.state) == ("leased", "pwreset")

    with pytest.raises(PsdStateForbids):
        meter.print("0.33", LETTER)
    meter.refill("1.00")
    done = meter.reset_password("correct horse")
    assert (done.state, done.dr) == ("leased", 101_000)
    assert meter.print("0.33", LETTER).reply.ar == 330
    assert meter.client.state.hmk != old.hmk
    assert ledger.meter("Ada").print("0.33", LETTER).reply.ar == 660
    assert [event for event in events(ledger) if "reset" in event] == ["password-reset-requested", "password-reset"]


def test_a_key_of_before_the_reset_opens_nothing(ledger: Ledger) -> None:
    meter = ledger.meter("Ada")
    before = Customer(ledger.office.suite, meter.client._card, meter.client.state)
    meter.reset_password()

    with pytest.raises(ModuleNotAuthentic):
        before.answered(ledger.execute(before.ask()))
    before.heard(ledger.execute(before.ask()))
    with pytest.raises(ClientNotAuthentic):
        ledger.execute(before.create_indicium("a", 330, LETTER))


def test_a_customer_who_lost_the_key_comes_back_with_the_passphrase(ledger: Ledger) -> None:
    """E-1101: "used to authenticate the customer … if the client's copy of HMK is lost" (L1209)."""
    meter = ledger.meter("Ada")
    device = meter.device
    meter.reset_password("correct horse")
    meter.print("0.33", LETTER)
    lose_key(ledger, "Ada")

    back = ledger.office.come_back("Ada", device, "correct horse", "battery staple")
    assert back.print("0.33", LETTER).reply.ar == 660
    lose_key(ledger, "Ada")
    with pytest.raises(PassphraseWrong):
        ledger.office.come_back("Ada", device, "correct horse", "another")
    again = ledger.office.come_back("Ada", device, "battery staple", "another")
    assert again.print("0.33", LETTER).reply.ar == 990


def test_a_customer_who_has_lost_all_comes_back_by_the_providers_word(ledger: Ledger) -> None:
    """M-17."""
    device = ledger.meter("Ada").device
    lose_key(ledger, "Ada")

    back = ledger.office.come_back("Ada", device, None, "correct horse")
    assert back.print("0.33", LETTER).reply.ar == 330


def test_a_wrong_passphrase_costs_a_customer_no_key(ledger: Ledger) -> None:
    """Whatever keys are here stay until the module has the new ones."""
    meter = ledger.meter("Ada")

    with pytest.raises(PassphraseWrong):
        ledger.office.come_back("Ada", meter.device, "guessed", "mine now")
    assert ledger.meter("Ada").print("0.33", LETTER).reply.ar == 330


def test_a_passphrase_of_before_is_not_taken_again(ledger: Ledger) -> None:
    """G-113: not the present one, and none of the five before."""
    meter = ledger.meter("Ada")
    phrases = [f"passphrase {number}" for number in range(REPETITION_LIST + 2)]
    for phrase in phrases:
        meter.reset_password(phrase)

    with pytest.raises(PassphraseUsedBefore):
        meter.reset_password(phrases[-1])
    assert meter.ask().state == "leased"  # the present one: the client says so before the meter stops
    for phrase in phrases[1:-1]:
        with pytest.raises(PassphraseUsedBefore):
            meter.reset_password(phrase)
    assert meter.ask().state == "pwreset"
    assert meter.reset_password(phrases[0]).state == "leased"


def test_a_flood_of_guesses_is_counted_and_ends_that_way(ledger: Ledger) -> None:
    """The key still resets, and so does the provider; then guessing begins at 0 again."""
    meter = ledger.meter("Ada")
    meter.reset_password("correct horse")
    device, before = meter.device, len(events(ledger))
    for number in range(PASSPHRASE_FAILURES):
        with pytest.raises(PassphraseWrong):
            ledger.office.come_back("Ada", device, f"guess {number}")
    for _ in range(3):
        with pytest.raises(PassphraseLocked):
            ledger.office.come_back("Ada", device, "correct horse")

    assert events(ledger)[before:] == ["client-refused"] * PASSPHRASE_FAILURES
    ledger.meter("Ada").reset_password("battery staple")
    lose_key(ledger, "Ada")
    assert ledger.office.come_back("Ada", device, "battery staple", "new").print("0.33", LETTER).reply.ar == 330


def test_a_user_comes_back_with_the_passphrase_and_the_meter_never_stops(ledger: Ledger) -> None:
    """K-18: a user's own reset is done at once."""
    meter = ledger.meter("Ada")
    users = ledger.office.users(meter)
    bob = users.add("bob", passphrase="bob's own")  # a passphrase of a test
    bob.print("0.33", LETTER)
    ledger.office.forget_user(meter.client.state, "bob")

    back = ledger.office.come_back("Ada", meter.device, "bob's own", "another", user="bob")
    assert back.print("0.33", LETTER).reply.ar == 660
    assert meter.print("0.33", LETTER).reply.ar == 990
    assert "password-reset-requested" not in events(ledger)
    with pytest.raises(PassphraseUsedBefore):
        back.reset_password("bob's own")
    back.reset_password("a third")


def test_the_customer_replaces_a_users_secrets_and_that_unlocks_him(ledger: Ledger) -> None:
    meter = ledger.meter("Ada")
    users = ledger.office.users(meter)
    bob = users.add("bob", failure_limit=1)
    bob.ask()
    request = bob.client.create_indicium("a", 330, LETTER)
    with pytest.raises(ClientNotAuthentic):
        ledger.execute(request.model_copy(update={"mac": flipped(request.mac)}))

    assert users.view()[0].failures == 1
    assert users.reset_password("bob").print("0.33", LETTER).reply.ar == 330
    assert users.view()[0].failures == 0


def test_the_provider_asks_for_a_reset_and_nobody_in_its_name(world: World) -> None:
    """M-17: "by Provider-signed command"."""
    world.ask("ada")
    request = world.provider.vouch(world.customers["ada"].ask_for_reset("reset", "hmk"))
    forged = request.model_copy(update={"authenticator": flipped(request.authenticator)})

    with pytest.raises(ProviderNotAuthentic):
        world.execute(forged)
    assert parse_reply(world.execute(request)).state == "pwreset"
    record = world.records()[-1]
    assert record.event == "password-reset-requested"
    assert b'"authenticated_as":"provider"' in record.line
    client = world.customers["ada"]
    client.answered(world.execute(client.ask()))
    client.renew("new")
    done = client.was_reset("done", world.execute(client.complete_reset("done", "hmk")))
    assert done.state == "leased"
    world.ask("ada")
    assert world.spend("ada", 330, "one").ar == 330


def test_a_reset_that_is_played_again_changes_nothing(world: World) -> None:
    """E-1105 for resets: the same id gives the same answer, and any other one needs its own challenge and proof."""
    world.ask("ada")
    request = world.provider.vouch(world.customers["ada"].ask_for_reset("reset", "hmk"))
    reply = world.execute(request)
    assert world.execute(request) == reply

    other: Command = request.model_copy(update={"request_id": "other"})
    (refused,) = world.run([other])
    assert isinstance(refused, Exception)


def test_pw_is_slow_and_of_one_meter_and_person() -> None:
    """F-25: equal passphrases give different PWs, and letters that can be typed in two ways the same."""
    made = {
        passphrase_hash("é", "1000000001", "Ada"),
        passphrase_hash("é", "1000000002", "Ada"),
        passphrase_hash("é", "1000000001", "Ben"),
        passphrase_hash("e", "1000000001", "Ada"),
    }

    assert {len(one) for one in made} == {32}
    assert len(made) == 4
    assert passphrase_hash("e\u0301", "1000000001", "Ada") == passphrase_hash("\u00e9", "1000000001", "Ada")


def test_whoever_is_killed_between_sending_and_keeping_has_the_new_key_still(ledger: Ledger) -> None:
    """The secrets that are to come are kept before they are sent."""
    meter = ledger.meter("Ada")
    meter.ask()
    client = meter.client
    client.accept("asked", ledger.execute(client.ask_for_reset("asked", "hmk")))
    client.renew("new")
    meter.keep()
    ledger.execute(client.complete_reset("done", "hmk"))  # and the answer is lost

    found: LeasedMeter = ledger.meter("Ada")
    assert found.reset_password("other").state == "leased"
    assert found.print("0.33", LETTER).reply.ar == 330
    assert found.client.state.pending is None


def test_whoever_is_killed_while_coming_back_prints_at_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a challenge was heard by then, and nothing shown: the client asks before it requests anything."""
    meter = ledger.meter("Ada")
    device = meter.device
    meter.reset_password("correct horse")
    meter.print("0.33", LETTER)
    lose_key(ledger, "Ada")
    with monkeypatch.context() as killed:
        killed.setattr(Customer, "was_reset", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ledger.office.come_back("Ada", device, "correct horse", "battery staple")

    assert ledger.meter("Ada").print("0.33", LETTER).reply.ar == 660


def interrupted(_customer: Customer, _request_id: str, _line: bytes) -> PsdReply:
    """The answer is there, and its client is not any more."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("proof", ["hmk", "passphrase"])
def test_an_item_whose_answer_was_lost_before_a_reset_is_there_for_whoever_asks_again(
    proof: Literal["hmk", "passphrase"], ledger: Ledger
) -> None:
    """The kept reply was authenticated under the key that is gone: its repeat is under the new one (M-17)."""
    meter = ledger.meter("Ada")
    meter.reset_password("correct horse")
    request = meter.client.create_indicium("job-1", 330, LETTER)
    item = parse_reply(ledger.execute(request)).item  # the answer is lost on its way
    meter.reset_password("battery staple", proof)

    again = meter.print("0.33", LETTER, "job-1")
    assert (again.line, again.reply.ar) == (item, 330)
    assert meter.ask().ar == 330
    assert meter.print("0.33", LETTER, "job-1").line == item
