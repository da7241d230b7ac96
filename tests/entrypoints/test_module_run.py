"""A module in a process of its own: served, killed, stopped, and asked by friends and strangers."""

import itertools
import os
import random
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import orjson
import pytest

import indicium
from indicium.app import Ledger
from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry, ExportAuditKey
from indicium.domain.commands.psd import AuthorizePsd, InitializePsd, RequestChallenge
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import (
    AnswerLost,
    BadValue,
    InsufficientFunds,
    LedgerClosed,
    LedgerInUse,
    LedgerMissing,
    LogonFailed,
    ModuleNotRunning,
    NotOurProcess,
    UnknownMeter,
)
from indicium.domain.fig6 import Role
from indicium.domain.identity import Serial
from indicium.domain.kinds import LARGEST_SHEET, Coupon, Voucher
from indicium.entrypoints import connecting
from indicium.entrypoints.connecting import ModuleClient, connect
from indicium.entrypoints.wire import LONGEST_MESSAGE, ROOM, rendered
from indicium.infrastructure.devices import SystemEntropy
from indicium.infrastructure.home import Home
from indicium.parties.operator import Operator
from tests.app import seams
from tests.app.homes import LETTER, assert_whole, copy_of, data_of, rows_of
from tests.entrypoints.command import Terminal, write_mailing
from tests.entrypoints.command import indicium as command_line
from tests.entrypoints.running_module import (
    all_that_comes,
    answers,
    module_apart,
    module_of,
    plain_client,
    serve_and_stumble,
    serve_late,
)

JOBS = [
    f"{number},{customer},40505,95567,first-class letter,1,0.{number:02}"
    for number, customer in enumerate(["Ada", "Ben", "Cy"] * 10, 11)
]


def test_another_process_leases_refills_and_prints_as_one_does_with_a_ledger(home: Path) -> None:
    with module_of(home) as module, indicium.connect(home) as client:
        assert (client.chain, client.process) == (module.said["chain"], module.process.pid)
        meter = client.lease("Dan", "40505")
        meter.refill("1.00")
        item = meter.print("0.33", LETTER, "job-1")
        assert item.reply.dr == 670
        assert client.meter("Dan").print("0.33", LETTER, "job-1").line == item.line
        with pytest.raises(InsufficientFunds) as refused:
            meter.print("0.68", LETTER, "job-2")
        assert (refused.value.needed, refused.value.held) == (680, 670)
        outcomes = client.execute_all(
            [InitializePsd(), RequestChallenge(psd_id="1999999999", client_challenge="0" * 32), GetStatus()]
        )
        assert b'"psd":"1000000005"' in outcomes[0] if isinstance(outcomes[0], bytes) else False
        assert isinstance(outcomes[1], UnknownMeter)
        assert isinstance(outcomes[2], bytes)
        assert module.stop() == (0, "")
    assert_whole(home, {"Dan": 330})
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
        assert ledger.meter("Dan").ask().ar == 330


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_seals_the_tail_and_removes_its_socket(how: signal.Signals, home: Path) -> None:
    with module_of(home) as module, connect(home) as client:
        client.meter("Ada").print("0.33", LETTER, "job-1")
        client.meter("Ada").print("0.33", LETTER, "job-2")
        assert module.socket.exists()
        assert module.stop(how) == (0, "")
        assert not module.socket.exists()
        with pytest.raises(ModuleNotRunning) as refused:
            client.meter("Ada").ask()
        assert str(refused.value) == (
            f"No process runs the module of {home}: start one with 'indicium module run --home {home}'."
        )
    assert data_of(rows_of(home)[-1])["text"] == "closed"
    assert_whole(home, {"Ada": 660})


def test_only_the_homes_owner_may_enter(home: Path) -> None:
    with module_of(home) as module:
        assert module.socket.stat().st_mode & 0o777 == 0o600
        assert module.socket.parent.stat().st_mode & 0o777 == 0o700


