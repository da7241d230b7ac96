"""Sessions (Y-22; J-02, J-04 … J-09), and what a hostile host may put into them."""

import base64

import orjson
import pytest

from indicium.cryptomodule.management import MODULE_HANDLERS
from indicium.cryptomodule.pipeline import PAUSING_HANDLERS, PSD_HANDLERS
from indicium.cryptomodule.sessions import SessionKeys
from indicium.domain import fig6
from indicium.domain.amounts import Mills
from indicium.domain.commands.access import BeginAdmin, GetStatus, Logoff, Logon
from indicium.domain.commands.auditing import CreateAuditEntry, ExportAuditKey
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import AddUser, DeleteUser, ModifyUserPrivileges, ViewUsers
from indicium.domain.commands.hand_over import GiveMeter, OfferHome, TakeMeter
from indicium.domain.commands.inquiries import VerifyIndicium
from indicium.domain.commands.psd import AuthorizePsd, InitializePsd
from indicium.domain.commands.recovery import AutoRecoverCheckpoint
from indicium.domain.commands.sessions import CloseSession, OpenSession
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.envelope import SessionAnswer, SessionMessage
from indicium.domain.errors import (
    BadValue,
    CommandNotAllowed,
    CommandNotYetSupported,
    EncryptionRequired,
    IndiciumError,
    KeyNotUsable,
    LogonFailed,
    SessionAlreadyOpen,
    SessionMessageNotAuthentic,
    SessionRequired,
    UserStillLoggedOn,
    revive,
)
from indicium.domain.fig6 import FIG6, NOT_YET, Role
from tests.harness import LETTER, World, data_of, flipped
from tests.samples import SAMPLES


class Host:
    """The host's end of a session, that sends what a test wants."""

    def __init__(self, world: World) -> None:
        self.world = world
        offer = world.suite.offer_session()
        reply = orjson.loads(world.execute(OpenSession(host_key=offer.host_key)))
        module_key = bytes.fromhex(reply["module_key"])
        self.keys = SessionKeys(world.suite, offer.secret(module_key), offer.host_key, module_key)
        self.sent = 0

    def message(self, body: bytes, *, encrypted: bool = False) -> SessionMessage:
        """Make the next message, whatever it says."""
        self.sent += 1
        return self.keys.seal("command", self.sent, body, encrypted=encrypted)

    def named(self, command: str, arguments: object = None, *, encrypted: bool = False) -> SessionMessage:
        """Make the next message, naming a command."""
        return self.message(orjson.dumps({"command": command, "arguments": arguments or {}}), encrypted=encrypted)

    def answer(self, reply: bytes) -> SessionAnswer:
        """Open the answer to the last message."""
        answered = SessionMessage.model_validate_json(reply)
        return SessionAnswer.model_validate_json(self.keys.open("answer", self.sent, answered))

    def refusal(self, message: SessionMessage) -> IndiciumError:
        """Send a message and give the refusal that the answer holds."""
        answer = self.answer(self.world.execute(message))
        assert answer.refused is not None
        return revive(answer.refused, answer.facts)


def last_refusal(world: World) -> tuple[str, str, int]:
    """Give command, code and reason of the newest record, which is a refusal."""
    record = world.records()[-1]
    assert record.event == "command-refused"
    line = orjson.loads(record.line.partition(b"\t")[0])
    return line["command"], line["data"]["code"], line["reason"]


def test_the_tables_of_handlers_are_figure_6_and_nothing_stands_in_two() -> None:
    """B-00f."""
    tables = [MODULE_HANDLERS.keys(), PSD_HANDLERS.keys(), PAUSING_HANDLERS.keys(), {AutoRecoverCheckpoint}, NOT_YET]

    assert frozenset().union(*tables) == FIG6.keys()
    assert sum(map(len, tables)) == len(FIG6)


def test_a_command_that_needs_a_session_is_refused_without_one_and_the_refusal_is_chained(world: World) -> None:
    for command in (Logoff(), CloseSession(), AutoRecoverCheckpoint()):
        with pytest.raises((SessionRequired, CommandNotAllowed)) as refused:
            world.execute(command)
        assert refused.value.recorded
        assert last_refusal(world) == (type(command).__name__, refused.value.code, refused.value.reason)


def test_a_logon_without_a_session_fails(world: World) -> None:
    with pytest.raises(SessionRequired):
        world.execute(Logon(user="officer", password=bytes(32)))


def test_a_session_message_without_a_session_is_refused_with_the_reason(world: World) -> None:
    host = Host(world)
    world.reboot()  # J-15: neither session nor logon survives

    with pytest.raises(SessionRequired):
        world.execute(host.named("GetStatus"))
    assert last_refusal(world)[1] == "session-required"


