"""Where each key of table F lies, under what, and what it is for. That none is seen elsewhere is the canary's."""

import base64
from collections.abc import Iterator
from typing import get_args, get_type_hints

import orjson
import pytest
from cryptography import x509

from indicium.cryptomodule.group import package_message
from indicium.cryptomodule.state import Cold, MasterKeySet
from indicium.cryptomodule.suites import Modern, NotAuthentic
from indicium.cryptomodule.vault import MeterKeys, StaticPart, Vault
from indicium.domain.commands.base import Command
from indicium.domain.errors import CertificateNotAuthentic, MemoryNotAuthentic
from indicium.domain.fig6 import FIG6
from indicium.domain.messages import certificate_request
from indicium.domain.record import decode_signature, parse, split
from indicium.infrastructure.devices import SystemEntropy
from tests.canary import writings
from tests.cryptomodule.test_sessions import Host
from tests.harness import World, load_private_key

P_256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve's group."""


def scalar(der: bytes) -> int:
    return load_private_key(der).private_numbers().private_value


def opened(world: World) -> Cold:
    """Open the secret part of the memory as it lies in its file, as a boot does."""
    content = world.memory.load()
    assert content is not None
    return world.inner.codec.decode(content, "here").cold


def of_ada(world: World) -> MeterKeys:
    assert world.inner.desk is not None
    return world.inner.desk.vault.load(world.package("ada").static)