def test_a_mailing_is_posted_by_the_running_module_to_the_same_end(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    mailing = write_mailing(tmp_path / "mailing.csv", JOBS)
    twin = copy_of(home, tmp_path / "twin")
    assert terminal.json("post", mailing, "--out", tmp_path / "here.csv", "--home", twin)["refused"] == 0
    with module_of(home) as module:
        assert terminal.json("post", mailing, "--out", tmp_path / "there.csv", "--home", home)["refused"] == 0
        assert module.stop() == (0, "")
    strip = [line.rpartition(",")[0] for line in (tmp_path / "here.csv").read_text().splitlines()]
    assert [line.rpartition(",")[0] for line in (tmp_path / "there.csv").read_text().splitlines()] == strip
    assert_whole(home)


def test_a_second_opener_is_refused_and_leaves_the_first_ones_socket(home: Path, terminal: Terminal) -> None:
    sentence = (
        "Module 34576590 is in use by another process: end that one first, with 'indicium module stop' if it is "
        "'indicium module run'."
    )
    with module_of(home) as module:
        assert terminal.refused("module", "run", "--home", home, status=3) == sentence
        with pytest.raises(LedgerInUse):
            Ledger.open(home)
        with connect(home) as client:
            assert client.meter("Ada").ask().dr == 100_000
        assert terminal.json("recover", "--home", home) == {"done": []}
        assert module.stop() == (0, "")
    assert_whole(home, {})


def test_what_its_start_recovered_is_told(home: Path, terminal: Terminal) -> None:
    assert seams.killed(seams.print_twice, home, seams.AFTER_MEMORY)
    with module_of(home):
        assert terminal.json("recover", "--home", home) == {"done": ["give the store what it never got"]}


def test_status_and_stop(home: Path, terminal: Terminal) -> None:
    assert terminal.json("module", "status", "--home", home, status=1) == {"module": "34576590", "running": False}
    assert "No process runs the module" in terminal.refused("module", "stop", "--home", home, status=3)
    with module_of(home) as module:
        with connect(home) as client:
            client.meter("Ada").print("0.33", LETTER, "job-1")
        said = terminal.json("module", "status", "--home", home)
        assert said["running"] is True
        assert (said["process"], said["chain"]) == (module.process.pid, module.said["chain"])
        assert terminal.json("module", "stop", "--home", home) == {"module": "34576590", "stopped": True}
        Ledger.open(home).close()  # at once: who told it to stop has waited until the home is free
        assert module.process.wait() == 0
    assert_whole(home, {"Ada": 330})


def test_a_home_without_a_ledger_has_no_module_to_run(tmp_path: Path, terminal: Terminal) -> None:
    assert "holds no ledger" in terminal.refused("module", "run", "--home", tmp_path / "none", status=3)
    with pytest.raises(LedgerMissing):
        connect(tmp_path / "none")


def texts(home: Path) -> list[str]:
    """Give the audit entries that somebody asked for, in the chain's order."""
    entries = [data_of(row)["text"] for row in rows_of(home) if row.event == "audit-entry-created"]
    return [text for text in entries if text != "closed"]


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
        assert all(future.result(timeout=0) for future in futures)
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


@pytest.mark.parametrize(
    "seam", [seams.BEFORE_MEMORY, seams.AFTER_MEMORY, seams.AFTER_STORE, seams.AFTER_COPY, seams.AFTER_RELEASE]
)
def test_o_10_killed_before_it_answers_it_has_charged_once_when_asked_again(seam: seams.Seam, home: Path) -> None:
    with module_apart(home, seam) as killed, connect(home) as client:
        meter = client.meter("Ada")
        with pytest.raises(AnswerLost) as lost:
            meter.print("0.33", LETTER, "job-1")
        assert str(lost.value) == (
            "No answer came from the module's process (it ended, or was killed): repeat the request with the same id."
        )
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
        with pytest.raises(ModuleNotRunning):
            meter.print("0.33", LETTER, "job-1")
        with module_of(home) as module:
            item = meter.print("0.33", LETTER, "job-1")
            assert item.reply.ar == 330
            assert client.meter("Ada").print("0.33", LETTER, "job-1").line == item.line
            assert module.stop() == (0, "")
    assert_whole(home, {"Ada": 330})


def test_the_socket_of_a_killed_process_is_replaced_or_passed_by(home: Path, tmp_path: Path) -> None:
    mailing = write_mailing(tmp_path / "mailing.csv", JOBS)
    with module_of(home) as module:
        module.process.kill()
        module.process.wait()
        assert module.socket.is_socket()
    posted = command_line("post", mailing, "--out", tmp_path / "out.csv", "--home", home)
    assert (posted.returncode, posted.stderr) == (0, "")
    with module_of(home) as module, connect(home) as client:
        assert client.meter("Ada").print("0.01", LETTER, "one-more").reply.ar > 10
        assert module.stop() == (0, "")
    assert_whole(home)


def test_a_client_that_dies_in_the_middle_disturbs_nobody(home: Path) -> None:
    with module_of(home) as module, connect(home) as client:
        whole = b'{"number":1,"requests":[["CreateAuditEntry",{"text":"whole","signed":false}]]}\n'
        for sent in (whole, whole + whole[:40], whole[:-1], b""):
            with plain_client(module.socket) as dying:
                dying.sendall(sent)
        assert client.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 330
        assert module.stop() == (0, "")
    assert texts(home) == ["whole", "whole"]
    assert_whole(home, {"Ada": 330})


def challenge(number: int) -> bytes:
    asked = {"psd_id": "1000000001", "client_challenge": f"{number:032x}"}
    return b'{"number":%d,"requests":[["RequestChallenge",%s]]}\n' % (number, orjson.dumps(asked))


def ask_for_ever(client: socket.socket) -> None:
    for number in itertools.count(1):
        client.sendall(challenge(number))


def test_a_client_that_stops_reading_is_let_go_and_the_others_are_served(home: Path) -> None:
    with module_apart(home, patience_seconds=0.2), connect(home) as client:
        path = home / "run" / "34576590.socket"
        with plain_client(path) as deaf, pytest.raises((BrokenPipeError, ConnectionResetError)):
            ask_for_ever(deaf)
        assert client.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 330
        client.stop()
    assert_whole(home, {"Ada": 330})


HOSTILE = {
    "an empty line": b"\n",
    "no JSON": b"GET / HTTP/1.1\r\n",
    "a list": b"[]\n",
    "another message": b'{"protocol":1}\n',
    "number 0": b'{"number":0,"requests":[]}\n',
    "a number that is text": b'{"number":"x"}\n',
    "a request without arguments": b'{"number":1,"requests":[["GetStatus"]]}\n',
    "a member too many": b'{"number":1,"requests":[],"run":"me"}\n',
    "no UTF-8": b'{"number":1,"requests":[["\xff\xfe",{}]]}\n',
    "half a surrogate": b'{"number":1,"requests":[["\\ud800",{}]]}\n',
    "a deep nest": b'{"number":1,"requests":' + b"[" * 100_000 + b"\n",
    "a pickle": b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.\n",
    "a line without end": b"x" * (3 * LONGEST_MESSAGE),
    "a long line": b'"' + b"x" * LONGEST_MESSAGE + b'"\n',
}


@pytest.fixture(scope="module")
def served(leased: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a module that hears all strangers of this file, and is in order at the end."""
    home = copy_of(leased, tmp_path_factory.mktemp("served") / "home")
    with module_of(home) as module:
        yield module.socket
        with connect(home) as client:
            assert client.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 330
        assert module.stop() == (0, "")
    assert_whole(home, {"Ada": 330})


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_stranger_hears_one_refusal_and_no_more(sent: bytes, served: Path) -> None:
    with plain_client(served) as stranger:
        try:
            stranger.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            assert len(sent) > LONGEST_MESSAGE
        (answer,) = answers(all_that_comes(stranger))
    assert answer["number"] == 0
    (result,) = answer["results"]
    assert (result["refused"], result["facts"]["field"]) == ("bad-value", "message")


def test_noise_is_answered_with_a_refusal_at_most(served: Path) -> None:
    noise = random.Random(7)
    for _ in range(100):
        with plain_client(served) as stranger:
            stranger.sendall(noise.randbytes(noise.randrange(1, 300)))
            stranger.shutdown(socket.SHUT_WR)
            for answer in answers(all_that_comes(stranger)):
                assert answer["results"][0]["refused"] == "bad-value"


def test_one_request_that_cannot_be_read_is_refused_and_its_neighbours_are_done(served: Path) -> None:
    good = '["RequestChallenge",{"psd_id":"1000000002","client_challenge":"' + "0" * 32 + '"}]'
    bad = [
        '["os.system",{"command":"true"}]',
        '["RequestChallenge",{"psd_id":7}]',
        '["GetStatus",{"more":1}]',
        '["GetStatus",{"much":1e400}]',
        f'["GetStatus",{{"many":1{"0" * 400}}}]',
        '["GetStatus",{"none":NaN}]',
        f'["GetStatus",{{"deep":{"[" * 100}{"]" * 100}}}]',
        '["CreateAuditEntry",{"text":"a\\u0000b\\n","signed":false}]',
    ]
    message = f'{{"number":5,"requests":[{good},{",".join(bad)},{good}]}}\n'
    with plain_client(served) as client:
        client.sendall(message.encode())
        client.shutdown(socket.SHUT_WR)
        (answer,) = answers(all_that_comes(client))
    assert answer["number"] == 5
    first, *refused, last = answer["results"]
    assert '"psd":"1000000002"' in first["reply"]
    assert '"psd":"1000000002"' in last["reply"]
    assert [result["facts"]["field"] for result in refused] == [
        "command",
        "RequestChallenge",
        *["GetStatus"] * 5,
        "CreateAuditEntry",
    ]


def test_j_06_an_operators_session_crosses_too(home: Path) -> None:
    (auditor,) = (
        person
        for person in orjson.loads((home / "secrets" / "ceremony.json").read_bytes())["people"]
        if person["role"] == Role.AUDITOR
    )
    with module_of(home) as module, connect(home) as client:
        with Operator(client.execute, Modern(SystemEntropy()), "34576590") as operator:
            with pytest.raises(LogonFailed) as failed:
                operator.logon(auditor["name"], "wrong")
            assert failed.value.recorded
            operator.logon(auditor["name"], auditor["passphrase"])
            exported = operator.send(ExportAuditKey())["audit_key"]
        assert module.stop() == (0, "")
    assert exported == (home / "keys" / "34576590.audit.pem").read_text()
    assert_whole(home, {})


def test_use_after_close_and_after_a_fork_is_refused(home: Path) -> None:
    with module_of(home):
        client = connect(home)
        client.close()
        client.close()
        with pytest.raises(LedgerClosed, match=r"^This ledger is closed: open it again here\.$"):
            client.execute(GetStatus())
        seams.apart(fork_with_a_client, home)


def fork_with_a_client(home: Path) -> None:
    with connect(home) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the client has a thread, on purpose
            child = os.fork()
        if child == 0:
            os._exit(use_after_fork(client))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert client.execute(GetStatus())


def use_after_fork(client: ModuleClient) -> int:
    try:
        client.execute(GetStatus())
    except LedgerClosed as error:
        client.close()
        return 0 if "forked" in str(error) else 1
    return 2


def test_a_folder_with_too_long_a_path_says_so_and_is_served_through_a_link(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    far = home.rename(deep / "home")
    sentence = terminal.refused("module", "run", "--home", far, status=3)
    assert "no socket can be made" in sentence
    assert "AF_UNIX path too long" in sentence
    assert terminal.json("recover", "--home", far) == {"done": []}  # opened here, for nobody can be running it
    near = Path(os.path.relpath(tmp_path / "near"))
    near.symlink_to(far)
    with module_of(near), connect(near) as client:
        assert client.meter("Ada").ask().dr == 100_000


@contextmanager
def somebody_else(home: Path, *says: bytes) -> Iterator[None]:
    """Listen on a home's socket and say something to whoever comes; the first of it at once, the rest when asked."""
    path = home / "run" / "34576590.socket"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as pool:
        listener.bind(str(path))
        listener.listen()

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(says[0])
                for said in says[1:]:
                    connection.recv(1 << 16)
                    connection.sendall(said)

        talking = pool.submit(talk)
        yield
        talking.result()


def greeting(**changes: object) -> bytes:
    said = {"protocol": 1, "serial": "34576590", "chain": "0" * 32, "process": 7, "recovered": []}
    return orjson.dumps(said | changes) + b"\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"220 mail.example ESMTP\n", "its greeting cannot be read"),
        (greeting(protocol=2), "it speaks protocol 2, this version 1"),
        (greeting(serial="17"), "it runs module 17, not 34576590"),
    ],
)
def test_a_process_that_is_not_the_modules_is_not_talked_to(said: bytes, why: str, home: Path) -> None:
    with somebody_else(home, said), pytest.raises(NotOurProcess) as refused:
        connect(home)
    assert str(refused.value) == (
        f"What listens at {home}/run/34576590.socket cannot be talked to ({why}): stop it and start the module again."
    )


