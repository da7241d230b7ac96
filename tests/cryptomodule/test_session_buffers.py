"""Session security for the host's own buffers (J-17, B-34 … B-37, F-12 … F-14, Y-22)."""

import base64

import pytest

from indicium.domain.commands.access import BeginAdmin, Logoff
from indicium.domain.commands.base import Command
from indicium.domain.commands.sessions import (
    CloseSession,
    ComputeSessionMac,
    SessionDecrypt,
    SessionEncrypt,
    VerifySessionMac,
)
from indicium.domain.errors import (
    EncryptionRequired,
    SessionBufferNotAuthentic,
    SessionMessageNotAuthentic,
    SessionRequired,
)
from indicium.parties.operator import Operator
from tests.cryptomodule.staff import administration, forged, logged_on
from tests.harness import World, flipped

BUFFERS = [b"", b"a", bytes(range(256)), b"\xff" * 65_536]


def mac_of(operator: Operator, data: bytes) -> bytes:
    return base64.b64decode(operator.send(ComputeSessionMac(data=data))["mac"])


def token_of(operator: Operator, data: bytes) -> bytes:
    return base64.b64decode(operator.send(SessionEncrypt(data=data), encrypted=True)["token"])


def opened(operator: Operator, token: bytes) -> bytes:
    return base64.b64decode(operator.send(SessionDecrypt(token=token), encrypted=True)["data"])


@pytest.mark.parametrize("data", BUFFERS, ids=len)
def test_a_buffer_has_a_mac_and_a_token_that_the_same_session_takes_back(staffed: World, data: bytes) -> None:
    with staffed.operator() as operator:
        mac, token = mac_of(operator, data), token_of(operator, data)
        assert operator.send(VerifySessionMac(data=data, mac=mac)) == {}
        assert opened(operator, token) == data
        assert mac_of(operator, data) == mac
        assert token_of(operator, data) != token  # the same buffer twice does not look the same
        assert len(data) < 2 or data not in token


def test_an_altered_buffer_mac_or_token_is_refused_and_the_session_goes_on(staffed: World) -> None:
    with staffed.operator() as operator:
        mac, token = mac_of(operator, b"data"), token_of(operator, b"data")
        altered: list[Command] = [
            VerifySessionMac(data=b"date", mac=mac),
            VerifySessionMac(data=b"data\x00", mac=mac),
            VerifySessionMac(data=b"data", mac=mac[:-1]),
            VerifySessionMac(data=b"data", mac=b""),
            SessionDecrypt(token=b""),
            SessionDecrypt(token=token[:-1]),
            SessionDecrypt(token=token + b"\x00"),
            SessionDecrypt(token=mac + token),
            *(VerifySessionMac(data=b"data", mac=flipped(mac, place)) for place in range(len(mac))),
            *(SessionDecrypt(token=flipped(token, place)) for place in range(len(token))),
        ]
        for command in altered:
            with pytest.raises(SessionBufferNotAuthentic):
                operator.send(command, encrypted=True)
        assert opened(operator, token) == b"data"


def test_what_one_session_made_another_does_not_take(staffed: World) -> None:
    """Y-22: the keys are the session's, and are gone with it."""
    with staffed.operator() as operator:
        mac, token = mac_of(operator, b"data"), token_of(operator, b"data")
        first = operator._keys
    assert staffed.module._core.session is None
    with staffed.operator() as operator:
        for command in (VerifySessionMac(data=b"data", mac=mac), SessionDecrypt(token=token)):
            with pytest.raises(SessionBufferNotAuthentic):
                operator.send(command, encrypted=True)
        stale = first.seal("command", 1, b'{"command":"GetStatus","arguments":{}}', encrypted=False)
        with pytest.raises(SessionMessageNotAuthentic):
            staffed.execute(stale)
        assert mac_of(operator, b"data") != mac


