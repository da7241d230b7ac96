"""The data records as table G has them: each member read from a record that a real module made.

Checkpoints (G3) have theirs in `tests/cryptomodule/test_groups.py`, the module table (G4) in `tests/projections`.
"""

import base64
import shutil
from datetime import date, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from indicium.app import Ledger
from indicium.cryptomodule.group import package_message
from indicium.cryptomodule.suites import NotAuthentic
from indicium.cryptomodule.tokens import Kind
from indicium.cryptomodule.vault import MeterKeys, StaticPart
from indicium.cryptomodule.verifier import Verdict, overall
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import AddUser, ViewUsers
from indicium.domain.commands.initialization import StartInitialization
from indicium.domain.commands.master_keys import CreateMksShares, ExportMksShare
from indicium.domain.commands.psd import CreateIndicium, RequestChallenge
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import CertificateNotAuthentic, ClientNotAuthentic, LogonFailed, TokenNotAuthentic
from indicium.domain.messages import certificate_request, client_message, content, password
from indicium.domain.privileges import ADMINISTRATIVE, ON_THE_PSD
from indicium.domain.record import decode_signature, line_hash, parse, split
from indicium.domain.replies import parse_reply
from indicium.domain.roles import Role
from indicium.domain.statements import ShareEnvelope, read
from indicium.entrypoints import audit
from indicium.parties.customer import Customer
from indicium.parties.operator import Operator
from tests.app.homes import STORE, copy_of, make_leased, shared
from tests.canary import demand_unseen, scalar
from tests.cryptomodule.staff import MINIMAL
from tests.fleet import Fleet
from tests.harness import (
    AR_LIMIT,
    BEGINNING,
    DR_LIMIT,
    LETTER,
    MAXIMUM,
    MINIMUM,
    SERIAL,
    World,
    data_of,
    flipped,
    head_of,
)


def keys_of(world: World, name: str) -> MeterKeys:
    assert world.inner.desk is not None
    return world.inner.desk.vault.load(world.package(name).static)


def edek_of(world: World, static: StaticPart) -> bytes:
    """Open the token of EDEK_psd with the Master Key Set."""
    mks = world.inner.cold.active
    assert mks is not None
    label = f"indicium key token\nclient secrets\n{static.psd}\nsymmetric-key\nEDEK_psd\n{mks.mks}"
    return world.suite.token_key(mks.mek, mks.mak).open(static.edek, label.encode())


