"""A meter's life at the counter: printed, corrected, redated, asked about, paid back and withdrawn (P-07)."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from indicium import Ledger, MeterHistory, Settings, Store
from indicium.domain.amounts import Mills
from indicium.domain.errors import (
    BadValue,
    InsufficientFunds,
    ItemNotGenuine,
    MeterWithdrawn,
    ModuleNotAuthentic,
    NotAnItem,
    UnknownMeterUser,
)
from indicium.domain.identity import DeviceId
from indicium.domain.kinds import PostageCorrection, Refund, postage
from indicium.domain.vbi import ItemBody
from indicium.parties.leased import Item
from indicium.parties.mailing import Mailing
from tests.app.homes import LETTER, assert_whole, rows_of

HEAVIER = postage("40505", "95567", "first-class letter", 3)


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """An open ledger in which Ada, Ben and Cy hold 100.00 each."""
    with Ledger.open(home) as ledger:
        yield ledger


def body_of(item: Item) -> ItemBody:
    return ItemBody.model_validate_json(item.line.partition("\t")[0])


def test_what_was_printed_is_corrected_and_the_correction_names_it(ledger: Ledger) -> None:
    """E-701, M-78."""
    ada = ledger.meter("Ada")
    letter = ada.print("0.33", LETTER)
    correction = ada.correct("0.24", HEAVIER, letter.line, "c")

    elements = body_of(correction).elements
    assert isinstance(elements, PostageCorrection)
    assert elements.corrects == hashlib.sha256(letter.line.encode()).hexdigest()
    assert (correction.reply.ar, correction.reply.dr) == (570, 99_430)
    assert ada.correct("0.24", HEAVIER, letter.line, "c") == correction
    assert ada.ask().ar == 570


def test_a_correction_of_a_value_or_under_an_id_that_cannot_be_is_refused(ledger: Ledger) -> None:
    ada = ledger.meter("Ada")

    with pytest.raises(InsufficientFunds):
        ada.correct("100.00", HEAVIER, ada.print("0.33", LETTER).line)
    with pytest.raises(BadValue):
        ada.correct("0.24", HEAVIER, ada.print("0.33", LETTER).line, "an id with blanks")


def test_no_correction_is_paid_for_an_item_that_was_altered_or_never_recorded(ledger: Ledger) -> None:
    """E7: its signature is looked at, and the ledger's own record of it."""
    ada = ledger.meter("Ada")
    letter, other = ada.print("0.33", LETTER), ada.print("0.33", LETTER)
    (body, signature), (_, anothers) = (item.line.split("\t") for item in (letter, other))

    for line, error in (
        (letter.line.replace('"weight_ounces":1', '"weight_ounces":2'), ItemNotGenuine),
        (f"{body}\t{anothers}", ItemNotGenuine),
        (body, NotAnItem),
    ):
        with pytest.raises(error):
            ada.correct("0.24", HEAVIER, line)
    assert ada.ask().ar == 660
    foreign = f"{body.replace(ada.device, '9999999999')}\t{signature}"
    assert ada.correct("0.24", HEAVIER, foreign).reply.ar == 900  # nobody here can tell


def test_a_refund_pays_all_back_and_the_customer_prints_no_more(ledger: Ledger) -> None:
    """E-905, E-906, D-10: in one sentence, to this client and to another one that has not heard of it."""
    ada, elsewhere = ledger.meter("Ada"), ledger.meter("Ada")
    ada.print("0.33", LETTER)
    refund = ada.refund()

    body = body_of(refund)
    assert (body.value, body.ar, body.dr, body.elements) == (99_670, 100_000, 0, Refund())
    assert (ada.client.state.withdrawn, ledger.meter("Ada").client.state.withdrawn) == (True, True)
    said = "was withdrawn: what it held was paid back, and it does nothing more"
    for meter in (ada, elsewhere, ledger.meter("Ada")):
        for do in (
            partial(meter.print, "0.33", LETTER),
            partial(meter.correct, "0.33", LETTER, refund.line),
            partial(meter.refill, "1.00"),
            meter.status,
        ):
            with pytest.raises(MeterWithdrawn, match=said):
                do()
    assert ledger.meter("Ben").print("0.33", LETTER).reply.ar == 330