def test_without_a_session_there_is_no_session_security(staffed: World) -> None:
    """J-07, J-09; of the four that use keys not even the refusal is recorded."""
    for command in (
        ComputeSessionMac(data=b"a"),
        VerifySessionMac(data=b"a", mac=bytes(32)),
        SessionEncrypt(data=b"a"),
        SessionDecrypt(token=b"a"),
        CloseSession(),
    ):
        before = len(staffed.records())
        with pytest.raises(SessionRequired) as refused:
            staffed.execute(command)
        assert refused.value.recorded is isinstance(command, CloseSession)
        assert len(staffed.records()) == before + refused.value.recorded
        operator = staffed.operator()
        with pytest.raises(SessionRequired):  # the one that is open is not the one that it came in
            staffed.execute(command)
        operator.send(CloseSession())


def test_a_buffers_keys_are_none_of_a_messages_and_not_each_others(staffed: World) -> None:
    """F-14: what the host has MACed or encrypted is never taken for a message, nor the other way round."""
    with staffed.operator() as operator:
        keys = operator._keys
        body = b'{"command":"GetStatus","arguments":{}}'
        message = keys.seal("command", operator._sent + 4, body, encrypted=False)
        label = f"{keys.session} command {operator._sent + 4} clear\n".encode()
        assert mac_of(operator, label + body) != message.mac
        assert mac_of(operator, body) != message.mac
        sealed = keys.seal("command", operator._sent + 2, body, encrypted=True)
        with pytest.raises(SessionBufferNotAuthentic):
            opened(operator, sealed.body)
        assert mac_of(operator, b"") != keys.buffer_seal().seal(b"", b"")[-32:]


def test_plain_text_travels_encrypted_only(staffed: World) -> None:
    with staffed.operator() as operator:
        token = token_of(operator, b"data")
        for command in (SessionEncrypt(data=b"data"), SessionDecrypt(token=token)):
            with pytest.raises(EncryptionRequired):
                operator.send(command)


def test_a_buffer_that_is_too_long_is_refused(staffed: World) -> None:
    longer = base64.b64encode(bytes(65_537)).decode()
    with staffed.operator() as operator:
        for kind in (ComputeSessionMac, SessionEncrypt):
            with pytest.raises(Exception, match="not its own"):
                operator.send(forged(kind, data=longer), encrypted=True)
        assert mac_of(operator, b"a")


def use(operator: Operator) -> None:
    """Use the session's keys in every way, rightly and wrongly."""
    token, mac = token_of(operator, b"data"), mac_of(operator, b"data")
    opened(operator, token)
    operator.send(VerifySessionMac(data=b"data", mac=mac))
    for command in (VerifySessionMac(data=b"date", mac=mac), SessionDecrypt(token=flipped(token))):
        with pytest.raises(SessionBufferNotAuthentic):
            operator.send(command, encrypted=True)
    with pytest.raises(EncryptionRequired):
        operator.send(SessionEncrypt(data=b"data"))


def test_usage_of_session_keys_is_never_recorded(staffed: World) -> None:
    """L1483: not where everything else is, and not when it fails; whether somebody is logged on or not."""
    with staffed.operator() as operator:
        before = len(staffed.records())
        use(operator)
        assert len(staffed.records()) == before
    with administration(staffed) as operator:
        before = len(staffed.records())
        use(operator)
        assert len(staffed.records()) == before
        operator.send(Logoff())
        before = len(staffed.records())
        use(operator)
        assert len(staffed.records()) == before


def test_a_message_that_was_sent_before_is_refused_whoever_is_logged_on(staffed: World) -> None:
    """Y-22: a replay, here of what opened the Administrative state, by somebody who recorded it."""
    with logged_on(staffed, "officer") as operator:
        recorded = operator._keys.seal(
            "command", operator._sent + 1, b'{"command":"BeginAdmin","arguments":{}}', encrypted=False
        )
        operator.send(BeginAdmin())
        with pytest.raises(SessionMessageNotAuthentic):
            staffed.execute(recorded)
        record = staffed.records()[-1]
        assert b'"user":null,"role":null' in record.line  # nobody is held to what is not authentic
