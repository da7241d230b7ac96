"""From the suite for study to `modern` (M-49, H-06): a set of the stronger suite, and the meters put under it.

What was sealed with triple DES is sealed with AES then. V_psd stays the key that was certified: what the meter prints
is signed with DSA until the meter gets a new certificate, and the module's own records stay of its suite.
"""

import base64
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from indicium.cryptomodule.suites import ForStudyOnly, Modern, NotAuthentic
from indicium.cryptomodule.vault import StaticPart, Vault
from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.domain.commands.mks_usage import GlobalDecryptAndMac, GlobalEncryptAndMac
from indicium.domain.errors import BadValue
from indicium.domain.record import split
from indicium.domain.switches import Switches
from tests.harness import World, data_of
from tests.sets import change_places, delete_dormant, officer, translate

pytestmark = pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module of the suite for study, a leased meter with value, one that nobody has yet, and one that is Raw."""
    folder = tmp_path_factory.mktemp("study")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ForStudyOnly)
        world = World.make(folder, suite_name="fips140_1")
        world.hold_ceremony()
        world.new_meter("ada")
        world.register("ada")
        world.lease("ada")
        world.download("ada", 10_000, "first")
        world.spend("ada", 330, "before")
        world.new_meter("unleased")
        world.leave()
    return folder


@pytest.fixture
def ledger(study: Path, tmp_path: Path) -> Iterator[World]:
    world = World.copy_of(study, tmp_path)
    world.switches = Switches(generate_dormant_mks=True)
    world.reboot()
    yield world
    world.close()


def make_modern(ledger: World) -> tuple[str, str]:
    """Have the module generate a dormant set of `modern`; give the active and the dormant one."""
    with officer(ledger) as operator:
        dormant: str = operator.send(GenerateMasterKeySet(suite="modern"))["mks"]
    assert ledger.inner.cold.active is not None
    return ledger.inner.cold.active.mks, dormant


def static_part(ledger: World, name: str) -> StaticPart:
    return StaticPart.model_validate_json(ledger.package(name).static)


def label(purpose: str, static: StaticPart, kind: str, name: str) -> bytes:
    """Give what a token in a static part is bound to."""
    return f"indicium key token\n{purpose}\n{static.psd}\n{kind}\n{name}\n{static.mks}".encode()


def test_a_set_says_its_suite_in_memory_and_in_the_chain(ledger: World) -> None:
    _, dormant = make_modern(ledger)

    held = ledger.inner.cold.dormant
    assert held is not None
    assert (held.mks, held.suite, len(held.mek), len(held.mak)) == (dormant, "modern", 32, 32)
    said = [data_of(record) for record in ledger.records() if record.event == "master-key-set-generated"]
    assert said[0] == {"mks": said[0]["mks"], "master": True}
    assert said[1] == {"mks": dormant, "master": True, "suite": "modern"}


def test_meters_that_were_translated_print_under_the_stronger_suite(ledger: World) -> None:
    before = static_part(ledger, "ada")
    source, target = make_modern(ledger)
    answer = translate(ledger, ("ada", "unleased"), source, target)
    assert (answer["translated"], answer["refused"]) == (2, [])
    change_places(ledger)
    delete_dormant(ledger)

    ledger.ask("ada")
    item = ledger.spend("ada", 330, "after").item
    moving, static = ledger.moving("ada"), static_part(ledger, "ada")
    assert (moving.ar, moving.dr, moving.suite, moving.mks) == (660, 9_340, "modern", target)
    assert (static.public_key, static.certificate) == (before.public_key, before.certificate)
    assert item is not None
    body, signature = split(item.encode())
    assert signature is not None
    certified = ledger.suite.load_verify_key(before.public_key, "V_psd")
    certified.verify(body, base64.b64decode(signature))  # DSA, as it was certified
    report = verify_chain([record.line for record in ledger.records()], load_key(born_key(ledger)))
    assert report.verdict is Verdict.PASS
    assert b'"suite":"fips140_1"' in ledger.records()[-1].line


def born_key(ledger: World) -> bytes:
    assert ledger.born is not None
    return ledger.born.audit_key


def test_nothing_of_a_translated_meter_lies_under_triple_des(ledger: World) -> None:
    """V_psd, EDEK_psd and the client's secrets: AES-256-GCM opens each, and the old key opens none."""
    source, target = make_modern(ledger)
    old = static_part(ledger, "ada")
    sets = ledger.inner.cold
    assert sets.active is not None
    assert sets.dormant is not None
    translate(ledger, ("ada",), source, target)
    static = static_part(ledger, "ada")

    modern = Modern(ledger.suite)
    tokens = modern.token_key(sets.dormant.mek, sets.dormant.mak)
    edek = tokens.open(static.edek, label("client secrets", static, "symmetric-key", "EDEK_psd"))
    private = tokens.open(static.signing_key, label("indicia", static, "signing-key", "V_psd"))
    assert ledger.suite.load_indicia_key(private).public().der == static.public_key
    assert static.secrets is not None
    secrets = modern.seal_key(edek).open(static.secrets, label("client", static, "buffer", "HMK and PW"))
    state = ledger.customers["ada"].state
    assert secrets == state.hmk + state.passphrase_hash
    weak = ledger.suite.token_key(sets.active.mek, sets.active.mak)
    weak_edek = weak.open(old.edek, label("client secrets", old, "symmetric-key", "EDEK_psd"))
    assert weak_edek != edek  # what triple DES guarded is not what guards now
    with pytest.raises(NotAuthentic):
        weak.open(static.edek, label("client secrets", static, "symmetric-key", "EDEK_psd"))


