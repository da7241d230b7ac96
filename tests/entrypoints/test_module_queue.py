"""What many clients ask of a running module: each request once, in each one's order, also while it stops."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path

import orjson
import pytest

from indicium.app import Ledger
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.psd import AuthorizePsd, InitializePsd
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import AnswerLost, BadValue, LedgerClosed, ModuleNotRunning
from indicium.domain.kinds import LARGEST_SHEET, Coupon, Voucher
from indicium.entrypoints.connecting import ModuleClient, connect
from indicium.entrypoints.wire import LONGEST_MESSAGE, ROOM, rendered
from tests.app.homes import LETTER, assert_whole
from tests.entrypoints.running_module import (
    PATIENCE_SECONDS,
    module_apart,
    module_of,
    serve_and_stumble,
    serve_late,
    texts,
)


def test_a_thousand_requests_of_four_clients_are_done_once_and_in_each_ones_order(home: Path) -> None:
    def ask(name: str) -> list[str]:
        wanted = [f"{name}-{number}" for number in range(250)]
        with connect(home) as client:
            for first in range(0, 250, 10):
                batch = [CreateAuditEntry(text=text, signed=False) for text in wanted[first : first + 10]]
                assert all(isinstance(outcome, bytes) for outcome in client.execute_all(batch))
        return wanted

    with module_of(home) as module:
        with ThreadPoolExecutor(4) as pool:
            asked = list(pool.map(ask, "abcd"))
        assert module.stop() == (0, "")
    done = texts(home)
    for name, wanted in zip("abcd", asked, strict=True):
        assert [text for text in done if text.startswith(name)] == wanted
    assert len(done) == 1000
    assert_whole(home, {})


def test_a_thousand_requests_sent_at_once_are_answered_in_order(home: Path) -> None:
    with module_of(home) as module, connect(home) as client:
        futures = client.submit([InitializePsd()] * 1000)
        devices = [orjson.loads(future.result().partition(b"\t")[0])["psd"] for future in futures]
        assert devices == [f"{1_000_000_004 + number}" for number in range(1000)]
        assert module.stop() == (0, "")
    assert_whole(home, {})


def test_what_clients_ask_while_a_group_is_on_its_way_travels_together(home: Path) -> None:
    with module_apart(home, scenario=serve_late), connect(home) as one, connect(home) as two, connect(home) as three:
        futures = one.submit([InitializePsd()])
        futures += two.submit([InitializePsd()] * 2)
        futures += three.submit([InitializePsd()] * 3)
        assert len({future.result() for future in futures}) == 6
        one.stop()
    sizes = orjson.loads(home.with_name("sizes").read_bytes())
    assert sum(sizes[:2]) >= 6  # the first group, and all the others; then the tail's seal
    assert_whole(home, {})


def test_requests_that_fill_several_messages_are_answered_in_order(home: Path) -> None:
    certificate = bytes(16384)
    asked = [
        AuthorizePsd(psd_id=f"{number:010}", request_id="authorize", certificate=certificate) for number in range(150)
    ]
    assert sum(len(rendered(request)) for request in asked) > 2 * ROOM
    with module_of(home), connect(home) as client:
        found = client.execute_all(asked)
        assert [str(error) for error in found] == [f"There is no meter {number:010}." for number in range(150)]
        too_long = asked[0].model_copy(update={"certificate": bytes(LONGEST_MESSAGE)})
        first, second, third = client.execute_all([GetStatus(), too_long, GetStatus()])
        assert (type(first), type(second), type(third)) == (bytes, BadValue, bytes)


def test_the_largest_sheet_crosses_in_one_message_and_one_of_long_texts_is_refused_before_it_is_sent(
    home: Path,
) -> None:
    items = [SheetItem(value=1, elements=Voucher(purpose="a coffee"))] * LARGEST_SHEET
    coupon = Coupon(issuer="c" * 80, product="c" * 120, offer="c" * 120, valid_until=date(2027, 1, 1))
    long = [SheetItem(value=10, elements=coupon)] * LARGEST_SHEET
    with module_of(home) as module, connect(home) as client:
        meter = client.meter("Ada")
        sheet = meter.print_sheet(items, "all")
        assert sheet[LARGEST_SHEET - 1].check()[0].value == 1
        with pytest.raises(BadValue, match="CreateSheet: it is longer than"):
            meter.print_sheet(long, "long")
        assert meter.print("0.33", LETTER, "one").reply.ar == LARGEST_SHEET + 330
        assert module.stop() == (0, "")


def test_what_was_sent_cannot_be_called_back(home: Path) -> None:
    with module_of(home) as module, connect(home) as client:
        futures = client.submit([CreateAuditEntry(text=f"{number}", signed=False) for number in range(20)])
        assert not any(future.cancel() for future in futures)
        assert all(future.result() for future in futures)
        assert module.stop() == (0, "")
    assert len(texts(home)) == 20


def test_a_failure_that_nobody_foresaw_leaves_the_fate_unknown_and_the_module_running(home: Path) -> None:
    with module_apart(home, scenario=serve_and_stumble), connect(home) as client:
        meter = client.meter("Ada")
        with pytest.raises(AnswerLost, match=r"\(it stumbled over ZeroDivisionError\)"):
            meter.print("0.33", LETTER, "job-1")
        assert meter.print("0.33", LETTER, "job-1").reply.ar == 330
        client.stop()
    assert_whole(home, {"Ada": 330})


def test_stopped_with_requests_in_its_queue_it_does_them_all_and_says_so(home: Path) -> None:
    with module_of(home) as module, connect(home) as client:
        futures = client.submit([InitializePsd(), *[CreateAuditEntry(text=f"{n}", signed=False) for n in range(200)]])
        futures[0].result()  # the message has been read; the rest of it waits
        assert module.stop() == (0, "")
        assert all(future.result() for future in futures)
    assert texts(home) == [f"{number}" for number in range(200)]
    assert_whole(home, {})


def test_whoever_says_stop_waits_until_what_others_asked_is_done_and_the_home_is_free(home: Path) -> None:
    with module_of(home) as module, connect(home) as busy, connect(home) as stopper:
        futures = busy.submit([InitializePsd()] * 1000)
        futures[0].result()
        stopper.stop()
        Ledger.open(home).close()
        assert all(future.result(PATIENCE_SECONDS) for future in futures)  # sent, if not all read here by now
        assert module.process.wait() == 0
    assert_whole(home, {})


def test_what_is_sent_to_a_stopping_module_is_answered_or_said_to_be_lost(home: Path) -> None:
    stopping = threading.Event()

    def ask(client: ModuleClient) -> tuple[list[str], "list[Future[bytes]]"]:
        wanted: list[str] = []
        futures: list[Future[bytes]] = []
        try:
            while True:
                text = f"{len(wanted)}"
                (future,) = client.submit([CreateAuditEntry(text=text, signed=False)])
                wanted.append(text)
                futures.append(future)
                if len(wanted) == 50:
                    stopping.set()
        except ModuleNotRunning:
            return wanted, futures

    with module_of(home) as module, connect(home) as client, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask, client)
        stopping.wait()
        assert module.stop() == (0, "")
        wanted, futures = asking.result()
    errors = [future.exception() for future in futures]
    answered = [text for text, error in zip(wanted, errors, strict=True) if error is None]
    assert {type(error) for error in errors if error is not None} <= {AnswerLost, LedgerClosed}
    done = texts(home)
    assert done[: len(answered)] == answered
    assert done == wanted[: len(done)]
    assert_whole(home, {})