def test_there_is_one_session_at_a_time(world: World) -> None:
    host = Host(world)

    with pytest.raises(SessionAlreadyOpen):
        Host(world)
    assert host.answer(world.execute(host.named("GetStatus"))).reply is not None


def test_a_session_cannot_be_closed_while_a_user_is_logged_on(world: World) -> None:
    officer = world.plan.of(Role.SECURITY_OFFICER)
    with world.operator() as operator:
        operator.logon(officer.name, officer.passphrase)
        with pytest.raises(UserStillLoggedOn):
            operator.send(CloseSession())
        operator.logoff()


def test_a_closed_session_is_gone_with_its_keys(world: World) -> None:
    host = Host(world)
    world.execute(host.named("CloseSession"))

    with pytest.raises(SessionRequired):
        world.execute(host.named("GetStatus"))
    Host(world)


def test_a_replayed_message_is_refused(world: World) -> None:
    host = Host(world)
    message = host.named("GetStatus")
    world.execute(message)

    with pytest.raises(SessionMessageNotAuthentic):
        world.execute(message)
    assert host.answer(world.execute(host.named("GetStatus"))).reply is not None


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_message_with_any_part_altered_is_refused_and_the_session_goes_on(world: World, *, encrypted: bool) -> None:
    """J-06: one without its MAC too."""
    host = Host(world)
    message = host.named("GetStatus", encrypted=encrypted)
    for change in (
        {"mac": flipped(message.mac)},
        {"mac": b""},
        {"body": flipped(message.body)},
        {"body": b""},
        {"encrypted": not encrypted},
        {"counter": message.counter + 1},
        {"session": "0" * 16},
    ):
        with pytest.raises(SessionMessageNotAuthentic):
            world.execute(message.model_copy(update=change))

    assert host.answer(world.execute(message)).reply is not None


def test_a_message_that_was_meant_as_an_answer_is_no_command(world: World) -> None:
    host = Host(world)
    body = b'{"command":"GetStatus","arguments":{}}'

    with pytest.raises(SessionMessageNotAuthentic):
        world.execute(host.keys.seal("answer", 1, body, encrypted=False))


def test_every_message_and_its_answer_have_keys_of_their_own(world: World) -> None:
    """J-05: the same bytes, and each time another MAC."""
    host = Host(world)
    messages = [host.keys.seal("command", counter, b"the same", encrypted=False) for counter in (1, 2)]
    messages.append(host.keys.seal("answer", 1, b"the same", encrypted=False))

    assert len({message.mac for message in messages}) == 3


def test_a_point_of_low_order_is_no_session_key(world: World) -> None:
    with pytest.raises(KeyNotUsable):
        world.execute(OpenSession(host_key=bytes(32)))
    Host(world)