def key_in(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_g1_a_package_holds_all_that_a_meter_is(world: World) -> None:
    """Read from the database, and seen to follow what the meter did last."""
    world.clock.pass_by(days=1, seconds=2)
    request = world.customers["ada"].create_indicium("one", 330, LETTER)
    world.execute(request)
    moving, static = world.moving("ada"), StaticPart.model_validate_json(world.package("ada").static)

    assert (moving.ar, moving.dr) == (330, 99_670)  # G-101, G-102
    assert moving.psd == static.psd == world.meters["ada"]  # G-103
    certificate = x509.load_der_x509_certificate(static.certificate or b"")
    assert int(moving.certificate or "", 16) == certificate.serial_number  # G-104
    assert (moving.license_zip, moving.dr_limit) == ("94107", DR_LIMIT)  # G-105, G-115
    assert len(edek_of(world, static)) == 32  # G-108
    assert moving.last_at == "2026-03-03T09:00:02.000000Z"  # G-109
    assert moving.client_challenge == request.client_challenge  # G-110
    assert (moving.state, world.moving("assigned").state) == ("leased", "assigned")  # G-111
    assert moving.key_expires == certificate.not_valid_after_utc.date().isoformat()  # G-112
    assert key_in(certificate) == static.public_key  # G-117


def test_g1_a_package_is_authentic_and_confidential_outside_and_has_no_certificate_of_the_authority(
    world: World,
) -> None:
    """G-118: that is the module's own. G-120: one meter's package opens with nothing of another's."""
    package, state = world.package("ada"), world.customers["ada"].state
    keys, other = keys_of(world, "ada"), keys_of(world, "ben")
    message = package_message(package.made_by, package.moving)
    keys.mk_psd.verify(message, package.mac)  # G-116
    for changed in (flipped(package.mac), other.mk_psd.mac(message)):
        with pytest.raises(NotAuthentic):
            keys.mk_psd.verify(message, changed)

    secrets = {"V_psd": scalar(keys.signing_key.der), "EDEK_psd": edek_of(world, keys.static)}
    secrets |= {"HMK": state.hmk, "PW": state.passphrase_hash}
    outside = {name: value for name, value in keys.static if isinstance(value, bytes)}  # as bytes, not as base64
    demand_unseen(secrets, outside | {"static part": package.static, "moving part": package.moving})  # G-120
    assert base64.b64encode(world.authority.certificate) not in package.static + package.moving  # G-118
    assert world.inner.cold.card is not None
    assert world.inner.cold.card.ca_certificate == world.authority.certificate


def test_g2_a_users_profile_lies_in_the_modules_memory(empty: World) -> None:
    """As the file has it after a boot: G-202 … G-206, G-208; the password is its hash, and opens the account."""
    empty.execute(StartInitialization())
    with empty.operator() as operator:
        operator.send(InitializeAccessControlDatabase(users=MINIMAL), encrypted=True)
        operator.logon("one", "one")
        operator.logoff()
        with pytest.raises(LogonFailed):
            operator.logon("officer", "wrong")
    empty.reboot()
    users = {user.name: user for user in empty.inner.cold.users}

    assert {name: user.role for name, user in users.items()} == {  # G-202: one each
        "officer": "security-officer",
        "administrator": "administrator",
        "one": "key-custodian",
        "two": "key-custodian",
    }
    for name, user in users.items():  # G-203
        sent = password(SERIAL, name, name)
        assert user.hash == empty.suite.slow_hash(sent, user.salt) != sent
    officer = users["officer"]
    assert (officer.failures, users["one"].failures) == (1, 0)  # G-204
    assert (officer.failure_limit, officer.timeout_seconds) == (2, 60)  # G-205, G-206
    assert (users["one"].password_expires, officer.password_expires) == ("2026-03-09", None)  # G-208


def test_g5_an_audit_entry_says_what_was_done_by_whom_when_and_where(world: World) -> None:
    auditor = world.plan.of(Role.AUDITOR)
    world.clock.pass_by(hours=3)
    before = world.module.head
    with world.operator() as operator:
        operator.logon(auditor.name, auditor.passphrase)
        operator.send(CreateAuditEntry(text="a note", signed=True))
        operator.send(CreateAuditEntry(text="another"))
    on, signed, chained = world.records()[before.sequence : before.sequence + 3]
    entry = parse(signed.line)

    assert entry.sequence == before.sequence + 2 == parse(on.line).sequence + 1  # G-501
    assert entry.previous == line_hash(on.line)
    assert (entry.software, entry.command) == ("audit-support", "CreateAuditEntry")  # G-503, G-504
    assert (entry.user, entry.role) == (auditor.name, "auditor")  # G-505, G-506
    assert datetime.fromisoformat(entry.at) == BEGINNING.replace(hour=12)  # G-509
    assert entry.data == {"text": "a note"}  # G-511
    body, signature = split(signed.line)
    assert signature is not None  # G-512, G-917: the flag forces it, and it is the audit key's
    world.inner.trail._signing_key.public().verify(body, decode_signature(signature))
    assert split(chained.line)[1] is None

    world.spend("ada", 330, "one")
    entry, data = parse(world.records()[-1].line), data_of(world.records()[-1])
    assert (entry.user, entry.role) == (None, None)
    assert (data["package"]["psd"], data["package"]["ar"]) == (world.meters["ada"], 330)  # G-511


def test_g5_the_first_entry_says_both_states_of_the_module_and_that_there_is_none_before_it(empty: World) -> None:
    """G-507, G-508: they differ where Persistent State is written last (C-29); G-914: the register outlives a boot."""
    assert empty.module.head.hash == "0" * 64  # G-914
    empty.execute(StartInitialization())
    (record,) = empty.records()
    entry = parse(record.line)
    assert (entry.state, entry.persistent) == ("initializing", "uninitialized")  # G-507, G-508
    assert entry.previous == "0" * 64
    empty.reboot()
    assert empty.module.head == head_of(record)  # G-914


def test_g6_a_key_token_names_the_key_its_kind_and_its_set(world: World) -> None:
    """G-601: in a line that is authenticated with what it stands before."""
    assert world.inner.desk is not None
    vault, mks = world.inner.desk.vault, world.inner.cold.active
    assert mks is not None
    token = vault.seal_token(Kind.EXCHANGE_KEY, "VRSK_ipost", b"a key")
    line, _, sealed = token.partition(b"\n")
    assert line == f"indicium token 1 exchange-key VRSK_ipost {mks.mks}".encode()
    assert vault.open_token(Kind.EXCHANGE_KEY, "VRSK_ipost", token) == b"a key"
    renamed = line.replace(b"VRSK", b"VDSK") + b"\n" + sealed
    with pytest.raises(TokenNotAuthentic):
        vault.open_token(Kind.EXCHANGE_KEY, "VDSK_ipost", renamed)


def test_g7_a_share_carries_its_number_the_threshold_and_what_its_destination_may_do(fleet: Fleet) -> None:
    """G-702, G-703; G-918: as many as the command says, of which it says how many are needed."""
    master, clone = fleet.master(), fleet.newcomer()
    to = clone.transport_key()
    master.officer(CreateMksShares(share_count=3, threshold=2))
    taken = [master.custodian(number, ExportMksShare(transport_key=to))["share"].encode() for number in (1, 2, 3)]
    envelopes = [read(share, ShareEnvelope)[0] for share in taken]
    assert [(one.number, one.of.threshold, one.of.count) for one in envelopes] == [(1, 2, 3), (2, 2, 3), (3, 2, 3)]
    assert {one.of.retained for one in envelopes} == {True}  # G-702: nobody said so
    others = master.export(to, count=2, threshold=2, retained=False)
    assert {read(share, ShareEnvelope)[0].of.retained for share in others} == {False}


def test_g8_the_messages_of_figure_5_hold_what_is_drawn_and_hmk_never_travels(world: World) -> None:
    ada = world.customers["ada"]
    asked = ada.ask()
    assert set(RequestChallenge.model_fields) == {"psd_id", "user", "client_challenge"}  # G-801
    answer = world.execute(asked)
    body, _, mac = answer.partition(b"\t")
    ada._hmk.verify(body, base64.b64decode(mac))  # G-802: under HMK, with both challenges
    shown = ada.answered(answer)
    assert shown.client_challenge == asked.client_challenge
    assert shown.module_challenge != asked.client_challenge

    request = ada.create_indicium("one", 330, LETTER)
    assert (request.shown_ar, request.shown_dr) == (shown.ar, shown.dr)  # G-804
    assert request.module_challenge == shown.module_challenge  # G-805: in clear, with the transaction
    assert (request.value, request.elements) == (330, LETTER)
    ada._hmk.verify(client_message(request, content(request)), request.mac)  # G-806
    changes = {"shown_ar": 1, "shown_dr": 1, "shown_record": "0" * 64, "value": 331, "client_challenge": "0" * 32}
    for name, value in changes.items():
        with pytest.raises(ClientNotAuthentic):
            world.execute(request.model_copy(update={name: value}))

    said = {message.__class__.__name__: message.model_dump_json().encode() for message in (asked, request)}
    demand_unseen({"HMK": ada.state.hmk}, said | {"504": answer, "reply": world.execute(request)})  # G-807


def test_g9_a_request_of_an_indicium_and_its_reply(world: World) -> None:
    ada = world.customers["ada"]
    request = ada.create_indicium("one", 330, LETTER)
    assert {"psd_id", "value", "client_challenge", "module_challenge", "elements", "mac"} < set(
        CreateIndicium.model_fields
    )  # G-901
    assert request.psd_id == world.meters["ada"]
    line = world.execute(request)
    body, _, mac = line.partition(b"\t")
    ada._hmk.verify(body, base64.b64decode(mac))  # G-902
    reply = parse_reply(line)
    assert reply.client_challenge == request.client_challenge
    assert reply.module_challenge != request.module_challenge
    assert (reply.item or "").startswith('{"vbi":1')


def test_g9_the_authority_certifies_a_request_that_metergens_smartcard_signed(world: World) -> None:
    device, key = world.meters["raw"], world.public_key("raw")
    signature = world.smartcard.sign(certificate_request(device, key))
    issued = x509.load_der_x509_certificate(world.authority.issue(device, key, signature, BEGINNING))  # G-907
    named = issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [name.value for name in named] == [device]  # G-908
    assert key_in(issued) == key
    assert world.authorize("raw", issued.public_bytes(Encoding.DER)).state == "unleased"
    assert int(world.moving("raw").certificate or "", 16) == issued.serial_number

    for other in (flipped(signature), world.smartcard.sign(certificate_request(world.meters["ada"], key))):
        with pytest.raises(CertificateNotAuthentic):
            world.authority.issue(device, key, other, BEGINNING)


def test_g9_a_session_carries_commands_and_answers_with_mac_and_counter_and_a_logon_encrypted(world: World) -> None:
    messages: list[SessionMessage] = []

    def listening(command: Command) -> bytes:
        reply = world.execute(command)
        if isinstance(command, SessionMessage):
            messages.extend((command, SessionMessage.model_validate_json(reply)))
        return reply

    officer = world.plan.of(Role.SECURITY_OFFICER)
    with Operator(listening, world.suite, SERIAL) as operator:
        operator.send(GetStatus())
        operator.logon(officer.name, officer.passphrase)

    asked, told, logon, _, *_ = messages
    assert (asked.counter, told.counter, logon.counter) == (1, 1, 2)  # G-909
    assert len({message.mac for message in messages}) == len(messages)
    assert all(message.mac for message in messages)
    assert (asked.encrypted, b"GetStatus" in asked.body) == (False, True)
    assert logon.encrypted  # G-910: user and password, and neither is read by who listens
    assert b"Logon" not in logon.body
    assert officer.name.encode() not in logon.body
    demand_unseen({"password": password(SERIAL, officer.name, officer.passphrase)}, {"logon": logon.body})
    assert parse(world.records()[-2].line).user == officer.name


def test_g9_the_modules_configuration_outlives_a_boot(world: World) -> None:
    """G-912: limits, the authority's certificate, the provider's key, VDSK_ipost and VRSK_ipost."""
    world.reboot()
    card, born = world.inner.cold.card, world.born
    assert card is not None
    assert born is not None
    assert (card.minimum_value, card.maximum_value) == (MINIMUM, MAXIMUM)
    assert (card.dr_limit, card.ar_limit) == (DR_LIMIT, AR_LIMIT)
    assert (card.ca_certificate, card.provider_key) == (world.authority.certificate, world.provider.public_key)
    assert world.suite.load_signing_key(card.challenge_key).public().der == born.card.challenge_key
    assert world.suite.exchange_public(card.registration_key) == born.card.registration_key


def test_g9_packages_and_audit_records_are_stores_of_their_own(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """G-920: whoever loses the one still has the other, whole."""
    made = shared(tmp_path_factory, "leased", make_leased)
    without_records, without_packages = copy_of(made, tmp_path / "one"), copy_of(made, tmp_path / "other")
    shutil.rmtree(without_records / "audit")
    (without_records / "audit").mkdir()
    with Ledger.open(without_records) as ledger:
        assert ledger.meter("Ada").print("0.33", LETTER).reply.ar == 330

    for path in without_packages.glob(f"{STORE}*"):
        path.unlink()
    key = without_packages / "keys" / f"{SERIAL}.audit.pem"
    kept = audit.verify(str(without_packages / "audit"), [key], None, lambda _done, _all: None)
    assert overall(kept) is Verdict.PASS


def test_g9_a_meters_user_has_an_account_with_privileges_limits_and_days(world: World) -> None:
    """G-915: as the administrator sees it, and as it lies in the package."""
    ada, shown = world.customers["ada"], world.ask("ada")
    bob = Customer.new(world.suite, ada._card, "ada", ada.state.device, user="bob", passphrase="bob's own")  # a test's
    entered = ada.command(
        AddUser,
        "bob",
        name="bob",
        secrets=bob.enrol(shown.module_challenge),
        privileges=(*ON_THE_PSD, *ADMINISTRATIVE),
        account_expires=date(2026, 12, 31),
        password_expires=date(2026, 6, 30),
        failure_limit=7,
        maximum_total=5000,
    )
    ada.accept("bob", world.execute(entered))
    bob.answered(world.execute(bob.ask()))
    bob.accept("spent", world.execute(bob.create_indicium("spent", 330, LETTER)))
    world.ask("ada")
    (row,) = ada.accept("view", world.execute(ada.command(ViewUsers, "view"))).users or ()

    assert row.name == "bob"
    assert set(row.privileges) == {*map(str, ON_THE_PSD), *map(str, ADMINISTRATIVE)}
    assert (row.account_expires, row.password_expires) == ("2026-12-31", "2026-06-30")
    assert (row.failures, row.failure_limit) == (0, 7)
    assert (row.spent, row.maximum_total) == (330, 5000)
    people = keys_of(world, "ada").people
    assert people is not None
    (kept,) = people.users
    assert (kept.passphrase_hash, kept.hmk) == (bob.state.passphrase_hash, bob.state.hmk)
