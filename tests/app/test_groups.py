"""Group commit: what travels together, in which order, and that nobody gets another's reply."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from indicium.app import Ledger
from indicium.domain.amounts import Mills
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import StartInitialization
from indicium.domain.commands.psd import CreateIndicium, RequestChallenge
from indicium.domain.errors import (
    ChallengeMismatch,
    CommandNotAllowed,
    IndiciumError,
    RequestIdReused,
    UnknownMeter,
    ValueAboveMaximum,
)
from indicium.domain.flow import Changes
from indicium.domain.replies import parse_reply
from indicium.infrastructure.places import Places
from indicium.infrastructure.store import Store
from indicium.parties.leased import LeasedMeter
from indicium.parties.mailing import Mailing
from tests.app.homes import CUSTOMERS, LETTER, assert_whole, issued, on_both, rows_of
from tests.app.seams import mailing_rows

PATIENCE_SECONDS = 60


def job(ledger: Ledger, customer: str, request_id: str, value: int) -> CreateIndicium:
    """Make a customer's request, with the challenge of the last reply."""
    meter = ledger.meter(customer)
    meter.ask()
    return meter.client.create_indicium(request_id, value, LETTER)


@contextmanager
def held_back(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Hold the committer until the block ends; the list gets the size of each group that follows."""
    real, held, go_on, sizes = Places.gather, threading.Event(), threading.Event(), []

    def gather(places: Places, chain: Any, requests: Sequence[Command]) -> Any:  # noqa: ANN401  # as the real one
        sizes.append(len(requests))
        held.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return real(places, chain, requests)

    monkeypatch.setattr(Places, "gather", gather)
    (first,) = ledger.submit([GetStatus()])
    assert held.wait(PATIENCE_SECONDS)
    sizes.clear()
    try:
        yield sizes
    finally:
        go_on.set()
        first.result()


def test_200_requests_of_eight_threads_get_each_its_own_reply(home: Path) -> None:
    """J-25."""
    with Ledger.open(home) as ledger:
        devices = [ledger.meter(customer).device for customer in CUSTOMERS]

        def ask(number: int) -> tuple[str, str, str | None, str]:
            device, challenge = devices[number % len(devices)], f"{number:032x}"
            reply = parse_reply(ledger.execute(RequestChallenge(psd_id=device, client_challenge=challenge)))
            return device, challenge, reply.client_challenge, reply.psd

        with ThreadPoolExecutor(8) as pool:
            for device, challenge, returned, psd in pool.map(ask, range(200)):
                assert (psd, returned) == (device, challenge)


@on_both
def test_customers_in_threads_of_their_own_each_get_their_items(home: Path) -> None:
    with Ledger.open(home) as ledger:

        def spend(customer: str) -> list[int]:
            meter = ledger.meter(customer)
            return [meter.print("0.10", LETTER, f"{number}").reply.ar for number in range(20)]

        with ThreadPoolExecutor(len(CUSTOMERS)) as pool:
            for registers in pool.map(spend, CUSTOMERS):
                assert registers == list(range(100, 2100, 100))
    assert_whole(home, dict.fromkeys(CUSTOMERS, 2000))


@on_both
def test_what_waits_travels_together_and_is_saved_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    real = Store.save

    def save(store: Store, changes: Changes) -> None:
        saved.append(len(changes.records))
        real(store, changes)

    with Ledger.open(home) as ledger:
        requests = [job(ledger, customer, "job-1", 330) for customer in CUSTOMERS]
        monkeypatch.setattr(Store, "save", save)
        with held_back(ledger, monkeypatch) as groups:
            waiting = [ledger.submit([request]) for request in requests]
        replies = [parse_reply(future.result()) for (future,) in waiting]
        assert groups == saved == [3]
    assert [reply.psd for reply in replies] == [request.psd_id for request in requests]
    assert_whole(home, dict.fromkeys(CUSTOMERS, 330))


def test_a_group_is_not_larger_than_its_limit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = home / "indicium.toml"
    settings.write_text(settings.read_text().replace("group_limit = 1000", "group_limit = 7"))
    with Ledger.open(home) as ledger:
        asked = RequestChallenge(psd_id="1000000001", client_challenge="0" * 32)
        with held_back(ledger, monkeypatch) as groups:
            futures = ledger.submit([asked] * 20)
        for future in futures:
            future.result()
    assert groups == [7, 7, 6]


@on_both
def test_refusals_leave_the_others_alone_and_come_in_order(home: Path) -> None:
    with Ledger.open(home) as ledger:
        ada, ben, cy = (job(ledger, customer, "job-1", 330) for customer in CUSTOMERS)
        too_much = job(ledger, "Ben", "job-2", 100_001)
        stale = ada.model_copy(update={"request_id": "job-3", "module_challenge": "0" * 32})
        unknown = ben.model_copy(update={"psd_id": "1999999999"})
        results = ledger.execute_all([too_much, ada, unknown, cy, stale, ben])
    assert [type(result) for result in results] == [
        ValueAboveMaximum, bytes, UnknownMeter, bytes, ChallengeMismatch, bytes,
    ]  # fmt: skip  # one for each request
    assert [parse_reply(result).psd for result in results if isinstance(result, bytes)] == [
        ada.psd_id, cy.psd_id, ben.psd_id,
    ]  # fmt: skip
    assert_whole(home, dict.fromkeys(CUSTOMERS, 330))


@on_both
def test_commands_of_the_module_travel_alone_among_those_of_meters(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C-31."""
    with Ledger.open(home) as ledger:
        before = len(rows_of(home))
        ada, ben, cy = (job(ledger, customer, "job-1", 330) for customer in CUSTOMERS)
        entry = CreateAuditEntry(text="in between", signed=True)
        with held_back(ledger, monkeypatch) as groups:
            futures = ledger.submit([GetStatus(), ada, ben, entry, StartInitialization(signature_interval=5), cy])
        results = [future.exception() or future.result() for future in futures]
    assert groups[:5] == [1, 2, 1, 1, 1]  # and the seal of the tail
    assert isinstance(results[4], CommandNotAllowed)
    assert isinstance(results[0], bytes)
    assert orjson.loads(results[0])["state"] == "operational"
    assert [row.event for row in rows_of(home)][before:] == [
        "indicium-created", "indicium-created", "audit-entry-created", "command-refused", "indicium-created",
        "audit-entry-created",
    ]  # fmt: skip
    assert_whole(home, dict.fromkeys(CUSTOMERS, 330))


@on_both
def test_the_same_request_twice_in_one_group_is_done_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger.open(home) as ledger:
        ada = job(ledger, "Ada", "job-1", 330)
        with held_back(ledger, monkeypatch) as groups:
            futures = ledger.submit([ada, ada, ada])
        replies = [future.result() for future in futures]
        assert ledger.execute(ada) == replies[0]
    assert groups[0] == 3
    assert len(set(replies)) == 1
    assert issued(home) == {(ada.psd_id, "job-1"): 330}
    assert_whole(home, {"Ada": 330})


@on_both
def test_the_same_request_in_two_threads_is_done_once(home: Path) -> None:
    with Ledger.open(home) as ledger:
        requests = [job(ledger, customer, "job-1", 330) for customer in CUSTOMERS] * 10
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(ledger.execute, requests))
    for number in range(len(CUSTOMERS)):
        assert len(set(replies[number :: len(CUSTOMERS)])) == 1
    assert_whole(home, dict.fromkeys(CUSTOMERS, 330))