def test_a_process_that_does_not_greet_is_not_waited_for_for_ever(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "PATIENCE_SECONDS", 0.1)
    path = Home(home).socket(Serial("34576590"))
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(NotOurProcess, match="it does not answer"):
            connect(home)


def test_a_process_that_ends_before_it_greets_is_none(home: Path) -> None:
    with somebody_else(home, b""), pytest.raises(ModuleNotRunning):
        connect(home)


@pytest.mark.parametrize(
    "answer",
    [
        b"what?\n",
        b'{"number":1,"results":[]}\n',
        b'{"number":2,"results":[{"reply":"x"}]}\n',
        b'{"number":1,"results":[{"reply":"x"},{"reply":"y"}]}\n',
        b'{"number":1,"resu',
    ],
)
def test_an_answer_that_cannot_be_read_leaves_the_fate_unknown(answer: bytes, home: Path) -> None:
    with somebody_else(home, greeting(), answer), connect(home) as client, pytest.raises(AnswerLost):
        client.execute(GetStatus())


def test_a_connection_that_ends_between_two_messages_leaves_nobody_waiting(home: Path) -> None:
    asked = [AuthorizePsd(psd_id="1000000001", request_id="a", certificate=bytes(16384)) for _ in range(150)]
    with somebody_else(home, greeting(), b""), connect(home) as client:
        assert {type(outcome) for outcome in client.execute_all(asked)} == {AnswerLost}