class Recorded:
    """A generator that notes what it gave."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def random(self, size: int) -> bytes:
        self.given.append(SystemEntropy().random(size))
        return self.given[-1]

    def scalars(self) -> set[int]:
        """Give the private keys of P-256 that these numbers make."""
        return {int.from_bytes(drawn, "big") % (P_256 - 1) + 1 for drawn in self.given if len(drawn) == 48}


def test_every_key_of_the_module_is_drawn_from_its_own_generator(empty: World) -> None:
    """F-37, H-01, L-10: what the module holds is what the Entropy port gave, and no two are one."""
    drawn = Recorded()
    empty.suite = Modern(drawn)
    empty.reboot()
    empty.hold_ceremony()
    empty.new_meter("ada")
    cold, ppd = empty.inner.cold, empty.ppd_path.read_bytes()
    assert cold.card is not None

    symmetric = [active_of(empty).mek, active_of(empty).mak, cold.card.registration_key, ppd]
    private = [scalar(cold.audit_key), scalar(cold.card.challenge_key), scalar(of_ada(empty).signing_key.der)]
    assert set(symmetric) <= set(drawn.given)
    assert set(private) <= drawn.scalars()
    assert (len(set(symmetric)), len(set(private))) == (4, 3)


def test_the_audit_key_stays_in_the_module_and_its_public_half_verifies_the_chain(world: World) -> None:
    """F-03, F-04, M-68."""
    assert world.born is not None
    key = world.suite.load_signing_key(opened(world).audit_key)
    assert key.public().pem == world.born.audit_key
    first = world.records()[0].line
    assert orjson.loads(split(first)[0])["data"]["audit_key"].encode() == world.born.audit_key

    signed = [split(record.line) for record in world.records() if b"\t" in record.line]
    assert len(signed) > 3
    for body, signature in signed:
        assert signature is not None
        key.public().verify(body, decode_signature(signature))


def test_the_master_keys_lie_in_the_memory_and_both_protect_every_token(world: World) -> None:
    """F-05, F-06, F-43, H-02, H-17: two keys of 32 bytes, neither of which opens a token without the other."""
    active = opened(world).active
    assert active is not None
    assert (len(active.mek), len(active.mak)) == (32, 32)
    assert active.mek != active.mak

    static = world.package("ada").static
    Vault(world.suite, active).load(static)
    for other in ({"mek": active.mak}, {"mak": active.mek}, {"mek": active.mak, "mak": active.mek}):
        with pytest.raises(NotAuthentic):
            Vault(world.suite, active.model_copy(update=other)).load(static)


def test_without_the_ppd_key_nothing_in_the_memory_is_a_secret_any_more(world: World) -> None:
    """F-09, F-10, F-41: all secrets lie under it, so that its loss is their zeroization."""
    ppd = world.ppd_path.read_bytes()
    assert world.ppd_path.stat().st_mode & 0o777 == 0o600
    assert ppd not in world.memory_path.read_bytes()

    world.ppd_path.unlink()
    with pytest.raises(MemoryNotAuthentic, match="its key cannot be read"):
        world.reboot()
    world.ppd_path.write_bytes(world.suite.random(32))
    with pytest.raises(MemoryNotAuthentic, match="its MAC does not verify"):
        world.reboot()
    world.ppd_path.write_bytes(ppd)
    world.reboot()
    assert world.spend("ada", 330, "one").ar == 330


def test_a_session_has_keys_of_its_own_and_each_transmission_again(world: World) -> None:
    """F-11 … F-14, L-08, L-14: the same words never get the same MAC, whichever session, direction or number."""
    macs = set()
    for _ in range(2):
        keys = Host(world).keys
        first = keys.seal("command", 1, b"the same", encrypted=False)
        label = keys._label("command", 1, encrypted=False)
        for master in (keys._mac_master, keys._encryption_master):
            with pytest.raises(NotAuthentic):
                world.suite.mac_key(master).verify(label + first.body, first.mac)  # J-04: never used itself
        for counter in (1, 2, 3):
            macs.add(keys.seal("command", counter, b"the same", encrypted=False).mac)
            macs.add(keys.seal("answer", counter, b"the same", encrypted=False).mac)
        assert keys._mac_master != keys._encryption_master
        world.reboot()
    assert len(macs) == 12


def test_the_crypto_card_keeps_the_private_halves_of_what_client_software_knows(world: World) -> None:
    """F-15 … F-18: VDSK_ipost signs, VRSK_ipost decrypts."""
    card = opened(world).card
    assert card is not None
    assert world.born is not None
    assert world.suite.load_signing_key(card.challenge_key).public().der == world.born.card.challenge_key
    assert world.suite.exchange_public(card.registration_key) == world.born.card.registration_key

    sealed = world.suite.seal_to(world.born.card.registration_key, b"HMK and PW", b"of ada")
    assert world.suite.open_sealed(card.registration_key, sealed, b"of ada") == b"HMK and PW"


def test_a_checkpoint_is_authentic_under_a_key_that_is_derived_from_vdsk_ipost(world: World) -> None:
    """F-19, M-21, M-29: whoever holds VDSK_ipost can check it, and it is not VDSK_ipost itself."""
    card = opened(world).card
    assert card is not None
    world.spend("ada", 330, "one")
    record = parse(world.records()[-1].line)
    fields, _, mac = world.records()[-1].line.partition(b'"checkpoint":')[2].partition(b',"mac":"')
    before = f"indicium checkpoint\n{record.chain}\n{record.sequence}\n{record.previous}\n".encode()
    derived = world.suite.mac_key(world.suite.derive(card.challenge_key, "indicium MK_chkpt"))

    derived.verify(before + fields + b"}", bytes.fromhex(mac[:64].decode()))
    with pytest.raises(NotAuthentic):
        world.suite.mac_key(card.challenge_key).verify(before + fields + b"}", bytes.fromhex(mac[:64].decode()))


def test_a_meters_keys_lie_in_its_package_and_the_certified_one_signs_its_items(world: World) -> None:
    """F-20 … F-22, L-12, G-106: V_psd is the private half of what is certified, and MK_psd comes from it."""
    item = world.spend("ada", 330, "one").item or ""
    package, keys = world.package("ada"), of_ada(world)
    assert keys.static.certificate is not None
    certified = x509.load_der_x509_certificate(keys.static.certificate).public_key()
    assert load_private_key(keys.signing_key.der).public_key() == certified
    assert keys.signing_key.public().der == keys.static.public_key == world.public_key("ada")
    body, _, signature = item.partition("\t")
    keys.signing_key.public().verify(body.encode(), base64.b64decode(signature))

    mk_psd = world.suite.mac_key(world.suite.derive(keys.signing_key.der, "indicium MK_psd"))
    mk_psd.verify(package_message(package.made_by, package.moving), package.mac)  # M-81: whoever opens V_psd can
    assert orjson.loads(package.moving)["dr"] == 99_670  # M-80: what moves is readable, for the views


def test_the_customers_secrets_lie_in_the_package_under_its_own_edek_psd(world: World) -> None:
    """F-23 … F-25, G-107, M-20, M-47: HMK and PW as the client drew them, and of no use with another meter's key."""
    ada, keys = world.customers["ada"], of_ada(world)
    assert keys.hmk is not None
    keys.hmk.verify(b"a message", ada._hmk.mac(b"a message"))
    with pytest.raises(NotAuthentic):
        keys.hmk.verify(b"a message", world.customers["ben"]._hmk.mac(b"a message"))
    bens = StaticPart.model_validate_json(world.package("ben").static)
    for changes in ({"secrets": bens.secrets}, {"edek": bens.edek}, {"secrets": bens.secrets, "edek": bens.edek}):
        with pytest.raises(NotAuthentic):
            vault_of(world).load(keys.static.model_copy(update=changes).encode())