def test_who_was_paid_back_leases_another_meter_under_the_same_name(ledger: Ledger, home: Path) -> None:
    """D-16: the withdrawn one has no way back; its keys, and those of its users, are put aside and kept."""
    ada = ledger.meter("Ada")
    bob = ledger.office.users(ada).add("bob")
    letter = bob.print("0.33", LETTER, "job")
    ada.refund()

    again = ledger.lease("Ada", "40505")
    assert again.device not in {ada.device, bob.device}
    assert (again.refill("1.00").dr, ledger.meter("Ada").device) == (1_000, again.device)
    with pytest.raises(UnknownMeterUser):
        ledger.office.user_of("Ada", "bob")
    assert bob.print("0.33", LETTER, "job") == letter  # and nothing of it is written over what is the new meter's
    assert ada.refund().reply.dr == 0
    assert ledger.office.users(again).add("bob").device == again.device
    assert ledger.meter("Ada").print("0.33", LETTER).reply.ar == 330
    aside = home / "secrets" / "customers" / "Ada.before"
    assert {str(path.relative_to(aside)) for path in aside.rglob("*.json")} == {
        f"{ada.device}.json",
        f"{ada.device}.users/bob.json",
    }
    assert {row.customer for row in ledger.meters() if row.device in {ada.device, again.device}} == {"Ada"}


def test_whoever_has_not_seen_the_refund_gets_it_before_another_meter(ledger: Ledger, home: Path) -> None:
    kept = (home / "secrets" / "customers" / "Ada.json").read_bytes()
    refund = ledger.meter("Ada").refund()
    (home / "secrets" / "customers" / "Ada.json").write_bytes(kept)

    with pytest.raises(MeterWithdrawn, match="'indicium meter refund' gives the refund again"):
        ledger.lease("Ada", "40505")
    assert ledger.meter("Ada").refund() == refund
    assert ledger.lease("Ada", "40505").ask().state == "leased"


def test_no_reset_of_another_meter_costs_a_customer_the_keys_that_the_home_has(ledger: Ledger) -> None:
    other = ledger.meter("Ben").device

    with pytest.raises(BadValue, match="the home has the keys of another meter of Ada"):
        ledger.office.come_back("Ada", other, None, "correct horse")
    assert ledger.meter("Ada").print("0.33", LETTER).reply.ar == 330


def test_a_refund_asked_for_again_is_the_same_refund(ledger: Ledger) -> None:
    """Whoever never got the answer: this client, one from before the last printing, and one of another process."""
    early, ada = ledger.meter("Ada"), ledger.meter("Ada")
    ada.print("0.33", LETTER)
    refund = ada.refund()

    assert ada.refund() == early.refund() == ledger.meter("Ada").refund() == refund
    with pytest.raises(MeterWithdrawn):
        ada.refund("another")


def test_an_item_that_was_paid_for_is_given_after_the_withdrawal_too(ledger: Ledger) -> None:
    ada = ledger.meter("Ada")
    letter = ada.print("0.33", LETTER, "job")
    ada.refund()

    assert ada.print("0.33", LETTER, "job") == letter


def test_a_client_believes_no_refund_that_is_none(ledger: Ledger) -> None:
    ada = ledger.meter("Ada")
    ada.ask()
    provider = ledger.office._provider()  # its key alone: what it signs here is in no book
    refill = ledger.office.bring(provider.download(ada.ask(), "refund", Mills(1000)))

    with pytest.raises(ModuleNotAuthentic):  # the meter's own reply to the provider, but leased
        ada.client.refunded("refund", refill)
    line = ledger.office.bring(provider.withdraw(ada.device, 101_000, "r"))
    body, _, mac = line.partition(b"\t")
    for forged in (line.replace(b'"ar":101000', b'"ar":100000'), body + b"\t" + mac[:-4] + b"AAA="):
        with pytest.raises(ModuleNotAuthentic):
            ada.client.refunded("r", forged)
    with pytest.raises(ModuleNotAuthentic):
        ada.client.refunded("other", line)
    assert not ada.client.state.withdrawn
    assert ada.client.refunded("r", line).state == "withdrawn"