def test_two_modules_on_one_server_in_processes_of_their_own(postgres_url: str, tmp_path: Path) -> None:
    homes = {serial: tmp_path / serial for serial in ("1", "2")}
    for serial, home in homes.items():
        made = command_line("init", "--home", home, "--serial", serial, "--store", postgres_url)
        assert (made.returncode, made.stderr) == (0, "")
    with module_of(homes["1"]) as first, module_of(homes["2"]) as second:
        with connect(homes["1"]) as one, connect(homes["2"]) as two:
            meters = [client.lease("Ada", "40505") for client in (one, two)]
            assert [meter.device for meter in meters] == ["1000000001", "1010000001"]
            for meter in meters:
                meter.refill("1.00")
            first.process.kill()
            first.process.wait()
            with pytest.raises((AnswerLost, ModuleNotRunning)):
                meters[0].print("0.33", LETTER, "job-1")
            assert meters[1].print("0.33", LETTER, "job-1").reply.dr == 670
            with module_of(homes["1"]) as again:
                assert meters[0].print("0.33", LETTER, "job-1").reply.dr == 670
                assert again.stop() == (0, "")
        assert second.stop() == (0, "")
    for home in homes.values():
        with Ledger.open(home) as ledger:
            assert ledger.recovered == ()
            assert [(row.module, row.ar) for row in ledger.meters()] == [("1", 330), ("2", 330)]
