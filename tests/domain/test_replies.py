"""Replies and heads as texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.domain.errors import BadValue
from indicium.domain.flow import GENESIS, Head
from indicium.domain.replies import PsdReply, parse_reply

REPLY = PsdReply(
    psd="1000000001",
    request="a",
    version=5,
    state="leased",
    ar=330,
    dr=670,
    record="0" * 64,
    client_challenge="1" * 32,
    module_challenge="2" * 32,
)


def test_a_reply_reads_as_it_was_written_with_or_without_its_authenticator() -> None:
    body = REPLY.model_dump_json().encode()

    assert parse_reply(body) == parse_reply(body + b"\t") == parse_reply(body + b"\tAAAA") == REPLY


@given(st.binary(max_size=100))
def test_any_other_bytes_are_a_bad_value(hostile: bytes) -> None:
    with pytest.raises(BadValue):
        parse_reply(hostile)


def test_registers_in_a_reply_are_never_negative() -> None:
    for field in ("ar", "dr"):
        with pytest.raises(BadValue):
            parse_reply(REPLY.model_copy(update={field: -1}).model_dump_json().encode())


def test_a_head_is_noted_as_sequence_and_hash() -> None:
    assert str(Head(7, "ab")) == "7:ab"
    assert str(GENESIS) == "0:" + "0" * 64
