"""Key tokens: none stands in for another (G6, F-35, F-39), and loaded keys are bounded (N-41)."""

import orjson
import pytest

from indicium.cryptomodule import vault as vault_module
from indicium.cryptomodule.buffers import Buffers
from indicium.cryptomodule.state import MasterKeySet
from indicium.cryptomodule.suites import SUITES, Modern, NotAuthentic, make
from indicium.cryptomodule.tokens import Kind
from indicium.cryptomodule.vault import StaticPart, Vault
from indicium.domain.errors import ClientNotAuthentic, MksNotHeld, TokenNotAuthentic
from indicium.domain.flow import Gathered
from indicium.domain.package import Package
from indicium.infrastructure.devices import SystemEntropy
from tests.harness import LETTER, World

SUITE = Modern(SystemEntropy())
SET = MasterKeySet(mks="1" * 16, mek=b"e" * 32, mak=b"a" * 32)


def changed(static: StaticPart, **members: object) -> bytes:
    return static.model_copy(update=members).encode()


def test_a_token_is_for_one_purpose_one_meter_and_one_kind_of_key() -> None:
    vault = Vault(SUITE, SET)
    one, _ = vault.new_static("1000000001")
    other, _ = vault.new_static("1000000002")
    one = vault.with_secrets(one, b"h" * 32, b"p" * 32)
    vault.load(one.encode())

    for hostile in (
        changed(one, signing_key=other.signing_key),
        changed(one, edek=other.edek),
        changed(one, signing_key=one.edek),
        changed(one, edek=one.signing_key),
        changed(one, secrets=one.edek),
        changed(one, psd="1000000002"),
        changed(one, signing_key=vault.seal_token(Kind.SIGNING_KEY, "V_psd", b"k" * 32)),
        changed(one, signing_key=b""),
    ):
        with pytest.raises(NotAuthentic):
            vault.load(hostile)


def test_the_tokens_that_modules_share_say_which_key_they_hold() -> None:
    """E-101: VDSK_ipost is never taken for VRSK_ipost."""
    vault = Vault(SUITE, SET)
    token = vault.seal_token(Kind.SIGNING_KEY, "VDSK_ipost", b"k" * 32)

    assert vault.open_token(Kind.SIGNING_KEY, "VDSK_ipost", token) == b"k" * 32
    for kind, name in ((Kind.SIGNING_KEY, "VRSK_ipost"), (Kind.EXCHANGE_KEY, "VDSK_ipost")):
        with pytest.raises(TokenNotAuthentic):
            vault.open_token(kind, name, token)


@pytest.mark.parametrize("changes", [{"mks": "2" * 16}, {"mek": b"x" * 32}, {"mak": b"x" * 32}])
def test_a_token_opens_under_its_own_master_key_set_only(changes: dict[str, object]) -> None:
    """M-34: MEK and MAK both count, and the set's name is bound in."""
    static, _ = Vault(SUITE, SET).new_static("1000000001")
    other = Vault(SUITE, SET.model_copy(update=changes))

    with pytest.raises(MksNotHeld if "mks" in changes else NotAuthentic):
        other.load(static.encode())
    with pytest.raises(NotAuthentic):
        other.load(changed(static, mks=other.mks))


def test_loaded_keys_are_kept_up_to_a_bound_and_the_least_used_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "CACHED_METERS", 2)
    vault = Vault(SUITE, SET)
    parts = [vault.new_static(f"100000000{number}")[0].encode() for number in range(3)]

    first, second = vault.load(parts[0]), vault.load(parts[1])
    assert vault.load(parts[0]) is first
    vault.load(parts[2])

    assert vault.load(parts[0]) is first
    assert vault.load(parts[1]) is not second
    assert len(vault._loaded) == 2


def test_loaded_keys_are_forgotten_on_demand() -> None:
    vault = Vault(SUITE, SET)
    static, _ = vault.new_static("1000000001")
    loaded = vault.load(static.encode())
    vault.clear()

    assert not vault._loaded
    assert vault.load(static.encode()) is not loaded


def test_a_static_part_reads_as_it_was_written() -> None:
    static, _ = Vault(SUITE, SET).new_static("1000000001")

    assert StaticPart.model_validate_json(static.encode()) == static
    assert set(orjson.loads(static.encode())) == set(StaticPart.model_fields) - {"people"}
    full = static.model_copy(update={"people": b"sealed"})
    assert StaticPart.model_validate_json(full.encode()) == full
    assert set(orjson.loads(full.encode())) == set(StaticPart.model_fields)


def test_a_meter_without_a_customers_secrets_authenticates_nobody(world: World) -> None:
    """E-605, where the package were leased without having been configured."""
    raw = world.forge("raw", state="leased", key_expires="2030-01-01")
    world.acknowledge(raw)
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    answer = world.run([world.customers["ada"].ask().model_copy(update={"psd_id": raw.psd_id})], _only(world, raw))[0]
    assert isinstance(answer, bytes)
    challenge = orjson.loads(answer.partition(b"\t")[0])["module_challenge"]
    asked = request.model_copy(update={"psd_id": raw.psd_id, "module_challenge": challenge})

    (refused,) = world.run([asked], _only(world, raw))

    assert isinstance(refused, ClientNotAuthentic)


def _only(world: World, package: Package) -> Gathered:
    return Gathered(world.gather([]).head, {package.psd_id: package})


@pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")
@pytest.mark.parametrize("name", SUITES)
def test_every_suite_puts_the_same_keys_under_another_set(name: str) -> None:
    """H-06, L1187: whatever the suite's tokens are made of."""
    suite = make(name, SystemEntropy())
    old, new = (
        MasterKeySet(mks=mks * 16, suite=name, mek=suite.generate_key(), mak=suite.generate_key()) for mks in "12"
    )
    vault = Vault(suite, old, new)
    static = vault.with_secrets(vault.new_static("1000000001")[0], b"h" * 32, b"p" * 32)
    keys = vault.translated(vault.load(static.encode()), new.mks)

    with pytest.raises(MksNotHeld):
        Vault(suite, old).load(keys.static.encode())
    alone = Vault(suite, new).load(keys.static.encode())
    assert alone.signing_key.der == keys.signing_key.der
    assert alone.mk_psd.mac(b"package") == keys.mk_psd.mac(b"package")
    assert alone.hmk is not None
    assert keys.hmk is not None
    assert alone.hmk.mac(b"request") == keys.hmk.mac(b"request")
    assert {alone.static.signing_key, alone.static.edek, alone.static.secrets}.isdisjoint(
        {static.signing_key, static.edek, static.secrets}
    )
    buffers = Buffers(suite, old, new)
    assert buffers.open(buffers.seal(b"buffer")) == b"buffer"
    buffers.verify(b"buffer", buffers.mac(b"buffer"))
    with pytest.raises(TokenNotAuthentic):
        vault.open_token(Kind.BUFFER, "buffer", buffers.seal(b"buffer"))
