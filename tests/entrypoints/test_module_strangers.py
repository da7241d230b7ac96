"""Who cannot be trusted at a running module's socket: strangers, broken clients, processes that are another's."""

import itertools
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.psd import AuthorizePsd
from indicium.domain.errors import AnswerLost, ModuleNotRunning, NotOurProcess
from indicium.domain.identity import Serial
from indicium.entrypoints import connecting
from indicium.entrypoints.connecting import connect
from indicium.entrypoints.wire import LONGEST_MESSAGE
from indicium.infrastructure.home import Home
from tests.app.homes import LETTER, assert_whole, copy_of
from tests.entrypoints.running_module import all_that_comes, answers, module_apart, module_of, plain_client, texts


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