def test_permanent_secrets_lie_in_the_memory_and_a_packages_keys_never_do(world: World) -> None:
    """F-40: keys of a package are in volatile memory only, and a boot takes them."""
    world.spend("ada", 330, "one")
    ada, content = world.customers["ada"].state, world.memory.load()
    assert content is not None
    everything = opened(world).model_dump_json().encode() + content.hot + b"".join(content.tails.values())
    for secret in (of_ada(world).signing_key.der, ada.hmk, ada.passphrase_hash):
        assert not any(written in everything for written in writings(secret))
    assert any(written in everything for written in writings(active_of(world).mek))
    assert vault_of(world)._loaded
    world.reboot()
    assert not vault_of(world)._loaded


def test_the_authority_and_the_provider_are_known_to_the_module_by_their_public_halves(world: World) -> None:
    """F-26 … F-29: U_ca and UDSK_auth lie in the module, not in each package; the private halves lie elsewhere."""
    cold = opened(world)
    assert cold.card is not None
    assert cold.card.ca_certificate == world.authority.certificate
    assert cold.card.provider_key == world.provider.public_key
    package = world.package("ada")
    for key in (cold.card.ca_certificate, cold.card.provider_key):
        assert not any(written in package.static for written in writings(key))
    held = {scalar(cold.audit_key), scalar(cold.card.challenge_key), scalar(of_ada(world).signing_key.der)}
    assert not held & {scalar(world.keys.authority), scalar(world.keys.provider), scalar(world.keys.smartcard)}


def test_a_request_for_a_certificate_is_signed_by_metergens_own_card(world: World) -> None:
    """F-30, L-15, P-02: the authority certifies nothing for who lacks it, and the module sees only the certificate."""
    device, public_key = world.meters["raw"], world.public_key("raw")
    foreign = world.suite.generate_signing_key().sign(certificate_request(device, public_key))

    with pytest.raises(CertificateNotAuthentic):
        world.authority.issue(device, public_key, foreign, world.clock.now())
    world.authorize("raw", world.certify(device, public_key))


TAKEN = """
public    | audit_key ca_certificate certificate host_key provider_key transport_key
encrypted | secrets share token challenge_key registration_key
verified  | mac signature authenticator
password  | password old new
buffer    | data seed
"""
"""What commands take as bytes. Data is the caller's own (B-15 … B-18, B-34 … B-37), whatever it is to them."""


def bytes_of(kind: type) -> Iterator[str]:
    """Give the names of all bytes that a command takes, those of its parts too."""
    for name, hint in get_type_hints(kind).items():
        if "bytes" in str(hint):
            yield name
        parts = {hint, *get_args(hint)}
        for inner in parts.union(*map(get_args, parts)):
            if isinstance(inner, type) and issubclass(inner, Command):
                yield from bytes_of(inner)


def test_no_command_takes_a_key_that_is_not_encrypted() -> None:
    """F-38: a secret key comes into the module as a token, a share or a sealed secret, never as itself."""
    known = {name for line in TAKEN.splitlines() for name in line.partition("|")[2].split()}
    taken = {f"{command.__name__}.{name}" for command in FIG6 for name in bytes_of(command) if name not in known}

    assert not taken
    assert {"secrets", "password"} <= {name for command in FIG6 for name in bytes_of(command)}


def test_what_a_package_archives_is_encrypted_and_opens_again(world: World) -> None:
    """F-38, F-42: keys leave the module as tokens only, and any module of the same master keys takes them back."""
    archived, ada, key = world.package("ada").static, world.customers["ada"].state, of_ada(world).signing_key.der
    for secret in (key, ada.hmk, ada.passphrase_hash):
        assert not any(written in archived for written in writings(secret))
    world.reboot()
    assert Vault(world.suite, active_of(world)).load(archived).signing_key.der == key


def active_of(world: World) -> MasterKeySet:
    assert world.inner.cold.active is not None
    return world.inner.cold.active


def vault_of(world: World) -> Vault:
    assert world.inner.desk is not None
    return world.inner.desk.vault