HOSTILE = {
    "nothing": b"",
    "no JSON": b"\xff\xfe{",
    "a list": b"[]",
    "no arguments": b'{"command":"GetStatus"}',
    "arguments that are no object": b'{"command":"GetStatus","arguments":[]}',
    "an unknown command": b'{"command":"Explode","arguments":{}}',
    "no command of the module's": b'{"command":"SessionMessage","arguments":{}}',
    "a base class": b'{"command":"Command","arguments":{}}',
    "arguments of another": b'{"command":"GetStatus","arguments":{"user":"officer"}}',
    "a huge number": b'{"command":"GetStatus","arguments":{"user":%b}}' % (b"9" * 5000),
    "a number of 65 bits": b'{"command":"GetStatus","arguments":{"user":18446744073709551616}}',
    "not a number": b'{"command":"GetStatus","arguments":{"user":NaN}}',
    "half a character": b'{"command":"CreateAuditEntry","arguments":{"text":"\\ud800"}}',
    "a line break in a text": b'{"command":"CreateAuditEntry","arguments":{"text":"a\\nb"}}',
    "deep nesting": b'{"command":"GetStatus","arguments":{"user":' + b"[" * 150 + b"]" * 150 + b"}}",
    "very deep nesting": b'{"command":"GetStatus","arguments":{"user":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_a_refusal_that_is_chained_and_the_session_goes_on(world: World, body: bytes) -> None:
    host = Host(world)

    assert isinstance(host.refusal(host.message(body)), BadValue)
    assert last_refusal(world)[1] == "bad-value"
    assert host.answer(world.execute(host.named("GetStatus"))).reply is not None


def psd_commands(world: World) -> list[Command]:
    """Make one of each command that travels by itself."""
    ada = world.customers["ada"]
    return [
        InitializePsd(),
        AuthorizePsd(psd_id=world.meters["raw"], request_id="a", certificate=b"none"),
        world.customers["unleased"].configure("a"),
        world.provider.authorize_customer(world.meters["assigned"], "a", "94107", Mills(1)),
        world.provider.download(world.ask("ada"), "a", Mills(1)),
        ada.create_indicium("a", 330, LETTER),
        ada.correct("a", 330, LETTER, "0" * 64),
        world.provider.refund(world.ask("ada"), "a"),
        ada.ask(),
        ada.ask_status(),
        ada.ask_public_key(),
        VerifyIndicium(item="item", certificate=b"certificate"),
        ada.create_sheet("a", ada.draft_sheet("a", [SheetItem(value=330, elements=LETTER)])),
        ada.ask_for_reset("a", "hmk"),
        ada.reset_user("a", "bob", b"secrets"),
        ada.command(AddUser, "a", name="bob", secrets=b"secrets"),
        ada.command(DeleteUser, "a", name="bob"),
        ada.command(ModifyUserPrivileges, "a", name="bob"),
        ada.command(ViewUsers, "a"),
        AutoRecoverCheckpoint(),
        *(SAMPLES[kind] for kind in (OfferHome, GiveMeter, TakeMeter)),
    ]


def test_a_command_that_travels_by_itself_is_refused_inside_a_session_and_does_nothing(world: World) -> None:
    commands = psd_commands(world)
    assert {type(command) for command in commands} == {*PSD_HANDLERS, *PAUSING_HANDLERS, AutoRecoverCheckpoint}
    meters, host = dict(world.inner.meters), Host(world)

    for command in commands:
        name = type(command).__name__
        assert isinstance(host.refusal(host.named(name, orjson.loads(command.model_dump_json()))), BadValue)
        assert last_refusal(world) == (name, "bad-value", 308)
    assert world.inner.meters == meters


def test_what_carries_a_password_travels_encrypted_only(world: World) -> None:
    host = Host(world)
    password = base64.b64encode(bytes(32)).decode()
    user = {"name": "eve", "role": "administrator", "password": password}

    for name, arguments in (
        ("Logon", {"user": "officer", "password": password}),
        ("InitializeAccessControlDatabase", {"users": [user]}),
    ):
        assert isinstance(host.refusal(host.named(name, arguments)), EncryptionRequired)
        assert last_refusal(world)[1] == "encryption-required"
    refused = host.refusal(host.named("Logon", {"user": "officer", "password": password}, encrypted=True))
    assert isinstance(refused, LogonFailed)


def test_what_is_asked_encrypted_is_answered_encrypted(world: World) -> None:
    host = Host(world)
    for encrypted in (True, False):
        reply = SessionMessage.model_validate_json(world.execute(host.named("GetStatus", encrypted=encrypted)))
        assert reply.encrypted is encrypted
        assert (b"operational" in reply.body) is not encrypted


def test_a_command_without_a_handler_says_so_where_state_and_role_would_allow_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fig6, "NOT_YET", frozenset({BeginAdmin}))
    officer = world.plan.of(Role.SECURITY_OFFICER)
    with world.operator() as operator:
        with pytest.raises(CommandNotAllowed):
            operator.send(BeginAdmin())
        operator.logon(officer.name, officer.passphrase)
        with pytest.raises(CommandNotYetSupported):
            operator.send(BeginAdmin())
        assert last_refusal(world) == ("BeginAdmin", "command-not-yet-supported", 102)


def test_get_status_writes_nothing_and_tells_no_secret(world: World) -> None:
    before = world.snapshot()
    status = orjson.loads(world.execute(GetStatus()))

    assert world.snapshot() == before
    assert (status["state"], status["persistent"], status["configured"]) == ("operational", "operational", True)
    assert status["head"] == {"sequence": len(world.records()), "hash": world.module.head.hash}
    assert status["totals"] == {"downloaded": 200_000, "printed": 0, "refunded": 0}
    assert (status["user"], status["role"]) == (None, None)


def test_an_entry_on_request_needs_no_session_and_is_signed_if_asked(world: World) -> None:
    world.execute(CreateAuditEntry(text="the first after a boot is signed anyway"))
    world.execute(CreateAuditEntry(text='Ä note, with a "quote"'))
    assert b"\t" not in world.records()[-1].line
    assert data_of(world.records()[-1]) == {"text": 'Ä note, with a "quote"'}

    world.execute(CreateAuditEntry(text="sealed", signed=True))
    assert b"\t" in world.records()[-1].line


def test_the_audit_key_goes_to_the_auditor_only(world: World) -> None:
    """I-14, I-20."""
    assert world.born is not None
    for person in world.plan.people:
        with world.operator() as operator:
            operator.logon(person.name, person.passphrase)
            if person.role is Role.AUDITOR:
                assert operator.send(ExportAuditKey())["audit_key"].encode() == world.born.audit_key
            else:
                with pytest.raises(CommandNotAllowed):
                    operator.send(ExportAuditKey())
