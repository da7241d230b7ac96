"""The commands on a PSD in detail, as table E has them: each effect seen where it must be. Refusals climb ladders."""

import base64

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from indicium.cryptomodule.checks import challenge
from indicium.cryptomodule.vault import StaticPart
from indicium.domain.amounts import Mills
from indicium.domain.commands.inquiries import RetrievePsdStatus
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import InsufficientFunds, ProviderNotAuthentic, PsdStateForbids, SecretsNotReadable
from indicium.domain.identity import DeviceId
from indicium.domain.messages import provider_message
from indicium.domain.record import line_hash
from indicium.domain.replies import parse_reply
from indicium.domain.vbi import ItemBody
from tests.harness import LETTER, World, data_of, flipped


def keys_of(world: World, name: str) -> StaticPart:
    return StaticPart.model_validate_json(world.package(name).static)


def test_what_a_command_needs_is_input_with_it_and_what_it_changes_is_output(world: World) -> None:
    """E-001, E-006, E-007: package and checkpoint go in; package, checkpoint, record and messages come out."""
    ada = world.customers["ada"]
    request = ada.create_indicium("one", 330, LETTER)
    gathered = world.gather([request])
    assert gathered.head is not None
    assert gathered.packages.keys() == {request.psd_id}

    dispatched = world.dispatch([request], gathered)

    (record,), (package,), (kept,) = (
        dispatched.changes.records, dispatched.changes.packages, dispatched.changes.replies,
    )  # fmt: skip  # one of each
    assert (record.psd_id, record.psd_version) == (package.psd_id, package.version)
    assert package.made_by.hex() == line_hash(record.line)
    assert orjson.loads(package.moving) == data_of(record)["package"]
    assert kept.request_id == "one"
    (reply,) = world.save(dispatched)
    assert ada.accept("one", reply or b"").record == line_hash(record.line)


def test_initialize_psd_makes_a_raw_meter(world: World) -> None:
    """E-201 … E-206: package, device ID, empty registers, keys as tokens, package and public key out, Raw."""
    before = world.inner.hot.next_device
    dispatched = world.dispatch([InitializePsd()])
    (package,) = dispatched.changes.packages  # E-201, E-205
    (reply,) = world.save(dispatched)
    made = parse_reply(reply or b"")
    assert made.psd == package.psd_id == f"{before:010d}"  # E-202
    assert (made.ar, made.dr, made.state) == (0, 0, "raw")  # E-203, E-206
    static = StaticPart.model_validate_json(package.static)
    assert base64.b64decode(made.public_key or "") == static.public_key  # E-205
    assert world.inner.desk is not None
    keys = world.inner.desk.vault.load(package.static)  # E-204: V_psd and EDEK_psd open as tokens
    assert keys.signing_key.public().der == static.public_key
    assert keys.signing_key.der not in package.static
    assert base64.b64encode(keys.signing_key.der) not in package.static


def test_authorize_psd_loads_the_certificate(world: World) -> None:
    """E-304, E-305: it lies in the package, its serial number too, and Raw becomes Unleased."""
    certificate = world.certify(world.meters["raw"], world.public_key("raw"))
    assert world.moving("raw").state == "raw"
    assert world.authorize("raw", certificate).state == "unleased"  # E-305
    loaded = x509.load_der_x509_certificate(keys_of(world, "raw").certificate or b"")  # E-304
    assert loaded.public_bytes(serialization.Encoding.DER) == certificate
    assert int(world.moving("raw").certificate or "", 16) == loaded.serial_number


def test_configure_psd_assigns_the_meter_and_keeps_the_customers_secrets(world: World) -> None:
    """E-401 … E-403, E-405: customer entered, secrets opened with VRSK_ipost and stored encrypted, Assigned."""
    name = "unleased"
    customer = world.customers[name]
    assert world.moving(name).customer is None
    world.register(name)
    assert (world.moving(name).customer, world.moving(name).state) == (name, "assigned")  # E-401, E-405
    assert world.inner.desk is not None
    keys = world.inner.desk.vault.load(world.package(name).static)
    assert keys.hmk is not None
    keys.hmk.verify(b"a message", customer._hmk.mac(b"a message"))  # E-402: what the client drew came in
    for secret in (customer.state.hmk, customer.state.passphrase_hash):  # E-403
        for written in (secret, base64.b64encode(secret), secret.hex().encode()):
            assert written not in world.package(name).static


def test_secrets_that_were_sealed_for_another_card_are_not_readable(world: World) -> None:
    """E-402: only VRSK_ipost opens them."""
    customer = world.customers["unleased"]
    customer.answered(world.execute(customer.ask()))
    request = customer.configure("configure")
    with pytest.raises(SecretsNotReadable):
        world.execute(request.model_copy(update={"secrets": flipped(request.secrets)}))