@on_both
def test_the_same_id_with_other_content_in_one_group_is_refused(home: Path) -> None:
    with Ledger.open(home) as ledger:
        first, other = job(ledger, "Ada", "job-1", 330), job(ledger, "Ada", "job-1", 440)
        done, refused, again = ledger.execute_all([first, other, first])
    assert isinstance(refused, RequestIdReused)
    assert done == again
    assert_whole(home, {"Ada": 330})


def test_two_requests_on_one_challenge_are_one_item_and_one_refusal(home: Path) -> None:
    with Ledger.open(home) as ledger:
        first, second = job(ledger, "Ada", "job-1", 330), job(ledger, "Ada", "job-2", 330)
        done, refused = ledger.execute_all([first, second])
    assert isinstance(done, bytes)
    assert isinstance(refused, ChallengeMismatch)
    assert_whole(home, {"Ada": 330})


def test_a_customer_who_prints_elsewhere_meanwhile_is_asked_again(home: Path) -> None:
    with Ledger.open(home) as ledger:
        elsewhere: set[int] = set()

        def print_elsewhere(_meter: LeasedMeter, value: Mills) -> None:
            if value not in elsewhere:
                elsewhere.add(value)
                ledger.meter("Ada").print("1.00", LETTER, f"other-{value}")

        rows = [row for row in mailing_rows() if row["customer"] == "Ada"]
        results = Mailing(ledger.office, ledger.execute_all, print_elsewhere).post(rows, lambda _done, _all: None)
    assert [result.code for result in results] == ["ok", "ok", "value-above-maximum"]
    assert_whole(home, {"Ada": 3000 + 110 + 140})


def test_nothing_asked_is_nothing_answered(home: Path) -> None:
    with Ledger.open(home) as ledger:
        assert ledger.execute_all([]) == []
        assert ledger.submit([]) == []


def test_a_refusal_is_raised_where_one_request_is_asked(home: Path) -> None:
    with Ledger.open(home) as ledger:
        with pytest.raises(IndiciumError) as refused:
            ledger.execute(RequestChallenge(psd_id="1999999999", client_challenge="0" * 32))
        assert refused.value.code == "unknown-meter"
        assert ledger.meter("Ada").print("0.33", LETTER).reply.ar == 330


def test_what_callers_write_wrongly_is_refused_in_the_ledgers_own_words(home: Path) -> None:
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        for wrong, code in (
            (lambda: ledger.lease("Dan", "405"), "not-a-zip-code"),
            (lambda: ledger.lease("Dan\n", "40505"), "bad-value"),
            (lambda: ledger.lease("", "40505"), "bad-value"),
            (lambda: meter.print("0.33", LETTER, "é"), "bad-value"),
            (lambda: meter.print("0.33", LETTER, "x" * 65), "bad-value"),
            (lambda: meter.print("0,33", LETTER), "not-an-amount"),
            (lambda: meter.refill("0.0001"), "finer-than-a-mill"),
            (lambda: meter.refill("-1"), "value-below-minimum"),
            (lambda: ledger.meter("../../ca"), "unknown-customer"),
            (lambda: ledger.meter("x" * 300), "unknown-customer"),
        ):
            with pytest.raises(IndiciumError) as refused:
                wrong()
            assert refused.value.code == code
        assert len(ledger.meters()) == len(CUSTOMERS)
    assert_whole(home, {})
