"""What crosses between a module's process and its clients, and comes out as it went in."""

from inspect import get_annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import AuthorizeCustomer, AuthorizePsd, CreateIndicium, InitializePsd
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import TABLE, AnswerLost, BadValue, IndiciumError, LogonFailed
from indicium.domain.kinds import Voucher, postage
from indicium.entrypoints.wire import LONGEST_MESSAGE, Answer, Asked, Result, command, message, rendered

REQUESTS: list[Command] = [
    GetStatus(),
    InitializePsd(),
    AuthorizePsd(psd_id="1000000001", request_id="authorize", certificate=bytes(range(256))),
    AuthorizeCustomer(
        psd_id="1000000001", request_id="a", license_zip="40505", dr_limit=2**53 - 1, signature=b"s" * 70
    ),
    CreateIndicium(
        psd_id="1000000001",
        request_id="job:1/2",
        value=-1,
        elements=postage("40505", "95567", "first-class letter", 1),
        client_challenge="0" * 32,
        module_challenge="f" * 32,
        shown_ar=0,
        shown_dr=1,
        shown_record="a" * 64,
        mac=b"\x00\xff" * 8,
    ),
    CreateIndicium(
        psd_id="1000000001",
        request_id="job-2",
        value=330,
        elements=Voucher(purpose='Käse \\u2028 «für zwei»\\t "'),
        client_challenge="0" * 32,
        module_challenge="f" * 32,
        shown_ar=0,
        shown_dr=1,
        shown_record="a" * 64,
        mac=b"\x00\xff" * 8,
    ),
    SessionMessage(session="s", counter=1, encrypted=True, body=b"\x00\xff", mac=b"m" * 32),
    SessionMessage(
        session="s", counter=2, encrypted=False, body=b"", mac=b"m" * 32, psd_ids=("1000000001", "1000000002")
    ),
]


def test_requests_come_out_as_they_went_in() -> None:
    line = message(7, [rendered(request) for request in REQUESTS])
    assert line.count(b"\n") == 1
    asked = Asked.read(line)
    assert asked.number == 7
    assert [command(name, arguments) for name, arguments in asked.requests] == REQUESTS


def one_of(kind: type[IndiciumError]) -> IndiciumError:
    """Make an error with facts of the right kinds."""
    return kind(**{name: 17 if fact is int else f"«{name}»\n" for name, fact in get_annotations(kind).items()})


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_every_error_comes_out_as_it_went_in(kind: type[IndiciumError]) -> None:
    error = one_of(kind)
    line = Answer(number=1, results=(Result.of(error),)).line()
    assert line.count(b"\n") == 1
    back = Answer.read(line).results[0].outcome()
    assert type(back) is kind
    assert (vars(back), str(back)) == (vars(error), str(error))


def test_i_32_an_error_that_was_recorded_still_says_so() -> None:
    error = LogonFailed()
    error.__dict__["recorded"] = True
    back = Result.of(error).outcome()
    assert isinstance(back, LogonFailed)
    assert back.recorded


@given(st.text().map(str.encode))
def test_a_reply_comes_out_byte_for_byte(reply: bytes) -> None:
    line = Answer(number=1, results=(Result.of(reply),)).line()
    assert line.count(b"\n") == 1
    assert Answer.read(line).results[0].outcome() == reply


def test_an_error_of_a_later_version_says_that_the_fate_is_unknown() -> None:
    assert isinstance(Result(refused="meter-on-fire", facts={}).outcome(), AnswerLost)


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("Ledger", {}, "command: there is none of that name"),
        ("__class__", {}, "command: there is none of that name"),
        ("RequestChallenge", {}, "RequestChallenge: psd_id: it is missing"),
        ("GetStatus", {"more": 1}, "GetStatus: more: there is nothing of that name"),
        ("AuthorizePsd", {"psd_id": 10**400}, "AuthorizePsd: psd_id: it is no text"),
    ],
)
def test_what_is_no_command_is_refused(name: str, arguments: dict[str, object], why: str) -> None:
    with pytest.raises(BadValue) as refused:
        command(name, arguments)
    assert str(refused.value) == f"{why}."


def test_a_request_that_no_message_has_room_for_is_refused_before_it_is_sent() -> None:
    fits = SessionMessage(session="s", counter=1, encrypted=True, body=bytes(LONGEST_MESSAGE * 3 // 4 - 300), mac=b"")
    assert len(message(2**63, [rendered(fits)])) <= LONGEST_MESSAGE
    with pytest.raises(BadValue, match="SessionMessage: it is longer than"):
        rendered(fits.model_copy(update={"body": bytes(LONGEST_MESSAGE)}))