def test_what_is_made_after_the_change_lies_under_the_stronger_suite(ledger: World) -> None:
    source, target = make_modern(ledger)
    translate(ledger, ("ada", "unleased"), source, target)
    change_places(ledger)
    delete_dormant(ledger)

    ledger.new_meter("ben")
    ledger.register("ben")
    ledger.register("unleased")
    for name in ("ben", "unleased"):
        moving = ledger.moving(name)
        assert (moving.state, moving.suite, moving.mks) == ("assigned", "modern", target)
    ledger.reboot()
    ledger.lease("ben")
    ledger.download("ben", 1_000, "first")
    ledger.spend("ben", 330, "letter")


def test_a_meter_goes_back_as_long_as_both_sets_are_held(ledger: World) -> None:
    """M-49: both directions."""
    source, target = make_modern(ledger)
    translate(ledger, ("ada",), source, target)
    translate(ledger, ("ada",), target, source)

    moving = ledger.moving("ada")
    assert (moving.suite, moving.mks) == ("fips140_1", source)
    ledger.ask("ada")
    ledger.spend("ada", 330, "after")


def test_buffers_lie_under_the_suite_of_their_set(ledger: World) -> None:
    """H-17: what was sealed before opens after, and what is sealed after is sealed with AES."""
    make_modern(ledger)
    with officer(ledger) as operator:
        weak = operator.send(GlobalEncryptAndMac(data=b"buffer"), encrypted=True)["token"]
    change_places(ledger)
    with officer(ledger) as operator:
        strong = operator.send(GlobalEncryptAndMac(data=b"buffer"), encrypted=True)["token"]
        for token in (weak, strong):
            command = GlobalDecryptAndMac(token=base64.b64decode(token))
            assert base64.b64decode(operator.send(command, encrypted=True)["data"]) == b"buffer"
    line = len(b"indicium token 1 buffer buffer 0123456789abcdef\n")
    assert len(base64.b64decode(weak)) == line + 8 + 8 + 8 + 8  # IV, length, padded text, MAC
    assert len(base64.b64decode(strong)) == line + 12 + 6 + 16  # nonce, text, tag


def test_no_module_makes_a_set_that_is_weaker_than_itself(world: World) -> None:
    world.switches = Switches(generate_dormant_mks=True)
    world.reboot()
    with officer(world) as operator, pytest.raises(BadValue, match="study"):
        operator.send(GenerateMasterKeySet(suite="fips140_1"))
    refused = world.inner.cold
    with officer(world) as operator:
        operator.send(GenerateMasterKeySet(suite="post_quantum"))
    made = world.inner.cold
    assert (refused.dormant, made.dormant and made.dormant.suite) == (None, "post_quantum")


def test_a_set_of_one_suite_opens_nothing_as_of_another(ledger: World) -> None:
    """The same MEK and MAK, taken for those of the other suite."""
    static = ledger.package("ada").static
    active = ledger.inner.cold.active
    assert active is not None
    Vault(ledger.suite, active).load(static)
    with pytest.raises(NotAuthentic):
        Vault(ledger.suite, active.model_copy(update={"suite": "modern"})).load(static)