def test_the_status_and_the_certificate_are_the_meters_own(ledger: Ledger) -> None:
    """B-52, B-53: openssl takes the key for what the meter signed."""
    ada = ledger.meter("Ada")
    status = ada.status()

    assert status.package is not None
    assert (status.package.customer, status.package.license_zip) == ("Ada", "40505")
    certificate = x509.load_der_x509_certificate(ada.certificate())
    assert certificate.subject.rfc4514_string() == f"CN={ada.device}"
    assert f"{certificate.serial_number:x}" == status.package.certificate
    assert certificate.public_key() == serialization.load_der_public_key(ada.public_key())


def test_a_mailing_of_a_withdrawn_meters_customer_stops_no_other(ledger: Ledger) -> None:
    """The withdrawn meter's rows are refused; one that was paid for before is given again."""
    columns = ("origin_zip", "destination_zip", "mail_class", "weight_oz", "value_usd")
    letter = dict(zip(columns, ("40505", "95567", "first-class letter", "1", "0.33"), strict=True))
    rows = [{"job": f"{customer}-{n}", "customer": customer, **letter} for n in (1, 2) for customer in ("Ada", "Ben")]
    ledger.meter("Ada").print("0.33", LETTER, "Ada-1")
    ledger.meter("Ada").refund()
    never_asked = ledger.meter("Cy")
    ledger.office.refund(never_asked.device, 100_000, "r")
    never_asked.client.state = never_asked.client.state.model_copy(update={"module_challenge": ""})
    ledger.office._write(never_asked.client.state)

    done = Mailing(ledger.office, ledger.execute_all).post(
        [*rows, {"job": "Cy-1", "customer": "Cy", **letter}], lambda *_: None
    )

    assert [(result.job, result.code) for result in done] == [
        ("Ada-1", "ok"),
        ("Ben-1", "ok"),
        ("Ada-2", "psd-state-forbids"),
        ("Ben-2", "ok"),
        ("Cy-1", "psd-state-forbids"),
    ]


def test_the_views_know_of_all_of_it_and_a_replay_gives_the_same(home: Path) -> None:
    """AR/DR, module table, movement, history: live is what a replay gives (`assert_whole`)."""
    with Ledger.open(home) as ledger:
        for customer in ("Ada", "Ben"):
            meter = ledger.meter(customer)
            meter.correct("0.24", HEAVIER, meter.print("0.33", LETTER).line)
        ledger.meters()  # the views fold in the middle, and go on from there
        ledger.meter("Ada").refund()
        (module,) = ledger.modules()
        state = ledger.at(module.head.sequence)
        device = DeviceId(ledger.meter("Ada").device)
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        history = MeterHistory(store).page(device, 5).rows

    assert module.totals == state.totals == (300_000, 1140, 99_430)
    assert module.last.value == 99_430
    assert [(row.event, row.value, row.state) for row in history] == [
        ("indicium-created", 330, "leased"),
        ("postage-correction-created", 240, "leased"),
        ("refund-indicium-created", 99_430, "withdrawn"),
    ]
    assert_whole(home, {"Ada": 100_000, "Ben": 570})


def test_a_refund_whose_answer_was_lost_with_the_process_is_asked_for_again(home: Path) -> None:
    """The client knows no more than what it kept before it asked."""
    with Ledger.open(home) as ledger:
        ada = ledger.meter("Ada")
        lost = ledger.office.refund(ada.device, ada.ask().ar + 100_000, "refund")
    with Ledger.open(home) as ledger:
        refund = ledger.meter("Ada").refund()

    assert refund.line.encode() == orjson.loads(lost.partition(b"\t")[0])["item"].encode()
    assert sum(row.event == "refund-indicium-created" for row in rows_of(home)) == 1
    assert_whole(home, {"Ada": 100_000})