def test_authorize_customer_leases_the_meter(world: World) -> None:
    """E-501 … E-505, G-904: signed with VDSK_auth once the licence came; ZIP code and greatest DR stored; Leased."""
    message = world.provider.authorize_customer(world.meters["assigned"], "lease", "94107", Mills(250_000))
    with pytest.raises(ProviderNotAuthentic):  # E-501
        world.execute(message.model_copy(update={"signature": flipped(message.signature)}))
    world.suite.load_verify_key(world.provider.public_key, "UDSK_auth").verify(
        provider_message(message), message.signature
    )
    assert world.moving("assigned").license_zip is None  # E-502: nothing before the licence
    world.execute(message)
    moving = world.moving("assigned")
    assert (moving.license_zip, moving.dr_limit, moving.state) == ("94107", 250_000, "leased")  # E-503 … E-505


def test_create_indicium_takes_steps_8_to_12_and_none_before_the_checks_have_passed(world: World) -> None:
    """E-608 … E-613: registers, item, reply, package and checkpoint, record; steps 1 to 7 have their ladder."""
    world.spend("ada", 99_000, "nearly-all")
    ada, before, head = world.customers["ada"], world.moving("ada"), world.module.head
    unpaid = ada.create_indicium("unpaid", before.dr + 1, LETTER)
    with pytest.raises(InsufficientFunds):  # E-613
        world.execute(unpaid)
    assert (world.moving("ada"), world.module.head) == (before, head)

    printed = world.spend("ada", 330, "one")

    after, record = world.moving("ada"), world.records()[-1]
    assert (after.ar, after.dr) == (before.ar + 330, before.dr - 330)  # E-608
    line, _, signature = (printed.item or "").partition("\t")
    body = ItemBody.model_validate_json(line)
    assert (body.elements, body.value, body.ar, body.dr) == (LETTER, 330, after.ar, after.dr)  # E-609
    certified = x509.load_der_x509_certificate(keys_of(world, "ada").certificate or b"").public_key()
    assert isinstance(certified, ec.EllipticCurvePublicKey)
    certified.verify(base64.b64decode(signature), line.encode(), ec.ECDSA(hashes.SHA256()))  # E-609: V_psd
    assert printed.client_challenge == after.client_challenge  # E-610: its own challenge, and the next of the module
    assert printed.module_challenge == challenge(world.package("ada"))
    assert data_of(record)["package"] == after._asdict()  # E-611: both are of this transaction
    assert (data_of(record)["checkpoint"]["ar"], data_of(record)["checkpoint"]["value"]) == (after.ar, 330)
    assert (record.event, record.psd_id, record.psd_version) == ("indicium-created", after.psd, after.version)  # E-612


def test_the_provider_builds_and_signs_a_download(world: World) -> None:
    """E-1000, E-1008, E-1009, G-903: meter, control total and value, signed; package, checkpoint and record go out."""
    shown = world.ask("ada")
    message = world.provider.download(shown, "more", Mills(50_000))
    assert (message.psd_id, message.control_total, message.value) == (shown.psd, shown.ar + shown.dr, 50_000)
    world.suite.load_verify_key(world.provider.public_key, "UDSK_auth").verify(
        provider_message(message), message.signature
    )
    for changes in ({"value": 50_001}, {"control_total": 1}, {"psd_id": world.meters["ben"]}):
        with pytest.raises(ProviderNotAuthentic):
            world.execute(message.model_copy(update=changes))

    dispatched = world.dispatch([message])

    (package,), (record,) = dispatched.changes.packages, dispatched.changes.records
    world.save(dispatched)
    assert world.package("ada") == package  # E-1008
    checkpoint = data_of(record)["checkpoint"]
    assert (checkpoint["dr"], checkpoint["value"]) == (shown.dr + 50_000, 50_000)
    assert record.event == "postage-value-downloaded"  # E-1009


def test_a_refund_empties_dr_by_the_checks_of_create_indicium_and_all_of_it_goes_out(world: World) -> None:
    """E-901, E-904, E-908: what the meter holds comes back; package, checkpoint and record go out to be stored."""
    shown = world.ask("ada")
    dispatched = world.dispatch([world.provider.refund(shown, "refund")])
    (package,), (record,) = dispatched.changes.packages, dispatched.changes.records
    (reply,) = world.save(dispatched)
    refunded = parse_reply(reply or b"")
    assert (refunded.ar, refunded.dr, refunded.state) == (shown.ar + shown.dr, 0, "withdrawn")  # E-901
    assert world.package("ada") == package  # E-908
    assert data_of(record)["checkpoint"]["value"] == shown.dr

    with pytest.raises(PsdStateForbids):  # E-904: the checks of create indicium, the state's among them
        world.execute(world.provider.refund(refunded, "again"))


def test_the_status_of_a_meter_may_be_asked_for_by_anybody(world: World) -> None:
    """E-1103: nobody is authenticated, and nothing changes."""
    head = world.module.head
    asked = RetrievePsdStatus(psd_id=DeviceId(world.meters["raw"]), client_challenge="c" * 32)
    assert parse_reply(world.execute(asked)).state == "raw"
    assert world.module.head == head
