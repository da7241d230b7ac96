"""Usage of the MKS on buffers of the host (H-17, B-15 … B-18)."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.cryptomodule.buffers import Buffers
from indicium.cryptomodule.state import MasterKeySet
from indicium.cryptomodule.suites import Modern, NotAuthentic
from indicium.cryptomodule.tokens import Kind
from indicium.cryptomodule.vault import Vault
from indicium.domain.commands.base import Command
from indicium.domain.commands.mks_usage import ComputeMac, GlobalDecryptAndMac, GlobalEncryptAndMac, VerifyMac
from indicium.domain.errors import (
    CommandNotAllowed,
    EncryptionRequired,
    MacNotAuthentic,
    MksNotHeld,
    TokenNotAuthentic,
)
from indicium.infrastructure.devices import SystemEntropy
from indicium.parties.operator import Operator
from tests.harness import World, data_of, flipped
from tests.sets import change_places, delete_dormant, make_dormant, officer

SUITE = Modern(SystemEntropy())
OLD = MasterKeySet(mks="1" * 16, mek=b"e" * 32, mak=b"a" * 32)
NEW = MasterKeySet(mks="2" * 16, mek=b"f" * 32, mak=b"b" * 32)
BOTH, ANOTHER = Buffers(SUITE, OLD, NEW), Buffers(SUITE, NEW, None)

BUFFER = b"an account number that nobody else may read"


def encrypt(operator: Operator, data: bytes) -> bytes:
    return base64.b64decode(operator.send(GlobalEncryptAndMac(data=data), encrypted=True)["token"], validate=True)


def decrypt(operator: Operator, token: bytes) -> bytes:
    return base64.b64decode(operator.send(GlobalDecryptAndMac(token=token), encrypted=True)["data"], validate=True)


def mac_of(operator: Operator, data: bytes) -> bytes:
    return base64.b64decode(operator.send(ComputeMac(data=data), encrypted=True)["mac"], validate=True)


@pytest.mark.parametrize("data", [b"", b"\0", BUFFER, bytes(range(256)) * 256], ids=len)
def test_what_was_encrypted_comes_back_and_what_was_maced_verifies(world: World, data: bytes) -> None:
    """A buffer of any length, up to 64 KiB (F-39)."""
    with officer(world) as operator:
        token, mac = encrypt(operator, data), mac_of(operator, data)
        assert decrypt(operator, token) == data
        assert operator.send(VerifyMac(data=data, mac=mac), encrypted=True) == {}
        assert data == b"" or len(data) == 1 or data not in token


def test_nothing_of_it_is_recorded_or_kept(world: World) -> None:
    """FIG. 6: the four commands leave no record."""
    with officer(world) as operator:
        head, memory = world.module.head, world.memory_path.read_bytes()
        token, mac = encrypt(operator, BUFFER), mac_of(operator, BUFFER)
        decrypt(operator, token)
        operator.send(VerifyMac(data=BUFFER, mac=mac), encrypted=True)
        assert world.module.head == head
        assert world.memory_path.read_bytes() == memory
    assert not any(BUFFER in path.read_bytes() for path in world.folder.iterdir())


def test_a_token_and_a_mac_that_do_not_verify_are_refused_each_as_such(world: World) -> None:
    with officer(world) as operator:
        token, mac = encrypt(operator, BUFFER), mac_of(operator, BUFFER)
        with pytest.raises(TokenNotAuthentic) as refused:
            decrypt(operator, flipped(token))
        assert refused.value.what == "buffer"
        for data, wrong in ((BUFFER + b"!", mac), (BUFFER, flipped(mac)), (BUFFER, b""), (BUFFER, mac[:-1])):
            with pytest.raises(MacNotAuthentic):
                operator.send(VerifyMac(data=data, mac=wrong), encrypted=True)
    refusals = [data_of(record) for record in world.records() if record.event == "command-refused"]
    assert [data["code"] for data in refusals] == ["token-not-authentic", *["mac-not-authentic"] * 4]


def test_both_sets_are_read_and_the_active_one_writes(world: World) -> None:
    """M-49, M-50; G-604: a token and a MAC say which set they are under."""
    active, dormant = make_dormant(world)
    with officer(world) as operator:
        token, mac = encrypt(operator, BUFFER), mac_of(operator, BUFFER)
    assert active.encode() in token.split(b"\n")[0]
    assert active.encode() in mac.split(b"\n")[0]
    change_places(world)
    with officer(world) as operator:
        assert decrypt(operator, token) == BUFFER
        operator.send(VerifyMac(data=BUFFER, mac=mac), encrypted=True)
        assert dormant.encode() in encrypt(operator, BUFFER).split(b"\n")[0]
        assert dormant.encode() in mac_of(operator, BUFFER).split(b"\n")[0]
    delete_dormant(world)
    with officer(world) as operator:
        for command in (GlobalDecryptAndMac(token=token), VerifyMac(data=BUFFER, mac=mac)):
            with pytest.raises(MksNotHeld) as refused:
                operator.send(command, encrypted=True)
            assert refused.value.mks == active


@pytest.mark.parametrize(
    "command",
    [
        GlobalEncryptAndMac(data=BUFFER),
        GlobalDecryptAndMac(token=b"token"),
        ComputeMac(data=BUFFER),
        VerifyMac(data=BUFFER, mac=b"mac"),
    ],
)
def test_a_buffer_travels_encrypted_only_and_by_the_security_officer_only(world: World, command: Command) -> None:
    """J-10 for data; B-15 … B-18."""
    with officer(world) as operator, pytest.raises(EncryptionRequired):
        operator.send(command)
    with world.operator() as operator, pytest.raises(CommandNotAllowed):
        operator.send(command, encrypted=True)


def _key_token(vault: Vault) -> bytes:
    return vault.seal_token(Kind.BUFFER, "buffer", BUFFER)


def _static_token(vault: Vault) -> bytes:
    return vault.new_static("1000000001")[0].signing_key


@pytest.mark.parametrize("make", [_key_token, _static_token])
def test_a_key_is_never_opened_as_a_buffer(make: Callable[[Vault], bytes]) -> None:
    """Also a key token that says of itself that it is a buffer: the keys are others."""
    with pytest.raises(TokenNotAuthentic):
        Buffers(SUITE, OLD, None).open(make(Vault(SUITE, OLD)))


def test_a_buffer_is_never_opened_as_a_key() -> None:
    vault, token = Vault(SUITE, OLD), BOTH.seal(b"k" * 32)
    for kind, name in ((Kind.BUFFER, "buffer"), (Kind.SIGNING_KEY, "VDSK_ipost")):
        with pytest.raises(TokenNotAuthentic):
            vault.open_token(kind, name, token)
    static, _ = vault.new_static("1000000001")
    for hostile in (token, token.partition(b"\n")[2]):
        with pytest.raises(NotAuthentic):
            vault.load(static.model_copy(update={"signing_key": hostile}).encode())


@given(st.binary(max_size=300), st.data())
def test_a_token_opens_as_it_was_made_and_with_no_byte_changed(data: bytes, draw: st.DataObject) -> None:
    token, mac = BOTH.seal(data), BOTH.mac(data)
    assert BOTH.open(token) == data
    BOTH.verify(data, mac)
    with pytest.raises((TokenNotAuthentic, MksNotHeld)):
        BOTH.open(flipped(token, draw.draw(st.integers(0, len(token) - 1))))
    with pytest.raises((MacNotAuthentic, MksNotHeld)):
        BOTH.verify(data, flipped(mac, draw.draw(st.integers(0, len(mac) - 1))))


@given(st.binary(max_size=300))
def test_a_token_that_is_said_to_lie_under_another_set_does_not_open(data: bytes) -> None:
    token, mac = BOTH.seal(data), BOTH.mac(data)
    old, new = OLD.mks.encode(), NEW.mks.encode()
    with pytest.raises(MksNotHeld):
        ANOTHER.open(token)
    with pytest.raises(TokenNotAuthentic):
        ANOTHER.open(token.replace(old, new, 1))
    with pytest.raises(MacNotAuthentic):
        ANOTHER.verify(data, mac.replace(old, new, 1))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_refusal(hostile: bytes) -> None:
    with pytest.raises(TokenNotAuthentic):
        BOTH.open(hostile)
    with pytest.raises(MacNotAuthentic):
        BOTH.verify(b"data", hostile)
